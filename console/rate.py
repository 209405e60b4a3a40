"""[io] How fast requests may come: a bucket for each who asks, by address or person. Kept in the memory of this process, which
is the only one of its node: a shared one would cost a round trip to Redis for each request, and pages must do without Redis."""

from __future__ import annotations

import threading
from collections import OrderedDict

MAX_KEPT = 10_000
"""So many are counted at most; who has not asked for longest is forgotten first."""


class Rate:
    """`per_s` requests a second in the long run, `burst` at once. Safe for threads. Times are of one monotonic clock."""

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, who: str, now: float) -> float:
        """One request of `who`: 0.0 when it may pass, else the seconds until one may."""
        with self._lock:
            left, at = self._buckets.get(who, (self._burst, now))
            left = min(self._burst, left + (now - at) * self._per_s)
            passes = left >= 1.0
            self._buckets[who] = (left - 1.0 if passes else left, now)
            self._buckets.move_to_end(who)
            if len(self._buckets) > MAX_KEPT:
                self._buckets.popitem(last=False)
            return 0.0 if passes else (1.0 - left) / self._per_s
