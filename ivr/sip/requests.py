"""Requests of ours outside any dialog: OPTIONS to a trunk, REGISTER with its registrar."""

from __future__ import annotations

from dataclasses import dataclass

from ivr.sip.core import Asked, Core
from ivr.sip.credentials import proof
from ivr.sip.events import Address, Output, Replied
from ivr.sip.message import Response
from ivr.sip.outgoing import Outgoing
from ivr.sip.transaction import ClientRequest
from ivr.sip.uri import clean

TOLD = ("Contact", "Expires", "Min-Expires", "Retry-After", "Service-Route", "P-Associated-URI", "Flow-Timer", "Require")


@dataclass(frozen=True, slots=True)
class Ask:
    """A request: from_ and to as written in the headers, from_ with its tag. user and password answer a challenge. The
    registered Contact is `contact`, the user part of it, "" for no Contact, with `contact_params` (";reg-id=1")."""

    method: str
    uri: str
    from_: str
    to: str
    call_id: str
    cseq: int
    destination: Address
    routes: tuple[str, ...] = ()
    contact: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    user: str = ""
    password: str = ""
    contact_params: str = ""


class Requests:
    """Sends them, answers challenges, tells how they end."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def send(self, name: str, ask: Ask, now: float) -> list[Output]:
        """Send; Replied(name) follows."""
        core = self._core
        header, value = core.contact(ask.destination, ask.contact)
        contact = ((header, value + ask.contact_params),) if ask.contact else ()
        outgoing = core.outgoing(
            ask.method,
            clean(ask.uri),
            clean(ask.from_),
            clean(ask.to),
            ask.call_id,
            ask.cseq,
            ask.destination,
            ask.routes,
            (*contact, core.agent_header, *ask.headers),
        )
        return self._start(outgoing, name, ask.user, ask.password, 0, now)

    def answered(self, asked: Asked, response: Response, now: float) -> list[Output]:
        """A response."""
        passed = asked.machine.receive(response.status, now)
        self._core.arm(asked)
        if not passed or response.status < 200:
            return []
        header = proof(self._core, asked.outgoing, response, user=asked.user, password=asked.password, tries=asked.tries)
        if header is not None:
            again = asked.outgoing.again(self._core.branch(), header)
            return self._start(again, asked.name, asked.user, asked.password, asked.tries + 1, now)
        headers = tuple((name, value) for name in TOLD for value in response.values(name))
        return [Replied(asked.name, response.status, response.cseq, headers)]

    def failed(self, asked: Asked, status: int) -> list[Output]:
        """No response came (408), or there is no way there (503)."""
        return [Replied(asked.name, status, asked.outgoing.cseq)]

    def _start(self, outgoing: Outgoing, name: str, user: str, password: str, tries: int, now: float) -> list[Output]:
        machine = ClientRequest(outgoing.destination, outgoing.write(), reliable=self._core.ways.reliable(outgoing.destination))
        return [*self._core.ask(Asked(machine, outgoing, name, user, password, tries), now)]
