"""What engine and media say to each other over a unix stream socket: one JSON object a line.

    engine → media   {"id": 7, "epoch": 3, "do": "open", "leg": "…", "call": "…"}      a command
                     {"ack": 41}                                                        events up to 41 are safe with the engine
    media → engine   {"re": 7, "ok": {"port": 20004}}   or   {"re": 7, "error": "…"}    its reply, by id
                     {"ev": 42, "type": "digit", "leg": "…", "digit": "1", …}           an event, numbered without gaps

Commands are idempotent: the engine may repeat any of them after a lost connection. A command whose epoch is lower than one the
process has seen is answered with the error "fenced" (DESIGN rule 3). Decoding anything malformed raises ControlError.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, TypeAlias

FENCED = "fenced"
"""The error text that a command of an outlived engine gets."""

MAX_LINE = 1 << 20
"""Bytes of the longest line either side accepts."""

Codec: TypeAlias = Literal["PCMA", "PCMU"]
Trouble: TypeAlias = Literal["gap", "failed", "stopped", "low_space"]


class ControlError(ValueError):
    """A line that is no message of this protocol."""


# Commands


@dataclass(frozen=True, slots=True)
class Hello:
    """First command of a connection: take over as the engine. Events above `ack` are replayed after the reply.

    `instance` is the media process that `ack` belongs to; another process counts its events anew, so the number is then
    taken as 0. Reply: what Snapshot.from_json reads.
    """

    do: ClassVar[str] = "hello"
    ack: int
    instance: str = ""


@dataclass(frozen=True, slots=True)
class Open:
    """Give the leg a socket. Reply {"port": int}, the local RTP port; the same leg gets the same port again."""

    do: ClassVar[str] = "open"
    leg: str
    call: str


@dataclass(frozen=True, slots=True)
class Remote:
    """The peer's side of the negotiated stream; the real source address is learnt anew from its first good packets.

    `host` is an IP address. `send`: the peer wants to hear; `receive`: the peer will talk, so its silence is reported.
    `ptime_ms` is the peer's wish (RFC 8866 6.4), not binding: we send packets of 20 ms, a relay keeps its source's size.
    """

    do: ClassVar[str] = "remote"
    leg: str
    host: str
    port: int
    codec: Codec
    payload_type: int
    dtmf_payload_type: int | None = None
    ptime_ms: int = 20
    send: bool = True
    receive: bool = True


@dataclass(frozen=True, slots=True)
class Play:
    """Play WAV files (8 kHz mono 16 bit) one after the other, in place of what plays; repeated for ever with `loop`.

    The event Played(leg, play, …) comes once unless the play is replaced or stopped.
    """

    do: ClassVar[str] = "play"
    leg: str
    play: int
    files: tuple[str, ...]
    loop: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """End the leg's play, if any."""

    do: ClassVar[str] = "stop"
    leg: str


@dataclass(frozen=True, slots=True)
class Mix:
    """Who hears whom from now on, for each of `legs`; one that `hears` does not name hears its own play or silence.

    A leg that plays while mixed hears the play first, then the mix: an announcement is a Play after the Mix.
    """

    do: ClassVar[str] = "mix"
    legs: tuple[str, ...]
    hears: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Record:
    """Record what is heard from two legs into a stereo A-law WAV, until StopRecord or until both legs are closed.

    `path` is absolute; while it runs the file bears another name (wav.part_path). Reply {"path": str}.
    """

    do: ClassVar[str] = "record"
    recording: str
    path: str
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class StopRecord:
    """Finish the recording. Reply {"frames": samples a side, "gaps": int, "path": str} once the file has its final name.

    An unknown recording is answered with frames 0 and an empty path.
    """

    do: ClassVar[str] = "stop_record"
    recording: str


@dataclass(frozen=True, slots=True)
class Close:
    """Free the leg's port; the leg leaves all mixes. An unknown leg is fine."""

    do: ClassVar[str] = "close"
    leg: str


@dataclass(frozen=True, slots=True)
class List:
    """Reply: the same snapshot as Hello's."""

    do: ClassVar[str] = "list"


@dataclass(frozen=True, slots=True)
class Stats:
    """Reply: counters since the process started, {name: number}."""

    do: ClassVar[str] = "stats"


Command: TypeAlias = Hello | Open | Remote | Play | Stop | Mix | Record | StopRecord | Close | List | Stats

# Events


@dataclass(frozen=True, slots=True)
class Digit:
    """A key was pressed (RFC 4733), reported once, at its end: "0"-"9", "*", "#", "A"-"D"."""

    type: ClassVar[str] = "digit"
    leg: str
    digit: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Played:
    """A play came to its end. `finished` is False when a file of it could not be read."""

    type: ClassVar[str] = "played"
    leg: str
    play: int
    finished: bool


@dataclass(frozen=True, slots=True)
class Silent:
    """Nothing was received for so long though the peer should talk. Comes once until something is heard again."""

    type: ClassVar[str] = "silent"
    leg: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Recording:
    """Trouble with, or the end of, a recording.

    gap: the disk is too slow, silence takes the place of frames; failed: it has ended because the file can't be written;
    stopped: it has ended without a StopRecord (both legs closed, or the engine stayed away), `detail` is the file's path;
    low_space: it has ended, or not begun, because the disk is full up to the reserve.
    """

    type: ClassVar[str] = "recording"
    recording: str
    what: Trouble
    detail: str


Message: TypeAlias = Digit | Played | Silent | Recording


@dataclass(frozen=True, slots=True)
class Event:
    """A message of media with its number; numbers of one instance rise by one."""

    seq: int
    message: Message


# The snapshot


@dataclass(frozen=True, slots=True)
class LegState:
    """A leg as media holds it: `remote` is where it sends to ("" when nowhere), `heard_s` how long ago it heard anything."""

    call: str
    port: int
    remote: str
    codec: str
    playing: int | None
    hears: tuple[str, ...]
    heard_s: float


@dataclass(frozen=True, slots=True)
class RecordingState:
    """A running recording."""

    recording: str
    path: str
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that media holds. `instance` is new with each start of the process: another one means that all legs are gone."""

    instance: str
    legs: Mapping[str, LegState]
    recordings: tuple[RecordingState, ...]
    last_event: int

    def to_json(self) -> dict[str, Any]:
        return {
            "instance": self.instance,
            "legs": {name: _to_json(leg) for name, leg in self.legs.items()},
            "recordings": [_to_json(recording) for recording in self.recordings],
            "last_event": self.last_event,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Snapshot:
        """Raises ControlError."""
        try:
            return cls(
                instance=_text(data["instance"]),
                legs={name: _from_json(LegState, leg) for name, leg in data["legs"].items()},
                recordings=tuple(_from_json(RecordingState, recording) for recording in data["recordings"]),
                last_event=_whole(data["last_event"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ControlError(f"snapshot: {error}") from error


# Lines


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
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _from_json(kind: Any, data: Mapping[str, Any]) -> Any:
    values = {}
    for field in fields(kind):
        if field.name in data:
            try:
                values[field.name] = _READERS[str(field.type)](data[field.name])
            except ControlError as error:
                raise ControlError(f"{kind.__name__}.{field.name}: {error}") from None
    try:
        return kind(**values)
    except TypeError as error:
        raise ControlError(str(error)) from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ControlError(f"{value!r:.40} is no text")
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


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ControlError(f"{value!r:.40} is no list")
    return tuple(_text(item) for item in value)


def _text_lists(value: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise ControlError(f"{value!r:.40} is no object")
    return {key: _texts(item) for key, item in value.items()}


def _one_of(*allowed: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in allowed:
            raise ControlError(f"{value!r:.40} is none of {', '.join(allowed)}")
        return str(value)

    return read


_READERS: dict[str, Callable[[Any], Any]] = {
    "str": _text,
    "int": _whole,
    "float": _number,
    "bool": _truth,
    "int | None": _whole_or_none,
    "tuple[str, ...]": _texts,
    "Mapping[str, tuple[str, ...]]": _text_lists,
    "Codec": _one_of("PCMA", "PCMU"),
    "Trouble": _one_of("gap", "failed", "stopped", "low_space"),
}
_COMMANDS: dict[str, Any] = {
    kind.do: kind for kind in (Hello, Open, Remote, Play, Stop, Mix, Record, StopRecord, Close, List, Stats)
}
_EVENTS: dict[str, Any] = {kind.type: kind for kind in (Digit, Played, Silent, Recording)}
