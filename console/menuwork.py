"""[io] What supervisors do with menus: the same for pages and programs. ivr.flow.desk does it; here each change that callers or
colleagues notice becomes a line of the change log, and refusals are said in the reader's language."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import abort
from pydantic import ValidationError

from console.changes import MENU, write
from console.gate import actor, me
from console.ground import ground, live
from console.labels import moment
from console.language import gettext as _
from console.language import present
from console.naming import called
from console.options import Workshop
from ivr.flow.checks.facts import UNKNOWN
from ivr.flow.desk import Desk, Unfit, UnknownVersion, unified
from ivr.flow.drafts import Draft, Edited
from ivr.flow.finding import Finding
from ivr.flow.load import load
from ivr.flow.parts import Language
from ivr.flow.script import Case
from ivr.flow.walk import Walk, walk
from prompts import PATH
from routing.menus import Conflict, Published
from storage.sql import writing

STARTER = PATH / "menus" / "shop.yaml"
"""What an editor begins with where there is nothing yet."""
MAX_INPUTS = 200
"""A simulated caller does no more."""


class NoMenu(ValueError):
    """The text is no menu that could be run; `findings` say why."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings
        super().__init__("not a menu")


class BadCase(ValueError):
    """This caller can't be: too much is done, or at a moment that isn't one."""


Refusals = (Edited, Conflict, Unfit, UnknownVersion, NoMenu, ValueError)
"""What the functions below raise when it can't be done so; fault() says it to people."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a hotline's menu stands. published: what new calls hear."""

    hotline: str
    title: str
    published: Published | None
    draft: Draft | None

    @property
    def current(self) -> int:
        return self.published.version if self.published else 0

    @property
    def ahead(self) -> bool:
        """The draft says something else than what is published."""
        return self.draft is not None and (self.published is None or self.draft.source != self.published.source)

    @property
    def outdated(self) -> bool:
        """Somebody has published since the draft was made: it can't be published before it was looked at."""
        return self.draft is not None and self.ahead and self.draft.based_on != self.current

    @property
    def source(self) -> str:
        """What an editor begins with."""
        if self.draft is not None:
            return self.draft.source
        return self.published.source if self.published else _starter()


def workshop() -> Workshop:
    """Ends the request with 404 where this console has none."""
    return ground().options.workshop or abort(404)


def language() -> Language:
    """The reader's, as menus name it."""
    return "en" if present() == "en" else "zh"


def overview() -> list[Standing]:
    """All hotlines."""
    workshop()
    with _desk() as desk:
        return [_standing(desk, hotline) for hotline in ground().options.hotline_titles]


def standing(hotline: str) -> Standing:
    """One hotline. Ends the request with 404 where there is none."""
    _known(hotline)
    with _desk() as desk:
        return _standing(desk, hotline)


def check(hotline: str, source: str) -> list[Finding]:
    """What is wrong with a text, by line."""
    _known(hotline)
    with _desk(checking=True) as desk:
        return desk.check(hotline, source)


def save(hotline: str, source: str, revision: int, based_on: int | None) -> int:
    """Save the draft over the revision that was read; the new one. based_on: None leaves it as it is."""
    _known(hotline)
    with _desk() as desk:
        saved = desk.save_draft(hotline, source, me().login, revision, based_on)
    _tell("menu_drafted", hotline, {"revision": saved})
    return saved


def publish(hotline: str, revision: int, note: str) -> int:
    """Have new calls hear the draft, if it is still this revision; the version."""
    _known(hotline)
    with _desk(checking=True) as desk:
        version = desk.publish_draft(hotline, revision, me().login, note)
    _tell("menu_published", hotline, {"version": version, "note": note})
    return version


def rollback(hotline: str, version: int, note: str) -> int:
    """Publish an old version's text as a new version."""
    _known(hotline)
    with _desk(checking=True) as desk:
        new = desk.rollback(hotline, version, me().login, note)
    _tell("menu_rolled_back", hotline, {"version": new, "text_of": version, "note": note})
    return new


def versions(hotline: str) -> list[Published]:
    """The history, the newest first."""
    _known(hotline)
    with _desk() as desk:
        return desk.versions(hotline)


def version_of(hotline: str, version: int) -> Published:
    """One version. Ends the request with 404 where there is none."""
    return next((one for one in versions(hotline) if one.version == version), None) or abort(404)


def diff(hotline: str, old: int, new: int | None) -> str:
    """What changed from a version to another one, or to the draft (None). Ends the request with 404 where there is none."""
    _known(hotline)
    try:
        with _desk() as desk:
            if new is not None:
                return desk.diff(hotline, old, new)
            draft = desk.draft(hotline) or abort(404)
            return unified(desk.source(hotline, old), draft.source, version_name(old), _("草稿"))
    except UnknownVersion:
        abort(404)


def changes_of(hotline: str, source: str, *, against_draft: bool = False) -> str:
    """What a text would change: of what new calls hear, or of the draft as it is saved now."""
    found = standing(hotline)
    if against_draft:
        before = found.draft.source if found.draft else ""
        return unified(before, source, _("已保存的草稿"), _("编辑器里的内容"))
    before = found.published.source if found.published else ""
    return unified(before, source, version_name(found.current), _("编辑器里的内容"))


def simulate(hotline: str, source: str, case: Case) -> Walk:
    """Lead a caller through a text. Raises NoMenu, BadCase."""
    _known(hotline)
    loaded = load(source, hotline)
    if loaded.document is None:
        raise NoMenu(list(loaded.findings))
    if len(case.inputs) > MAX_INPUTS:
        raise BadCase(f"{MAX_INPUTS} inputs are the most")
    try:
        case.world(loaded.document.time_zone)
    except ValueError as error:  # of `at`
        raise BadCase(str(error)) from None
    return walk(loaded.document, case, workshop().texts(), time.time())


def fault(error: Exception) -> str:
    """What a person reads. Raises the error again where it is none of Refusals."""
    match error:
        case Edited(there=Draft() as there):
            who, when = called(there.author), at(there.saved_at)
            return _("%(who)s 在 %(at)s 保存了这份草稿。你的内容没有保存，但都还在这里，没有丢。", who=who, at=when)
        case Edited():
            return _("这份草稿还没有保存过，请先保存。")
        case Conflict(version=version, current=Published() as current):
            who, when = called(current.author), at(current.at)
            return _("%(who)s 在 %(at)s 发布了第 %(n)s 版，这份草稿不是从它改来的，所以没有发布。", who=who, at=when, n=version)
        case Conflict(version=version):
            return _("已发布的是第 %(n)s 版，这份草稿不是从它改来的，所以没有发布。", n=version)
        case Unfit() | NoMenu():
            count = sum(1 for finding in error.findings if finding.severity == "error")
            return _("菜单里有 %(n)s 处错误，改好才能继续。", n=count)
        case UnknownVersion():
            return _("没有这一版。")
        case BadCase():
            return _("这样的来电模拟不了：按键太多，或者时间写得不对。")
        case ValidationError():
            raise error
        case ValueError():
            return _("内容太大（最多 256 KB）、含有不能保存的字符，或者说明太长（最多 500 字）。")
        case _:
            raise error


def _starter() -> str:
    """STARTER without its comments, which are in English."""
    lines = STARTER.read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.lstrip().startswith("#"))


def version_name(version: int) -> str:
    """A version as people call it."""
    return _("第 %(n)s 版", n=version) if version else _("还没有发布过")


def at(moment_s: float) -> str:
    """Local time, to the minute."""
    return moment(moment_s, ground().zone, "%m-%d %H:%M")


@contextmanager
def _desk(*, checking: bool = False) -> Iterator[Desk]:
    """checking: what is to be found wrong with a menu must be known; that costs a look at all prompts."""
    facts = workshop().facts() if checking else UNKNOWN
    with live() as redis:
        yield Desk(redis, ground().engine, facts)


def _standing(desk: Desk, hotline: str) -> Standing:
    title = ground().options.hotline_titles[hotline]
    return Standing(hotline, title, desk.published(hotline), desk.draft(hotline))


def _known(hotline: str) -> None:
    workshop()
    if hotline not in ground().options.hotline_titles:
        abort(404)


def _tell(what: str, hotline: str, after: dict[str, str | int]) -> None:
    # Not within the change itself: it opens SQL's one writing transaction for itself, and the history has author and note.
    with writing(ground().engine) as connection:
        write(connection, actor(), what, f"{MENU}:{hotline}", time.time(), after=after)
