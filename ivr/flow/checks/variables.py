"""Rules about variables: what is read has been given a value that can be read so, what is secret stays so."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping

from ivr.flow.checks.survey import Survey
from ivr.flow.finding import Finding
from ivr.flow.model import FACTS, Document
from ivr.flow.nodes.assign import Assign
from ivr.flow.nodes.collect import Check, Collect
from ivr.flow.nodes.return_call import VARIABLE, ReturnCall
from ivr.flow.parts import Path, Read, ReadingKind, Text, names_in

Place = tuple[str, Path]
"""A node, and where in it."""


def unwritten(survey: Survey) -> Iterator[Finding]:
    """What is read is given a value somewhere."""
    document = survey.document
    written = {*FACTS, *document.variables, *(name for _, name in _writes(document))}
    for (node, at), name in _reads(document):
        if name not in written:
            near = difflib.get_close_matches(name, sorted(written), 1, 0.8)
            if near:
                yield survey.at(node, at, "unwritten.near", variable=name, near=near[0])
            else:
                yield survey.at(node, at, "unwritten", variable=name)


def facts_written(survey: Survey) -> Iterator[Finding]:
    """What is known of a call stays what it is."""
    for (node, at), name in _writes(survey.document):
        if name in FACTS:
            yield survey.at(node, at, "fact_written", variable=name)


def secrets_spoken(survey: Survey) -> Iterator[Finding]:
    """What is secret, or made of what is, is not said aloud."""
    secret = _secrets(survey.document)
    for (node, at), name, _ in _spoken(survey.document):
        if name in secret:
            yield survey.at(node, at, "secret_spoken", variable=name)


def misread(survey: Survey) -> Iterator[Finding]:
    """A value is read as what it can be: no telephone number as a date. Only values of which something is known count."""
    document = survey.document
    for (node, at), name, kind in _spoken(document):
        if kind is None:
            continue
        fitting, holds = _held(document, name)
        if fitting is not None and kind not in fitting:
            yield survey.at(node, at, "misread", variable=name, kind=kind, holds=holds, fitting=fitting)


def _writes(document: Document) -> Iterator[tuple[Place, str]]:
    for name, node in document.every_node.items():
        for at, variable in node.writes():
            yield (name, at), variable
        if isinstance(node, ReturnCall):
            yield (name, ()), VARIABLE


def _spoken(document: Document) -> Iterator[tuple[Place, str, ReadingKind | None]]:
    """The variables that are said: where, which, and how they are read; None as part of a text."""
    for name, node in document.every_node.items():
        for at, prompts in node.prompts_at():
            for prompt in prompts:
                if isinstance(prompt, Read):
                    yield (name, at), prompt.read, prompt.as_
                elif isinstance(prompt, Text):
                    for variable in dict.fromkeys(each for text in prompt.templates for each in names_in(text)):
                        yield (name, at), variable, None
        if isinstance(node, Collect) and node.read_back is not None:
            yield (name, ("read_back",)), node.into, node.read_back.as_


def _reads(document: Document) -> Iterator[tuple[Place, str]]:
    for place, variable, _ in _spoken(document):
        yield place, variable
    for name, node in document.every_node.items():
        for at, variable in node.reads():
            yield (name, at), variable


def _secrets(document: Document) -> set[str]:
    """The secret variables and those that are set to texts with them."""
    secret = set(document.secrets)
    while True:
        more = {
            name
            for node in document.every_node.values()
            if isinstance(node, Assign)
            for name, template in node.values.items()
            if not secret.isdisjoint(names_in(template))
        } - secret
        if not more:
            return secret
        secret |= more


# What values can be read as

_OF_CHECK: Mapping[Check, tuple[ReadingKind, ...]] = {
    "": ("digits", "order", "number", "count", "phone", "amount", "duration", "wait", "ordinal", "percent"),
    "phone": ("phone", "digits", "order"),
    "mobile": ("phone", "digits", "order"),
    "id_card": ("order",),
    "luhn": ("digits", "order"),
    "date": ("date", "weekday", "digits", "order"),
}
_OF_FACT: Mapping[str, tuple[ReadingKind, ...]] = {
    "caller": ("phone", "digits"),
    "called": ("phone", "digits"),
    "calls": ("number", "count", "ordinal", "digits"),
}
_WRITTEN: Mapping[ReadingKind, str] = {
    "number": r"-?\d+(\.\d+)?",
    "count": r"\d+",
    "digits": r"\d+",
    "phone": r"\+?[\d -]+",
    "order": r"[A-Za-z0-9-]+",
    "amount": r"-?\d+(\.\d{1,2})?",
    "date": r"\d{4}-\d\d-\d\d|\d{8}",
    "weekday": r"\d{4}-\d\d-\d\d|\d{8}",
    "time": r"\d{1,2}:\d\d",
    "duration": r"\d+",
    "wait": r"\d+",
    "ordinal": r"[1-9]\d*",
    "percent": r"-?\d+(\.\d+)?%?",
}


def _held(document: Document, variable: str) -> tuple[tuple[ReadingKind, ...] | None, str]:
    """What a variable can be read as, and what it holds; None where that isn't known: a lookup gives it, or a text with
    variables in it."""
    if variable in FACTS:
        return _OF_FACT.get(variable, ()), FACTS[variable]
    if variable == VARIABLE:
        return ("phone", "digits"), "phone"
    kinds: list[tuple[ReadingKind, ...]] = []
    holds: list[str] = []
    for node in document.every_node.values():
        for _, name in node.writes():
            if name != variable:
                continue
            if isinstance(node, Collect):
                kinds.append(_OF_CHECK[node.check])
                holds.append(node.check or "digits")
            elif isinstance(node, Assign) and not names_in(node.values[name]):
                kinds.append(_readings(node.values[name]))
                holds.append(node.values[name])
            else:
                return None, ""
    first = document.variables.get(variable, "")
    if names_in(first):
        return None, ""
    if first:
        kinds.append(_readings(first))
        holds.append(first)
    if not kinds:
        return None, ""
    return tuple(kind for kind in kinds[0] if all(kind in each for each in kinds)), ", ".join(holds)


def _readings(value: str) -> tuple[ReadingKind, ...]:
    return tuple(kind for kind, written in _WRITTEN.items() if re.fullmatch(written, value))
