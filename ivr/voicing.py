"""[io] What is to be played as files: recordings by their names, values word by word, texts by a synthetic voice. What can't be
had in time is left out: a caller hears the rest and is not kept waiting."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog

from ivr.flow.events import Item, Reading, Speech
from ivr.flow.model import Document
from ivr.flow.parts import Text, names_in
from prompts.catalogue import Catalogue, PromptMissing
from prompts.reading import KINDS, clips, read
from prompts.synthesis import SpeechError
from prompts.voicecache import VoiceCache

VOICE_S = 1.5
"""A text that isn't there is waited for so long."""
THREADS = 2
MAX_PENDING = 200
"""So many texts wait to be spoken; more are left out."""
REMEMBERED = 100
"""So many menus are known to have been spoken; an older one is looked at again."""

log = structlog.get_logger(__name__)

Catalogues = Mapping[str, Catalogue]


class Voicing:
    """One node's voice. Texts are spoken by threads, each text once."""

    def __init__(self, cache: VoiceCache) -> None:
        self._cache = cache
        self._threads = ThreadPoolExecutor(THREADS, "voice")
        self._pending: dict[tuple[str, str], asyncio.Future[Path | None]] = {}
        self._warmed: dict[int, Document] = {}
        """By their identity, the oldest first."""
        self._warming: set[asyncio.Task[None]] = set()

    def ready(self, items: Sequence[Item], language: str, catalogues: Catalogues) -> tuple[str, ...] | None:
        """The files, where all of them are there already; None: ask files()."""
        found: list[str] = []
        for item in items:
            if isinstance(item, Speech):
                path = self._spoken(item.text, language)
                if path is None:
                    return None
                found += path
            else:
                found += _recorded(item, language, catalogues)
        return tuple(found)

    async def files(self, items: Sequence[Item], language: str, catalogues: Catalogues) -> tuple[str, ...]:
        """The files, within VOICE_S; texts that are not spoken by then are left out."""
        speaking = [self._speak(item.text, language) for item in items if isinstance(item, Speech)]
        waiting = [one for one in speaking if not one.done()]
        if waiting:
            await asyncio.wait(waiting, timeout=VOICE_S)
        texts = iter(speaking)
        found: list[str] = []
        for item in items:
            if not isinstance(item, Speech):
                found += _recorded(item, language, catalogues)
                continue
            text = next(texts)
            path = text.result() if text.done() else None
            if path is None:
                log.warning("a text was not spoken in time and is left out", language=language, characters=len(item.text))
            else:
                found.append(str(path))
        return tuple(found)

    def warm(self, document: Document) -> None:
        """Have the texts of a menu spoken, one after the other, that are the same for every caller; once a menu."""
        if id(document) in self._warmed:
            return
        if len(self._warmed) >= REMEMBERED:
            del self._warmed[next(iter(self._warmed))]
        self._warmed[id(document)] = document
        task = asyncio.get_running_loop().create_task(self._warm(document))
        self._warming.add(task)
        task.add_done_callback(self._warming.discard)

    def close(self) -> None:
        """Speak no more."""
        for task in self._warming:
            task.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _warm(self, document: Document) -> None:
        for text, language in _fixed_texts(document):
            if self._spoken(text, language) is None:
                await self._speak(text, language)

    def _spoken(self, text: str, language: str) -> tuple[str, ...] | None:
        """The text's file, () for a text that says nothing; None where it has to be spoken first."""
        if not text.strip():
            return ()
        try:
            path = self._cache.path(text, language)
            os.utime(path)  # used now
        except (SpeechError, OSError):
            return None
        return (str(path),)

    def _speak(self, text: str, language: str) -> asyncio.Future[Path | None]:
        key = (text, language)
        if key in self._pending:
            return self._pending[key]
        loop = asyncio.get_running_loop()
        if len(self._pending) >= MAX_PENDING:
            log.warning("too many texts wait to be spoken", texts=len(self._pending))
            full: asyncio.Future[Path | None] = loop.create_future()
            full.set_result(None)
            return full
        self._pending[key] = future = loop.run_in_executor(self._threads, self._voiced, text, language)
        future.add_done_callback(lambda _: self._pending.pop(key, None))
        return future

    def _voiced(self, text: str, language: str) -> Path | None:
        try:
            return self._cache.voiced(text, language)
        except (SpeechError, OSError) as error:
            # Not the error's own words: they may hold what the text says of a caller.
            log.warning("a text can't be spoken", language=language, characters=len(text), why=type(error).__name__)
            return None


def _recorded(item: str | Reading, language: str, catalogues: Catalogues) -> Iterator[str]:
    """The files of a prompt or a value; what there is none for is left out."""
    names: Sequence[str] = (item,) if isinstance(item, str) else ()
    if isinstance(item, Reading):
        kind = next((known for known in KINDS if known == item.kind), None)
        try:
            names = () if kind is None else clips(read(kind, item.value, language))
        except ValueError:
            log.warning("a value can't be read and is left out", kind=item.kind, language=language)
    for name in names:
        try:
            yield str(catalogues[language].path(name))
        except (PromptMissing, KeyError):
            log.error("a prompt is missing and is left out", prompt=name, language=language)


def _fixed_texts(document: Document) -> Iterator[tuple[str, str]]:
    """Texts without variables, each in every language in which a caller of this menu may hear it."""
    nodes = document.every_node.values()
    languages = {document.language} | {node.language for node in nodes if node.language is not None}
    for node in nodes:
        if node.kind == "language":
            languages |= set(node.keys.values())
    for node in nodes:
        for _, prompts in node.prompts_at():
            for prompt in prompts:
                if isinstance(prompt, Text):
                    for language in sorted(languages):
                        text = prompt.in_language(language)
                        if not names_in(text):
                            yield text, language
