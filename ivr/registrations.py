"""[io] The seats' registered telephones: bindings live in Redis, so that any engine can dial any seat."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import structlog

from ivr.sip.agent import UserAgent
from ivr.sip.events import Output, RegisterRequested
from ivr.sip.peers import Peers
from ivr.sip.registrar import Binding, StaleRegister, update
from ivr.sip.target import Target
from routing.store import Store

log = structlog.get_logger(__name__)


class Registrations:
    """Registrar (RFC 3261 10.3) over the store."""

    def __init__(self, agent: UserAgent, peers: Peers, store: Store, clock: Callable[[], float]) -> None:
        self._agent = agent
        self._peers = peers
        self._store = store
        self._clock = clock

    async def load(self, users: Iterable[str]) -> None:
        """Know the flows that are registered already, after a start."""
        for user in users:
            self._set_flows(user, await self._bindings(user))

    async def register(self, event: RegisterRequested) -> list[Output]:
        """Carry out a REGISTER whose digest is verified. Returns its response."""
        try:
            change = update(await self._bindings(event.user), event)
        except StaleRegister:
            return self._agent.refuse_register(event.request, 500, self._clock())
        contacts: dict[str, dict[str, Any]] = {binding.uri: binding.to_json() for binding in change.written}
        contacts |= {uri: {"expires_s": 0} for uri in change.removed}
        await self._store.bind(event.user, contacts)
        self._set_flows(event.user, change.bound)
        log.info("seat registered" if change.bound else "seat unregistered", seat=event.user, contacts=len(change.bound))
        return self._agent.registered(event.request, change.bound, self._clock())

    async def target(self, user: str, *, from_user: str, from_display: str) -> Target | None:
        """Where the seat's telephone is: the binding that was refreshed last. None when nothing is registered."""
        bindings = await self._bindings(user)
        if not bindings:
            return None
        best = max(bindings, key=lambda binding: (binding.q, binding.expires_s))
        return Target(best.uri, best.received, from_user=from_user, from_display=from_display, to_user=user)

    async def _bindings(self, user: str) -> list[Binding]:
        return [Binding.from_json(data) for data in await self._store.bindings(user)]

    def _set_flows(self, user: str, bindings: Iterable[Binding]) -> None:
        self._peers.set_flows(user, [binding.received for binding in bindings])
