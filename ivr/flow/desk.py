"""[io] Where people work on menus: draft → checked → published → rolled back. For the command line and the console.

Two editors can't overwrite each other: a draft is saved over the revision that was read, a menu is published over the version
it was made from; who comes second is told who was first. Publishing and rolling back need Redis only: while SQL is away the
newest 100 versions can be shown and brought back, and the history arrives when it is there again.
"""

from __future__ import annotations

import contextlib
import difflib

from redis import Redis
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from ivr.flow import drafts
from ivr.flow.check import Facts, check
from ivr.flow.drafts import MAX_NOTE, Draft, check_author, check_text
from ivr.flow.finding import Finding
from ivr.flow.load import load
from ivr.flow.versions import dumps
from routing import menus
from routing.menus import FILE, Published


class Unfit(ValueError):
    """The menu has errors and is not published; `findings` are all of them, warnings too."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings
        super().__init__("\n".join(str(finding) for finding in findings if finding.severity == "error"))


class UnknownVersion(LookupError):
    """There is no such version of the hotline's menu, or SQL, where it would stand, is away."""


class Desk:
    """The menus of one installation. All methods may raise redis.exceptions.RedisError; those of drafts
    sqlalchemy.exc.DBAPIError. `facts`: what menus are held against."""

    def __init__(self, redis: Redis, engine: Engine, facts: Facts) -> None:
        self._redis = redis
        self._engine = engine
        self._facts = facts

    # --- drafts

    def draft(self, hotline: str) -> Draft | None:
        """The hotline's draft; None: begin with source() of the current version and revision 0."""
        return drafts.load_draft(self._engine, hotline)

    def save_draft(self, hotline: str, source: str, author: str, revision: int, based_on: int | None = None) -> int:
        """Save over the revision that was read (0: there was none); returns the new one. It may have faults.

        based_on: the version it is made from; None: the one that is published now for a new draft, else as before. After a
        Conflict the editor merges and saves with the version that has won. Raises drafts.Edited, ValueError.
        """
        if based_on is None and revision == 0:
            based_on = self.current(hotline)
        return drafts.save_draft(self._engine, hotline, source, author, revision, based_on)

    def publish_draft(self, hotline: str, revision: int, author: str, note: str = "") -> int:
        """Publish the draft, if it is still this revision; returns the version. Raises drafts.Edited, Unfit, menus.Conflict,
        ValueError."""
        draft = drafts.load_draft(self._engine, hotline)
        if draft is None or draft.revision != revision:
            raise drafts.Edited(hotline, draft)
        version = self.publish(hotline, draft.source, author, note, draft.based_on)
        drafts.rebase_draft(self._engine, draft, version)
        return version

    # --- what is published

    def check(self, hotline: str, source: str) -> list[Finding]:
        """What is wrong with a menu, by line; `hotline` names it."""
        return check(load(source, hotline), self._facts)

    def publish(self, hotline: str, source: str, author: str, note: str, based_on: int) -> int:
        """Have new calls hear this menu; returns its version. Raises Unfit, menus.Conflict, ValueError."""
        check_text(source)
        check_author(author)
        if author == FILE:
            raise ValueError(f"author: {FILE!r} stands for the settings' files")
        if len(note) > MAX_NOTE or "\0" in note:
            raise ValueError(f"note: {MAX_NOTE} letters are the most")
        loaded = load(source, hotline)
        findings = check(loaded, self._facts)
        if loaded.document is None or any(finding.severity == "error" for finding in findings):
            raise Unfit(findings)
        above = self._booked(hotline) if based_on == 0 else 0
        return menus.publish(self._redis, menus.Draft(hotline, dumps(loaded.document), source, author, note, based_on, above))

    def rollback(self, hotline: str, version: int, author: str, note: str = "") -> int:
        """Publish the text of an old version as a new one; returns its number. Raises UnknownVersion, Unfit (what it needs may
        be gone), menus.Conflict, ValueError."""
        based_on = self.current(hotline)
        return self.publish(hotline, self.source(hotline, version), author, note or f"↩ {version}", based_on)

    def current(self, hotline: str) -> int:
        """The number of the version that new calls hear, 0 for none."""
        return menus.current_version(self._redis, hotline)

    def published(self, hotline: str) -> Published | None:
        """The version that new calls hear, None where there is none."""
        return menus.published(self._redis, hotline)

    def versions(self, hotline: str) -> list[Published]:
        """All versions, the newest first; those that Redis keeps are there at once and while SQL is away."""
        found = {one.version: one for one in menus.kept(self._redis, hotline)}
        with contextlib.suppress(DBAPIError):
            found = {one.version: one for one in drafts.history(self._engine, hotline)} | found
        return [found[version] for version in sorted(found, reverse=True)]

    def source(self, hotline: str, version: int) -> str:
        """The YAML of a version, as it was written. Raises UnknownVersion."""
        for found in (menus.kept(self._redis, hotline), self.versions(hotline)):
            for one in found:
                if one.version == version:
                    return one.source
        raise UnknownVersion(f"{hotline}: there is no version {version}")

    def diff(self, hotline: str, old: int, new: int) -> str:
        """What changed from one version to another, as a unified diff of their YAML; "" where nothing did. Raises
        UnknownVersion."""
        return unified(
            self.source(hotline, old), self.source(hotline, new), f"{hotline} version {old}", f"{hotline} version {new}"
        )

    def _booked(self, hotline: str) -> int:
        """The highest number in the history: where Redis knows none, it may have lost its data."""
        try:
            return drafts.newest(self._engine, hotline)
        except DBAPIError:
            return 0


def unified(old: str, new: str, old_name: str, new_name: str) -> str:
    """A unified diff of two texts; it ends with a line end."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), old_name, new_name, lineterm="")
    return "".join(f"{line}\n" for line in lines)
