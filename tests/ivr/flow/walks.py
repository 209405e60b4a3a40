"""Calls through small menus."""

from __future__ import annotations

from ivr.flow.events import FlowAction, Item, Reading, Speech
from ivr.flow.load import load
from ivr.flow.model import Document
from ivr.flow.simulate import Simulation, World

PEOPLE = """
  person: {kind: queue, queue: service}
  bye: {kind: hangup}
"""


def document(nodes: str, head: str = "start: a", tail: str = "") -> Document:
    """A menu of these nodes, `person` (0) and `bye`."""
    text = f"{head}\nhuman: person\nnodes:\n{nodes.rstrip()}{PEOPLE}{tail}"
    loaded = load(text)
    assert loaded.document is not None, [str(finding) for finding in loaded.findings]
    return loaded.document


def text(item: Item, _language: str) -> str:
    match item:
        case Speech(words):
            return f"<{words}>"
        case Reading(kind, value):
            return f"<{kind} {value}>"
        case name:
            return f"<{name}>"


NOTHING_KNOWN = World()


def walk(menu: str | Document, *inputs: str, world: World = NOTHING_KNOWN) -> Simulation:
    """A caller in a menu (of nodes, as document() takes them): "" is silence, anything else is keys."""
    found = Simulation(document(menu) if isinstance(menu, str) else menu, text, world)
    found.begin()
    for keys in inputs:
        if keys:
            found.press(keys)
        else:
            found.silence()
    found.listen()
    return found


def done(found: Simulation, *kinds: type) -> list[FlowAction]:
    """What the menu wanted of these kinds."""
    return [action for action in found.done if isinstance(action, kinds)]
