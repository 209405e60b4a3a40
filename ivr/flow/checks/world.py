"""Rules about the installation: what a menu names is there."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ivr.flow.checks.survey import Survey
from ivr.flow.checks.ways import SHOWN
from ivr.flow.finding import Finding
from ivr.flow.nodes.condition import Condition, calendars_of
from ivr.flow.nodes.extension import ExtensionNode
from ivr.flow.nodes.lookup import Lookup
from ivr.flow.nodes.queue import QueueNode
from ivr.flow.nodes.transfer import Transfer
from ivr.flow.parts import Path


def named(survey: Survey) -> Iterator[Finding]:
    """Queues, lookups, calendars, seats and trunks that nodes name are there."""
    facts = survey.facts
    for name, node in survey.document.every_node.items():
        for at, calendar in calendars_of(node):
            yield from _there(survey, name, at, "missing_calendar", calendar, facts.calendars)
        match node:
            case QueueNode():
                yield from _there(survey, name, ("queue",), "missing_queue", node.queue, facts.queues)
            case Condition():
                for at, queue in node.queues():
                    yield from _there(survey, name, at, "missing_queue", queue, facts.queues)
            case Lookup():
                yield from _there(survey, name, ("lookup",), "missing_lookup", node.lookup, facts.lookups)
            case ExtensionNode():
                for number, place in node.directory.items():
                    if place.seat is not None:
                        yield from _there(survey, name, ("directory", number), "missing_seat", place.seat, facts.seats)
            case Transfer():
                yield from _transfer(survey, name, node)
            case _:
                pass


def _there(survey: Survey, node: str, at: Path, key: str, name: str, known: Collection[str] | None) -> Iterator[Finding]:
    if known is not None and name not in known:
        yield survey.at(node, at, key, name=name, known=tuple(sorted(known)[:SHOWN]))


def _transfer(survey: Survey, name: str, node: Transfer) -> Iterator[Finding]:
    facts = survey.facts
    unknown = list(_there(survey, name, ("trunk",), "missing_trunk", node.trunk, facts.trunks)) if node.trunk else []
    yield from unknown
    why = facts.refusal(node.number, node.trunk) if facts.refusal is not None and not unknown else ""
    if why:
        yield survey.at(name, ("number",), f"number_refused.{why}", number=node.number)
