"""How many calls are let in: so many a second, a burst of one second's worth."""

from __future__ import annotations


class Rate:
    """A token bucket. per_s 0: no limit."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._most = max(1.0, per_s)
        self._tokens = self._most
        self._at = 0.0

    def admits(self, now: float) -> bool:
        """Whether one more may come at `now` (seconds of a clock that never jumps)."""
        if not self._per_s:
            return True
        self._tokens = min(self._most, self._tokens + (now - self._at) * self._per_s)
        self._at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
