"""A dialog (RFC 3261 12): identity, sequence numbers, remote target and route set, and where its next request goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ivr.sip.events import Address
from ivr.sip.message import Request, Response
from ivr.sip.uri import UriError, is_private, parse_name_addr, parse_uri

SKIP_CSEQ = 100
"""What a restored dialog adds to its CSeq: numbers may have been used after the last save (12.2.2 allows gaps)."""


@dataclass(slots=True)
class Dialog:
    """local and remote: From and To as we write them in our requests, tags included. peer: where the other side's last
    message came from. owner: the Call-ID is ours. behind_nat: the address in the peer's Contact is not the one it speaks from,
    so it means nothing here."""

    call_id: str
    local: str
    local_tag: str
    remote: str
    remote_tag: str
    target: str
    routes: tuple[str, ...]
    local_cseq: int
    remote_cseq: int
    peer: Address
    owner: bool
    behind_nat: bool = False

    @classmethod
    def of_request(cls, request: Request, local_tag: str, source: Address) -> Dialog:
        """The callee's side (12.1.1)."""
        contact = request.contact
        return cls(
            request.call_id,
            f"{request.get('To')};tag={local_tag}",
            local_tag,
            request.get("From"),
            request.from_.tag,
            contact,
            tuple(request.values("Record-Route")),
            0,
            request.cseq,
            source,
            owner=False,
            behind_nat=len(request.vias) == 1 and _host(contact) == request.via.host != source.host,
        )

    @classmethod
    def of_response(cls, response: Response, source: Address, fallback: str) -> Dialog:
        """The caller's side (12.1.2), from a 2xx. fallback: the target where the 2xx names no Contact."""
        return cls(
            response.call_id,
            response.get("From"),
            response.from_.tag,
            response.get("To"),
            response.to.tag,
            response.contact or fallback,
            tuple(reversed(response.values("Record-Route"))),
            response.cseq,
            0,
            source,
            owner=True,
            behind_nat=_host(response.contact or fallback) == _host(fallback) != source.host,
        )

    def lose_peer(self) -> None:
        """The connection on which the peer spoke is gone: the next request goes to where its Contact says (RFC 3261 18.1)."""
        address = parse_uri(self.target).address
        if address is not None:
            self.peer = address._replace(listener=self.peer.listener)

    def refresh(self, contact: str) -> None:
        """A re-INVITE or its 2xx names a new remote target (12.2)."""
        self.target = contact

    def skip(self) -> None:
        """Our next request's CSeq lies well above any that may have been used since the last save."""
        self.local_cseq += SKIP_CSEQ

    def addressing(self) -> tuple[str, tuple[str, ...], Address]:
        """Request-URI, Route values and the next hop's address (12.2.1.1, 8.1.2; strict routers by the old way)."""
        if not self.routes:
            return self.target, (), self._hop(self.target)
        first = parse_name_addr(self.routes[0]).uri
        if "lr" in parse_uri(first).params:
            return self.target, self.routes, self._hop(first)
        return first, (*self.routes[1:], f"<{self.target}>"), self._hop(first)

    def _hop(self, uri: str) -> Address:
        """Names are not resolved here, and an address behind a NAT or out of a private network doesn't lead there from
        outside: these go to where the peer speaks from."""
        address = parse_uri(uri).address
        translated = self.behind_nat and uri == self.target
        if address is None or translated or (is_private(address.host) and not is_private(self.peer.host)):
            return self.peer
        return address._replace(listener=self.peer.listener)

    def to_json(self) -> dict[str, Any]:
        """A JSON object; from_json() takes it back."""
        return {
            "call_id": self.call_id,
            "local": self.local,
            "local_tag": self.local_tag,
            "remote": self.remote,
            "remote_tag": self.remote_tag,
            "target": self.target,
            "routes": list(self.routes),
            "local_cseq": self.local_cseq,
            "remote_cseq": self.remote_cseq,
            "peer": self.peer.to_json(),
            "owner": self.owner,
            "behind_nat": self.behind_nat,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Dialog:
        """The dialog that to_json() wrote, its own CSeq moved on."""
        dialog = cls(**{**data, "routes": tuple(data["routes"]), "peer": Address(*data["peer"])})
        dialog.skip()
        return dialog


def _host(uri: str) -> str:
    """The host of a URI that usable() has seen or will see, "" when it can't be read."""
    try:
        return parse_uri(uri).host
    except UriError:
        return ""


def usable(target: str, routes: Sequence[str], schemes: Sequence[str] = ("sip", "sips")) -> bool:
    """Whether requests can be addressed to this Contact over these routes: checked once, when the peer names them."""
    try:
        for route in routes:
            parse_uri(parse_name_addr(route).uri)
        return parse_uri(target).scheme in schemes
    except UriError:
        return False
