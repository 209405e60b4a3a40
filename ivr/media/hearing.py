"""What heard legs say, on its way to a speech process as it comes: in order, numbered, dropped rather than waited for.

Sound that simply follows leaves at once. A packet that comes too early is held until those before it have come, or PATIENCE is
over; then its position tells how much is missing. Nothing is made up here, and nothing is said of silence: whoever hears knows
the time too. Legs that nobody hears have none of this.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ivr.media.control import Message, Unheard
from ivr.media.leg import Leg
from ivr.media.rtp import SAMPLE_RATE, TIMESTAMP, timestamp_step
from ivr.speech import frames

PATIENCE = 480
"""Samples for which a missing packet is waited for: 60 ms."""

PAUSE = 1600
"""A gap of 200 ms or more is a pause of the speaker's, or no loss that waiting would mend."""

_HELD = 10
_JUMP = 10 * SAMPLE_RATE


class Sink(Protocol):
    """Where frames go (frameport.FramePort). `send` never waits; False: it did not get there."""

    def send(self, path: str, datagram: bytes) -> bool: ...


class Hearing:
    """One turn's sound of one leg; a timeline.Voice."""

    __slots__ = ("_at", "_began", "_held", "_held_since", "_next", "_sink", "dropped", "number", "path", "turn")

    def __init__(self, turn: int, path: str, sink: Sink, now: int) -> None:
        self.turn = turn
        self.path = path
        self.number = 0
        """Of the next frame."""
        self.dropped = 0
        self._sink = sink
        self._began = now
        self._at = 0  # position of the next sample
        self._next = -1  # its timestamp; negative: whatever comes is laid by its arrival
        self._held: dict[int, bytes] = {}  # by timestamp
        self._held_since = 0

    def restart(self) -> None:
        """Another source begins, or timestamps begin anew."""
        self._let_go()
        self._next = -1

    def noise(self, level: int) -> None:
        """The speaker is silent; that is what no frames mean too."""

    def place(self, timestamp: int, payload: memoryview | bytes, now: int) -> None:
        """A packet's A-law `payload` that arrived at `now`."""
        step = timestamp_step(timestamp, self._next) if self._next >= 0 else _JUMP
        if abs(step) >= _JUMP:
            self._let_go()
            self._at = max(self._at, now - len(payload) - self._began)
            self._next, step = timestamp, 0
        if step >= PAUSE:
            self._let_go()
            step = 0
        if step < 0:  # too late
            return
        if step == 0:
            self._send(timestamp, bytes(payload))
            self._follow()
            return
        if not self._held:
            self._held_since = now
        self._held[timestamp] = bytes(payload)
        if now - self._held_since >= PATIENCE or len(self._held) > _HELD:
            self._let_go()

    def tick(self, now: int) -> None:
        """Nothing may come after what is held."""
        if self._held and now - self._held_since >= PATIENCE:
            self._let_go()

    def _follow(self) -> None:
        while self._next in self._held:
            self._send(self._next, self._held.pop(self._next))

    def _let_go(self) -> None:
        """Send what is held, in order, whatever is missing."""
        while self._held:
            timestamp = min(self._held, key=lambda each: timestamp_step(each, self._next))
            sound = self._held.pop(timestamp)
            if timestamp_step(timestamp, self._next) >= 0:
                self._send(timestamp, sound)

    def _send(self, timestamp: int, sound: bytes) -> None:
        self._at += timestamp_step(timestamp, self._next)
        if not self._sink.send(self.path, frames.write(self.turn, self.number, self._at, sound)):
            self.dropped += 1
        self.number += 1
        self._at += len(sound)
        self._next = (timestamp + len(sound)) & TIMESTAMP


class Hearings:
    """The heard legs of a process."""

    def __init__(self, sink: Sink, report: Callable[[Message], None]) -> None:
        self._sink = sink
        self._report = report
        self._heard: dict[Leg, Hearing] = {}
        self.dropped = 0
        """Frames of all turns that have ended."""

    def __len__(self) -> int:
        return len(self._heard)

    def begin(self, leg: Leg, turn: int, path: str, now: int) -> None:
        """Hear the leg from now on, for this turn and no other. Said again it changes nothing."""
        hearing = self._heard.get(leg)
        if hearing is not None and (hearing.turn, hearing.path) == (turn, path):
            return
        self.end(leg)
        self._heard[leg] = hearing = Hearing(turn, path, self._sink, now)
        leg.timelines += (hearing,)

    def end(self, leg: Leg | None, turn: int | None = None) -> dict[str, int]:
        """Hear it no more; with a `turn` only if that is still the one. How many frames there were, and how many were lost."""
        hearing = None if leg is None else self._heard.get(leg)
        if leg is None or hearing is None or turn not in (None, hearing.turn):
            return {"frames": 0, "dropped": 0}
        del self._heard[leg]
        leg.timelines = tuple(each for each in leg.timelines if each is not hearing)
        self.dropped += hearing.dropped
        if hearing.dropped:
            self._report(Unheard(leg.name, hearing.turn, hearing.number, hearing.dropped))
        return {"frames": hearing.number, "dropped": hearing.dropped}

    def end_all(self) -> None:
        """Nobody is there any more who wanted it."""
        for leg in list(self._heard):
            self.end(leg)

    def tick(self, now: int) -> None:
        """Every 100 ms or so."""
        for hearing in self._heard.values():
            hearing.tick(now)
