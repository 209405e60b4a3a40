"""Messages as lines of JSON, and back. Reading anything malformed raises ControlError.

    → {"id": 7, "epoch": 3, "do": "open", …}                       a command (0: only its error is told)
    → {"ack": 41}                                                  events up to 41 are dealt with
    ← {"re": 7, "ok": {…}}   or   {"re": 7, "error": "…"}          its reply, by id
    ← {"ev": 42, "type": "digit", …}                               an event

A Language says which commands and events there are: frozen dataclasses with the class variables `do` and `type`. Fields are
read by what stands in their annotations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar, Protocol

from storage import jsontext

FENCED = "fenced"
"""The error text that a command of an outlived engine gets."""

MAX_LINE = 1 << 20
"""Bytes of the longest line either side accepts."""

_FIELDS: dict[type, tuple[tuple[str, Any], ...]] = {}
"""Names and defaults of a dataclass's fields: fields() finds them anew each time."""

Reader = Callable[[Any], Any]
"""Reads a JSON value. Raises ControlError."""


class Command(Protocol):
    """What the engine tells a process to do: a frozen dataclass of a Language."""

    do: ClassVar[str]


class ControlError(ValueError):
    """A line that is no message of this protocol."""


@dataclass(frozen=True, slots=True)
class Request:
    """A command as it came in."""

    number: int
    epoch: int
    command: Any


@dataclass(frozen=True, slots=True)
class Ack:
    """The engine has dealt with all events up to `seq`."""

    seq: int


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer by number: `error` is None when the command was done. `number` is -1 for a line that could not be read, 0 for a
    command that nobody waits for: only its error is told."""

    number: int
    ok: Mapping[str, Any]
    error: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """A message with its number; numbers of one instance of a process rise by one."""

    seq: int
    message: Any


class Language:
    """The commands and events of one border between processes."""

    def __init__(self, commands: Iterable[Any], events: Iterable[Any], readers: Mapping[str, Reader] | None = None) -> None:
        """readers: for annotations beside those of READERS."""
        self._commands: dict[str, Any] = {kind.do: kind for kind in commands}
        self._events: dict[str, Any] = {kind.type: kind for kind in events}
        self._readers = READERS | dict(readers or {})
        self._shapes: dict[type, tuple[tuple[str, Reader], ...]] = {}

    def encode_request(self, number: int, epoch: int, command: Command) -> bytes:
        """A line for the process."""
        return _line({"id": number, "epoch": epoch, "do": command.do, **to_json(command)})

    def encode_event(self, event: Event) -> bytes:
        """A line for the engine."""
        return _line({"ev": event.seq, "type": event.message.type, **to_json(event.message)})

    def decode_request(self, line: bytes) -> Request | Ack:
        """Read the engine's line. Raises ControlError."""
        data = _object(line)
        if "do" not in data:
            return Ack(whole(data.get("ack")))
        kind = self._commands.get(str(data.get("do")))
        if kind is None:
            raise ControlError(f"no such command: {data.get('do')!r:.40}")
        return Request(whole(data.get("id")), whole(data.get("epoch")), self.from_json(kind, data))

    def decode_answer(self, line: bytes) -> Reply | Event:
        """Read the process's line. Raises ControlError."""
        data = _object(line)
        if "ev" in data:
            kind = self._events.get(str(data.get("type")))
            if kind is None:
                raise ControlError(f"no such event: {data.get('type')!r:.40}")
            return Event(whole(data["ev"]), self.from_json(kind, data))
        ok, error = data.get("ok", {}), data.get("error")
        if not isinstance(ok, dict) or not isinstance(error, str | None):
            raise ControlError("a reply is {re, ok} or {re, error}")
        return Reply(whole(data.get("re")), ok, error)

    def from_json(self, kind: Any, data: Mapping[str, Any]) -> Any:
        """A dataclass from its fields; what is not its own is passed over. Raises ControlError."""
        values = {}
        for name, reader in self._shape(kind):
            if name in data:
                try:
                    values[name] = reader(data[name])
                except ControlError as error:
                    raise ControlError(f"{kind.__name__}.{name}: {error}") from None
        try:
            return kind(**values)
        except (TypeError, ValueError) as error:
            raise ControlError(str(error)) from error

    def _shape(self, kind: Any) -> tuple[tuple[str, Reader], ...]:
        """Names of a message's fields, and what reads each."""
        shape = self._shapes.get(kind)
        if shape is None:
            shape = tuple((field.name, self._readers[str(field.type)]) for field in fields(kind))
            self._shapes[kind] = shape
        return shape


def encode_ack(seq: int) -> bytes:
    """A line for the process."""
    return _line({"ack": seq})


def encode_ok(number: int, ok: Mapping[str, Any]) -> bytes:
    """A line for the engine; nothing at all for a command that nobody waits for (number 0)."""
    return _line({"re": number, "ok": ok}) if number else b""


def encode_error(number: int, error: str) -> bytes:
    """A line for the engine."""
    return _line({"re": number, "error": error})


def to_json(value: Any) -> dict[str, Any]:
    """A dataclass's fields, but for those that are as usual; dataclasses within, and in tuples, as objects too."""
    found = {}
    for name, default in _fields(type(value)):
        said = getattr(value, name)
        if said is not default:
            found[name] = _plain(said)
    return found


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return to_json(value) if is_dataclass(value) else value


def _fields(kind: type) -> tuple[tuple[str, Any], ...]:
    found = _FIELDS.get(kind)
    if found is None:
        found = _FIELDS[kind] = tuple((field.name, field.default) for field in fields(kind))
    return found


def _line(data: Mapping[str, Any]) -> bytes:
    return jsontext.write_bytes(data) + b"\n"


def _object(line: bytes) -> dict[str, Any]:
    try:
        data = jsontext.read(line)
    except ValueError as error:
        raise ControlError(f"not JSON: {error}") from error
    if not isinstance(data, dict):
        raise ControlError("not a JSON object")
    return data


def text(value: Any) -> str:
    """A string. Raises ControlError."""
    if not isinstance(value, str):
        raise ControlError(f"{value!r:.40} is no text")
    try:
        value.encode()
    except UnicodeEncodeError:  # JSON can name half a character, which no answer could repeat
        raise ControlError(f"{value!r:.40} is no text") from None
    return value


def whole(value: Any) -> int:
    """An int. Raises ControlError."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ControlError(f"{value!r:.40} is no whole number")
    return value


def number(value: Any) -> float:
    """A float, or an int. Raises ControlError."""
    return float(value) if isinstance(value, float) else whole(value)


def truth(value: Any) -> bool:
    """A bool. Raises ControlError."""
    if not isinstance(value, bool):
        raise ControlError(f"{value!r:.40} is neither true nor false")
    return value


def whole_or_none(value: Any) -> int | None:
    """An int or null. Raises ControlError."""
    return None if value is None else whole(value)


def number_or_none(value: Any) -> float | None:
    """A float, an int or null. Raises ControlError."""
    return None if value is None else number(value)


def texts(value: Any) -> tuple[str, ...]:
    """A list of strings. Raises ControlError."""
    if not isinstance(value, list):
        raise ControlError(f"{value!r:.40} is no list")
    return tuple(text(item) for item in value)


def text_lists(value: Any) -> dict[str, tuple[str, ...]]:
    """An object of lists of strings. Raises ControlError."""
    if not isinstance(value, dict):
        raise ControlError(f"{value!r:.40} is no object")
    return {text(key): texts(item) for key, item in value.items()}


def one_of(*allowed: str) -> Callable[[Any], str]:
    """What reads one of these strings."""

    def read(value: Any) -> str:
        if value not in allowed:
            raise ControlError(f"{value!r:.40} is none of {', '.join(allowed)}")
        return str(value)

    return read


READERS: dict[str, Reader] = {
    "str": text,
    "int": whole,
    "float": number,
    "bool": truth,
    "int | None": whole_or_none,
    "float | None": number_or_none,
    "tuple[str, ...]": texts,
}
"""By annotation."""
