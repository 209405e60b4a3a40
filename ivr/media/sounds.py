"""[io] Prompt and music files, read by a thread of their own so that no disk delays a packet; kept as G.711 to be sent."""

from __future__ import annotations

import os
import queue
import threading
import wave
from collections import OrderedDict, deque
from collections.abc import Callable
from time import monotonic

import numpy as np
import structlog

from ivr.media.g711 import Law, encode
from ivr.media.rtp import SAMPLE_RATE

MAX_KEPT = 32 << 20
"""Bytes kept in all, a little more than an hour; the files not used for longest go first."""

MAX_FILE_S = 900
"""A longer file is refused."""

FRESH_S = 1.0
"""What was looked up so short a time ago is played without another look at its files."""

JOIN_S = 2.0

log = structlog.get_logger(__name__)


class SoundError(ValueError):
    """A file can't be played; the text names it and says why."""


class Sounds:
    """At hand, or asked for by key and fetched when `notify` was called (from the thread). A file that has changed on disk is
    read anew."""

    def __init__(self, notify: Callable[[], None]) -> None:
        self._notify = notify
        self._orders: queue.SimpleQueue[tuple[object, tuple[str, ...], Law] | None] = queue.SimpleQueue()
        self._found: deque[tuple[object, bytes, bool]] = deque()
        self._kept: OrderedDict[tuple[str, Law, int, int], bytes] = OrderedDict()
        self._size = 0
        self._seen: dict[tuple[str, Law], tuple[bytes, float]] = {}
        """By file, what the thread has found there, and until when that is fresh."""
        self._thread = threading.Thread(target=self._run, name="sounds", daemon=True)
        self._thread.start()

    def at_hand(self, files: tuple[str, ...], law: Law) -> bytes | None:
        """The sound of `files`, one after the other, where all of them are fresh; else None: ask()."""
        now, sounds = monotonic(), []
        for file in files:
            sound, until = self._seen.get((file, law), (b"", 0.0))
            if now >= until:
                return None
            sounds.append(sound)
        return sounds[0] if len(sounds) == 1 else b"".join(sounds)

    def ask(self, key: object, files: tuple[str, ...], law: Law) -> None:
        """Have the sound of `files`, one after the other, looked up by `key` among the found."""
        self._orders.put((key, files, law))

    def found(self) -> list[tuple[object, bytes, bool]]:
        """What was read since the last call: key, sound of all files that could be read, whether that is all of them."""
        found = []
        while self._found:
            found.append(self._found.popleft())
        return found

    def close(self) -> None:
        """End the thread; a hanging disk is not waited for."""
        self._orders.put(None)
        self._thread.join(JOIN_S)

    # In the thread

    def _run(self) -> None:
        while (order := self._orders.get()) is not None:
            key, files, law = order
            sounds = []
            for file in files:
                try:
                    sounds.append(self.sound(file, law))
                except SoundError as error:
                    log.warning("sound can't be played", error=str(error))
            self._found.append((key, sounds[0] if len(sounds) == 1 else b"".join(sounds), len(sounds) == len(files)))
            self._notify()

    def sound(self, path: str, law: Law) -> bytes:
        """The file's samples. Raises SoundError."""
        try:
            status = os.stat(path)
            key = (path, law, status.st_mtime_ns, status.st_size)
            sound = self._kept.get(key) or _read(path, law)
        except (OSError, EOFError, ValueError, wave.Error) as error:  # ValueError: a path that no file can have
            raise SoundError(f"{path}: {error}") from error
        self._seen[path, law] = (sound, monotonic() + FRESH_S)
        if key not in self._kept:
            self._size += len(sound)
        self._kept[key] = sound
        self._kept.move_to_end(key)
        while self._size > MAX_KEPT and len(self._kept) > 1:
            (old, its_law, *_), dropped = self._kept.popitem(last=False)
            self._seen.pop((old, its_law), None)
            self._size -= len(dropped)
        return sound


def _read(path: str, law: Law) -> bytes:
    """A second at a time, between which other threads have their turn."""
    with wave.open(path, "rb") as file:
        if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, SAMPLE_RATE):
            raise SoundError("not 8 kHz mono 16 bit")
        if file.getnframes() > MAX_FILE_S * SAMPLE_RATE:
            raise SoundError(f"longer than {MAX_FILE_S} s")
        parts = []
        while part := file.readframes(SAMPLE_RATE):
            parts.append(encode(law, np.frombuffer(part[: len(part) // 2 * 2], dtype="<i2").astype(np.int16)))
    return b"".join(parts)
