"""[io] Prompts that seats record by telephone: what was spoken becomes a draft that can be heard, and then a prompt of the
hotline's own, which the next caller hears."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from ivr.codes import MAX_S
from ivr.flow.events import LookedUp, LookUp
from prompts.importing import ImportFailed, convert
from prompts.own import keep
from routing.publications import PROMPT
from routing.store import RedisAway, Store

log = structlog.get_logger(__name__)


class Studio:
    """One node's. `prompts` is the folder of its own prompts; `renew` has the engine find what is in it by now."""

    def __init__(self, prompts: Path, store: Store, renew: Callable[[], Awaitable[None]]) -> None:
        self._prompts = prompts
        self._store = store
        self._renew = renew

    async def answer(self, question: LookUp, spoken: Path) -> LookedUp:
        """Do what a document of ivr.codes.recording() asks. spoken: what media has recorded last in this call. Not found: it
        can't be done."""
        what, language, name = (question.send[key] for key in ("do", "language", "prompt"))
        draft = self._prompts / language / f"{question.send['draft']}.wav"
        try:
            if what == "hear":
                await asyncio.to_thread(self._hear, spoken, language, draft.stem)
            elif what == "keep":
                await asyncio.to_thread(os.replace, draft, draft.with_name(f"{name}.wav"))
                log.info("a seat has recorded a prompt", prompt=name, language=language)
            else:
                await asyncio.to_thread(draft.unlink, missing_ok=True)
        except (ImportFailed, OSError) as error:
            log.warning("a prompt can't be recorded", do=what, prompt=name, why=str(error))
            return LookedUp(question.number, False)
        await self._renew()
        if what == "keep":
            try:
                await self._store.tell_published(PROMPT, name)
            except RedisAway as error:
                log.warning("other engines don't know of a new prompt", prompt=name, why=str(error))
        return LookedUp(question.number, True)

    def _hear(self, spoken: Path, language: str, name: str) -> None:
        keep(self._prompts, language, name, convert(spoken.read_bytes(), spoken.name, max_s=MAX_S + 1))
        spoken.unlink()
