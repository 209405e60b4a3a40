"""Bindings of an address of record to contacts (RFC 3261 10.3), as arithmetic on values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ivr.sip.events import Address, RegisterRequested
from ivr.sip.uri import parse_uri

MIN_EXPIRES_S = 30
MAX_EXPIRES_S = 3600


class StaleRegister(ValueError):
    """The REGISTER is older than what its own phone has registered since (RFC 3261 10.3 step 7): refuse with 500."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One contact of an account. expires_s: seconds left. received: where its REGISTER came from; requests to the phone are
    sent there, for the contact may be a private address behind NAT. call_id and cseq: of the REGISTER that wrote it."""

    uri: str
    expires_s: float
    received: Address
    call_id: str = ""
    cseq: int = 0
    q: float = 1.0

    @property
    def behind_nat(self) -> bool:
        """Whether its Contact says another place than its REGISTER came from."""
        address = parse_uri(self.uri).address
        return address is not None and address[:2] != self.received[:2]

    def to_json(self) -> dict[str, Any]:
        """A JSON object; from_json() takes it back."""
        return {
            "uri": self.uri,
            "expires_s": self.expires_s,
            "received": self.received.to_json(),
            "call_id": self.call_id,
            "cseq": self.cseq,
            "q": self.q,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Binding:
        """The Binding that to_json() wrote; keys it does not know are passed over."""
        return cls(
            str(data["uri"]),
            float(data["expires_s"]),
            Address(*data["received"]),
            str(data.get("call_id", "")),
            int(data.get("cseq", 0)),
            float(data.get("q", 1.0)),
        )


@dataclass(frozen=True, slots=True)
class Change:
    """What a REGISTER does: the bindings to write, the URIs to remove, and all that is bound afterwards (the 200 lists
    these)."""

    written: tuple[Binding, ...]
    removed: tuple[str, ...]
    bound: tuple[Binding, ...]


def update(bindings: Sequence[Binding], request: RegisterRequested) -> Change:
    """Apply a REGISTER to the account's live bindings, all or nothing (RFC 3261 10.3 steps 6 to 8). StaleRegister: refuse
    with 500."""
    current = {binding.uri: binding for binding in bindings if binding.expires_s > 0}
    named = set(current) if request.wildcard else {contact.uri for contact in request.contacts}
    for uri in named & set(current):
        old = current[uri]
        if old.call_id == request.call_id and old.cseq >= request.cseq:
            raise StaleRegister(f"CSeq {request.cseq} after {old.cseq}")
    removed: list[str] = []
    written: dict[str, Binding] = {}
    if request.wildcard:
        removed = list(current)
        current = {}
    for contact in request.contacts:
        if contact.expires_s > 0:
            binding = Binding(contact.uri, contact.expires_s, request.source, request.call_id, request.cseq, contact.q)
            written[contact.uri] = current[contact.uri] = binding
        else:
            current.pop(contact.uri, None)
            written.pop(contact.uri, None)
            removed.append(contact.uri)
    return Change(tuple(written.values()), tuple(removed), tuple(current.values()))
