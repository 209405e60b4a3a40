"""Callers who are turned away before the answer (whoever owns a 400 number pays for each answered minute): numbers on the
block list (黑名单), and numbers that call too often."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

MAX_NUMBERS, MAX_LENGTH = 10_000, 32
"""So many numbers are counted at most; the one that has not called for longest is forgotten first. What a remote sends as
its number may be of any length: so many characters of it count."""


@dataclass(frozen=True, slots=True)
class Block:
    """until: by the clock of refuses(), None for ever."""

    reason: str
    until: float | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """why: on the block list, for `reason`; or max_calls in window_s were reached. left_s: until the number may call again,
    None for never."""

    why: Literal["blocked", "too_many_calls"]
    reason: str
    left_s: float | None


class Callers:
    """One node's gate. An anonymous caller ("") has no number to be known by and always passes.

    max_calls: so many calls of one number in window_s are let in, counted on this node from the first of them; 0: any.
    unlimited: numbers that are not counted.
    """

    def __init__(self, max_calls: int, window_s: float, unlimited: Collection[str] = ()) -> None:
        self.blocked: Mapping[str, Block] = {}
        """By number; the app replaces it."""
        self._max_calls = max_calls
        self._window_s = window_s
        self._unlimited = frozenset(unlimited)
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def refuses(self, number: str, now: float, *, limited: bool = True) -> Refusal | None:
        """Why a call of this number, which comes now, is not let in; None when it is, and then it counts, unless it comes from
        where calls are not `limited`."""
        number = number[:MAX_LENGTH]
        if not number:
            return None
        block = self.blocked.get(number)
        if block is not None and (block.until is None or now < block.until):
            return Refusal("blocked", block.reason, None if block.until is None else block.until - now)
        if not limited or number in self._unlimited:
            return None
        since, calls = self._counts.get(number, (now, 0))
        if now - since >= self._window_s:
            since, calls = now, 0
        if self._max_calls and calls >= self._max_calls:
            return Refusal("too_many_calls", "", since + self._window_s - now)
        self._counts[number] = (since, calls + 1)
        self._counts.move_to_end(number)
        if len(self._counts) > MAX_NUMBERS:
            self._counts.popitem(last=False)
        return None
