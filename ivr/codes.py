"""What a seat dials to change its status or to record a prompt: calls of their own, which no log tells of."""

from __future__ import annotations

from dataclasses import dataclass

from ivr.codesettings import Codes, Recordable
from ivr.flow.model import Document
from ivr.flow.nodes.hangup import Hangup
from ivr.sections import Seat
from routing.seats import Status

STUDIO = "studio"
"""What the documents of this module name as the system that they ask: ivr.studio answers. Menus don't get there: their calls
are logged, and their systems are those of the settings."""

DRAFT = "draft_"
"""Begin of the name of a prompt that is not kept yet; the seat's number follows."""

MAX_S = 60


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


def to_record(codes: Codes, seat: Seat, dialled: str) -> Recordable | None:
    """The prompt that this seat wants to record, and may; else None."""
    found = (prompt for prompt in codes.prompts if codes.record + prompt.number == dialled)
    return next(found, None) if seat.may_record else None


def document(prompt: str) -> Document:
    """The menu of a code call: say it, hang up."""
    return Document(start="say", nodes={"say": Hangup(kind="hangup", prompt=(prompt,))})


def recording(wanted: Recordable, seat: str) -> Document:
    """The menu in which a seat records a prompt: guidance, beep, speak, #, hear it; 1 keeps it, 2 records it again, 3 plays it
    again, * discards it, as silence does."""
    draft = DRAFT + seat

    def ask(what: str, found: str, not_found: str) -> dict[str, object]:
        send = {"do": what, "draft": draft, "prompt": wanted.prompt, "language": wanted.language}
        return {"kind": "lookup", "lookup": STUDIO, "send": send, "found": found, "not_found": not_found, "timeout_s": 15}

    nodes: dict[str, object] = {
        "speak": {
            "kind": "voicemail",
            "prompt": "record_start",
            "too_short": "record_too_short",
            "saved": "record_heard",
            "not_saved": "record_too_short",
            "max_s": MAX_S,
            "min_s": 0.5,
            "silence_s": 10,
            "then": "hear",
        },
        "hear": ask("hear", "choose", "failed"),
        "choose": {
            "kind": "menu",
            "prompt": [draft, "record_choose"],
            "keys": {"1": "keep", "2": "speak", "3": "choose", "*": "discard"},
            "timeout_s": 10,
            "no_input": {"to": "discard"},
            "no_match": {"to": "discard"},
        },
        "keep": ask("keep", "kept", "failed"),
        "kept": {"kind": "hangup", "prompt": "record_saved"},
        "discard": ask("discard", "discarded", "discarded"),
        "discarded": {"kind": "hangup", "prompt": "record_discarded"},
        "failed": {"kind": "say", "prompt": "record_too_short", "then": "speak"},
    }
    return Document.model_validate({"language": wanted.language, "start": "speak", "max_visits": 30, "nodes": nodes})
