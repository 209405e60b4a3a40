"""What the menu has asked for and is under way, and what it has said for the whole call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from pydantic import TypeAdapter

from ivr.flow.events import EnterQueue

_TERMS = TypeAdapter(EnterQueue)


@dataclass(frozen=True, slots=True)
class Message:
    """A message that the caller speaks: the call's `number`-th, since `began` by the call's clock; of less than min_s it is
    none. ending: media was told to finish it."""

    number: int
    began: float
    min_s: float
    ending: bool = False


@dataclass(frozen=True, slots=True)
class Connection:
    """Whom the caller is being connected with: see flow.events.Connect. queue: the seat's, whose terms the talk follows."""

    kind: str
    to: str
    trunk: str
    ring_s: float
    queue: str = ""


@dataclass(slots=True)
class Underway:
    """See above. What is None is not under way."""

    terms: EnterQueue | None = None
    """How the caller waits in the queue entered last."""
    entries: int = 0
    """Queues entered so far: tells answers about an earlier wait from those about this one."""
    message: Message | None = None
    messages: int = 0
    """Messages begun so far."""
    connection: Connection | None = None
    known: Mapping[str, str] = field(default_factory=dict)
    """What the customer file says of the caller."""
    unrecorded: bool = False
    """The caller doesn't want talks recorded."""
    served: str = ""
    """The seat whose service is rated."""

    def to_json(self, now: float) -> dict[str, Any]:
        """As JSON values; moments as seconds that have passed."""
        message = self.message
        return {
            "terms": None if self.terms is None else _TERMS.dump_python(self.terms, mode="json", exclude_defaults=True),
            "entries": self.entries,
            "message": None if message is None else [message.number, now - message.began, message.min_s, message.ending],
            "messages": self.messages,
            "connection": None if self.connection is None else asdict(self.connection),
            "known": dict(self.known),
            "unrecorded": self.unrecorded,
            "served": self.served,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], now: float, elapsed_s: float) -> Self:
        """What to_json() put down `elapsed_s` ago."""
        terms, message, connection = data["terms"], data["message"], data["connection"]
        return cls(
            terms=None if terms is None else _TERMS.validate_python(terms),
            entries=data["entries"],
            message=None if message is None else Message(message[0], now - message[1] - elapsed_s, *message[2:]),
            messages=data["messages"],
            connection=None if connection is None else Connection(**connection),
            known=dict(data["known"]),
            unrecorded=data["unrecorded"],
            served=data["served"],
        )
