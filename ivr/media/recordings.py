"""All running recordings of a process: begun and ended by command, taken in turns, ended early when they must."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from ivr.media.control import Message, Record, RecordingState
from ivr.media.control import Recording as Notice
from ivr.media.leg import Leg
from ivr.media.recording import HOLD, Recording
from ivr.media.wav import CHANNELS

GROUPS = 10
"""Each recording is taken once a second, a tenth of them at a time."""

_REMEMBERED = 1000


class Disk(Protocol):
    """What is asked of the writer (writer.Writer)."""

    def open(self, name: str, path: str) -> None: ...

    def write(self, name: str, data: bytes, skipped: int) -> bool: ...

    def finish(self, name: str) -> None: ...


class Recordings:
    """Recordings by name. `report` gets their troubles; `answer(token, ok, error)` the late replies to stop()."""

    def __init__(
        self,
        disk: Disk,
        *,
        report: Callable[[Message], None],
        answer: Callable[[object, Mapping[str, Any], str | None], None],
    ) -> None:
        self._disk = disk
        self._report = report
        self._answer = answer
        self._running: dict[str, tuple[Recording, dict[str, Leg]]] = {}
        self._ending: dict[str, tuple[Recording, object | None]] = {}
        self._ended: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._count = 0
        self.gaps = 0

    def __len__(self) -> int:
        return len(self._running) + len(self._ending)

    def start(self, order: Record, legs: Mapping[str, Leg], now: int) -> str:
        """Begin, or find it begun already. Returns the path. `legs` holds both sides."""
        if order.recording in self._running:
            return self._running[order.recording][0].path
        self._count += 1
        recording = Recording(order.recording, order.path, order.left, order.right, start=now, group=self._count % GROUPS)
        for name, side in zip((order.left, order.right), recording.sides, strict=True):
            legs[name].timelines += (side,)
        self._running[order.recording] = (recording, {name: legs[name] for name in (order.left, order.right)})
        self._disk.open(order.recording, order.path)
        return order.path

    def stop(self, name: str, token: object | None, now: int) -> dict[str, Any] | None:
        """End it. None: the reply is given to `token` when the file is complete."""
        if name in self._running:
            recording = self._detach(name)
            self._store(recording, now, now)
            self._disk.finish(name)
            self._ending[name] = (recording, token)
            return None
        if name in self._ending:
            self._ending[name] = (self._ending[name][0], token)
            return None
        return self._ended.get(name, {"frames": 0, "gaps": 0, "path": ""})

    def stop_all(self, now: int) -> None:
        """End all, as if their legs were closed."""
        for name in list(self._running):
            self.stop(name, None, now)

    def leg_closed(self, leg: Leg, now: int) -> None:
        """Recordings whose both legs are gone end."""
        for name, (_, legs) in list(self._running.items()):
            if legs.get(leg.name) is leg:
                del legs[leg.name]
                if not legs:
                    self.stop(name, None, now)

    def take(self, group: int, now: int) -> None:
        """Hand one group's frames to the disk, up to what may still be patched."""
        for recording, _ in self._running.values():
            if recording.group == group:
                self._store(recording, now - HOLD, now)

    def ended(self, name: str, what: Literal["finished", "failed", "low_space"], path: str, frames: int, detail: str) -> None:
        """The disk's outcome."""
        recording: Recording | None = None
        token: object | None = None
        if name in self._running:
            recording = self._detach(name)
        elif name in self._ending:
            recording, token = self._ending.pop(name)
        if recording is None:
            return
        result = {"frames": frames, "gaps": recording.gaps, "path": path}
        self._ended[name] = result
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)
        if what != "finished":
            self._report(Notice(name, what, detail))
        elif token is None:
            self._report(Notice(name, "stopped", path))
        if token is not None:
            self._answer(token, result, detail if what == "failed" else None)

    def states(self) -> tuple[RecordingState, ...]:
        """Those running."""
        return tuple(RecordingState(r.name, r.path, r.left, r.right) for r, _ in self._running.values())

    def _detach(self, name: str) -> Recording:
        recording, legs = self._running.pop(name)
        for leg in legs.values():
            leg.timelines = tuple(line for line in leg.timelines if line not in recording.sides)
        return recording

    def _store(self, recording: Recording, until: int, now: int) -> None:
        frames = recording.take(until, now)
        if not frames:
            return
        if self._disk.write(recording.name, frames, recording.missing):
            recording.missing = 0
        elif recording.lost(len(frames) // CHANNELS):
            self.gaps += 1
            self._report(Notice(recording.name, "gap", "the disk is too slow"))
