"""[io] One seat as its own page shows it: what is live of it at one instant, and the end of its wrap-up, which waits for who
writes. For pages, by a blocking client."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis as blocking

from routing import diallings, link, scripts
from routing.diallings import Dialling
from routing.seats import SeatView, view

_DESK = scripts.load("desk")
_WRAP_UP = scripts.load("wrap_up")


@dataclass(frozen=True, slots=True)
class Trail:
    """One step of the caller's way before a person took the call. kind: "menu" (a node was entered), "key" (digit), "said"
    (words), "entered" (a variable's value), "misheard" or "queued" (queue); `text`: the node's title, or what was pressed,
    said, entered; secret ones are "***"."""

    kind: str
    at: float
    node: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What Redis knows of who calls (followup.customers): how often this number called before, and what people have set."""

    calls: int = 0
    name: str = ""
    class_: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SeatCall:
    """The call that a seat has, or wraps up. number: the outside party's ("" anonymous); place: province and city, "" where
    nobody knows; kind: "inbound", "outbound", "internal"; phase: as ivr.call.state.Phase, "ENDED" in wrap-up; menu: where in
    it the caller is or was; since: when the call began, epoch seconds; waited_s: in line, seconds, None where it never
    waited; lives: whether the call goes on."""

    call_id: str
    kind: str
    phase: str
    lives: bool
    trunk: str
    hotline: str
    called: str
    number: str
    place: str
    queue: str
    menu: str
    since: float | None
    waited_s: float | None
    trail: tuple[Trail, ...]
    known: Known


@dataclass(frozen=True, slots=True)
class Line:
    """A queue that the seat serves: how many wait, and for how long the first of them."""

    queue: str
    waiting: int
    waited_s: float


@dataclass(frozen=True, slots=True)
class Desk:
    """A seat at one instant, `at` (epoch seconds, Redis' clock). call: the one it has, else the one it wraps up; dialling: the
    latest that was asked for, kept 12 h."""

    at: float
    seat: SeatView
    call: SeatCall | None
    dialling: Dialling | None
    lines: tuple[Line, ...]

    @property
    def waiting(self) -> int:
        """Callers in line before its queues."""
        return sum(line.waiting for line in self.lines)


def desk(redis: blocking.Redis, seat: str) -> Desk | None:
    """What is live of a seat, in one script; None where there is no such seat. Raises redis.exceptions.RedisError."""
    seen = link.run_blocking(redis, _DESK, seat)
    if seen is None:
        return None
    at, registered, fields, call, dialling, lines = seen
    return Desk(
        float(at),
        view(seat, registered == "1", _pairs(fields)),
        _call(*call) if call else None,
        diallings.read(dialling[0], _pairs(dialling[1:])) if dialling else None,
        tuple(Line(*row) for row in zip(lines[::3], map(int, lines[1::3]), map(float, lines[2::3]), strict=True)),
    )


def renew_wrap_up(redis: blocking.Redis, seat: str, call_id: str, renew_s: float, max_s: float) -> float | None:
    """Somebody writes: this call's wrap-up lasts renew_s from now, at most max_s from its begin, and never ends earlier than it
    would have. Returns when it ends, epoch seconds; None: it is over. Raises redis.exceptions.RedisError."""
    until = link.run_blocking(redis, _WRAP_UP, "", "0", seat, call_id, repr(renew_s), repr(max_s))
    return None if until is None else float(until)


def finish_wrap_up(redis: blocking.Redis, seat: str, call_id: str) -> bool:
    """This call's wrap-up is done: the seat takes the next call, if it is ready. False: it was over before. Raises
    redis.exceptions.RedisError."""
    return link.run_blocking(redis, _WRAP_UP, "", "0", seat, call_id, "", "") is not None


def _call(call_id: str, lives: str, summary: str, trail: Sequence[str], known: Sequence[str]) -> SeatCall:
    about = json.loads(summary)

    def text(key: str) -> str:
        return str(about.get(key) or "")

    def number(key: str) -> float | None:
        value = about.get(key)
        return float(value) if isinstance(value, int | float) else None

    return SeatCall(
        call_id=call_id,
        kind=text("kind"),
        phase=text("phase") if lives == "1" else "ENDED",
        lives=lives == "1",
        trunk=text("trunk"),
        hotline=text("hotline"),
        called=text("called"),
        number=text("caller"),
        place=text("place"),
        queue=text("queue"),
        menu=text("menu"),
        since=number("since"),
        waited_s=number("waited_s"),
        trail=tuple(_trail(json.loads(line)) for line in trail),
        known=_known(_pairs(known)),
    )


_TEXTS = {"menu": "title", "key": "digit", "said": "text", "entered": "value", "queued": "queue", "misheard": "why"}


def _trail(line: Mapping[str, Any]) -> Trail:
    kind, at, data = line["type"], line["at"], line["data"]
    text = _TEXTS.get(kind, "")
    return Trail(kind, float(at), str(data.get("node") or ""), str(data.get(text) or ""))


def _known(fields: Mapping[str, str]) -> Known:
    tags = tuple(tag for tag in fields.get("tags", "").split(",") if tag)
    return Known(int(fields.get("calls", "0")), fields.get("name", ""), fields.get("class", ""), tags)


def _pairs(flat: Sequence[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
