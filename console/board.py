"""The floor as the page draws it: what changes by itself, a waiting time, is kept as the moment it began."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from routing.floor import Floor


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A call that lives; `since` is when its phase began, epoch seconds or None."""

    call_id: str
    phase: str
    hotline: str
    caller: str
    queue: str
    seat: str
    node: str
    menu: str
    alive: bool
    since: float | None


@dataclass(frozen=True, slots=True)
class SeatCard:
    """A seat; `show` is a key of console.labels.SEAT_STATES: what a supervisor wants to know first."""

    number: str
    name: str
    show: str
    reason: str
    since: float | None
    caller: str
    call_id: str
    queues: tuple[str, ...]
    registered: bool = True


@dataclass(frozen=True, slots=True)
class Waiter:
    """A caller in a queue, by place."""

    call_id: str
    caller: str
    position: int
    since: float


@dataclass(frozen=True, slots=True)
class QueueCard:
    """A queue: its seats, those free for a call now, and who waits."""

    name: str
    seats: int
    ready: int
    waiting: tuple[Waiter, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """All of it. Two boards are equal unless something happened between them."""

    calls: tuple[LiveCall, ...]
    seats: tuple[SeatCard, ...]
    queues: tuple[QueueCard, ...]

    @property
    def waiting(self) -> int:
        return sum(len(queue.waiting) for queue in self.queues)

    @property
    def waiting_since(self) -> float | None:
        """When the one who waits longest began to."""
        return min((waiter.since for queue in self.queues for waiter in queue.waiting), default=None)

    def in_phase(self, *phases: str) -> int:
        return sum(call.phase in phases for call in self.calls)

    def showing(self, *shows: str) -> int:
        return sum(seat.show in shows for seat in self.seats)


_DIALLED = ("SUMMONING", "DIALLING")
"""Phases of a call that a seat makes, before anybody has answered it."""


def board(floor: Floor) -> Board:
    """Draw up the board of a floor snapshot."""
    callers = {str(call["call_id"]): _text(call, "caller") for call in floor.calls}
    dialled = {str(call["call_id"]) for call in floor.calls if _text(call, "phase") in _DIALLED}
    return Board(
        calls=tuple(_call(call) for call in floor.calls),
        seats=tuple(_seat(seat, callers, dialled) for seat in floor.seats),
        queues=tuple(_queue(queue, callers, floor.at) for queue in floor.queues),
    )


def _call(call: dict[str, Any]) -> LiveCall:
    return LiveCall(
        call_id=_text(call, "call_id"),
        phase=_text(call, "phase"),
        hotline=_text(call, "hotline"),
        caller=_text(call, "caller"),
        queue=_text(call, "queue"),
        seat=_text(call, "seat"),
        node=_text(call, "node"),
        menu=_text(call, "menu"),
        alive=bool(call.get("alive", True)),
        since=_time(call.get("since")),
    )


def _seat(seat: dict[str, Any], callers: dict[str, str], dialled: Collection[str]) -> SeatCard:
    call_id = _text(seat, "call_id")
    show = "dialling" if call_id in dialled else _show(seat)
    return SeatCard(
        number=_text(seat, "number"),
        name=_text(seat, "name"),
        show=show,
        reason=_text(seat, "reason"),
        since=_time((show == "break" and seat.get("status_since")) or seat.get("since")),
        caller=callers.get(call_id, ""),
        call_id=call_id,
        queues=tuple(str(name) for name in seat.get("queues", ())),
        registered=bool(seat.get("registered", True)),
    )


def _show(seat: dict[str, Any]) -> str:
    """The person's wish (status) and the system's fact (state) in one word: a call in hand first, then why none comes."""
    state, status = _text(seat, "state"), _text(seat, "status")
    if state != "idle":
        return state
    if status != "ready":
        return status
    if not seat.get("registered", True):
        return "not_registered"
    return "set_aside" if seat.get("aside_until") else "idle"


def _queue(queue: dict[str, Any], callers: dict[str, str], at: float) -> QueueCard:
    waiting = tuple(
        Waiter(w["call_id"], callers.get(w["call_id"], ""), int(w["position"]), round(at - float(w["waited_s"]), 1))
        for w in queue.get("waiting", ())
    )
    return QueueCard(_text(queue, "name"), int(queue.get("seats", 0)), int(queue.get("ready", 0)), waiting)


def _text(fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    return "" if value is None else str(value)


def _time(value: object) -> float | None:
    try:
        return round(float(value), 1) if value not in (None, "") else None  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
