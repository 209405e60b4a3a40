"""The shapes of one's own seat: what is live, known and owed there, and what is said of a talk."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from console.api.shapes import Epoch, Given, ReturnCall, Seat, Shown

Status = Literal["ready", "break", "off"]
Closing = Literal["", "reached", "done", "wrong_number"]


class Wish(Given):
    """ready: sign on, or come back; break: with a reason of the settings; off: sign off. Talks go on."""

    status: Status
    reason: str = Field("", max_length=32, description="A code of /my/reasons, for a break")


class Trail(Shown):
    """One step of the caller's way before a person took the call."""

    kind: Literal["menu", "key", "said", "entered", "misheard", "queued"]
    at: Epoch
    node: str
    text: str = Field(description='The node\'s title; pressed, said, entered; secrets are "***"')


class Known(Shown):
    """What is known of who calls."""

    calls: int = Field(description="Ended ones of this number")
    name: str
    class_: str
    tags: list[str]


class SeatCall(Shown):
    """The call that the seat has, or wraps up."""

    call_id: str
    kind: str
    phase: str
    lives: bool
    hotline: str
    called: str
    number: str = Field(description="The outside party's; empty: it is hidden")
    place: str
    queue: str
    since: Epoch | None
    waited_s: float | None
    trail: list[Trail]
    known: Known


class Dialling(Shown):
    """A call that the seat was asked to make."""

    call_id: str
    number: str
    callback_id: str = Field(description="The return call that it is made for, empty: none")
    step: Literal["asked", "seat", "customer", "ringing", "talking", "over"]
    since: Epoch
    outcome: str
    reason: str
    talk_s: float


class Line(Shown):
    queue: str
    waiting: int
    waited_s: float


class MySeat(BaseModel):
    """All that one's page shows. live: whether Redis answers; books: whether SQL does; what is not known then is empty."""

    number: str
    at: Epoch
    show: str = Field(description="In one word: a call in hand first, else why none comes, else idle")
    live: bool
    books: bool
    seat: Seat | None
    call: SeatCall | None
    nth: int | None = Field(description="Which call of this number it is, from 1")
    wrap_up_until: Epoch | None
    wrap_up_latest: Epoch | None = Field(description="However long somebody writes")
    dialling: Dialling | None
    lines: list[Line]
    wrap_up: WrapUp | None = Field(description="What is written of the present call")
    drafts: list[WrapUp] = Field(description="Begun and not done")
    return_calls: list[ReturnCall] = Field(description="One's own, the earliest deadline first")
    free_return_calls: int


class Draft(Given, Shown):
    """What is written of a talk (小结)."""

    reason: str = Field("", max_length=64, description="A code of /my/reasons")
    resolved: bool | None = None
    notes: str = Field("", max_length=4000)
    wanted_at: Epoch | None = Field(None, description="When the customer wants to be called back")
    wanted_number: Annotated[str, StringConstraints(pattern=r"^[0-9+]*$", max_length=64)] = Field(
        "", description="At which number; empty: the call's"
    )


class WrapUp(Shown):
    """A draft as it is kept, or what was said in the end (done_at)."""

    call_id: str
    seat: str
    by: str
    draft: Draft
    revision: int
    saved_at: Epoch
    done_at: Epoch | None
    return_call_id: int | None = Field(description="The return call that was agreed on")


class Written(Given):
    """A draft, and the revision that it goes on from; 0: nothing is kept yet."""

    draft: Draft
    revision: int = Field(0, ge=0)


class Finished(Written):
    """The last word. closing: how the return call went that the call was made for; empty: nothing to say."""

    closing: Closing = ""


class Kept(BaseModel):
    """What is kept now, and until when the wrap-up waits; null: it doesn't."""

    wrap_up: WrapUp
    until: Epoch | None


class Dial(Given):
    """A plain number, or a return call, which becomes one's own."""

    number: str = Field("", max_length=32)
    return_call_id: int = Field(0, ge=0)


class Dialled(BaseModel):
    call_id: str


class Reason(BaseModel):
    code: str
    zh: str
    en: str


class Reasons(BaseModel):
    """What one chooses from; an empty list: it isn't asked for."""

    break_reasons: list[Reason]
    wrap_up_reasons: list[Reason]


MySeat.model_rebuild()
