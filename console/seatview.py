"""[io] The seat page's whole truth, as one value: what is live of the seat (Redis), and what is known and owed (SQL). Cheap
enough to be asked for at each event that concerns the seat; either source may be away, and the value says so.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from followup import history, returncalls, wrapups
from followup.history import LoggedCall, SeatDay
from followup.returncalls import OwedCall
from followup.wrapups import WrapUp
from routing.desk import Desk, SeatCall, desk
from storage.sql import Source, reading

if TYPE_CHECKING:
    from redis import Redis
    from sqlalchemy import Engine

LAST_CALLS = 6
LATEST = 8
MOST_DUE = 50


@dataclass(frozen=True, slots=True)
class Earlier:
    """A call of the log, and what was written of it."""

    call: LoggedCall
    wrap_up: WrapUp | None


@dataclass(frozen=True, slots=True)
class Clock:
    """The wrap-up's: when it ends (epoch seconds), and when at the latest, however long somebody writes."""

    until: float
    latest: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What SQL says. earlier: the same number's latest calls, this one left out; owed: the return call that is pending for this
    number; due: those that are the person's, the earliest deadline first; wrap_up: what is written of the present call; drafts:
    of earlier talks that are not done; latest: the seat's latest talks; today: its figures."""

    earlier: tuple[Earlier, ...]
    owed: tuple[OwedCall, ...]
    due: tuple[OwedCall, ...]
    free: int
    """Return calls that nobody has claimed."""
    wrap_up: WrapUp | None
    drafts: tuple[WrapUp, ...]
    latest: tuple[Earlier, ...]
    today: SeatDay


@dataclass(frozen=True, slots=True)
class SeatPage:
    """All that the page shows. at: by which clock it counts on, epoch seconds. show: in one word, a key of
    console.labels.SEAT_STATES: a call in hand first, else why none comes, else "idle". live: None while Redis is away; facts:
    None while SQL is. nth: which call of this number the present one is, from 1; None where that isn't known or it hid its
    number. clock: in wrap-up only."""

    number: str
    at: float
    show: str
    live: Desk | None
    facts: Facts | None
    nth: int | None
    clock: Clock | None

    @property
    def call_id(self) -> str:
        """The call that the seat has or wraps up, "" for none."""
        return self.live.call.call_id if self.live is not None and self.live.call is not None else ""


@dataclass(frozen=True, slots=True)
class Terms:
    """Of the settings: the longest wrap-up, and whose midnight begins the day."""

    wrap_up_max_s: float = 300.0
    time_zone: str = "Asia/Shanghai"


class NoSuchSeat(LookupError):
    """Redis knows no seat of this number: the settings have none, or no engine has run yet."""


def seat_view(engine: Engine, redis: Redis | None, number: str, login: str, terms: Terms, now: float | None = None) -> SeatPage:
    """The page of a seat and of the person who works there. One script of Redis (None: it can't be reached), eight SELECTs.
    Raises NoSuchSeat."""
    now = time.time() if now is None else now
    live = None
    if redis is not None:
        try:
            live = desk(redis, number)
        except (RedisError, OSError):
            redis = None
        if live is None and redis is not None:
            raise NoSuchSeat(number)
    try:
        with reading(engine) as view:
            facts = _facts(view, number, login, live, terms, now)
    except DBAPIError:
        facts = None
    return SeatPage(number, live.at if live else now, _show(live), live, facts, _nth(live, facts), _clock(live, terms))


def _facts(source: Source, number: str, login: str, live: Desk | None, terms: Terms, now: float) -> Facts:
    call = live.call if live is not None else None
    caller = call.number if call is not None else ""
    others = history.of_number(source, caller, LAST_CALLS, but=call.call_id if call else "") if caller else []
    latest = history.of_seat(source, number, LATEST)
    wanted = {row.row.call_id for row in (*others, *latest)} | ({call.call_id} if call else set())
    written: Mapping[str, WrapUp] = wrapups.of_calls(source, sorted(wanted))
    midnight = datetime.fromtimestamp(now, ZoneInfo(terms.time_zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    return Facts(
        earlier=tuple(Earlier(row, written.get(row.row.call_id)) for row in others),
        owed=tuple(returncalls.of_number(source, caller, now)) if caller else (),
        due=tuple(returncalls.of_person(source, login, now, limit=MOST_DUE)),
        free=returncalls.count_free(source),
        wrap_up=written.get(call.call_id) if call is not None else None,
        drafts=tuple(one for one in wrapups.drafts(source, number) if call is None or one.call_id != call.call_id),
        latest=tuple(Earlier(row, written.get(row.row.call_id)) for row in latest),
        today=history.seat_day(source, number, midnight.timestamp(), now),
    )


def _show(live: Desk | None) -> str:
    if live is None:
        return ""
    seat = live.seat
    if seat.state != "idle":
        return seat.state
    if seat.status != "ready":
        return seat.status
    if not seat.registered:
        return "not_registered"
    return "set_aside" if seat.aside_until else "idle"


def _nth(live: Desk | None, facts: Facts | None) -> int | None:
    """As the list of earlier calls beside it has it, as long as that holds all of them. Of more Redis knows the count, of calls
    that have ended: one that is being wrapped up may be among them."""
    call = live.call if live is not None else None
    if call is None or not call.number or call.kind != "inbound":
        return None
    counted = call.known.calls + 1 if call.lives else max(call.known.calls, 1)
    if facts is None:
        return counted
    came = sum(one.call.row.kind == "inbound" and _before(one.call.row.arrived_at, call) for one in facts.earlier)
    return came + 1 if len(facts.earlier) < LAST_CALLS else max(counted, came + 1)


def _before(arrived_at: float, call: SeatCall) -> bool:
    return call.since is None or arrived_at < call.since


def _clock(live: Desk | None, terms: Terms) -> Clock | None:
    seat = live.seat if live is not None else None
    if seat is None or seat.state != "wrap-up" or seat.until is None or seat.since is None:
        return None
    return Clock(seat.until, max(seat.until, seat.since + terms.wrap_up_max_s))
