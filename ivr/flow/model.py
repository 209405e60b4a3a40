"""The menu language: a document of named nodes.

A document in YAML:

    title: 示例服务热线
    language: zh
    start: welcome
    nodes:
      welcome: {kind: say, prompt: welcome, notice: true, then: main}
      main:
        kind: menu
        prompt: {text: 客户服务请按一，营业时间请按二。}
        keys: {"1": service, "2": {to: info, words: [营业时间]}}
      info: {kind: say, prompt: business_info, then: main}
      service: {kind: queue, queue: service, greeting: please_wait}

A new kind of node is a module in nodes/ with its fields and its behaviour, and a place in `AnyNode`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from ivr.flow.node import CLOSED, END, TIME_LIMIT
from ivr.flow.nodes.assign import Assign
from ivr.flow.nodes.collect import Collect
from ivr.flow.nodes.condition import Condition, Hours
from ivr.flow.nodes.dictation import Dictation
from ivr.flow.nodes.extension import ExtensionNode
from ivr.flow.nodes.goto import Goto, Return, Subflow
from ivr.flow.nodes.hangup import Hangup
from ivr.flow.nodes.language import LanguageChoice
from ivr.flow.nodes.lookup import Lookup
from ivr.flow.nodes.menu import Menu
from ivr.flow.nodes.queue import QueueNode
from ivr.flow.nodes.rating import Rating
from ivr.flow.nodes.return_call import ReturnCall
from ivr.flow.nodes.say import Say
from ivr.flow.nodes.transfer import Transfer
from ivr.flow.nodes.voicemail import Voicemail
from ivr.flow.parts import Confidence, Digit, Language, Name, Part, Path, Template, Variable

AnyNode = Annotated[
    Say
    | Menu
    | Collect
    | Dictation
    | LanguageChoice
    | ExtensionNode
    | Condition
    | Hours
    | Lookup
    | Assign
    | Goto
    | Subflow
    | Return
    | QueueNode
    | ReturnCall
    | Voicemail
    | Transfer
    | Rating
    | Hangup,
    Field(discriminator="kind"),
]

ENDINGS: Mapping[str, Hangup] = {
    TIME_LIMIT: Hangup(kind="hangup", prompt=("sorry_goodbye",)),
    CLOSED: Hangup(kind="hangup", prompt=("closed",)),
    END: Hangup(kind="hangup", prompt=("goodbye",)),
}
"""Endings every document has; no node of its own can bear such a name."""

FACTS: Mapping[str, str] = {
    "caller": "the caller's number",
    "dialable": "yes, where that can be called back",
    "called": "the number that was dialled",
    "trunk": "the trunk it came by",
    "hotline": "the hotline's name",
    "province": "of the caller's number",
    "city": "of the caller's number",
    "name": "in the customer file",
    "class": "in the customer file",
    "tags": "in the customer file, with commas",
    "calls": "which call of this caller it is, from 1",
}
"""Variables that every call begins with, as far as they are known; menus read them only."""


class Habits(Part):
    """Keys that mean the same in every menu, unless the menu gives them another meaning; null switches one off."""

    human: Digit | None = "0"
    """To a person (人工)."""
    back: Digit | None = "*"
    """To the menu before (返回上一级)."""
    again: Digit | None = "#"
    """Say it again (再听一遍)."""


class Flow(Part):
    """A sub-flow: nodes of its own, whose names count among themselves first. It ends with `return`, or by leading to a node of
    the document's."""

    start: Name
    """The first of its nodes."""
    nodes: Annotated[dict[Name, AnyNode], Field(min_length=1, max_length=200)]
    """Its nodes by name."""


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise PydanticCustomError("no_time_zone", "there is no such time zone") from error
    return name


class Document(Part):
    """A hotline's whole menu."""

    title: Annotated[str, Field(max_length=100)] = ""
    """For people."""
    language: Language = "zh"
    """The language callers hear at first."""
    time_zone: Annotated[str, AfterValidator(_zone)] = "Asia/Shanghai"
    """In which the times of day of conditions are meant."""
    start: Name
    """The first node."""
    human: Name | None = None
    """The node that leads to a person; by default the only queue node, if there is just one."""
    after_talk: Name | None = None
    """Where a caller goes on whom the seat has hung up: to a rating, mostly."""
    habits: Habits = Habits()
    """The keys that mean the same everywhere."""
    unsure_below: Confidence | None = None
    """Spoken answers of less confidence than this, 0 to 1, are asked about (您是要…，对吗？); by default as in the settings."""
    variables: dict[Variable, Template] = Field(default_factory=dict)
    """Variables with what they hold at first."""
    max_visits: Annotated[int, Field(ge=10, le=1000)] = 100
    """So many nodes a caller may pass; then a person is asked, and at twice as many the call ends."""
    nodes: Annotated[dict[Name, AnyNode], Field(min_length=1, max_length=1000)]
    """The nodes by name."""
    flows: Annotated[dict[Name, Flow], Field(max_length=100)] = Field(default_factory=dict)
    """Sub-flows by name."""

    @cached_property
    def every_node(self) -> Mapping[str, AnyNode]:
        """All nodes by their full names: those of a sub-flow are `flow:node`. The built-in endings are not among them."""
        inner = {f"{flow}:{name}": node for flow, part in self.flows.items() for name, node in part.nodes.items()}
        return {**self.nodes, **inner}

    @cached_property
    def secrets(self) -> frozenset[str]:
        """The variables that hold what is secret."""
        return frozenset(node.into for node in self.every_node.values() if isinstance(node, Collect) and node.secret)

    def node(self, name: str) -> AnyNode | None:
        """The node of that full name, the built-in endings among them, or None."""
        return self.every_node.get(name) or ENDINGS.get(name)

    def resolve(self, here: str, to: str) -> str:
        """The full name of what a node calls `to`: in a sub-flow its own nodes come first."""
        flow, inner, _ = here.rpartition(":")
        return f"{flow}:{to}" if inner and f"{flow}:{to}" in self.every_node else to

    def person(self) -> str | None:
        """The name of the node that leads to a person."""
        if self.human is not None:
            return self.human if self.human in self.nodes else None
        queues = [name for name, node in self.nodes.items() if node.kind == "queue"]
        return queues[0] if len(queues) == 1 else None

    @property
    def answers_later(self) -> bool:
        """Whether callers may hear something before they are answered."""
        first = self.node(self.start)
        return first is not None and not first.needs_answer


def path_of(name: str) -> Path:
    """Where in a document the node of this full name stands."""
    flow, inner, node = name.rpartition(":")
    return ("flows", flow, "nodes", node) if inner else ("nodes", node)
