"""[io] The opening hours of all calendars, as the scribe publishes them, with the last good ones on disk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path

import structlog

from ivr.flow.opening import Opening, OpeningError
from routing.store import RedisAway, Store
from storage.whole import read_texts, write_texts

log = structlog.get_logger(__name__)


class Openings:
    """Opening hours by calendar: `start()`, then `follow()` as a task."""

    def __init__(self, directory: Path, store: Store) -> None:
        self._file = directory / "last-good-openings.json"
        self._store = store
        self._texts: dict[str, str] = {}
        self._openings: dict[str, Opening] = {}
        self._told: set[str] = set()
        """Calendars that were missed, each told once."""

    async def start(self) -> None:
        """The last good ones, then what is published. Never fails: what is not known counts as open."""
        self._take(self._kept())
        await self._look()

    async def follow(self) -> None:
        """For ever: take what is published."""
        async for _ in self._store.publications("calendar"):
            await self._look()

    def get(self, name: str) -> Opening | None:
        """A calendar's hours; None, with a warning in the log, for one that nobody has published: take it as open. Hours that
        were worked out too long ago count as open by themselves, and are warned of too."""
        found = self._openings.get(name)
        if (found is None or not found.knows(time.time())) and name not in self._told:
            self._told.add(name)
            why = "not published" if found is None else "out of date"
            log.warning("opening hours are not known and count as open: does the scribe run?", calendar=name, why=why)
        return found

    async def _look(self) -> None:
        try:
            texts = await self._store.documents("calendar")
        except RedisAway:
            return  # it is looked at again when Redis is back
        if self._take(texts):
            try:
                await asyncio.to_thread(write_texts, self._file, self._texts)
            except OSError as error:
                log.error("the last good opening hours can't be kept", file=str(self._file), why=str(error))

    def _take(self, texts: Mapping[str, str]) -> bool:
        """Whether one of them is new."""
        changed = False
        for name, text in texts.items():
            if self._texts.get(name) == text:
                continue
            try:
                self._openings[name] = Opening.from_json(text)
            except OpeningError as error:
                if name not in self._told:
                    log.error("published opening hours can't be read; the last good ones stay", calendar=name, why=str(error))
                self._told.add(name)
            else:
                self._texts[name] = text
                self._told.discard(name)
                changed = True
        return changed

    def _kept(self) -> dict[str, str]:
        try:
            return read_texts(self._file)
        except (OSError, ValueError) as error:
            log.error("the last good opening hours can't be read", file=str(self._file), why=str(error))
            return {}
