"""Whether a process that says each second that it goes on has fallen silent: it hangs, or was stopped."""

from __future__ import annotations

SILENT_S = 8.0
"""A process that has beaten once and then not for so long is killed. Its callers hear nothing meanwhile, or are not answered,
so it is to be short; but a killed one costs something, a gateway all its callers, and what comes to itself again costs nobody
anything. Processors that are much too busy make beats late by tenths of a second, a disk that is choked by seconds."""
PATIENT_S = 30.0
"""The same of one for whom no caller waits, and who may wait long for a database: what was begun there is begun anew."""
LOOK_S = 1.0
"""Whoever looks does it more often than this. What a look is late by is his own doing: he was not awake, and nobody was heard
then."""


class Watchdog:
    """One process's; `silent_s`: how long it may say nothing. Times are seconds of one clock."""

    def __init__(self, silent_s: float = SILENT_S) -> None:
        self.bound_s = silent_s
        self._beats = False
        self._silent_s = 0.0
        self._looked_at = 0.0

    def beat(self) -> None:
        """It was heard, or was ready. One that was never heard is not waited for: it may take long to start."""
        self._beats = True
        self._silent_s = 0.0

    def stop(self) -> None:
        """It ends: what it still does may take its time."""
        self._beats = False
        self._silent_s = 0.0

    def look(self, now: float) -> bool:
        """Time passed. Whether it hangs."""
        awake_s = min(now - self._looked_at, LOOK_S)
        self._looked_at = now
        if self._beats:
            self._silent_s += awake_s
        return self._silent_s >= self.bound_s
