"""Where a number leads that a seat dials or names in a transfer, and which numbers may go out through a trunk.

Nothing goes out unless a prefix of the trunk allows it. Numbers that cost somebody money (premium lines, abroad) are allowed
only by a prefix that is itself one of theirs: "0" lets all landlines pass, but no 0471 96…; "+852" lets Hong Kong pass.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from ivr.sip.number import normalise

NumberFormat = Literal["national", "e164", "zero_other_city"]
"""How a trunk wants the called number: 13912345678 and 04714613311; +8613912345678; or as dialled from a telephone of the
trunk's own city: 4613311, 013912345678 for a mobile of another city."""

PREMIUM = ("160", "168", "96", "1259")
"""声讯台 and information lines, with or without an area code before them."""
_AREA = re.compile(r"0(10|2\d|[3-9]\d{2})")
_WRITTEN = re.compile(r"[\s().-]")


@dataclass(frozen=True, slots=True)
class Callee:
    """Whom we call: a seat's telephone (`seat`; one behind a trunk has to `confirm` by a key that a person took the call), or
    an outside `number`, as the trunk wants it, through `trunk` with `caller_id`. attempt: which of the trunk's addresses is
    tried, from 0. contact: which of the seat's telephones, by its registered URI; "" for all of them. After a redirection:
    server, the trunk's own (host:port) that the number is called at, or proxy, what it is called by."""

    seat: str = ""
    number: str = ""
    trunk: str = ""
    caller_id: str = ""
    confirm: bool = False
    attempt: int = 0
    contact: str = ""
    server: str = ""
    proxy: str = ""

    @property
    def by_trunk(self) -> bool:
        """Whether a trunk carries it, by one of several addresses."""
        return self.confirm or not self.seat

    @property
    def name(self) -> str:
        """The agent number, or the outside number."""
        return self.seat or self.number

    @property
    def place(self) -> str:
        """Where it is called: the same for what is the same to a peer."""
        if not self.by_trunk:
            return f"{self.seat} {self.contact}"
        return f"{self.number}@{self.server or self.trunk} {self.proxy}"

    def next(self) -> Callee:
        """The same by the trunk's next address."""
        return replace(self, attempt=self.attempt + 1)


@dataclass(frozen=True, slots=True)
class ToQueue:
    """The number of a queue."""

    queue: str


@dataclass(frozen=True, slots=True)
class ToHotline:
    """A landing number."""

    hotline: str


@dataclass(frozen=True, slots=True)
class ToRating:
    """The code by which a seat hands the caller on to the rating."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a number leads nowhere: "invalid" (no such number), "not_allowed" (no prefix allows it), "premium", "foreign",
    "caller_id" (none, or one that is not the trunk's), "no_trunk". status: of the SIP refusal."""

    why: Literal["invalid", "not_allowed", "premium", "foreign", "caller_id", "no_trunk"]

    @property
    def status(self) -> int:
        return 404 if self.why == "invalid" else 403


Destination = Callee | ToQueue | ToHotline | ToRating | Refused


@dataclass(frozen=True, slots=True)
class TrunkPlan:
    """What may go out through one trunk, and how it is written."""

    name: str
    caller_ids: tuple[str, ...] = ()
    number_format: NumberFormat = "national"
    allow_prefixes: tuple[str, ...] = ()
    home_area_code: str | None = None

    def outgoing(self, dialled: str, caller_id: str = "") -> Callee | Refused:
        """The way of a dialled number through this trunk. caller_id "": the trunk's first."""
        text = _WRITTEN.sub("", dialled)
        known = normalise(text, self.home_area_code)
        number = known.number if known.dialable and not _AREA.match(text) else text
        refusal = self._refusal(number, known.dialable)
        if refusal is not None:
            return refusal
        shown = caller_id or next(iter(self.caller_ids), "")
        if shown not in self.caller_ids:
            return Refused("caller_id")
        return Callee(number=self.written(number), trunk=self.name, caller_id=shown)

    def written(self, number: str) -> str:
        """A number that normalise() gave, as this trunk wants it."""
        short = not (number.startswith(("0", "+")) or len(number) == 11)  # 10086, 4008001234: the same everywhere
        if self.number_format == "e164":
            return number if short or number.startswith("+") else "+86" + number.removeprefix("0")
        if number.startswith("+"):
            return "00" + number[1:]
        if self.number_format == "national" or self.home_area_code is None or short:
            return number
        if number.startswith("0"):
            return number.removeprefix(self.home_area_code)
        return number if normalise(number, None).city == _city(self.home_area_code) else "0" + number

    def _refusal(self, number: str, dialable: bool) -> Refused | None:
        if not re.fullmatch(r"\+?[0-9]{3,20}", number):
            return Refused("invalid")
        allowing = [prefix for prefix in self.allow_prefixes if number.startswith(prefix)]
        area = _AREA.match(number)
        for start in {0, area.end() if area else 0}:
            for premium in PREMIUM:
                if number.startswith(premium, start) and not any(p.startswith(premium, start) for p in allowing):
                    return Refused("premium")
        if number.startswith(("+", "00")) and not any(prefix.startswith(("+", "00")) for prefix in allowing):
            return Refused("foreign")
        if not dialable and number not in allowing:
            return Refused("invalid")
        return None if allowing else Refused("not_allowed")


@dataclass(frozen=True, slots=True)
class DialPlan:
    """All numbers of an installation. seats: by agent number; hotlines and queues: names by the number that is dialled for
    them; trunks: in the order in which they are tried; rating: the code of the rating, "" for none."""

    seats: Mapping[str, Callee] = field(default_factory=dict)
    hotlines: Mapping[str, str] = field(default_factory=dict)
    queues: Mapping[str, str] = field(default_factory=dict)
    trunks: tuple[TrunkPlan, ...] = ()
    rating: str = ""

    def resolve(self, dialled: str, *, trunk: str = "", caller_id: str = "") -> Destination:
        """Where a number leads: a landing number, a seat, a queue, the rating, else out, through `trunk` or the first that lets
        it."""
        if dialled in self.hotlines:
            return ToHotline(self.hotlines[dialled])
        if dialled in self.seats:
            return self.seats[dialled]
        if dialled in self.queues:
            return ToQueue(self.queues[dialled])
        if dialled == self.rating:
            return ToRating()
        return self.outgoing(dialled, trunk=trunk, caller_id=caller_id)

    def outgoing(self, dialled: str, *, trunk: str = "", caller_id: str = "") -> Callee | Refused:
        """The way out of a number, through `trunk` or the first that lets it."""
        answers = [plan.outgoing(dialled, caller_id) for plan in self.trunks if trunk in ("", plan.name)]
        ways = [answer for answer in answers if isinstance(answer, Callee)]
        return ways[0] if ways else next(iter(answers), Refused("no_trunk"))


@lru_cache(maxsize=64)
def _city(area_code: str) -> str:
    """The city of an area code: that of any landline there, whose numbers have eight or seven digits."""
    return next((place.city for rest in ("62345678", "6234567") if (place := normalise(area_code + rest, None)).dialable), "")
