"""The shapes of calls in the API: what shapes.py is for the rest."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from console.api.shapes import Epoch, Shown
from followup.search import Owed, Sort

_DAY = r"^(\d{4}-\d{2}-\d{2})?$"


class CallId(BaseModel):
    call_id: str = Field(max_length=64)


class TakeId(CallId):
    take: int = Field(ge=0)


class _Wanted(BaseModel):
    """Filters that lists and files share."""

    number: str = Field("", max_length=32, pattern=r"^[0-9*#+ -]*$", description="The other side's number, or its last digits")
    hotline: str = Field("", max_length=64)
    queue: str = Field("", max_length=64)
    seat: str = Field("", max_length=64)
    outcome: Literal["", "live", "talked", "missed", "menu", "unreached"] = ""
    kind: Literal["", "inbound", "outbound", "internal"] = ""
    owed: Owed = Field("", description="Made a return call owed: any, still owed (open), done with (done)")
    recorded: bool = Field(False, description="With a recording")
    message: bool = Field(False, description="With a message that the caller left")
    note: str = Field("", max_length=100, description="A part of what people wrote about it")
    sort: Sort = Field("newest", description="talk and wait: the longest first, of calls that have one")


class CallQuery(_Wanted):
    """Which calls of the log."""

    min_talk_s: float | None = Field(None, ge=0, le=86400)
    since: Epoch | None = None
    until: Epoch | None = None
    limit: int = Field(50, ge=1, le=200)
    after: str = Field("", max_length=100, description="As a list told it: the calls that follow")
    before: str = Field("", max_length=100, description="As a list told it: the calls before")


class ExportQuery(_Wanted):
    """Which calls to write into a file; days are local, both counted in."""

    model_config = ConfigDict(populate_by_name=True)

    talk: str = Field("", pattern=r"^\d{0,5}$", description="Talked to for so many seconds at least")
    first: str = Field("", alias="from", pattern=_DAY, description="YYYY-MM-DD")
    last: str = Field("", alias="to", pattern=_DAY, description="YYYY-MM-DD")
    recorded: bool = Field(False, description="1: with a recording")
    message: bool = Field(False, description="1: with a message that the caller left")


class Call(Shown):
    """A call of the log."""

    call_id: str
    kind: str
    phase: str
    trunk: str
    hotline: str
    called: str
    caller: str
    province: str
    city: str
    arrived_at: Epoch
    answered_at: Epoch | None
    menu_path: str
    queue: str
    seat: str
    talking_at: Epoch | None
    ended_at: Epoch | None
    ended_by: str
    reason: str
    wait_s: float | None
    talk_s: float | None
    recorded: bool
    outcome: str = Field("", description="live, talked, missed, menu or unreached")
    return_call_id: int | None = None
    return_call_state: str = ""


class CallList(BaseModel):
    calls: list[Call]
    total: int = Field(description="10001: more than 10000")
    after: str = Field(description="The key for the calls that follow; empty: there are none")
    before: str = Field(description="The key for the calls before")


class CallEvent(Shown):
    seq: int
    type: str
    at: Epoch
    data: dict[str, Any]


class StoryLine(BaseModel):
    """A step in plain words."""

    at: Epoch
    what: str
    said: str
    more: list[str]


class Take(Shown):
    """A recording that may be heard: its number, when it began, how long it is."""

    number: int
    at: Epoch
    seconds: float


class CallDetails(BaseModel):
    call: Call
    events: list[CallEvent]
    story: list[StoryLine]
    takes: list[Take]


class Side(Shown):
    """bars: peaks of even parts of the recording, 0 to 100; speech: begin and end of each time with a voice, seconds."""

    bars: list[int]
    speech: list[tuple[float, float]]


class Levels(Shown):
    """sides: the caller, then, in stereo, the seat."""

    seconds: float
    sides: list[Side]
