"""What a seat dials to change its status: a call of a few seconds that says what was done."""

from __future__ import annotations

from dataclasses import dataclass

from ivr.flow.model import Document, Hangup
from ivr.sections import Codes
from routing.seats import Status


@dataclass(frozen=True, slots=True)
class Code:
    """One service code: the status the seat wishes, and the prompt that confirms it."""

    status: Status
    reason: str
    prompt: str


def for_number(codes: Codes, dialled: str) -> Code | None:
    """The code that was dialled, or None."""
    return {
        codes.sign_on: Code("ready", "", "signed_on"),
        codes.sign_off: Code("off", "", "signed_off"),
        codes.take_break: Code("break", "小休", "on_break"),
        codes.back: Code("ready", "", "back_ready"),
    }.get(dialled)


def document(prompt: str) -> Document:
    """The menu of a code call: say it, hang up."""
    return Document(start="say", nodes={"say": Hangup(kind="hangup", prompt=(prompt,))})
