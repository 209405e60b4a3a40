"""Requests outside any dialog: who sends them, and what comes of them. Strangers get no answer."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from ivr.sip import identity
from ivr.sip.auth import Challenger, parse_digest
from ivr.sip.core import Core
from ivr.sip.events import Address, Output, Party
from ivr.sip.guard import Guard, source_of
from ivr.sip.inside import Inside
from ivr.sip.message import Head, Request
from ivr.sip.peers import Peers
from ivr.sip.registration import Registration
from ivr.sip.reply import Reply
from ivr.sip.uas import Uas
from ivr.sip.uri import UriError, parse_uri


class Outside:
    """The way in for calls and registrations."""

    def __init__(
        self,
        core: Core,
        peers: Peers,
        guard: Guard,
        challenger: Challenger,
        secret: bytes,
        uas: Uas,
        registration: Registration,
        inside: Inside,
    ) -> None:
        self._core = core
        self._peers = peers
        self._guard = guard
        self._challenger = challenger
        self._secret = secret
        self._uas = uas
        self._registration = registration
        self._inside = inside

    def receive(self, request: Request, source: Address, now: float) -> list[Output]:
        """A request that names no dialog of ours."""
        if request.method == "REGISTER":
            return self._register(request, source, now)
        if request.method == "INVITE":
            trunk = self._peers.trunk(source, identity.number(request.uri))
            called = identity.called(request, trunk.called_from if trunk is not None else "")
            party = self._party(request, source, called, now)
            return self._uas.invited(request, source, party, called, now) if isinstance(party, Party) else party
        known_source = self._peers.knows(source)
        if not known_source:
            return [*self._guard.garbage(source, now)]
        if request.method in {"BYE", "INFO", "PRACK", "UPDATE"}:
            return [*self._core.refuse(request, source, 481, now)]
        if request.method == "REFER":
            return [*self._core.refuse(request, source, 403, now)]  # nobody's call but the peer's own is transferred
        return self._inside.capable(request, source, now)

    def _register(self, request: Request, source: Address, now: float) -> list[Output]:
        claimed = _user(request.to.uri)
        credentials = parse_digest(request.get("Authorization"))
        if credentials.get("username", claimed) not in self._peers.accounts and claimed not in self._peers.accounts:
            trunk = self._peers.trunk(source)
            if trunk is not None and trunk.takes_register:
                return self._registration.echo(request, source, now)
            return [*self._guard.asked(source, claimed, now)]
        user = self._prove(request, source, credentials, now)
        return self._registration.receive(request, source, user, now) if isinstance(user, str) else user

    def _party(self, request: Request, source: Address, called: str, now: float) -> Party | list[Output]:
        """Who sends this INVITE, or what to send back instead."""
        credentials = parse_digest(request.get("Authorization"))
        verdict = self._peers.judge(
            source,
            called=called,
            from_user=_user(request.from_.uri),
            auth_user=credentials.get("username", ""),
        )
        if isinstance(verdict, Party):
            return verdict
        if verdict == "silence":
            return [*self._guard.asked(source, called, now)]
        user = self._prove(request, source, credentials, now)
        return Party("seat", user) if isinstance(user, str) else user

    def _prove(self, request: Request, source: Address, credentials: Mapping[str, str], now: float) -> str | list[Output]:
        """The account that the credentials prove, or the 401. That one is stateless: strangers cost no memory."""
        user = credentials.get("username", "")
        stale = False
        outputs: list[Output] = []
        if self._guard.banned(source, now) and self._peers.flows.get(source) != (user or _user(request.from_.uri)):
            return []  # a registered telephone may still prove itself, nobody else through its address
        if credentials:
            verdict = self._challenger.verify(credentials, request.method, self._peers.accounts.get(user), now)
            if verdict == "ok":
                self._guard.proved(source, now)
                return user
            stale = verdict == "stale"
            if not stale and self._challenger.gave(credentials.get("nonce", ""), to=source_of(source.host)):
                outputs += self._guard.failed(source, now)
        if outputs or self._guard.slows(source, now):
            return outputs
        challenges = self._challenger.challenge(now, stale=stale, to=source_of(source.host))
        return [self.refusal(request, source, 401, challenges)]

    def refusal(self, head: Head, source: Address, status: int, headers: Sequence[tuple[str, str]] = ()) -> Output:
        """A response that is not repeated and costs no memory."""
        reply = Reply.to_request(head, source, reliable=self._core.ways.reliable(source))
        tag = hmac.new(self._secret, f"{head.call_id}\n{head.via.branch}".encode(), hashlib.sha256).hexdigest()[:16]
        return reply.send(reply.write(status, tag=tag, headers=[self._core.server_header, *headers]))

    def knows(self, request: Request, source: Address) -> bool:
        """Whether this is somebody we answer at all."""
        return self._peers.knows(source, _user(request.from_.uri))


def _user(uri: str) -> str:
    """The user part, "" when it can't be read."""
    try:
        return parse_uri(uri).user
    except UriError:
        return ""
