"""Calls of the past led through another menu: where would they come out now?

What callers did stands in the events of their calls: keys, words, values keyed in, nodes passed. A call is played again with
the same inputs, in the same order; who was silent before is silent again. What a secret was nobody knows: such a call, and one
whose inputs don't fit any more, says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ivr.flow.events import Alternative, Connect, EnterQueue, Item, LookedUp, RecordMessage
from ivr.flow.hearing import ACCEPTED
from ivr.flow.model import Document
from ivr.flow.node import Opening
from ivr.flow.nodes.collect import SECRET
from ivr.flow.nodes.lookup import Lookup
from ivr.flow.simulate import Simulation, World

SILENCES = 10
"""So often a caller who did nothing more is waited for."""
FACTS = ("caller", "called", "trunk", "hotline", "province", "city", "class", "tags", "calls", "name")


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of a call as it was booked: see followup.history."""

    type: str
    at: float
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Replayed:
    """Where a call ended then, and where it would now: "queue service", "seat 1026", "message", "hangup at bye", "left at
    main". `note` says what could not be replayed."""

    call_id: str
    before: str
    after: str
    path: tuple[str, ...]
    note: str = ""

    @property
    def changed(self) -> bool:
        return self.before != self.after


def replay(
    document: Document, call_id: str, events: Sequence[Happened], openings: Mapping[str, Opening] | None = None
) -> Replayed:
    """One call, by its events in their order. openings: working hours as they were."""
    before = _end(events)
    first = events[0] if events else Happened("arrived", 0.0, {})
    facts = {name: str(first.data[name]) for name in FACTS if first.data.get(name)}
    facts["dialable"] = "yes" if first.data.get("dialable") else "no"
    walk = Simulation(document, _name, World(facts, first.at, openings or {}, _lookups(document, events)))
    notes: list[str] = []
    try:
        walk.begin()
        walk.listen()
        passing = said_at = ""  # the node where the caller has done nothing yet; the one where something was said
        for event in events:
            if _elsewhere(walk):
                break
            if event.type == "menu":
                if passing and walk.run.node == passing and walk.run.document.every_node[passing].asks:
                    walk.silence()
                passing = str(event.data.get("node", ""))
            elif event.type in ("key", "said", "misheard", "entered"):
                passing = ""
            if event.type != "entered" or event.data.get("node") != said_at:
                _do(walk, event, notes)
            said_at = _said_at(event, said_at)
        if not before.startswith("left at"):
            for _ in range(SILENCES):
                if walk.end:
                    break
                walk.silence()
    except RecursionError as error:
        notes.append(str(error))
    return Replayed(call_id, before, _after(walk), tuple(walk.path), "; ".join(dict.fromkeys(notes)))


def moves(replayed: Sequence[Replayed]) -> Iterator[tuple[str, str, int]]:
    """How many calls went from where to where, those that change first, the most first."""
    counted = Counter((each.before, each.after) for each in replayed)
    for (before, after), count in sorted(counted.items(), key=lambda item: (item[0][0] == item[0][1], -item[1], item[0])):
        yield before, after, count


def _end(events: Sequence[Happened]) -> str:
    """Where the caller came out the first time: a queue, a seat, a message; else where the menu or the caller ended it."""
    node = ""
    for event in events:
        match event.type:
            case "menu":
                node = str(event.data.get("node", ""))
            case "queued":
                return f"queue {event.data.get('queue', '')}"
            case "connecting":
                return f"{event.data.get('kind', 'seat')} {event.data.get('to', '')}"
            case "voicemail":
                return "message"
            case "ended":
                return f"{'left' if event.data.get('by') == 'caller' else 'hangup'} at {node}"
            case _:
                pass
    return f"left at {node}"


def _after(walk: Simulation) -> str:
    """The same of a simulated call."""
    for action in walk.done:
        match action:
            case EnterQueue():
                return f"queue {action.queue}"
            case Connect():
                return f"{action.kind} {action.to}"
            case RecordMessage():
                return "message"
            case _:
                pass
    return f"{'hangup' if walk.end else 'left'} at {walk.run.node}"


def _elsewhere(walk: Simulation) -> bool:
    """Whether the caller has come out of the menu."""
    return walk.end not in ("", "message")


def _said_at(event: Happened, before: str) -> str:
    """The node where the next value is what was said there, and not keyed in; a doubtful one is confirmed first."""
    if event.type == "said":
        return str(event.data.get("node", ""))
    return before if event.type == "key" and event.data.get("digit") == ACCEPTED else ""


def _do(walk: Simulation, event: Happened, notes: list[str]) -> None:
    data = event.data
    match event.type:
        case "key":
            digits = "".join(digit for digit in str(data.get("digit", "")) if digit in "0123456789*#ABCD")
            walk.press(digits)
            _finish(walk, digits)
        case "said" if data.get("text") == SECRET:
            notes.append(f"a secret was said at {data.get('node')}")
        case "said":
            others = [Alternative(str(text), float(sure)) for text, sure in data.get("alternatives", ())]
            walk.speak(str(data.get("text", "")), float(data.get("confidence", 1.0)), others)
        case "misheard" if (why := data.get("why")) in ("unknown", "too_much", "noise"):
            walk.mumble(why)
        case "not_hearing" if (why := data.get("why")) in ("busy", "slow", "failed", "off"):
            walk.fall_deaf(why)
        case "entered" if str(data.get("node", "")) in walk.run.document.every_node:
            if walk.run.document.every_node[str(data["node"])].kind not in ("collect", "return_call"):
                return  # a variable that a lookup or a set gave its value: nobody keyed it in
            value = str(data.get("value", ""))
            if value == SECRET:
                notes.append(f"a secret was keyed in at {data['node']}")
            else:
                walk.press(value)
                _finish(walk, value)
        case "voicemail" if walk.end == "message":
            walk.message(float(data.get("seconds", 0.0)))
        case _:
            pass


def _finish(walk: Simulation, typed: str) -> None:
    """End an input that waits for more digits."""
    if typed and walk.run.typed == typed:
        walk.press("#")


def _lookups(document: Document, events: Sequence[Happened]) -> dict[str, LookedUp]:
    """What the company's system said then: the values that were kept of it, under the same names."""
    entered = {str(event.data.get("variable")): str(event.data.get("value")) for event in events if event.type == "entered"}
    found: dict[str, LookedUp] = {}
    for node in document.every_node.values():
        if isinstance(node, Lookup):
            kept = {name: entered[name] for name in node.keep if entered.get(name)}
            found[node.lookup] = LookedUp(0, bool(kept), kept)
    return found


def _name(item: Item, _language: str) -> str:
    return str(item)
