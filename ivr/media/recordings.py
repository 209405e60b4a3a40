"""All running recordings of a process: begun and ended by command, taken in turns, ended early when they must."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from ivr.media.control import Message, Record, RecordingState
from ivr.media.control import Recording as Notice
from ivr.media.leg import Leg
from ivr.media.recording import HOLD, Recording
from ivr.media.rtp import SAMPLE_RATE

GROUPS = 10
"""Each recording is taken once a second, a tenth of them at a time."""

_REMEMBERED = 1000


class Disk(Protocol):
    """What is asked of the writer (writer.Writer)."""

    def open(self, name: str, path: str, channels: int) -> None: ...

    def write(self, name: str, data: bytes, skipped: int) -> bool: ...

    def finish(self, name: str, keep: int | None) -> None: ...


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
        self._over: OrderedDict[str, str] = OrderedDict()  # by path: those that ended by themselves, and don't begin anew
        self._count = 0
        self.gaps = 0

    def __len__(self) -> int:
        return len(self._running) + len(self._ending)

    def start(self, order: Record, legs: Mapping[str, Leg], now: int) -> str:
        """Begin, or find it begun already, or ended by itself. Returns the path. `legs` holds its sides."""
        if order.recording in self._running:
            return self._running[order.recording][0].order.path
        if order.recording in self._over:
            return self._over[order.recording]
        self._count += 1
        recording = Recording(order, start=now, group=self._count % GROUPS)
        for name, side in zip(order.legs, recording.sides, strict=True):
            legs[name].timelines += (side,)
        self._running[order.recording] = (recording, dict(legs))
        self._disk.open(order.recording, order.path, recording.channels)
        return order.path

    def stop(self, name: str, token: object | None, now: int) -> dict[str, Any] | None:
        """End it. None: the reply is given to `token` when the file is complete."""
        if name in self._running:
            self._store(self._running[name][0], now, now)
            self._finish(name, token)
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
        """Recordings whose legs are all gone end."""
        for name, (_, legs) in list(self._running.items()):
            if legs.get(leg.name) is leg:
                del legs[leg.name]
                if not legs:
                    self.stop(name, None, now)

    def take(self, group: int, now: int) -> None:
        """Hand one group's frames to the disk, up to what may still be patched; end those that are over."""
        for recording, _ in list(self._running.values()):
            if recording.group == group:
                self._store(recording, now - HOLD, now)
                if recording.over:
                    self._finish(recording.order.recording, None)

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
        seconds = frames / SAMPLE_RATE
        if what != "finished":
            self._report(Notice(name, what, detail, seconds))
        elif recording.over:
            self._report(Notice(name, recording.over, path, seconds))
        elif token is None:
            self._report(Notice(name, "stopped", path, seconds))
        if token is not None:
            self._answer(token, result, detail if what == "failed" else None)

    def states(self) -> tuple[RecordingState, ...]:
        """Those running."""
        orders = (recording.order for recording, _ in self._running.values())
        return tuple(RecordingState(order.recording, order.path, order.left, order.right) for order in orders)

    def _finish(self, name: str, token: object | None) -> None:
        """All that is wanted of it was handed to the disk."""
        recording = self._detach(name)
        self._disk.finish(name, recording.keep)
        self._ending[name] = (recording, token)
        if recording.over:
            self._over[name] = recording.order.path
            if len(self._over) > _REMEMBERED:
                self._over.popitem(last=False)

    def _detach(self, name: str) -> Recording:
        recording, legs = self._running.pop(name)
        for leg in legs.values():
            leg.timelines = tuple(line for line in leg.timelines if line not in recording.sides)
        return recording

    def _store(self, recording: Recording, until: int, now: int) -> None:
        frames = recording.take(until, now)
        if not frames:
            return
        name = recording.order.recording
        if self._disk.write(name, frames, recording.missing):
            recording.missing = 0
        elif recording.lost(len(frames) // recording.channels):
            self.gaps += 1
            self._report(Notice(name, "gap", "the disk is too slow"))
