"""A call's story in plain words, for people who ask: why did it go there? Made of its events, the menu that its caller heard,
and what the seats of its queues were doing meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from console import labels
from console.labels import REASONS, RESULTS, SEAT_STATES, SIDES, duration, label, phone
from console.language import gettext as _
from followup.history import Details, TimelineEvent
from followup.seatstates import Wait
from ivr.flow.model import Document
from ivr.flow.parts import Text

MOST_SEATS = 40
"""Seats named in one line; of more their number."""
MOST_CHANGES = 20
"""Changes of seats told of one wait; of more their number."""
SOON_S = 2.0
"""A caller who is offered a seat so soon has not waited for anybody."""
MOST_WORDS = 60
"""Characters of what a menu says."""


@dataclass(frozen=True, slots=True)
class Line:
    """One step. `tone`: "good", "bad" or ""; `what`: in a word; `said`: more of it; `more`: lines below it; `heard`: number of
    the take and second in it at which it can be heard; `return_call`: its id, where it is one."""

    at: float
    tone: str
    what: str
    said: str = ""
    more: tuple[str, ...] = ()
    heard: tuple[int, float] | None = None
    return_call: int | None = None


@dataclass(frozen=True, slots=True)
class Take:
    """A recording: its number from 1, when it began (epoch seconds), how long it is."""

    number: int
    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Teller:
    """What a story is told with. `queues`, `hotlines`, `seats`: titles by name; `menu`: the menu that a hotline's callers heard
    at a time; `wait`: the seats of a queue in a time; `clock`: a moment as people read it."""

    queues: Mapping[str, str]
    hotlines: Mapping[str, str]
    seats: Mapping[str, str]
    menu: Callable[[str, float], Document | None]
    wait: Callable[[str, float, float], Wait]
    clock: Callable[[float], str]
    takes: Sequence[Take] = field(default=())

    def story(self, found: Details, now: float) -> list[Line]:
        """All steps of a call in their order, and what is owed for it."""
        lines: list[Line] = []
        skipped: Mapping[str, str] = {}
        row, events = found.call.row, found.events
        menu = self.menu(row.hotline, row.arrived_at) if row.hotline else None
        for n, event in enumerate(events):
            data = event.data
            if event.type == "transferred" and data.get("kind") == "hotline":
                menu = self.menu(_text(data, "to"), event.at)
            said, more = self._said(event, events[n + 1 :], menu), []
            match event.type:
                case "menu":
                    more = _spoken(menu, _text(data, "node"))
                case "offered":
                    before, skipped = skipped, _skipped(data)
                    more = self._passed_over(skipped, before)
                case "queued" | "requeued":
                    if event.type == "queued":
                        skipped = {}
                    more = self._whom_it_waits_for(row.call_id, event, events[n + 1 :], row.ended_at or now)
            tone, what = labels.event_tone(event.type), labels.event_label(event.type)
            lines.append(Line(event.at, tone, what, said, tuple(more), self._heard(event.at)))
        if found.call.return_call_id is not None and row.ended_at is not None:
            state = label(labels.STATES, found.call.return_call_state)
            done = found.call.return_call_state in ("closed", "waived")
            what = _("应回电") if done else _("欠回电")
            lines.append(Line(row.ended_at, "" if done else "bad", what, state, return_call=found.call.return_call_id))
        if found.served is not None:
            text = _("客户再次来电并已接听，此前欠的回电结清")
            lines.append(Line(row.talking_at or row.arrived_at, "good", _("回电结清"), text, return_call=found.served))
        return lines

    def _said(self, event: TimelineEvent, later: Sequence[TimelineEvent], menu: Document | None) -> str:
        data = event.data
        match event.type:
            case "arrived":
                way = _way(phone(_text(data, "caller")) or _("号码隐藏"), _text(data, "called"))
                return _dots(way, label(self.hotlines, _text(data, "hotline")))
            case "outbound_started":
                return _way(self._seat(_text(data, "seat")), phone(_text(data, "caller")))
            case "menu":
                node = menu.node(_text(data, "node")) if menu is not None else None
                return _dots(_title(data), label(labels.NODES, node.kind) if node is not None else "")
            case "key":
                return self._led(_text(data, "digit"), later, menu)
            case "said":
                return self._led(_heard(data), later, menu)
            case "misheard":
                return label(labels.MISHEARD, _text(data, "why"))
            case "not_hearing":
                return label(labels.NOT_HEARING, _text(data, "why"))
            case "entered":
                wrong = _("不符合要求") if data.get("valid") is False else ""
                return _dots(f"{_text(data, 'variable')} = {_text(data, 'value')}", wrong)
            case "queued" | "requeued" | "queue_left" | "time_limit" | "overflow" | "closed":
                place, why = _text(data, "position"), _text(data, "why")
                queue = label(self.queues, _text(data, "queue"))
                priority = _text(data, "priority")
                return _dots(
                    queue,
                    _("第 %(place)s 位", place=place) if place else "",
                    _("优先级 %(priority)s", priority=priority) if priority else "",
                    label({**REASONS, "no_answer": _("坐席未接")}, why),
                )
            case "offered" | "ringing" | "seat_answered" | "no_answer" | "answer_unconfirmed":
                return _dots(self._seat(_text(data, "seat")), phone(_text(data, "to")))
            case "refused":
                status = _text(data, "status")
                return _dots(self._seat(_text(data, "seat")), f"SIP {status}" if status else "")
            case "talking":
                wait_s = data.get("wait_s")
                waited = _("等待 %(time)s", time=duration(wait_s)) if isinstance(wait_s, (int, float)) else ""
                return _dots(self._seat(_text(data, "seat")), phone(_text(data, "to")), waited)
            case "transferring" | "transferred" | "transfer_failed" | "transfer_refused" | "consulting" | "consult_ended":
                to = _text(data, "to")
                names = {"queue": self.queues, "hotline": self.hotlines}.get(_text(data, "kind"), {})
                way = _way(self._seat(_text(data, "from") or _text(data, "seat")), label(names, phone(to)))
                return _dots(way, label(REASONS, _text(data, "why")))
            case "connecting" | "connect_failed":
                return _dots(phone(_text(data, "to")), label(REASONS, _text(data, "why")))
            case "redirected":
                return _way(self._seat(_text(data, "seat")), _text(data, "to"))
            case "held" | "unheld":
                return label(SIDES, _text(data, "side"))
            case "owed" | "promised":
                return _dots(phone(_text(data, "number")), label(REASONS, _text(data, "reason")))
            case "voicemail":
                seconds = data.get("seconds")
                return duration(seconds) if isinstance(seconds, (int, float)) else ""
            case "rated":
                return _dots(_text(data, "key"), _text(data, "meaning"), self._seat(_text(data, "seat")))
            case "recording":
                number = next((take.number for take in self.takes if take.at == event.at), 0)
                return _("第 %(n)s 段", n=number) if len(self.takes) > 1 and number else ""
            case "ended":
                ends = {"caller": _("客户挂机"), "seat": _("坐席挂机"), "system": _("系统结束")}
                return _dots(
                    label(ends, _text(data, "by")), label(REASONS, _text(data, "reason")), label(RESULTS, _text(data, "result"))
                )
            case _:
                parts = [_text(data, "node"), self._seat(_text(data, "seat")), label(self.queues, _text(data, "queue"))]
                return _dots(*parts, label(REASONS, _text(data, "why")), _text(data, "detail"))

    def _seat(self, number: str) -> str:
        name = self.seats.get(number, "")
        return f"{number} {name}" if name and name != number else number

    def _led(self, said: str, later: Sequence[TimelineEvent], menu: Document | None) -> str:
        """What was pressed or said, and the menu's next step."""
        follows = next((event for event in later if event.type in ("menu", "key", "said", "ended")), None)
        if follows is None or follows.type != "menu":
            return said
        node = menu.node(_text(follows.data, "node")) if menu is not None else None
        if node is None:
            return _("%(said)s → 走到 %(node)s", said=said, node=_title(follows.data))
        kind = label(labels.NODES, node.kind)
        return _("%(said)s → 走到 %(node)s（%(kind)s）", said=said, node=_title(follows.data), kind=kind)

    def _passed_over(self, skipped: Mapping[str, str], before: Mapping[str, str]) -> list[str]:
        """Who did not get the offer, by why; of a later offer those for whom that is another reason than before."""
        changed = {seat: why for seat, why in skipped.items() if before.get(seat) != why}
        lines = [_("跳过：%(seats)s", seats=text) for text in self._by_reason(changed)]
        same = len(skipped) - len(changed)
        return [*lines, _("其余 %(n)s 个坐席的情形同上次", n=same)] if same else lines

    def _by_reason(self, seats: Mapping[str, str]) -> list[str]:
        reasons: dict[str, list[str]] = {}
        for seat, why in list(seats.items())[:MOST_SEATS]:
            reasons.setdefault(why, []).append(self._seat(seat))
        lines = [
            _("%(why)s（%(seats)s）", why=label(SEAT_STATES, why), seats=_("、").join(who)) for why, who in reasons.items()
        ]
        more = len(seats) - MOST_SEATS
        return [*lines, _("另有 %(n)s 个坐席", n=more)] if more > 0 else lines

    def _whom_it_waits_for(self, call_id: str, event: TimelineEvent, later: Sequence[TimelineEvent], end: float) -> list[str]:
        """Why nobody was there at once: what the queue's seats were doing, and what changed until somebody was."""
        over = ("offered", "time_limit", "overflow", "queue_left", "closed", "ended")
        until = next((one.at for one in later if one.type in over), end)
        if until - event.at < SOON_S:
            return []
        wait = self.wait(_text(event.data, "queue"), event.at, until)
        if not wait.seats:
            return [_("没有坐席签入")]
        last = {seat.number: seat.why_not(event.at) for seat in wait.seats}
        lines = [_("此时坐席：%(seats)s", seats=_("；").join(self._by_reason(last)))]
        told = 0
        for change in wait.changes:
            seat = change.seat
            why = seat.why_not(change.at)
            if why == last[seat.number] or seat.call == call_id:
                continue
            was, last[seat.number] = last[seat.number], why
            told += 1
            if told <= MOST_CHANGES:
                now = _("%(time)s %(seat)s：%(was)s → %(why)s", time=self.clock(change.at), seat=self._seat(seat.number),
                        was=label(SEAT_STATES, was), why=label(SEAT_STATES, why))  # fmt: skip
                lines.append(now)
        return [*lines, _("另有 %(n)s 次变化", n=told - MOST_CHANGES)] if told > MOST_CHANGES else lines

    def _heard(self, at: float) -> tuple[int, float] | None:
        for take in self.takes:
            if take.at <= at <= take.at + take.seconds:
                return take.number, round(at - take.at, 1)
        return None


def _text(data: Mapping[str, Any], key: str) -> str:
    found = data.get(key)
    return "" if found is None or isinstance(found, (dict, list)) else str(found)


def _title(data: Mapping[str, Any]) -> str:
    """What people call the node that the caller came to; its name where the menu's author gave it no title."""
    return _text(data, "title") or label(labels.ENDINGS, _text(data, "node"))


def _dots(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def _way(*parts: str) -> str:
    return " → ".join(part for part in parts if part)


def _heard(data: Mapping[str, Any]) -> str:
    """What was said, how surely, and what else it may have been."""

    def surely(confidence: object) -> str:
        return f" {100 * confidence:.0f} %" if isinstance(confidence, (int, float)) else ""

    text = _("「%(words)s」%(sure)s", words=_text(data, "text"), sure=surely(data.get("confidence")))
    others = [
        f"{other[0]}{surely(other[1])}"
        for other in data.get("alternatives") or []
        if isinstance(other, list) and len(other) == 2
    ]
    return _("%(words)s（也可能是 %(others)s）", words=text, others=_("、").join(others)) if others else text


def _skipped(data: Mapping[str, Any]) -> dict[str, str]:
    skipped = data.get("skipped")
    pairs = skipped if isinstance(skipped, list) else []
    return {str(pair[0]): str(pair[1]) for pair in pairs if isinstance(pair, list) and len(pair) == 2}


def _spoken(menu: Document | None, name: str) -> list[str]:
    """What the menu's step says, where its document has the words themselves."""
    node = menu.node(name) if menu is not None else None
    if node is None:
        return []
    first = next((prompts for path, prompts in node.prompts_at() if path == ("prompt",)), ())
    words = " ".join(prompt.in_language("zh") for prompt in first if isinstance(prompt, Text))
    return [_("播报：「%(words)s」", words=words if len(words) <= MOST_WORDS else words[:MOST_WORDS] + "…")] if words else []
