"""Rules about people: every caller can come to one, or leave a message, or be called back; nobody is recorded untold."""

from __future__ import annotations

from collections.abc import Iterator

from ivr.flow.checks.survey import State, Survey, Way
from ivr.flow.finding import Finding
from ivr.flow.model import ENDINGS
from ivr.flow.node import Node
from ivr.flow.nodes.condition import Condition, Hours
from ivr.flow.nodes.extension import ExtensionNode
from ivr.flow.nodes.queue import QueueNode
from ivr.flow.nodes.say import Say
from ivr.flow.nodes.transfer import Transfer


def no_human(survey: Survey) -> Iterator[Finding]:
    """There is a way to people from wherever a caller is asked something, and when nobody works."""
    if not survey.states:
        return
    if not any(survey.node(name).reaches_people for name in survey.reached):
        yield survey.found(("nodes",), "no_human")
        return
    if survey.document.person() is None and survey.document.human is None:
        yield survey.found(("nodes",), "no_person")
    told: set[str] = set()
    for state in survey.states:
        node = survey.node(state.node)
        lost = not state.manner.served and state not in survey.leads_to_people
        if lost and node.asks and state.node not in told:
            told.add(state.node)
            yield survey.at(state.node, (), "no_human.here")
    yield from _lost_by(survey, "no_human.closed", after_hours=True)


def cut_off(survey: Survey) -> Iterator[Finding]:
    """While people work, a caller who is silent or not understood comes to one and is not hung up on."""
    yield from _lost_by(survey, "cut_off", after_hours=False)


def _lost_by(survey: Survey, key: str, *, after_hours: bool) -> Iterator[Finding]:
    """The ways by which callers get where no way leads to people any more. That nobody is named for who is not understood is
    another rule's."""
    told: set[tuple[str, Way]] = set()
    for state in survey.states:
        node = survey.node(state.node)
        if state.manner.served or (state.manner.closed and not after_hours):
            continue
        for way in survey.ways[state.node]:
            concerned = _asks_hours(node, way) if after_hours else way.at[1:] == ("to",) and way.at[0] in _RETRIES
            if not concerned or way.to in ENDINGS or (state.node, way) in told:
                continue
            beyond = [other for other in survey.after[state] if other.node == way.to and not other.manner.served]
            if beyond and not any(_comes_to_people(survey, other) for other in beyond):
                told.add((state.node, way))
                yield survey.at(state.node, way.at, key, **({} if after_hours else {"field": way.at[0]}))


_RETRIES = ("no_input", "no_match", "invalid", "not_there")


def _comes_to_people(survey: Survey, state: State) -> bool:
    return state in survey.leads_to_people


def _asks_hours(node: Node, way: Way) -> bool:
    match node:
        case Hours():
            return way.at != ("open",)
        case Condition():
            return way.at == ("else",) and any(case.when.open is not None for case in node.cases)
        case _:
            return False


def no_notice(survey: Survey) -> Iterator[Finding]:
    """Who is recorded has been told."""
    told: set[str] = set()
    for state in survey.states:
        if not state.manner.told and state.node not in told and _is_recorded(survey, survey.node(state.node)):
            told.add(state.node)
            yield survey.at(state.node, (), "no_notice", trail=survey.trail(state))


def _is_recorded(survey: Survey, node: Node) -> bool:
    recorded = survey.facts.recorded
    match node:
        case QueueNode():
            return recorded is None or node.queue in recorded
        case ExtensionNode():
            seats = not node.directory or any(place.seat is not None for place in node.directory.values())
            return seats and (recorded is None or bool(recorded))
        case Transfer():
            return recorded is None or bool(recorded)
        case _:
            return False


def notice_cut(survey: Survey) -> Iterator[Finding]:
    """A notice is heard to its end."""
    for name, node in survey.document.every_node.items():
        if isinstance(node, Say) and node.notice and node.interruptible:
            yield survey.at(name, ("barge_in",), "notice_cut")
