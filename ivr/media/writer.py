"""[io] The thread that puts recordings on disk, so that a slow disk delays no packet; repair of what a killed process left."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Literal

import structlog

from ivr.media import wav
from ivr.media.g711 import SILENCE

MAX_PENDING = 32 << 20
"""Bytes that may wait for the disk; more are refused."""

SPACE_EVERY_S = 2.0
JOIN_S = 10.0

_QUIET = SILENCE["PCMA"] * (1 << 16)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A file has ended: `frames` samples a side lie at `path`. `detail` says why it failed; `path` is then empty."""

    name: str
    what: Literal["finished", "failed", "low_space"]
    path: str
    frames: int
    detail: str


@dataclass(slots=True)
class _File:
    descriptor: int
    path: str
    part: str
    channels: int
    size: int = 0


class Writer:
    """Orders are carried out one after the other by one thread. `notify` is called from it when an outcome can be fetched."""

    def __init__(self, worker: str, *, min_free_bytes: int, notify: Callable[[], None]) -> None:
        """`worker` marks the names of unfinished files as this process's own."""
        self._worker = worker
        self._min_free = min_free_bytes
        self._notify = notify
        self._orders: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._outcomes: deque[Outcome] = deque()
        self._files: dict[str, _File] = {}
        self._put = 0  # bytes, counted by the caller's thread
        self._done = 0  # bytes, counted by the writer's thread
        self._space_due = 0.0
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    @property
    def pending(self) -> int:
        """Bytes that wait for the disk."""
        return self._put - self._done

    def open(self, name: str, path: str, channels: int) -> None:
        """Begin a file of one channel or two."""
        self._orders.put(lambda: self._open(name, path, channels))

    def write(self, name: str, data: bytes, skipped: int) -> bool:
        """Append `skipped` frames of silence and then `data`. False when too much waits already: nothing is taken then."""
        if self.pending + len(data) > MAX_PENDING:
            return False
        self._put += len(data)
        self._orders.put(lambda: self._write(name, data, skipped))
        return True

    def finish(self, name: str, keep: int | None) -> None:
        """End a file, with no more than the first `keep` frames unless that is None; its outcome follows."""
        self._orders.put(lambda: self._finish(name, "finished", keep))

    def repair(self, directory: Path, before: float) -> None:
        """Finish files under `directory` that this worker left when it was killed: those not changed since `before`."""

        def order() -> None:
            repair_leftovers(directory, self._worker, before)

        self._orders.put(order)

    def outcomes(self) -> list[Outcome]:
        """What has ended since the last call."""
        found = []
        while self._outcomes:
            found.append(self._outcomes.popleft())
        return found

    def close(self) -> None:
        """Carry out what was ordered, then end; a hanging disk is waited for JOIN_S."""
        self._orders.put(None)
        self._thread.join(JOIN_S)

    # In the thread

    def _run(self) -> None:
        while True:
            try:
                order = self._orders.get(timeout=SPACE_EVERY_S if self._files else None)
            except queue.Empty:
                order = self._check_space
            if order is None:
                return
            order()
            if monotonic() >= self._space_due:
                self._check_space()

    def _open(self, name: str, path: str, channels: int) -> None:
        part = wav.part_path(path, self._worker)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if self._free(path) < self._min_free:
                self._say(Outcome(name, "low_space", "", 0, "not begun"))
                return
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        except (OSError, ValueError) as error:  # ValueError: a path that no file can have
            self._say(Outcome(name, "failed", "", 0, str(error)))
            return
        self._files[name] = _File(descriptor, path, part, channels)
        self._append(name, wav.header(0, channels))

    def _write(self, name: str, data: bytes, skipped: int) -> None:
        self._done += len(data)
        missing = skipped * self._files[name].channels if name in self._files else 0
        while missing and name in self._files:
            piece = _QUIET[:missing]
            self._append(name, piece)
            missing -= len(piece)
        if name in self._files:
            self._append(name, data)

    def _append(self, name: str, data: bytes) -> None:
        file = self._files[name]
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(file.descriptor, rest) :]
        except OSError as error:
            self._fail(name, error)
            return
        file.size += len(data)

    def _fail(self, name: str, error: OSError) -> None:
        """The part stays: it is repaired at the next start."""
        file = self._files.pop(name)
        with contextlib.suppress(OSError):
            os.close(file.descriptor)
        self._say(Outcome(name, "failed", "", 0, f"{file.path}: {error.strerror}"))

    def _finish(self, name: str, what: Literal["finished", "low_space"], keep: int | None = None) -> None:
        file = self._files.get(name)
        if file is None:  # it has failed, which was said
            return
        frames = (file.size - wav.HEADER_SIZE) // file.channels
        try:
            if keep is not None and keep < frames:
                frames = keep
                os.ftruncate(file.descriptor, wav.HEADER_SIZE + frames * file.channels)
            os.pwrite(file.descriptor, wav.header(frames, file.channels), 0)
            os.fsync(file.descriptor)
            path = _rename(file.part, file.path)
        except OSError as error:
            self._fail(name, error)
            return
        del self._files[name]
        with contextlib.suppress(OSError):
            os.close(file.descriptor)
        self._say(Outcome(name, what, path, frames, path))

    def _check_space(self) -> None:
        self._space_due = monotonic() + SPACE_EVERY_S
        for name, file in list(self._files.items()):
            try:
                low = self._free(file.path) < self._min_free
            except OSError as error:
                self._fail(name, error)
                continue
            if low:
                self._finish(name, "low_space")

    def _free(self, path: str) -> int:
        status = os.statvfs(os.path.dirname(path))
        return status.f_bavail * status.f_frsize

    def _say(self, outcome: Outcome) -> None:
        self._outcomes.append(outcome)
        self._notify()


def repair(part: Path, worker: str) -> Path | None:
    """Give the unfinished file of a killed process a true header and its final name; None if it isn't such a file.

    Whole frames are kept, a torn last one is cut off. Raises OSError.
    """
    final = wav.final_path(str(part), worker)
    if final is None:
        return None
    with part.open("r+b") as file:
        channels = wav.channels_of(file.read(wav.HEADER_SIZE))
        if not channels:
            return None
        size = file.seek(0, os.SEEK_END)
        frames = (size - wav.HEADER_SIZE) // channels
        file.truncate(wav.HEADER_SIZE + frames * channels)
        file.seek(0)
        file.write(wav.header(frames, channels))
        file.flush()
        os.fsync(file.fileno())
    return Path(_rename(str(part), final))


def repair_leftovers(directory: Path, worker: str, before: float) -> list[Path]:
    """Repair the unfinished files of `worker` under `directory` last written before `before` (seconds since the epoch)."""
    repaired = []
    for part in sorted(directory.rglob(f"*.{worker}.part")):
        try:
            path = repair(part, worker) if part.stat().st_mtime < before else None
        except OSError as error:
            log.error("recording can't be repaired", path=str(part), error=str(error))
            continue
        if path is not None:
            repaired.append(path)
            log.info("recording repaired", path=str(path))
    return repaired


def _rename(part: str, path: str) -> str:
    """Give the file its final name, or that name with a number when there is one already."""
    base, extension = os.path.splitext(path)
    number = 1
    while os.path.exists(path):
        number += 1
        path = f"{base}-{number}{extension}"
    os.rename(part, path)
    return path
