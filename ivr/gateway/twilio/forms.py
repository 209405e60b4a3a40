"""What Twilio's webhooks say, read from their form fields (Twilio's documentation, "TwiML Voice: Twilio's request to your
application", "Recording status callbacks")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ivr.sip.number import Caller, normalise

_CALL = re.compile(r"CA[0-9a-fA-F]{32}")
_RECORDING = re.compile(r"RE[0-9a-fA-F]{32}")
_NUMBER = re.compile(r"\+[0-9]{3,15}")
_WITHHELD = frozenset({"+266696687", "+86282452253", "+7378742833", "+2562533", "+8656696"})
"""What stands in From where the number is withheld: ANONYMOUS, UNAVAILABLE, RESTRICTED, BLOCKED, UNKNOWN on a telephone's
keys."""


class BadForm(ValueError):
    """A field is missing, or is none of Twilio's."""


@dataclass(frozen=True, slots=True)
class VoiceRequest:
    """A call wants to know what to do. called and caller in E.164; caller "" where it is withheld or no number (a client's
    name). status as in progress.py."""

    call_sid: str
    called: str
    caller: str
    status: str
    outbound: bool

    @property
    def known_caller(self) -> Caller:
        """As the call log writes it."""
        return normalise(self.caller, None) if self.caller else Caller("", dialable=False)


@dataclass(frozen=True, slots=True)
class RecordingDone:
    """A message's file is there; seconds 0 where there is none (RecordingStatus "absent")."""

    call_sid: str
    recording_sid: str
    seconds: float


def voice(form: Mapping[str, str]) -> VoiceRequest:
    """Read a voice webhook or status callback. Raises BadForm."""
    caller = form.get("From", "")
    return VoiceRequest(
        call_sid=_sid(form, "CallSid", _CALL),
        called=form.get("To", "")[:64],
        caller=caller if _NUMBER.fullmatch(caller) and caller not in _WITHHELD else "",
        status=form.get("CallStatus", ""),
        outbound=form.get("Direction", "").startswith("outbound"),
    )


def recording(form: Mapping[str, str]) -> RecordingDone:
    """Read a recording's status callback. Raises BadForm."""
    seconds = form.get("RecordingDuration", "0")
    there = form.get("RecordingStatus", "completed") == "completed"
    return RecordingDone(
        call_sid=_sid(form, "CallSid", _CALL),
        recording_sid=_sid(form, "RecordingSid", _RECORDING),
        seconds=float(seconds) if there and re.fullmatch(r"[0-9]{1,5}", seconds) else 0.0,
    )


def _sid(form: Mapping[str, str], name: str, pattern: re.Pattern[str]) -> str:
    found = form.get(name, "")
    if not pattern.fullmatch(found):
        raise BadForm(f"{name} is missing or none")
    return found
