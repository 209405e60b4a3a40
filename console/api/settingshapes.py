"""The shapes of settings that the API takes and gives. Hours are written as in the settings: "09:00-12:00"."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from console.api.shapes import Epoch, Given, Shown

Hours = Annotated[list[str], Field(max_length=12, description="As 09:00-12:00; none: closed")]


class CalendarName(BaseModel):
    name: str = Field(max_length=64)


class CalendarDate(CalendarName):
    day: date


class Span(BaseModel):
    """Which days to show."""

    since: date | None = Field(None, description="Today where it is left out")
    days: int = Field(31, ge=1, le=400)


class Week(BaseModel):
    """Hours by day, "mon" to "sun", and those of make-up workdays (调休). revision: to be named by who changes it."""

    week: dict[str, list[str]]
    makeup: list[str]
    revision: int
    author: str = Field(description='Who changed it, "" where the settings say')
    at: Epoch


class Day(BaseModel):
    """How a day is, and what says so."""

    date: date
    source: Literal["edited", "settings", "holiday", "makeup", "week"]
    open: list[str]
    name: str
    author: str
    at: Epoch = Field(description="When somebody set it, 0 for nobody: to be named by who changes it")


class Calendar(BaseModel):
    name: str
    time_zone: str
    week: Week
    days: list[Day]


class CalendarList(BaseModel):
    calendars: list[str]


class NewWeek(Given):
    week: dict[str, Hours] = Field(description='By day: "mon" to "sun", or "mon-fri"')
    makeup: Hours
    based_on: int = Field(description="The revision that was read")


class Revision(BaseModel):
    based_on: int = Field(description="The revision that was read")


class NewDay(Given):
    open: Hours
    name: str = Field("", max_length=64)
    based_on: Epoch = Field(0, description="`at` of the day that was read, 0 where nobody had set it")


class Moment(BaseModel):
    based_on: Epoch = Field(description="`at` of the day that was read")


class InForce(BaseModel):
    """in_force: the engines know by now; else they are told when Redis is back."""

    in_force: bool


class QueueName(BaseModel):
    name: str = Field(max_length=64)


class SeatNumber(BaseModel):
    number: str = Field(max_length=8)


class Edited(BaseModel):
    """revision: to be named by who changes it; author: who did last, "" for nobody."""

    revision: int
    author: str
    at: Epoch


class Terms(BaseModel):
    """What a queue goes by."""

    ring_timeout_s: float = Field(description="A seat's telephone rings so long")
    time_limit_s: float = Field(description="The longest wait; then a return call is owed")
    wrap_up_s: float
    set_aside_s: float = Field(description="A seat that did not answer gets no call for so long")
    in_time_s: float = Field(description="Answered within that counts for the service level")
    music: str = Field(max_length=64, description="A prompt that there is in each language")


class QueueSetting(Terms, Edited):
    name: str


class QueueSettings(BaseModel):
    queues: list[QueueSetting]


class NewQueue(Terms):
    model_config = Given.model_config

    based_on: int = Field(description="The revision that was read")


class SeatSetting(Edited):
    number: str
    name: str
    queues: dict[str, int] = Field(description="To the level of its skill, 1 is the best")
    enabled: bool


class SeatSettings(BaseModel):
    seats: list[SeatSetting]


class NewSeat(Given):
    name: str = Field(max_length=64)
    queues: dict[str, int] = Field(description="To the level of its skill, 1 is the best")
    enabled: bool = True
    based_on: int = Field(description="The revision that was read")


class TrunkNode(Shown):
    """A trunk as one node sees it."""

    node: str
    up: bool
    registered: bool | None = Field(description="null where it need not be")
    refused: int = Field(description="Status of the last REGISTER that failed, else 0")
    addresses: dict[str, bool] = Field(description="Whether each answered the last OPTIONS")
    since: Epoch | None
    reason: str


class Trunk(BaseModel):
    """What the settings say of a trunk (no secrets), and how it is now."""

    name: str
    server: str
    registers: bool
    ping_s: float
    numbers: dict[str, str]
    state: Literal["up", "down", "silent", "unknown"]
    calls: int
    nodes: list[TrunkNode]


class TrunkList(BaseModel):
    trunks: list[Trunk]
