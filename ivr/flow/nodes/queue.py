"""queue: the way to a person."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from ivr.flow import events
from ivr.flow.node import CLOSED, TIME_LIMIT, Node, Scene
from ivr.flow.parts import Digit, Edge, MaybePrompts, Name, Part, Path, Prompt, PromptName, to_target


class Announcements(Part):
    """What a waiting caller is told each `every_s`: the place in line, the expected wait, and `prompt`."""

    every_s: Annotated[float, Field(ge=10, le=600)] = 45.0
    """How often."""
    position: bool = True
    """Their place in line."""
    wait: bool = True
    """The wait that is expected."""
    prompt: MaybePrompts = ()


class Leave(Part):
    """Where a key leads who waits. In short, `"1": node`."""

    to: Name


class QueueNode(Node):
    """Leads to a person: a greeting, then the named queue (a skill group). What is not given here is as the queue's settings
    say.

    A caller whom the queue gives back goes to `on_timeout` (waited too long), `on_overflow` (`max_waiting` callers wait
    already) or `on_closed`; by default an apology and the end. `keys` are for who waits: to a return call, or a message."""

    reaches_people: ClassVar[bool] = True
    kind: Literal["queue"]
    queue: Name
    """The queue (skill group), by its name in the settings."""
    greeting: MaybePrompts = ()
    """Said first."""
    priority: Annotated[int, Field(ge=0, le=9)] = 0
    """Higher is served first."""
    music: PromptName | None = None
    """What is heard while waiting."""
    time_limit_s: Annotated[float, Field(ge=10, le=7200)] | None = None
    """The longest wait."""
    max_waiting: Annotated[int, Field(ge=0, le=1000)] | None = None
    """So many callers may wait already; who comes then goes to `on_overflow`."""
    announce: Announcements | None = None
    """What callers are told while they wait."""
    keys: dict[Digit, Annotated[Leave, BeforeValidator(to_target)]] = Field(default_factory=dict)
    """Where keys lead while a caller waits."""
    on_timeout: Name | None = None
    """Where callers go who have waited too long."""
    on_closed: Name | None = None
    """Where they go when the queue is closed."""
    on_overflow: Name | None = None
    """Where they go when too many wait."""

    def edges(self) -> Iterable[Edge]:
        yield Edge(at=("on_timeout",), to=self.on_timeout or TIME_LIMIT)
        yield Edge(at=("on_closed",), to=self.on_closed or CLOSED)
        yield Edge(at=("on_overflow",), to=self.on_overflow or TIME_LIMIT)
        for digit, leave in self.keys.items():
            yield Edge(at=("keys", digit, "to"), to=leave.to)

    def prompts_at(self) -> Iterable[tuple[Path, tuple[Prompt, ...]]]:
        yield ("greeting",), self.greeting
        if self.music is not None:
            yield ("music",), (self.music,)
        if self.announce is not None:
            yield ("announce", "prompt"), self.announce.prompt

    def enter(self, scene: Scene) -> None:
        scene.forget_kept()
        if self.greeting:
            scene.say(self.greeting)
        else:
            self.done(scene)

    def done(self, scene: Scene) -> None:
        scene.count("queued")
        told = self.announce
        scene.queue(
            events.EnterQueue(
                self.queue,
                self.priority,
                self.music,
                self.time_limit_s,
                self.max_waiting,
                None if told is None else events.Announce(told.every_s, told.position, told.wait, scene.items(told.prompt)),
                "".join(self.keys),
            )
        )

    def key(self, scene: Scene, digit: str) -> None:
        leave = self.keys.get(digit)
        if leave is not None and scene.counted("queued"):
            scene.pressed(digit)
            scene.want(events.LeaveQueue())
            scene.go(leave.to)

    def returned(self, scene: Scene, why: Literal["time_limit", "closed", "overflow"]) -> None:
        scene.came_back(why)
        match why:
            case "time_limit":
                scene.go(self.on_timeout or TIME_LIMIT)
            case "overflow":
                scene.go(self.on_overflow or TIME_LIMIT)
            case _:
                scene.go(self.on_closed or CLOSED)

    def resume(self, scene: Scene) -> None:
        if not scene.counted("queued"):
            self.done(scene)
