"""Our registration with an operator's registrar (RFC 3261 10.2, RFC 3608, RFC 5626), as a machine: when to ask, and what the
answers mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ivr.sip.dialog import usable
from ivr.sip.events import Address, Replied
from ivr.sip.requests import Ask
from ivr.sip.uri import UriError, parse_name_addr, parse_uri, write_user

BACK_OFF_S, REFUSED_S, MAX_BACK_OFF_S = 30.0, 300.0, 1800.0
"""After failures we wait from BACK_OFF_S on twice as long each time (RFC 5626 4.5); after a refusal, which asking again hardly
mends, from REFUSED_S on."""
REPLACED_S = 2.0
SHORT_S = 1200
MIN_S, MAX_S = 30, 86400


@dataclass(frozen=True, slots=True)
class Account:
    """An account as operators give it. domain: of the address of record. username: its user part, mostly the number (IMPU);
    user_phone: it is a telephone number, and said to be one. auth_username: the user of the digest (IMPI). expires_s: the
    lifetime we ask for."""

    domain: str
    username: str
    auth_username: str = ""
    password: str = ""
    expires_s: int = 3600
    user_phone: bool = False

    @property
    def address_of_record(self) -> str:
        """The URI that is registered."""
        return f"sip:{write_user(self.username)}@{self.domain}{';user=phone' if self.user_phone else ''}"


class Registrant:
    """One account's registration. call_id and tag: the same as long as the process lives (10.2.4). chance(): a random number
    from 0 to 1. instance: a URN that is ours and stays the same for ever, where the registrar is spoken to by a connection:
    calls are to come in by that one (RFC 5626); "" elsewhere. `due`: when ask() wants to be called."""

    def __init__(
        self, account: Account, *, call_id: str, tag: str, chance: Callable[[], float], now: float, instance: str = ""
    ) -> None:
        self.account = account
        self.due = now
        self.until = now
        """When the registration ends unless it is refreshed; in the past where there is none."""
        self.tried = False
        """Whether the registrar has been asked, whatever it said."""
        self.service_route: tuple[str, ...] = ()
        """The way that requests of ours must go (RFC 3608)."""
        self.associated: tuple[str, ...] = ()
        """The URIs that the operator holds to be ours (RFC 7315 4.1), the default one first."""
        self.flow_timer_s = 0
        """How long the connection may be silent (RFC 5626 5.4); 0 where the registrar names no time."""
        self.outbound = False
        """Whether the registrar keeps our connection, and so answers pings (RFC 5626 6)."""
        self._call_id = call_id
        self._tag = tag
        self._instance = instance
        self._chance = chance
        self._cseq = 0
        self._expires_s = account.expires_s
        self._failures = 0

    def registered(self, now: float) -> bool:
        """Whether calls find their way to us."""
        return now < self.until

    def ask(self, destination: Address, routes: tuple[str, ...], *, leave: bool = False) -> Ask:
        """The next REGISTER; with `leave` the last one, which ends the registration."""
        self._cseq += 1
        account = self.account
        flow = f';reg-id=1;+sip.instance="<{self._instance}>"' if self._instance else ""
        return Ask(
            "REGISTER",
            f"sip:{account.domain}",
            f"<{account.address_of_record}>;tag={self._tag}",
            f"<{account.address_of_record}>",
            self._call_id,
            self._cseq,
            destination,
            routes,
            account.username,
            (("Expires", "0" if leave else str(self._expires_s)), ("Supported", "path, outbound" if flow else "path")),
            account.auth_username or account.username,
            account.password,
            flow,
        )

    def answered(self, replied: Replied, now: float) -> None:
        """What the registrar said, or that it said nothing (408, 503)."""
        self.tried = True
        self._cseq = max(self._cseq, replied.cseq)
        if 200 <= replied.status < 300:
            self._accepted(replied, now)
            return
        least = _seconds(replied, "Min-Expires")
        if replied.status == 423 and self._expires_s < least <= MAX_S:
            self._expires_s = least
            self.due = now
            return
        if replied.status == 439 and self._instance:
            self._instance = ""  # a proxy before the registrar knows nothing of flows
            self.due = now
            return
        self._failures += 1
        refused = 400 <= replied.status < 500 and replied.status != 408
        wait = min(MAX_BACK_OFF_S, (REFUSED_S if refused else BACK_OFF_S) * 2 ** min(self._failures - 1, 10))
        self.due = now + max(wait * (0.5 + self._chance() / 2), min(_seconds(replied, "Retry-After"), MAX_S))

    def lost(self, now: float) -> None:
        """The connection that the registrar knows us by is gone: register anew, though not all accounts in one instant."""
        self.until = now
        self.due = min(self.due, now + REPLACED_S * self._chance())

    def _accepted(self, replied: Replied, now: float) -> None:
        granted = self._granted(replied)
        self._failures = 0
        self.until = now + granted
        # 3GPP TS 24.229 5.1.1.4.1: half of a short lifetime, 600 s before the end of a long one.
        self.due = now + (granted / 2 if granted <= SHORT_S else granted - SHORT_S / 2)
        routes = _values(replied, "Service-Route")
        self.service_route = routes if usable(f"sip:{self.account.domain}", routes) else ()
        self.associated = _values(replied, "P-Associated-URI")
        self.flow_timer_s = _seconds(replied, "Flow-Timer")
        self.outbound = "outbound" in (value.lower() for value in _values(replied, "Require"))

    def _granted(self, replied: Replied) -> int:
        """The lifetime of our contact: the shortest of those with our user part, else what Expires says (10.2.4)."""
        lifetimes = []
        for value in _values(replied, "Contact"):
            try:
                contact = parse_name_addr(value)
                if parse_uri(contact.uri).user == self.account.username:
                    lifetimes.append(_natural(contact.params.get("expires", "")))
            except UriError:
                continue
        granted = min((one for one in lifetimes if one), default=0) or _seconds(replied, "Expires") or self._expires_s
        return min(max(granted, MIN_S), MAX_S)


def _values(replied: Replied, name: str) -> tuple[str, ...]:
    return tuple(value for header, value in replied.headers if header == name)


def _seconds(replied: Replied, name: str) -> int:
    """The first value of a header in whole seconds, 0 without one."""
    return _natural(next(iter(_values(replied, name)), "").partition("(")[0].partition(";")[0].strip())


def _natural(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
