"""The menu language: a document of named nodes, a small model for each kind of node.

A document in YAML:

    title: 示例服务热线
    language: zh
    start: welcome
    nodes:
      welcome: {kind: say, prompt: welcome, notice: true, then: main}
      main:
        kind: menu
        prompt: main_menu
        keys: {"1": service, "2": {to: info, words: [营业时间]}}
      info: {kind: say, prompt: business_info, then: main}
      service: {kind: queue, queue: service, greeting: please_wait}

A new kind of node is a class here with its `kind`, its edges and prompts, a place in `AnyNode`, and its behaviour in kinds.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

NAME_PATTERN = r"^\w[\w.-]{0,63}$"

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
"""A node's name: letters of any script, digits, _ . and -, not beginning with a dot or dash."""
PromptName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,64}$")]
"""A prompt's name: the file prompts/<language>/<name>.wav."""
Digit = Annotated[str, Field(pattern=r"^[0-9*#A-D]$")]
"""One key of a telephone."""
Language = Literal["zh", "en"]


def _one_or_many(value: Any) -> Any:
    return () if value is None else (value,) if isinstance(value, str) else value


def _target(value: Any) -> Any:
    return {"to": value} if isinstance(value, str) else value


Prompts = Annotated[tuple[PromptName, ...], BeforeValidator(_one_or_many), Field(min_length=1)]
"""One prompt's name, or several played one after the other."""

Path = tuple[str, ...]
"""Where in a node something stands, e.g. ("keys", "1", "to")."""


class Part(BaseModel):
    """A piece of a document; a field it doesn't know is an error, none is ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from one node to another, for the checker. `to` None: to a person, or the end where there is none."""

    at: Path
    to: str | None
    silent: bool = False
    """Taken though the caller does nothing."""


class Node(Part):
    """What all kinds share. `language` switches the language from this node on, until another node switches it."""

    level: ClassVar[bool] = False
    """Whether * (back) returns to nodes of this kind."""
    language: Language | None = None

    @property
    def habits_work(self) -> bool:
        """Whether the keys that mean the same everywhere (0 * #) act here at once."""
        return False

    def edges(self) -> Iterable[Edge]:
        """The ways out of this node."""
        return ()

    def prompts_at(self) -> Iterable[tuple[Path, tuple[str, ...]]]:
        """What may be played here, and where that stands."""
        return ()


class Say(Node):
    """Says something, then goes on. With `notice: true` it is what callers must hear (that calls may be recorded).

    Keys pressed meanwhile: 0, * and # as everywhere, others cut it short and count for the next menu. A notice is always
    heard to its end; keys pressed in it count afterwards.
    """

    kind: Literal["say"]
    prompt: Prompts
    then: Name
    notice: bool = False
    barge_in: bool | None = None
    """Whether keys cut it short; by default all but notices."""

    @property
    def interruptible(self) -> bool:
        return not self.notice if self.barge_in is None else self.barge_in

    @property
    def habits_work(self) -> bool:
        return self.interruptible

    def edges(self) -> Iterable[Edge]:
        return (Edge(at=("then",), to=self.then, silent=True),)

    def prompts_at(self) -> Iterable[tuple[Path, tuple[str, ...]]]:
        return ((("prompt",), self.prompt),)


class Choice(Part):
    """Where a key leads, and the words that mean the same when spoken. In short, `"1": node`."""

    to: Name
    words: tuple[Annotated[str, Field(min_length=1, max_length=40)], ...] = ()


class NoInput(Part):
    """Nothing came for `timeout_s`: the prompt and the menu again, at the `limit`-th time to `to` (default: a person)."""

    prompt: Prompts = ("no_input",)
    to: Name | None = None
    limit: Annotated[int, Field(ge=1, le=10)] = 2


class NoMatch(Part):
    """A key without meaning: the prompt and the menu again, at the `limit`-th time to `to` (default: a person)."""

    prompt: Prompts = ("no_match",)
    to: Name | None = None
    limit: Annotated[int, Field(ge=1, le=10)] = 2


class Menu(Node):
    """Offers choices by key. Also without being told: 0 to a person, * back to the menu before, # hear again."""

    level: ClassVar[bool] = True
    kind: Literal["menu"]
    prompt: Prompts
    keys: Annotated[dict[Digit, Annotated[Choice, BeforeValidator(_target)]], Field(min_length=1)]
    no_input: NoInput = NoInput()
    no_match: NoMatch = NoMatch()
    timeout_s: Annotated[float, Field(ge=1, le=60)] = 5.0
    """How long a key is waited for, from the end of the prompt."""
    barge_in: bool = True
    """Whether keys cut the prompt short; if not they count after it."""

    @property
    def habits_work(self) -> bool:
        return True

    def edges(self) -> Iterable[Edge]:
        for digit, choice in self.keys.items():
            yield Edge(at=("keys", digit, "to"), to=choice.to)
        yield Edge(at=("no_input", "to"), to=self.no_input.to, silent=True)
        yield Edge(at=("no_match", "to"), to=self.no_match.to)

    def prompts_at(self) -> Iterable[tuple[Path, tuple[str, ...]]]:
        yield ("prompt",), self.prompt
        yield ("no_input", "prompt"), self.no_input.prompt
        yield ("no_match", "prompt"), self.no_match.prompt


class Queue(Node):
    """Leads to a person: a greeting, then the named queue.

    A caller whom the queue gives back goes to `on_timeout` (waited too long) or `on_closed`; by default an apology and the end.
    """

    kind: Literal["queue"]
    queue: Name
    greeting: Annotated[tuple[PromptName, ...], BeforeValidator(_one_or_many)] = ()
    on_timeout: Name | None = None
    on_closed: Name | None = None

    def edges(self) -> Iterable[Edge]:
        yield Edge(at=("on_timeout",), to=self.on_timeout or TIME_LIMIT)
        yield Edge(at=("on_closed",), to=self.on_closed or CLOSED)

    def prompts_at(self) -> Iterable[tuple[Path, tuple[str, ...]]]:
        return ((("greeting",), self.greeting),)


class Goto(Node):
    """Goes to another node, e.g. to switch the language on the way."""

    kind: Literal["goto"]
    to: Name

    def edges(self) -> Iterable[Edge]:
        return (Edge(at=("to",), to=self.to, silent=True),)


class Hangup(Node):
    """Says goodbye, if told to, and ends the call."""

    kind: Literal["hangup"]
    prompt: Annotated[tuple[PromptName, ...], BeforeValidator(_one_or_many)] = ()

    def prompts_at(self) -> Iterable[tuple[Path, tuple[str, ...]]]:
        return ((("prompt",), self.prompt),)


AnyNode = Annotated[Say | Menu | Queue | Goto | Hangup, Field(discriminator="kind")]

TIME_LIMIT, CLOSED, END = "-time_limit", "-closed", "-end"

ENDINGS: Mapping[str, Hangup] = {
    TIME_LIMIT: Hangup(kind="hangup", prompt=("sorry_goodbye",)),
    CLOSED: Hangup(kind="hangup", prompt=("closed",)),
    END: Hangup(kind="hangup", prompt=("goodbye",)),
}
"""Endings every document has; no node of its own can bear such a name."""


class Habits(Part):
    """Keys that mean the same in every menu, unless the menu gives them another meaning; null switches one off."""

    human: Digit | None = "0"
    back: Digit | None = "*"
    again: Digit | None = "#"


class Document(Part):
    """A hotline's whole menu."""

    title: Annotated[str, Field(max_length=100)] = ""
    language: Language = "zh"
    start: Name
    human: Name | None = None
    """The node that leads to a person; by default the only queue node, if there is just one."""
    habits: Habits = Habits()
    max_visits: Annotated[int, Field(ge=10, le=1000)] = 100
    """So many nodes a caller may pass; then a person is asked, and at twice as many the call ends."""
    nodes: Annotated[dict[Name, AnyNode], Field(min_length=1, max_length=1000)]

    def node(self, name: str) -> AnyNode | None:
        """The node of that name, the built-in endings among them, or None."""
        return self.nodes.get(name) or ENDINGS.get(name)

    def person(self) -> str | None:
        """The name of the node that leads to a person."""
        if self.human is not None:
            return self.human if self.human in self.nodes else None
        queues = [name for name, node in self.nodes.items() if node.kind == "queue"]
        return queues[0] if len(queues) == 1 else None
