"""How much sound is under way to the outside party and not heard yet: never more than 60 ms, so that a burst costs a moment's
sound and not a delay for the rest of the call.

Whoever plays our frames plays them one after the other: what comes in time plays at once, what comes in a burst waits. `until`
is when it will have played all that was sent. Marks tell whether that is so: a mark that comes back late says that the way is
blocked (a slow reader, a stalled network), then nothing more is sent until one comes."""

from __future__ import annotations

from collections import deque

LIMIT_S = 0.06
MARK_EVERY_S = 0.5
STALLED_S = 1.0
"""A mark that is out for so long: what was sent lies somewhere on its way."""
FORGET_S = 5.0
"""After so long without a mark sound is sent all the same, that a peer that loses marks is not silent for ever. One that comes
back after that was not lost: what was sent since lies on its way, as that before it did."""
FORGOTTEN = 16
"""Marks of the past that are known as such."""

_MS = 0.001


class Ahead:
    """One stream's. Times are seconds of one clock."""

    __slots__ = (
        "_forgotten",
        "_limit_s",
        "_mark_at",
        "_marks",
        "_number",
        "_proved",
        "_stalled",
        "_until",
        "cleared",
        "dropped",
        "sent",
    )

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s
        self._until = 0.0
        self._marks: deque[tuple[str, float]] = deque()
        self._forgotten: deque[str] = deque(maxlen=FORGOTTEN)
        self._mark_at = 0.0
        self._number = 0
        self._proved = False  # a mark has come back: this peer gives them back
        self._stalled = False
        self.sent = 0
        """Frames that were sent, and those that were not, for they would have been heard too late."""
        self.dropped = 0
        self.cleared = 0

    def ahead_s(self, now: float) -> float:
        """How much of what was sent is still to be heard."""
        return max(0.0, self._until - now)

    def frame(self, seconds: float, now: float) -> bool:
        """Whether a frame of so many seconds may go out now."""
        self._judge(now)
        ahead = max(0.0, self._until - now)
        if self._stalled or ahead + seconds > self._limit_s + _MS:
            self.dropped += 1
            return False
        self.sent += 1
        self._until = now + ahead + seconds
        return True

    def mark(self, now: float) -> str:
        """The name of a mark to send now, "" where none is due."""
        if now < self._mark_at or self._stalled:
            return ""
        self._mark_at = now + MARK_EVERY_S
        self._number += 1
        name = f"m{self._number}"
        self._marks.append((name, now))
        return name

    def heard(self, name: str, now: float) -> bool:
        """A mark came back. Whether what was sent since lay on its way for too long and is to be thrown away (clear)."""
        if name in self._forgotten:
            self.clear(now)
            return True
        if all(known != name for known, _ in self._marks):
            return False
        self._proved = True
        while self._marks.popleft()[0] != name:
            pass
        late, self._stalled = self._stalled, False
        if late:
            self.clear(now)
        return late

    def clear(self, now: float) -> None:
        """What is under way is thrown away."""
        self._until = now
        self._marks.clear()
        self._forgotten.clear()
        self._stalled = False
        self.cleared += 1

    def _judge(self, now: float) -> None:
        waits_s = now - self._marks[0][1] if self._marks else 0.0
        self._stalled = self._proved and waits_s > STALLED_S
        if self._stalled and waits_s > FORGET_S:
            self._forgotten.extend(name for name, _ in self._marks)
            self._marks.clear()
            self._stalled = False
