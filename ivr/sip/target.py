"""Whom an INVITE calls: the request target, where the datagram goes, and what identity and credentials it carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ivr.sip.events import Address
from ivr.sip.transaction import LIMIT_S


@dataclass(frozen=True, slots=True)
class Target:
    """uri: the Request-URI (for a seat: its registered contact). destination: the IP address the INVITE is sent to (for a
    seat: the binding's `received`). from_user and from_display are shown to the called party. to_user, if given, replaces
    the user part in To. route: preloaded Route values ("<sip:10.0.0.1;lr>"). auth_user and password answer a 401 or 407.
    headers: further headers of the INVITE. domain: of our From, "" for our own address; user_phone: its user is a telephone
    number. patience_s: how long to wait for the first response (then 408, and a late one is ended), at most
    timer B.
    """

    uri: str
    destination: Address
    from_user: str = ""
    from_display: str = ""
    to_user: str = ""
    route: tuple[str, ...] = ()
    auth_user: str = ""
    password: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    domain: str = ""
    user_phone: bool = False
    patience_s: float = LIMIT_S

    def to_json(self) -> dict[str, Any]:
        """A JSON object; from_json() takes it back."""
        return {
            "uri": self.uri,
            "destination": self.destination.to_json(),
            "from_user": self.from_user,
            "from_display": self.from_display,
            "to_user": self.to_user,
            "route": list(self.route),
            "auth_user": self.auth_user,
            "password": self.password,
            "headers": dict(self.headers),
            "domain": self.domain,
            "user_phone": self.user_phone,
            "patience_s": self.patience_s,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Target:
        """The Target that to_json() wrote."""
        return cls(**{**data, "destination": Address(*data["destination"]), "route": tuple(data["route"])})
