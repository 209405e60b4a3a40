"""Cases of a menu: what a caller does, and what must come of it. For CI, and for who changes a menu.

cases:
  - name: 工作时间按一转客服
    open: true                             # what calendars say; or {default: false}, or {default: 国庆节} for a holiday
    at: "2026-03-02 10:30"                 # for conditions on the time
    facts: {caller: "13912345678", class: vip}
    lookups: {order: {status: 已发货}}      # what is found; false: not found; null, or not named: can't be asked
    queues: {service: {waiting: 3, ready: 0, wait_s: 90}}
    speech: true                           # false: callers have keys only
    inputs: ["1", silence, {say: 人工}, {early: "0"}, {queue: time_limit}, {connect: busy}, {message: 12}, {talk: over}]
    #        {say: 退货, confidence: 0.4, alternatives: {换货: 0.3}}, {misheard: unknown}, {not_hearing: busy}
    path: [welcome, main, service]         # all nodes passed, in order
    hears: [欢迎致电, 请稍候]                # in this order, each within something that is said
    ends: queue service                    # or: seat 1026, number 139…, message, hangup, menu
    promises: "13912345678"                # a return call; "" to the caller's own number
    rated: 满意
    values: {order_no: "123456"}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ivr.flow.events import Alternative, LookedUp, Promise, QueueSeen, Rated
from ivr.flow.finding import Finding
from ivr.flow.hearing import Ears
from ivr.flow.model import Document
from ivr.flow.parts import one_or_many
from ivr.flow.simulate import Always, Calendars, Simulation, Texts, World
from ivr.flow.tree import read_tree


class ScriptError(ValueError):
    """A file of cases that can't be read; the message names file, line and fault."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Input(_Part):
    """One thing that happens: in short a text of keys, or `silence`. Exactly one field is given."""

    keys: Annotated[str, Field(pattern=r"^[0-9*#A-D]+$")] | None = None
    early: Annotated[str, Field(pattern=r"^[0-9*#A-D]+$")] | None = None
    """Keys pressed into what is being said."""
    say: str | None = None
    """What the caller says, as it is understood."""
    confidence: Annotated[float, Field(ge=0, le=1)] = 1.0
    """How sure that is."""
    alternatives: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    """What else it may have been."""
    misheard: Literal["unknown", "too_much", "noise"] | None = None
    """The caller says something that is not understood."""
    not_hearing: Literal["busy", "slow", "failed", "off"] | None = None
    """Nobody hears the caller."""
    silence: bool | None = None
    queue: Literal["time_limit", "closed", "overflow"] | None = None
    """The queue gives the caller back."""
    connect: Literal["busy", "no_answer", "refused", "unknown", "forbidden"] | None = None
    """Whom the menu called can't be had."""
    message: Annotated[float, Field(ge=0)] | None = None
    """A message of so many seconds is left."""
    talk: Literal["over"] | None = None
    """The seat talked with the caller and hung up."""

    def do(self, walk: Simulation) -> None:
        """Let it happen."""
        if self.keys is not None:
            walk.press(self.keys)
        if self.early is not None:
            walk.press(self.early, early=True)
        if self.say is not None:
            walk.speak(self.say, self.confidence, [Alternative(*each) for each in self.alternatives.items()])
        if self.misheard is not None:
            walk.mumble(self.misheard)
        if self.not_hearing is not None:
            walk.fall_deaf(self.not_hearing)
        if self.silence:
            walk.silence()
        if self.queue is not None:
            walk.give_back(self.queue)
        if self.connect is not None:
            walk.not_reached(self.connect)
        if self.message is not None:
            walk.message(self.message)
        if self.talk is not None:
            walk.talk_over()


def _input(value: Any) -> Any:
    return {"silence": True} if value == "silence" else {"keys": value} if isinstance(value, str) else value


def _yes_or_no(value: Any) -> Any:
    """YAML comes as text; what is no yes or no is the name of a day off."""
    return {"true": True, "false": False}.get(value, value)


class Queue(_Part):
    """How a queue is."""

    waiting: int = 0
    ready: int = 0
    wait_s: float | None = None


class Case(_Part):
    """One call and what must come of it; what is not given is not looked at."""

    name: str
    at: str | None = None
    open: bool | dict[str, Annotated[bool | str, BeforeValidator(_yes_or_no)]] = True
    facts: dict[str, str] = Field(default_factory=dict)
    lookups: dict[str, dict[str, str] | bool | None] = Field(default_factory=dict)
    queues: dict[str, Queue] = Field(default_factory=dict)
    speech: bool = True
    inputs: tuple[Annotated[Input, BeforeValidator(_input)], ...] = ()
    path: tuple[str, ...] | None = None
    hears: Annotated[tuple[str, ...], BeforeValidator(one_or_many)] = ()
    ends: str | None = None
    promises: str | None = None
    rated: str | None = None
    values: dict[str, str] = Field(default_factory=dict)

    def world(self, zone: str) -> World:
        """What the menu finds."""
        at = 0.0
        if self.at is not None:
            at = datetime.fromisoformat(self.at).replace(tzinfo=ZoneInfo(zone)).timestamp()
        lookups = {
            name: LookedUp(0, answer is not False, answer if isinstance(answer, dict) else {})
            for name, answer in self.lookups.items()
            if answer is not None
        }
        queues = {name: QueueSeen(0, queue.waiting, queue.ready, queue.wait_s) for name, queue in self.queues.items()}
        return World(self.facts, at, _calendars(self.open), lookups, queues, Ears() if self.speech else None)


def _calendars(said: bool | Mapping[str, bool | str]) -> Calendars:
    if isinstance(said, bool):
        return Calendars({}, Always(said))
    return Calendars({name: _calendar(value) for name, value in said.items()}, None)


def _calendar(said: bool | str) -> Always:
    return Always(said) if isinstance(said, bool) else Always(False, said)


class _Script(_Part):
    cases: Annotated[tuple[Case, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a case went: `faults` says what came otherwise, nothing where all came true."""

    case: Case
    walk: Simulation
    faults: tuple[str, ...]


def read_cases(text: str, file: str) -> tuple[Case, ...]:
    """The cases of a file. Raises ScriptError."""
    tree = read_tree(text)
    if tree.faults:
        fault = tree.faults[0]
        finding = Finding(file, fault.line, "", fault.key, fault.values)
        raise ScriptError(f"{file}:{fault.line}: {finding.message()} {finding.remedy()}")
    try:
        cases = _Script.model_validate(tree.value).cases
        for case in cases:
            case.world("UTC")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = tuple(str(part) for part in first["loc"])
        line = next((tree.lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in tree.lines), 0)
        raise ScriptError(f"{file}:{line}: {'.'.join(path)}: {first['msg']}") from error
    except ValueError as error:
        raise ScriptError(f"{file}: {error}") from error
    return cases


def play(document: Document, cases: Sequence[Case], texts: Texts) -> Iterator[Outcome]:
    """Let each case happen."""
    for case in cases:
        walk = Simulation(document, texts, case.world(document.time_zone))
        faults: list[str] = []
        try:
            walk.begin()
            for each in case.inputs:
                each.do(walk)
            walk.listen()
        except RecursionError as error:
            faults.append(str(error))
        yield Outcome(case, walk, (*faults, *_faults(case, walk)))


def _faults(case: Case, walk: Simulation) -> Iterator[str]:
    if case.path is not None and tuple(walk.path) != case.path:
        yield f"path: {' > '.join(walk.path)}, not {' > '.join(case.path)}"
    said = iter(walk.heard)
    for words in case.hears:
        if not any(words in each for each in said):
            yield f"hears: {words!r} is not said (in this order): {walk.heard}"
            break
    if case.ends is not None and (walk.end or "menu") != case.ends:
        yield f"ends: {walk.end or 'menu'}, not {case.ends}"
    promises = [action.number for action in walk.done if isinstance(action, Promise)]
    if case.promises is not None and case.promises not in promises:
        yield f"promises: {promises or 'nothing'}, not {case.promises!r}"
    rated = [action.meaning for action in walk.done if isinstance(action, Rated)]
    if case.rated is not None and case.rated not in rated:
        yield f"rated: {rated or 'not at all'}, not {case.rated!r}"
    for name, value in case.values.items():
        if walk.run.values.get(name) != value:
            yield f"values: {name} is {walk.run.values.get(name)!r}, not {value!r}"
