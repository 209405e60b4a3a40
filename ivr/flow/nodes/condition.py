"""condition: the way depends on who calls, when, and how things are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from ivr.flow.events import AskQueue, Outcome, QueueSeen
from ivr.flow.node import Node, Scene
from ivr.flow.parts import Edge, Language, Name, Part, Path, Variable, one_or_many

ANSWER_S = 2.0
"""A queue that doesn't say within this time how it is fits no case."""

Many = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], BeforeValidator(one_or_many)]
Count = Annotated[str, Field(pattern=r"^\d{1,4}(-\d{1,4}|\+)?$")]
_SPAN = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


def _span(text: str) -> str:
    found = _SPAN.fullmatch(text)
    if found is None or max(text[:5], text[6:]) > "24:00" or text[:5] == text[6:]:
        raise PydanticCustomError("no_span", "this is no span of time, such as 09:00-12:00 or 22:00-06:00")
    return text


Spans = Annotated[tuple[Annotated[str, AfterValidator(_span)], ...], BeforeValidator(one_or_many)]


class QueueIs(Part):
    """How a queue is; all that is given must be true."""

    name: Name
    """The queue."""
    waiting_over: Annotated[int, Field(ge=0)] | None = None
    """More callers than that wait."""
    wait_over_s: Annotated[float, Field(ge=0)] | None = None
    """The next caller would wait longer."""
    ready_below: Annotated[int, Field(ge=1)] | None = None
    """Fewer seats could take a call."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.waiting_over is None and self.wait_over_s is None and self.ready_below is None:
            raise PydanticCustomError("no_queue_condition", "one of waiting_over, wait_over_s, ready_below is needed")
        return self

    def holds(self, seen: QueueSeen) -> bool:
        """Whether that is so."""
        return (
            (self.waiting_over is None or seen.waiting > self.waiting_over)
            and (self.ready_below is None or seen.ready < self.ready_below)
            and (self.wait_over_s is None or (seen.wait_s is not None and seen.wait_s > self.wait_over_s))
        )


class When(Part):
    """What must be so. Of each thing that is given, one of its values must fit."""

    class_: Annotated[Many, Field(alias="class")] = ()
    """The caller's class in the customer file."""
    tag: Many = ()
    """The caller bears one of these tags."""
    calls: Count | None = None
    """Which call of this caller it is: "1", "2", "3+", "2-5"."""
    caller: Many = ()
    """The caller's number begins so."""
    province: Many = ()
    """The province of the caller's number."""
    city: Many = ()
    """The city of the caller's number."""
    called: Many = ()
    """The number that was dialled."""
    language: Language | None = None
    """The language spoken now."""
    time: Spans = ()
    """The time of day, in the document's time zone; 22:00-06:00 goes over midnight."""
    weekday: Annotated[str, Field(pattern=r"^[1-7]([-,][1-7])*$")] | None = None
    """1 is Monday: "1-5", "6,7"."""
    open: Name | None = None
    """This calendar says that people work now."""
    queue: QueueIs | None = None
    """How a queue is."""
    variables: dict[Variable, Many] = Field(default_factory=dict)
    """These variables hold one of these values."""

    @field_validator("weekday", mode="after")
    @classmethod
    def _forwards(cls, value: str | None) -> str | None:
        for part in (value or "1").split(","):
            if len(part) > 3 or (len(part) == 3 and part[0] > part[2]):
                raise PydanticCustomError("no_weekdays", "these are no weekdays, such as 1-5 or 6,7")
        return value

    @model_validator(mode="after")
    def _something(self) -> Self:
        if all(getattr(self, name) == empty for name, empty in _EMPTY.items()):
            raise PydanticCustomError("no_condition", "a case without a condition: write that under `else`")
        return self

    def holds(self, scene: Scene, seen: QueueSeen | None) -> bool:
        """Whether all is so. seen: how `queue` is, None where that is not known."""
        values = scene.values
        return (
            self._is(values.get("class"), self.class_)
            and (not self.tag or not set(self.tag).isdisjoint(values.get("tags", "").split(",")))
            and (self.calls is None or _counts(self.calls, values.get("calls", "")))
            and (not self.caller or values.get("caller", "").startswith(self.caller))
            and self._is(values.get("province"), self.province)
            and self._is(values.get("city"), self.city)
            and self._is(values.get("called"), self.called)
            and self.language in (None, scene.language)
            and self._now(scene)
            and (self.open is None or is_open(scene, self.open))
            and (self.queue is None or (seen is not None and self.queue.holds(seen)))
            and all(self._is(values.get(name, ""), wanted) for name, wanted in self.variables.items())
        )

    @staticmethod
    def _is(value: str | None, wanted: tuple[str, ...]) -> bool:
        return not wanted or value in wanted

    def _now(self, scene: Scene) -> bool:
        if not self.time and self.weekday is None:
            return True
        moment = datetime.fromtimestamp(scene.at, ZoneInfo(scene.document.time_zone))
        if self.weekday is not None and not any(
            int(part[0]) <= moment.isoweekday() <= int(part[-1]) for part in self.weekday.split(",")
        ):
            return False
        clock = moment.strftime("%H:%M")
        return not self.time or any(_within(clock, span[:5], span[6:]) for span in self.time)


_EMPTY = {name: field.get_default(call_default_factory=True) for name, field in When.model_fields.items()}


def _within(clock: str, begin: str, end: str) -> bool:
    return begin <= clock < end if begin < end else clock >= begin or clock < end


def _counts(wanted: str, count: str) -> bool:
    if not count.isdigit():
        return False
    least, _, most = wanted.rstrip("+").partition("-")
    return int(least) <= int(count) and (wanted.endswith("+") or int(count) <= int(most or least))


def is_open(scene: Scene, calendar: str) -> bool:
    """Whether people work now. A calendar of which nothing is known turns no caller away."""
    opening = scene.opening(calendar)
    return opening is None or opening.is_open(scene.at)


class Case(Part):
    """A way, and when it is taken."""

    when: When
    """What must be so."""
    to: Name


class Condition(Node):
    """Takes the first case that holds, else `else`. What is not known (an anonymous caller's province) fits no case."""

    kind: Literal["condition"]
    cases: Annotated[tuple[Case, ...], Field(min_length=1, max_length=50)]
    """The cases, in order."""
    else_: Name = Field(alias="else")
    """Where a caller goes whom no case fits."""

    @property
    def needs_answer(self) -> bool:
        return False

    def edges(self) -> Iterable[Edge]:
        for index, case in enumerate(self.cases):
            yield Edge(("cases", str(index), "to"), case.to, silent=True)
        yield Edge(("else",), self.else_, silent=True)

    def reads(self) -> Iterable[tuple[Path, str]]:
        for index, case in enumerate(self.cases):
            yield from ((("cases", str(index), "when", "variables", name), name) for name in case.when.variables)

    def queues(self) -> Iterable[tuple[Path, str]]:
        """The queues that are asked about, and where."""
        for index, case in enumerate(self.cases):
            if case.when.queue is not None:
                yield ("cases", str(index), "when", "queue", "name"), case.when.queue.name

    def calendars(self) -> Iterable[tuple[Path, str]]:
        """The calendars that are asked, and where."""
        for index, case in enumerate(self.cases):
            if case.when.open is not None:
                yield ("cases", str(index), "when", "open"), case.when.open

    def enter(self, scene: Scene) -> None:
        self._from(scene, scene.counted("case"), None)  # after a restart with the one whose queue was asked about

    def happened(self, scene: Scene, outcome: Outcome) -> None:
        if isinstance(outcome, QueueSeen) and outcome.number == scene.last_number():
            self._from(scene, scene.counted("case"), outcome)

    def timeout(self, scene: Scene) -> None:
        self._next(scene, scene.counted("case"))

    def key(self, scene: Scene, digit: str) -> None:
        scene.keep(digit)

    def _from(self, scene: Scene, index: int, seen: QueueSeen | None) -> None:
        """Look at the cases from this one on; `seen` is about it."""
        case = self.cases[index]
        if case.when.queue is not None and seen is None:
            scene.wait(ANSWER_S)
            scene.want(AskQueue(scene.number(), case.when.queue.name))
        elif case.when.holds(scene, seen):
            scene.go(case.to)
        else:
            self._next(scene, index)

    def _next(self, scene: Scene, index: int) -> None:
        if index + 1 < len(self.cases):
            scene.count("case")
            self._from(scene, index + 1, None)
        else:
            scene.go(self.else_)


class Hours(Node):
    """Whether people work now, by a calendar: `open`, `closed`, and on a holiday or the company's own day off `holiday` (else
    `closed`). A calendar of which nothing is known counts as open: no caller is turned away for our own fault."""

    kind: Literal["hours"]
    calendar: Name = "default"
    """Whose working hours."""
    open: Name
    """Where callers go while people work."""
    closed: Name
    """Where they go when nobody works."""
    holiday: Name | None = None
    """Where they go on a holiday or day off; by default as when closed."""

    @property
    def needs_answer(self) -> bool:
        return False

    def edges(self) -> Iterable[Edge]:
        yield Edge(("open",), self.open, silent=True)
        yield Edge(("closed",), self.closed, silent=True)
        if self.holiday is not None:
            yield Edge(("holiday",), self.holiday, silent=True)

    def calendars(self) -> Iterable[tuple[Path, str]]:
        """The calendar that is asked, and where."""
        return ((("calendar",), self.calendar),)

    def enter(self, scene: Scene) -> None:
        opening = scene.opening(self.calendar)
        if opening is None or opening.is_open(scene.at):
            scene.go(self.open)
        elif self.holiday is not None and opening.special(scene.at) is not None:
            scene.go(self.holiday)
        else:
            scene.go(self.closed)


def calendars_of(node: Any) -> Iterable[tuple[Path, str]]:
    """The calendars that a node of any kind asks, and where."""
    return node.calendars() if isinstance(node, Condition | Hours) else ()
