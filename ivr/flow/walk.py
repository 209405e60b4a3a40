"""A case led through a menu step by step: what each thing that the caller does brings. Pure; for pages and programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ivr.flow import events
from ivr.flow.model import Document
from ivr.flow.script import Case
from ivr.flow.simulate import Simulation, Texts


@dataclass(frozen=True, slots=True)
class Heard:
    """Something that was said: its words, and of what they are made."""

    text: str
    items: tuple[events.Item, ...]
    language: str


@dataclass(frozen=True, slots=True)
class Step:
    """What came of one input. titles: what people call the nodes, their names where they have none. end: as Simulation.end."""

    nodes: tuple[str, ...]
    titles: tuple[str, ...]
    heard: tuple[Heard, ...]
    end: str


@dataclass(frozen=True, slots=True)
class Walk:
    """A whole case: first what came of calling, then a step for each input, until one that led round in circles for ever."""

    steps: tuple[Step, ...]
    endless: bool = False


def walk(document: Document, case: Case, texts: Texts, now: float) -> Walk:
    """Lead a caller through the menu; what the case wants to come of it is not looked at. now: when, where the case doesn't
    say."""
    world = case.world(document.time_zone)
    caller = Simulation(document, texts, replace(world, at=now) if case.at is None else world)
    steps: list[Step] = []

    def step(act: Callable[[], None]) -> None:
        nodes, done, said = len(caller.path), len(caller.done), len(caller.heard)
        act()
        caller.listen()
        plays = [action for action in caller.done[done:] if isinstance(action, events.Play)]
        heard = tuple(Heard(text, play.prompts, play.language) for text, play in zip(caller.heard[said:], plays, strict=True))
        titles = tuple(action.title or action.node for action in caller.done[done:] if isinstance(action, events.Visit))
        steps.append(Step(tuple(caller.path[nodes:]), titles, heard, caller.end))

    try:
        step(caller.begin)
        for each in case.inputs:
            if caller.end == "hangup":
                break
            step(lambda each=each: each.do(caller))  # type: ignore[misc]
    except RecursionError:
        return Walk(tuple(steps), endless=True)
    return Walk(tuple(steps))
