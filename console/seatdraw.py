"""What a seat's page makes of its truth: which call the form is about, and which times to call back it offers."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from followup.windows import Window, rest

if TYPE_CHECKING:
    from console.seatview import SeatPage
    from followup.returncalls import OwedCall
    from followup.wrapups import Draft, WrapUp

_CHANGES_BY_ITSELF = re.compile(r'(data-(?:since|until)="[^"]*">)[^<]*|name="csrf_token" value="[^"]*"')

_HALF_HOUR_S = 1800
_SHOWN_S = 120.0
"""How long a call to a plain number is told about after its end."""
_FREE_TO_DIAL = ("idle", "break", "off", "set_aside", "wrap-up")
_MORNING, _AFTERNOON = time(9, 30), time(14, 30)


@dataclass(frozen=True, slots=True)
class Work:
    """The call that the form is about. in_hand: it goes on, or its wrap-up does; else it is an earlier one. return_call_id: the
    return call that it was made for, 0 for none; kept: what is written already; began_at: epoch seconds, of an earlier
    one; talks: it isn't over."""

    call_id: str
    number: str
    kind: str
    kept: WrapUp | None
    in_hand: bool
    return_call_id: int
    began_at: float | None = None
    talks: bool = False

    @property
    def revision(self) -> int:
        return self.kept.revision if self.kept is not None else 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many wait in a queue, and since when the first of them, epoch seconds; None where nobody does."""

    queue: str
    waiting: int
    since: int | None


@dataclass(frozen=True, slots=True)
class QuickTime:
    """A time to call back that is offered. day: 0 today, 1 tomorrow, 2 later; value: as a datetime-local field has it."""

    at: float
    day: int
    value: str


def work_on(page: SeatPage) -> Work | None:
    """The call in hand, unless it is done; a call out only once the other side was talked to."""
    live, facts = page.live, page.facts
    if facts is None:
        return None
    call = live.call if live is not None else None
    dialling = live.dialling if live is not None else None
    if call is not None and (facts.wrap_up is None or facts.wrap_up.done_at is None):
        own = dialling is not None and dialling.call_id == call.call_id
        if not own or dialling is None:
            return Work(call.call_id, call.number, call.kind, facts.wrap_up, True, 0, talks=call.lives)
        if dialling.step == "talking" or dialling.outcome == "talked":
            owed = int(dialling.callback_id) if dialling.callback_id.isdigit() else 0
            number = call.number or dialling.number
            return Work(call.call_id, number, call.kind, facts.wrap_up, True, owed, talks=call.lives)
    return None


def unsettled(page: SeatPage, now: float) -> bool:
    """Whether what became of the latest dialling is still to be shown: for a while, and of a return call until its result is
    entered."""
    dialling = page.live.dialling if page.live is not None else None
    if dialling is None or dialling.live:
        return dialling is not None
    if not dialling.callback_id:
        return now - dialling.since < _SHOWN_S
    owed = dialled(page)
    return dialling.outcome != "talked" and owed is not None and (owed.next_at or 0.0) <= dialling.since


def may_dial(page: SeatPage) -> bool:
    """Whether the seat can call somebody now."""
    return page.live is not None and page.show in _FREE_TO_DIAL


def dialled(page: SeatPage) -> OwedCall | None:
    """The return call that the latest dialling is for, while it is owed."""
    dialling = page.live.dialling if page.live is not None else None
    due = page.facts.due if page.facts is not None else ()
    return next((one for one in due if dialling is not None and str(one.id) == dialling.callback_id), None)


def lines(page: SeatPage) -> tuple[Waiting, ...]:
    """The queues that the seat serves, for who has no call."""
    live = page.live
    if live is None or live.call is not None:
        return ()
    return tuple(
        Waiting(line.queue, line.waiting, round(live.at - line.waited_s) if line.waiting else None) for line in live.lines
    )


def merged(theirs: Draft, mine: Draft) -> Draft:
    """What two screens have written of one talk: the notes of both; of the rest, what was said last."""
    if mine.notes in theirs.notes:
        return replace(mine, notes=theirs.notes)
    if theirs.notes in mine.notes:
        return mine
    return replace(mine, notes=f"{theirs.notes}\n{mine.notes}")


def quick_times(now: float, zone: ZoneInfo, window: Window) -> list[QuickTime]:
    """In one hour, in two, the next morning and afternoon, on half hours; those in the customers' rest are left out."""
    here = datetime.fromtimestamp(now, zone)
    soon = [_rounded(now + 3600.0), _rounded(now + 7200.0)]
    tomorrow = here.date() + timedelta(days=1)
    later = [datetime.combine(tomorrow, each, zone).timestamp() for each in (_MORNING, _AFTERNOON)]
    return [_quick(at, here, zone) for at in soon + later if not _resting(window, at)]


def _rounded(at: float) -> float:
    return -(-at // _HALF_HOUR_S) * _HALF_HOUR_S


def _resting(window: Window, at: float) -> bool:
    found = rest(window, at)
    return found is not None and found.now


def _quick(at: float, here: datetime, zone: ZoneInfo) -> QuickTime:
    moment = datetime.fromtimestamp(at, zone)
    return QuickTime(at, min((moment.date() - here.date()).days, 2), moment.strftime("%Y-%m-%dT%H:%M"))


def fingerprint(html: str) -> str:
    """Another one where something else is shown, whatever time it is and for whom."""
    still = _CHANGES_BY_ITSELF.sub(r"\1", html)
    return f"{zlib.crc32(still.encode()):08x}"
