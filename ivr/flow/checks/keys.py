"""Rules about keys: each has one meaning, and those that callers know keep theirs."""

from __future__ import annotations

from collections.abc import Iterator

from ivr.flow.checks.survey import Survey
from ivr.flow.finding import Finding
from ivr.flow.nodes.collect import Collect
from ivr.flow.nodes.dictation import Dictation
from ivr.flow.nodes.extension import ExtensionNode
from ivr.flow.nodes.language import LanguageChoice
from ivr.flow.nodes.menu import Menu
from ivr.flow.nodes.queue import QueueNode
from ivr.flow.nodes.return_call import ReturnCall
from ivr.flow.nodes.say import Say
from ivr.flow.nodes.voicemail import Voicemail
from ivr.flow.parts import Path


def habits(survey: Survey) -> Iterator[Finding]:
    """0, * and # mean in each node what they mean everywhere."""
    known = survey.document.habits
    if len(keys := [key for key in (known.human, known.back, known.again) if key is not None]) > len(set(keys)):
        yield survey.found(("habits",), "habit_twice")
    for name, node in survey.document.every_node.items():
        match node:
            case Menu():
                for key, choice in node.keys.items():
                    yield from _taken(survey, name, ("keys", key), key, survey.document.resolve(name, choice.to))
            case QueueNode():
                for key, leave in node.keys.items():
                    if key == known.human:
                        yield from _taken(survey, name, ("keys", key), key, survey.document.resolve(name, leave.to))
            case LanguageChoice():
                for key in node.keys:
                    yield from _taken(survey, name, ("keys", key), key, "")
            case ReturnCall():
                yield from _taken(survey, name, ("accept",), node.accept, "")
                yield from _taken(survey, name, ("other",), node.other or "", "")
            case Say() if node.decline is not None:
                yield from _taken(survey, name, ("decline", "key"), node.decline.key, "")
            case Voicemail() if node.stop == known.human:
                yield survey.at(name, ("stop",), "habit_taken", key=node.stop)
            case Dictation() if node.skip is not None and node.skip == known.human:
                yield survey.at(name, ("skip",), "habit_taken", key=node.skip)
            case Collect() if node.terminator is not None and node.terminator == known.back:
                yield survey.at(name, ("terminator",), "key_twice", key=node.terminator, one="terminator", other="habits.back")
            case _:
                pass


def _taken(survey: Survey, name: str, at: Path, key: str, to: str) -> Iterator[Finding]:
    """That a habit's key leads elsewhere; `to` "": to no node at all."""
    known = survey.document.habits
    if key and key == known.human and not _leads_to_person(survey, to):
        yield survey.at(name, at, "habit_taken", key=key)
    elif key and key == known.back and not (to and survey.document.node(to) and survey.node(to).level):
        yield survey.at(name, at, "habit_taken.back", key=key)
    elif key and key == known.again and to != name:
        yield survey.at(name, at, "habit_taken.again", key=key)


def _leads_to_person(survey: Survey, to: str) -> bool:
    """Whether who does nothing more comes to people there."""
    seen, open_ = {to}, [to]
    while open_:
        name = open_.pop()
        node = survey.document.node(name)
        if node is not None and node.reaches_people:
            return True
        onward = {way.to for way in survey.ways.get(name, ()) if way.silent} - seen
        if node is None or not node.asks:
            seen |= onward
            open_ += onward
    return False


def extensions(survey: Survey) -> Iterator[Finding]:
    """Every extension can be dialled and leads somewhere."""
    human = survey.document.habits.human
    for name, node in survey.document.every_node.items():
        if not isinstance(node, ExtensionNode):
            continue
        for number, place in node.directory.items():
            at = ("directory", number)
            if len(number) > node.digits:
                yield survey.at(name, at, "extension_long", number=number, digits=node.digits)
            if place.seat is None and place.to is None:
                yield survey.at(name, at, "extension_empty", number=number)
            if human is not None and number.startswith(human):
                yield survey.at(name, at, "extension_hidden", number=number, key=human)
