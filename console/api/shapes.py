"""The shapes of what the API takes and gives. Times are epoch seconds (UTC), as everywhere in this house; durations end in _s;
numbers of callers are as the call log writes them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Epoch = Annotated[float, Field(description="Seconds since 1970-01-01 UTC")]


class Given(BaseModel):
    """What a program sends; a key that isn't known is an error."""

    model_config = ConfigDict(extra="forbid")


class Shown(BaseModel):
    """What a program gets, read off our own values."""

    model_config = ConfigDict(from_attributes=True)


class ReturnCallId(BaseModel):
    id: int


class ReturnCalls(BaseModel):
    """Which to list."""

    done: bool = Field(False, description="Those that were closed or waived, the latest first; else those that are owed")
    which: Literal["", "free", "late", "again"] = ""
    owner: str = Field("", max_length=64, description="A login")
    hotline: str = Field("", max_length=64)
    number: str = Field("", max_length=32, pattern=r"^[0-9*#+]*$", description="A part of the number")
    limit: int = Field(200, ge=1, le=500)


class ReturnCall(Shown):
    """A return call (回电)."""

    id: int
    kind: str
    state: Literal["open", "claimed", "closed", "waived"]
    hotline: str
    number: str
    province: str
    city: str
    reason: str
    opened_at: Epoch
    due_at: Epoch
    next_at: Epoch | None = Field(description="When to try again")
    deadline: Epoch = Field(description="The later one of due_at and next_at")
    overdue: bool
    owner: str = Field(description="The login of who has claimed it")
    attempts: int
    outcome: str
    result: str
    closed_at: Epoch | None
    closed_by: str
    waive_reason: str
    calls: int


class LedgerLine(Shown):
    what: str
    by: str
    at: Epoch
    note: str


class ReturnCallDetails(BaseModel):
    """One with its history."""

    return_call: ReturnCall
    ledger: list[LedgerLine]
    calls: list[str] = Field(description="Ids of the calls behind it")


class ReturnCallList(BaseModel):
    return_calls: list[ReturnCall]


class Balance(Shown):
    """opened = open + closed + waived."""

    opened: int
    open: int
    closed: int
    waived: int
    ok: bool


class HandOver(Given):
    to: str = Field(max_length=64, description="A login")


class Settlement(Given):
    """How a try went. "no_answer" leaves it owed."""

    outcome: Literal["reached", "done", "wrong_number", "no_answer"]
    note: str = Field("", max_length=500)


class Waiver(Given):
    reason: str = Field(min_length=1, max_length=500)


class SeatNumber(BaseModel):
    number: str = Field(max_length=64)


class Seat(Shown):
    """status is the person's wish, state the system's fact."""

    number: str
    name: str
    queues: list[str]
    status: str
    reason: str
    state: str
    call_id: str
    since: Epoch | None
    aside_until: Epoch | None
    registered: bool


class SeatList(BaseModel):
    seats: list[Seat]


class Waiting(Shown):
    call_id: str
    position: int
    waited_s: float


class Queue(Shown):
    name: str
    seats: int
    ready: int
    waiting: list[Waiting]


class QueueList(BaseModel):
    queues: list[Queue]


class Days(BaseModel):
    """Calls that came in in [since, until); today where both are left out."""

    since: float | None = None
    until: float | None = None


class Figures(Shown):
    """Counts of calls, and their shares: answered, and answered in time (服务水平), of those that asked for a person and are
    decided; null before there is one."""

    arrived: int
    queued: int
    talked: int
    missed: int
    in_time: int
    in_time_s: float | None = Field(description="Within how many seconds; null where queues differ in that")
    answered_share: float | None
    service_level: float | None


class Health(BaseModel):
    """Whether what the console stands on answers."""

    redis: bool
    scribe: bool
    sql: bool


class Process(BaseModel):
    """A process of a node. dead: it isn't there; silent: it is, and does not answer; unheard: its node says nothing."""

    node: str
    name: str = Field(description="engine, media-0, speech-0, scribe, console, gateway, redis, nursery")
    state: Literal["up", "dead", "silent", "unheard"]
    trouble: str = Field(description='What callers notice, in the language that was asked for; "" where nothing is wrong')
    pid: int
    since: Epoch = Field(description="0 where it never was there")
    restarts: int
    ended_at: Epoch | None = Field(description="When the one before ended, or this one")
    status: int | None = Field(description="How that ended: its exit status, or a signal's number below 0; null: unknown")
    hung_s: float | None = Field(description="It had stood still for so many seconds, and was killed for that")
    memory_bytes: int | None = Field(description="Its part of pages that processes share, unless memory_in_full")
    memory_in_full: bool = Field(description="Shared pages count in full: the kernel doesn't tell their share")
    cpu: float | None = Field(description="Share of one core")
    seen_at: Epoch | None = Field(description="Its last sign of life")


class ProcessList(BaseModel):
    """Those in trouble first. unheard: nodes that say nothing, to the seconds since they last did."""

    processes: list[Process]
    unheard: dict[str, float]


class Me(Shown):
    """Whose token this is."""

    login: str
    name: str
    role: str
    seat: str
