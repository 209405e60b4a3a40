"""Twilio's Media Streams: the JSON messages of a bidirectional stream (Twilio's documentation, "Media Streams - WebSocket
Messages"). Numbers come as strings there."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_MESSAGE = 65536
"""Bytes of the longest message taken; media of 20 ms are about 300."""
MAX_SOUND = 8000
"""Samples of the longest media message taken: a second."""


class BadMessage(ValueError):
    """No message of this protocol; the text says why, without the peer's words."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The first message; the stream itself begins with Start."""


@dataclass(frozen=True, slots=True)
class Start:
    """The stream begins. parameters: those of the TwiML's <Parameter> elements."""

    stream_sid: str
    call_sid: str
    account_sid: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Media:
    """Sound of the caller: µ-law, 8 kHz. chunk counts from 1, timestamp_ms from the stream's start; both -1 where missing."""

    sound: bytes
    chunk: int = -1
    timestamp_ms: int = -1


@dataclass(frozen=True, slots=True)
class Key:
    """A key the caller has pressed."""

    digit: str


@dataclass(frozen=True, slots=True)
class Mark:
    """All that we sent before the mark of this name has been played, or thrown away."""

    name: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The stream is over: the caller has hung up, or the call goes on elsewhere."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message of a kind that we don't know: it is passed over."""


Message = Connected | Start | Media | Key | Mark | Stop | Unknown


def parse(text: str | bytes) -> Message:
    """Read a message. Raises BadMessage."""
    if len(text) > MAX_MESSAGE:
        raise BadMessage("too long")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadMessage("not JSON") from error
    if not isinstance(data, dict):
        raise BadMessage("not an object")
    match data.get("event"):
        case "connected":
            return Connected()
        case "start":
            return _start(data)
        case "media":
            return _media(_object(data, "media"))
        case "dtmf":
            return _key(_object(data, "dtmf"))
        case "mark":
            return Mark(_text(_object(data, "mark"), "name"))
        case "stop":
            return Stop()
        case str():
            return Unknown()
    raise BadMessage("no event")


def media(stream_sid: str, sound: bytes) -> str:
    """Have the caller hear this µ-law."""
    # Written by hand: fifty a second and call, and nothing in it wants escaping.
    return f'{{"event":"media","streamSid":"{stream_sid}","media":{{"payload":"{base64.b64encode(sound).decode()}"}}}}'


def mark(stream_sid: str, name: str) -> str:
    """Have Twilio tell when all before it has been heard."""
    return json.dumps({"event": "mark", "streamSid": stream_sid, "mark": {"name": name}})


def clear(stream_sid: str) -> str:
    """Have Twilio throw away what was not heard yet; its marks come back at once."""
    return json.dumps({"event": "clear", "streamSid": stream_sid})


def _start(data: Mapping[str, Any]) -> Start:
    start = _object(data, "start")
    form = start.get("mediaFormat", {})
    if isinstance(form, dict) and (form.get("encoding", "audio/x-mulaw"), form.get("channels", 1)) != ("audio/x-mulaw", 1):
        raise BadMessage("not µ-law")
    parameters = start.get("customParameters", {})
    if not isinstance(parameters, dict):
        raise BadMessage("no parameters")
    stream_sid = _text(start, "streamSid")
    if not stream_sid.isalnum():
        raise BadMessage("no stream's name")
    known = {str(name): value for name, value in parameters.items() if isinstance(value, str)}
    return Start(stream_sid, _text(start, "callSid"), _text(start, "accountSid"), known)


def _media(data: Mapping[str, Any]) -> Media | Unknown:
    if data.get("track", "inbound") != "inbound":
        return Unknown()
    payload = data.get("payload")
    if not isinstance(payload, str):
        raise BadMessage("media without payload")
    try:
        sound = base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadMessage("payload is no base64") from error
    if not 0 < len(sound) <= MAX_SOUND:
        raise BadMessage("payload is empty or too long")
    return Media(sound, _number(data.get("chunk")), _number(data.get("timestamp")))


def _key(data: Mapping[str, Any]) -> Key:
    digit = _text(data, "digit").upper()
    if digit not in tuple("0123456789*#ABCD"):
        raise BadMessage("no key")
    return Key(digit)


def _object(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = data.get(name)
    if not isinstance(found, dict):
        raise BadMessage(f"no {name}")
    return found


def _text(data: Mapping[str, Any], name: str) -> str:
    found = data.get(name)
    if not isinstance(found, str) or not found or len(found) > 200:
        raise BadMessage(f"no {name}")
    return found


def _number(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**15 else -1
