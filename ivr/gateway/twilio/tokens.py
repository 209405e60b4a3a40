"""One-time tokens: what a stream has to bring along so that it is believed to be a call's. Given out in the TwiML, used once,
by that call, within ten seconds."""

from __future__ import annotations

from collections.abc import Callable

LASTS_S = 10.0
MAX_OPEN = 10_000


class Tokens:
    """`make` gives fresh random texts of at least 128 bits. Times are seconds of one clock."""

    def __init__(self, make: Callable[[], str]) -> None:
        self._make = make
        self._open: dict[str, tuple[str, float]] = {}

    def give(self, call_sid: str, now: float) -> str:
        """A token for this call's stream."""
        for token in [token for token, (_, until) in self._open.items() if until <= now]:
            del self._open[token]
        while len(self._open) >= MAX_OPEN:
            del self._open[next(iter(self._open))]
        token = self._make()
        self._open[token] = (call_sid, now + LASTS_S)
        return token

    def take(self, token: str, call_sid: str, now: float) -> bool:
        """Whether it is this call's, and was not used before. Right or wrong, it is used now."""
        owner, until = self._open.pop(token, ("", 0.0))
        return owner != "" and owner == call_sid and now < until
