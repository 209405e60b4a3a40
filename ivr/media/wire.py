"""Messages of control.py as lines of JSON, and back. Reading anything malformed raises ControlError."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any

from ivr.media.control import (
    Close,
    Command,
    Digit,
    Event,
    Hello,
    LegState,
    List,
    Mix,
    Open,
    Play,
    Played,
    Quality,
    Record,
    Recording,
    RecordingState,
    Remote,
    Silent,
    Snapshot,
    Srtp,
    Stats,
    Stop,
    StopRecord,
)

FENCED = "fenced"
"""The error text that a command of an outlived engine gets."""

MAX_LINE = 1 << 20
"""Bytes of the longest line either side accepts."""


class ControlError(ValueError):
    """A line that is no message of this protocol."""


@dataclass(frozen=True, slots=True)
class Request:
    """A command as it came in."""

    number: int
    epoch: int
    command: Command


@dataclass(frozen=True, slots=True)
class Ack:
    """The engine has dealt with all events up to `seq`."""

    seq: int


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer by number: `error` is None when the command was done. `number` is -1 for a line that could not be read."""

    number: int
    ok: Mapping[str, Any]
    error: str | None


def encode_request(number: int, epoch: int, command: Command) -> bytes:
    """A line for media."""
    return _line({"id": number, "epoch": epoch, "do": command.do, **_to_json(command)})


def encode_ack(seq: int) -> bytes:
    """A line for media."""
    return _line({"ack": seq})


def encode_ok(number: int, ok: Mapping[str, Any]) -> bytes:
    """A line for the engine."""
    return _line({"re": number, "ok": ok})


def encode_error(number: int, error: str) -> bytes:
    """A line for the engine."""
    return _line({"re": number, "error": error})


def encode_event(event: Event) -> bytes:
    """A line for the engine."""
    return _line({"ev": event.seq, "type": event.message.type, **_to_json(event.message)})


def decode_request(line: bytes) -> Request | Ack:
    """Read the engine's line. Raises ControlError."""
    data = _object(line)
    if "do" not in data:
        return Ack(_whole(data.get("ack")))
    kind = _COMMANDS.get(str(data.get("do")))
    if kind is None:
        raise ControlError(f"no such command: {data.get('do')!r:.40}")
    return Request(_whole(data.get("id")), _whole(data.get("epoch")), _from_json(kind, data))


def decode_answer(line: bytes) -> Reply | Event:
    """Read media's line. Raises ControlError."""
    data = _object(line)
    if "ev" in data:
        kind = _EVENTS.get(str(data.get("type")))
        if kind is None:
            raise ControlError(f"no such event: {data.get('type')!r:.40}")
        return Event(_whole(data["ev"]), _from_json(kind, data))
    ok, error = data.get("ok", {}), data.get("error")
    if not isinstance(ok, dict) or not isinstance(error, str | None):
        raise ControlError("a reply is {re, ok} or {re, error}")
    return Reply(_whole(data.get("re")), ok, error)


def snapshot_to_json(snapshot: Snapshot) -> dict[str, Any]:
    """The reply to Hello and List."""
    return {
        "instance": snapshot.instance,
        "legs": {name: _to_json(leg) for name, leg in snapshot.legs.items()},
        "recordings": [_to_json(recording) for recording in snapshot.recordings],
        "last_event": snapshot.last_event,
    }


def snapshot_from_json(data: Mapping[str, Any]) -> Snapshot:
    """Read the reply to Hello or List. Raises ControlError."""
    try:
        return Snapshot(
            instance=_text(data["instance"]),
            legs={name: _from_json(LegState, leg) for name, leg in data["legs"].items()},
            recordings=tuple(_from_json(RecordingState, recording) for recording in data["recordings"]),
            last_event=_whole(data["last_event"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ControlError(f"snapshot: {error}") from error


def _line(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _object(line: bytes) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ControlError(f"not JSON: {error}") from error
    if not isinstance(data, dict):
        raise ControlError("not a JSON object")
    return data


def _to_json(value: Any) -> dict[str, Any]:
    found = {name: getattr(value, name) for name, _ in _shape(value.__class__)}
    return {name: _to_json(each) if is_dataclass(each) else each for name, each in found.items()}


def _from_json(kind: Any, data: Mapping[str, Any]) -> Any:
    values = {}
    for name, reader in _shape(kind):
        if name in data:
            try:
                values[name] = reader(data[name])
            except ControlError as error:
                raise ControlError(f"{kind.__name__}.{name}: {error}") from None
    try:
        return kind(**values)
    except TypeError as error:
        raise ControlError(str(error)) from error


@cache
def _shape(kind: type) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    """Names of a message's fields, and what reads each."""
    return tuple((field.name, _READERS[str(field.type)]) for field in fields(kind))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ControlError(f"{value!r:.40} is no text")
    try:
        value.encode()
    except UnicodeEncodeError:  # JSON can name half a character, which no answer could repeat
        raise ControlError(f"{value!r:.40} is no text") from None
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ControlError(f"{value!r:.40} is no whole number")
    return value


def _number(value: Any) -> float:
    return float(value) if isinstance(value, float) else _whole(value)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ControlError(f"{value!r:.40} is neither true nor false")
    return value


def _whole_or_none(value: Any) -> int | None:
    return None if value is None else _whole(value)


def _number_or_none(value: Any) -> float | None:
    return None if value is None else _number(value)


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ControlError(f"{value!r:.40} is no list")
    return tuple(_text(item) for item in value)


def _text_lists(value: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise ControlError(f"{value!r:.40} is no object")
    return {_text(key): _texts(item) for key, item in value.items()}


def _one_of(*allowed: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in allowed:
            raise ControlError(f"{value!r:.40} is none of {', '.join(allowed)}")
        return str(value)

    return read


def _srtp_or_none(value: Any) -> Srtp | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ControlError("the keys are no object")  # which are not repeated here
    srtp: Srtp = _from_json(Srtp, value)
    return srtp


def _key(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch("[A-Za-z0-9+/]{40}", value):
        raise ControlError("no 30 bytes in base64")
    return value


_READERS: dict[str, Callable[[Any], Any]] = {
    "str": _text,
    "int": _whole,
    "float": _number,
    "bool": _truth,
    "int | None": _whole_or_none,
    "float | None": _number_or_none,
    "tuple[str, ...]": _texts,
    "Mapping[str, tuple[str, ...]]": _text_lists,
    "Codec": _one_of("PCMA", "PCMU"),
    "Srtp | None": _srtp_or_none,
    "Key": _key,
    "Suite": _one_of("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"),
    "Trouble": _one_of("gap", "failed", "stopped", "low_space"),
}
_COMMANDS: dict[str, Any] = {
    kind.do: kind for kind in (Hello, Open, Remote, Play, Stop, Mix, Record, StopRecord, Close, List, Stats)
}
_EVENTS: dict[str, Any] = {kind.type: kind for kind in (Digit, Played, Silent, Recording, Quality)}
