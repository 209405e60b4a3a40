"""[io] The published menus as the engine runs them: from Redis, with the last good ones on disk.

What people publish (ivr.flow.desk) is what callers hear. A menu file in the settings is only a seed: it is published where
nothing is, and again when it has changed, for as long as nobody has published anything else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import structlog

from ivr.config import ConfigError, Settings
from ivr.dialplan import Refused
from ivr.flow.check import Facts, check, check_file
from ivr.flow.finding import Finding
from ivr.flow.load import load
from ivr.flow.model import Document
from ivr.flow.versions import DocumentError, Version, dumps, loads, read_last_good, write_last_good
from ivr.speech.folder import NotAModel, words
from ivr.speech.installed import BadChoice
from ivr.speech.inuse import models_in_use
from prompts import PATH
from prompts.catalogue import available, lengths
from routing.menus import FILE, Conflict, Draft, Published, TooLarge
from routing.store import RedisAway, Store

_LEVELS = {"error": logging.ERROR, "warning": logging.WARNING}

log = structlog.get_logger(__name__)


class Menus:
    """What new calls hear, by hotline: `start()`, then `follow()` as a task."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._file: Path = settings.data_dir / "last-good-menus.json"
        self._menus: dict[str, Version] = {}
        self._older: dict[tuple[str, int], Document] = {}
        """Versions that calls of the engine before began with."""
        self._unreadable: dict[str, int] = {}
        """Versions that were published and can't be read, each told once."""

    async def start(self) -> None:
        """Publish the seeds, take what is published. Raises ConfigError for a seed that callers must not meet, and for a
        hotline that has no menu at all. Where Redis is away the last good menus run."""
        for queue in self._settings.queues:
            for language, names in available(PATH, self._settings.prompts).items():
                if queue.music not in names:
                    raise ConfigError(f"queues.{queue.name}.music: there is no prompt {queue.music!r} in {language}")
        try:
            self._menus = read_last_good(self._file)
        except DocumentError as error:
            log.error("the last good menus can't be read", why=str(error))
        try:
            for hotline in self._settings.hotlines:
                if hotline.menu is not None:
                    await self._seed(hotline.name, hotline.menu)
            self._menus |= await self._read({})
        except RedisAway as error:
            log.error("Redis is away: the last good menus run", why=str(error))
        else:
            for hotline in self._settings.hotlines:
                if hotline.name not in self._menus:
                    raise ConfigError(
                        f"hotlines.{hotline.name}.menu: no menu is published for this hotline: name a file here, "
                        f"or publish one with `hotline flow publish {hotline.name} FILE`"
                    )
            await self._keep()

    async def follow(self, renew: Callable[[], Awaitable[None]]) -> None:
        """For ever: take what is published, for calls that begin from then on. A text that can't be read leaves the last good
        one in place. `renew` is awaited first: prompts may have come with the menu."""
        self._older.clear()
        async for hotline in self._store.publications("menu"):
            known = {name: menu.number for name, menu in self._menus.items() if name != hotline}
            try:
                read = await self._read(known)
            except RedisAway:
                continue  # it is looked at again when Redis is back
            found = {name: menu for name, menu in read.items() if self._menus.get(name) != menu}
            if found:
                await renew()
                self._menus = {**self._menus, **found}
                log.info("menus are published", versions={name: menu.number for name, menu in found.items()})
                await self._keep()

    def get(self, hotline: str) -> Version | None:
        """What a new call of this hotline hears, or None."""
        return self._menus.get(hotline)

    @property
    def versions(self) -> dict[str, int]:
        """The number of each hotline's menu that new calls hear."""
        return {hotline: menu.number for hotline, menu in self._menus.items()}

    async def at(self, hotline: str, version: int) -> Document | None:
        """The menu that a call began with; the current one where that is not to be had, None where there is none either."""
        current = self._menus.get(hotline)
        if version and (current is None or current.number != version):
            older = self._older.get((hotline, version)) or await self._fetch(hotline, version)
            if older is not None:
                self._older[hotline, version] = older
                return older
            log.warning("a call goes on with the current menu, its own is gone", hotline=hotline, version=version)
        return None if current is None else current.document

    async def _fetch(self, hotline: str, version: int) -> Document | None:
        try:
            text = await self._store.menu(hotline, version)
            return None if text is None else loads(text)
        except (RedisAway, DocumentError) as error:
            log.error("a menu can't be read", hotline=hotline, version=version, why=str(error))
            return None

    async def _read(self, known: dict[str, int]) -> dict[str, Version]:
        """The published menus that are not known and can be read. Raises RedisAway."""
        found = {}
        for hotline, (number, text) in (await self._store.new_menus(known)).items():
            try:
                found[hotline] = Version(number, loads(text))
            except DocumentError as error:
                if self._unreadable.get(hotline) != number:
                    why = str(error)
                    log.error(
                        "a published menu can't be read; the last good one stays", hotline=hotline, version=number, why=why
                    )
                self._unreadable[hotline] = number
        return found

    async def _keep(self) -> None:
        try:
            await asyncio.to_thread(write_last_good, self._file, self._menus)
        except OSError as error:
            log.error("the last good menus can't be kept", file=str(self._file), why=str(error))

    async def _seed(self, hotline: str, path: Path) -> None:
        """Publish the file, unless people have published something. Raises ConfigError, RedisAway."""
        there = await self._store.published_menu(hotline)
        if there is not None and there.author != FILE:
            self._tell_difference(hotline, path, there)
            facts = facts_of(self._settings)
            for finding in check(load(there.source, f"{hotline} version {there.version}"), facts):
                log.log(_LEVELS[finding.severity], "menu", finding=str(finding))
            return
        findings = check_file(path, facts_of(self._settings))
        for finding in findings:
            log.warning("menu", finding=str(finding))
        if any(finding.severity == "error" for finding in findings):
            raise ConfigError("\n".join(str(finding) for finding in findings if finding.severity == "error"))
        source = await asyncio.to_thread(path.read_text, encoding="utf-8")
        if there is not None and there.source == source:
            return
        document = load(source, str(path)).document
        assert document is not None, "a menu without errors is a document"
        based_on, known = 0 if there is None else there.version, self._menus.get(hotline)
        above = 0 if known is None else known.number
        if there is None and above:
            log.error("Redis has lost the published menu: the file is published anew", hotline=hotline, lost_version=above)
        try:
            await self._store.publish_menu(Draft(hotline, dumps(document), source, FILE, path.name, based_on, above))
        except Conflict as faster:  # another node, or a person, in this very moment
            log.info("a menu was published meanwhile", hotline=hotline, version=faster.version)
        except TooLarge as error:
            raise ConfigError(f"hotlines.{hotline}.menu: {path}: {error}") from error

    def _tell_difference(self, hotline: str, path: Path, there: Published) -> None:
        try:
            same = path.read_text(encoding="utf-8") == there.source
        except (OSError, UnicodeDecodeError):
            same = False
        if not same:
            log.warning(
                "the menu file differs from what people have published, which stays",
                hotline=hotline,
                file=str(path),
                version=there.version,
                author=there.author,
                to_publish_the_file=f"hotline flow publish {hotline} {path}",
            )


def facts_of(settings: Settings) -> Facts:
    """What menus of this installation are held against: its prompts, queues, seats and trunks, and what may go out. The words
    of its speech models are not among them: an engine starts with words that it can't hear, for there are keys."""
    plan = settings.dial_plan

    def refusal(number: str, trunk: str) -> str:
        way = plan.outgoing(number, trunk=trunk)
        return way.why if isinstance(way, Refused) else ""

    return Facts(
        prompts=available(PATH, settings.prompts),
        queues=[queue.name for queue in settings.queues],
        recorded=[queue.name for queue in settings.queues if queue.record],
        lengths=lengths(PATH, settings.prompts),
        lookups=[lookup.name for lookup in settings.lookups],
        calendars=[calendar.name for calendar in settings.all_calendars],
        seats=[seat.number for seat in settings.seats],
        trunks=[trunk.name for trunk in settings.trunks],
        refusal=refusal,
    )


def findings_of(path: Path, settings: Settings) -> list[Finding]:
    """What is wrong with a menu file, held against this installation."""
    return check_file(path, facts_of_authors(settings))


def facts_of_authors(settings: Settings) -> Facts:
    """What menus are held against that are about to be published: also the words that the models in use know, by language. A
    model that can't be read is as one that isn't known: nothing is checked."""
    vocabulary = {}
    with contextlib.suppress(BadChoice, NotAModel):
        for language, model in models_in_use(settings.speech, settings.data_dir).items():
            vocabulary[language] = frozenset(words(model))
    return replace(facts_of(settings), vocabulary=vocabulary)
