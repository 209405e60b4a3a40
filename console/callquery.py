"""The filters of the call log as a page's address says them, so that a list can be kept, sent on and exported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from followup.calllog import OUTCOMES
from followup.search import OWED, SHORTEST_TAIL, SORTS, Key, Search, tail_of

KINDS = ("inbound", "outbound", "internal")
MAX_TALK_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class Query:
    """What a page's address asks for. `values`: its filters as they were understood, by name, those that filter nothing left
    out: the same again as an address, and what forms show. Days are local, both counted in."""

    values: Mapping[str, str]
    search: Search
    first: date | None
    last: date | None

    @property
    def sort(self) -> str:
        """One of followup.search.SORTS."""
        return self.values.get("sort", "newest")

    @property
    def filtered(self) -> bool:
        """Whether it asks for less than all calls."""
        return any(name != "sort" for name in self.values)


def read(given: Mapping[str, str], zone: ZoneInfo) -> Query:
    """The filters from an address's ?number=, hotline=, queue=, seat=, outcome=, kind=, owed=, recorded=1, message=1, talk=
    (seconds), note=, from=, to= (YYYY-MM-DD, or day= for both), sort=. Wrong values are taken as none."""

    def words(name: str, most: int) -> str:
        return "".join(c for c in given.get(name, "") if c.isprintable()).strip()[:most]

    def one_of(name: str, allowed: tuple[str, ...]) -> str:
        return given[name] if given.get(name) in allowed else ""

    first, last = (day_of(given.get(name) or given.get("day", "")) for name in ("from", "to"))
    if first is not None and last is not None and last < first:
        first, last = last, first
    number = tail_of(given.get("number", ""))[:32]
    talk = given.get("talk", "")
    values = {
        "number": number if len(number) >= SHORTEST_TAIL else "",
        "from": "" if first is None else first.isoformat(),
        "to": "" if last is None else last.isoformat(),
        "hotline": words("hotline", 64),
        "queue": words("queue", 64),
        "seat": words("seat", 64),
        "outcome": one_of("outcome", OUTCOMES),
        "kind": one_of("kind", KINDS),
        "owed": one_of("owed", OWED),
        "talk": talk if talk.isascii() and talk.isdigit() and len(talk) < 6 and 0 < int(talk) <= MAX_TALK_S else "",
        "recorded": one_of("recorded", ("1",)),
        "message": one_of("message", ("1",)),
        "note": words("note", 100),
        "sort": one_of("sort", tuple(sort for sort in SORTS if sort != "newest")),
    }
    search = Search(
        values["number"],
        values["hotline"],
        values["queue"],
        values["seat"],
        values["outcome"],
        values["kind"],
        next(owed for owed in OWED if owed == values["owed"]),
        recorded=bool(values["recorded"]),
        message=bool(values["message"]),
        min_talk_s=float(values["talk"]) if values["talk"] else None,
        note=values["note"],
    )
    if first is not None:
        search = replace(search, since=begin_of(first, zone))
    if last is not None:
        search = replace(search, until=begin_of(last + timedelta(days=1), zone))
    return Query({name: value for name, value in values.items() if value}, search, first, last)


def key_of(given: Mapping[str, str], name: str) -> Key | None:
    """The key of a page, None where there is none that can be read."""
    return Key.read(given.get(name, ""))


def day_of(text: str) -> date | None:
    """A day of this era, None for anything else."""
    try:
        day = date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None
    return day if day is not None and 1970 < day.year < 9999 else None


def begin_of(day: date, zone: ZoneInfo) -> float:
    """When a local day begins: epoch seconds."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
