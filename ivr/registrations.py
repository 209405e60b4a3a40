"""[io] The seats' registered telephones: bindings live in Redis, so that any engine can dial any seat."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import structlog

from ivr.sip.agent import UserAgent
from ivr.sip.events import Address, Output, RegisterRequested
from ivr.sip.peers import Peers
from ivr.sip.registrar import Binding, StaleRegister, update
from ivr.sip.requests import Ask
from ivr.sip.target import Target
from ivr.sip.uri import parse_uri
from routing.store import RedisAway, Store

KEEP_ALIVE_S = (25.0, 30.0)

log = structlog.get_logger(__name__)


class Registrations:
    """Registrar (RFC 3261 10.3) over the store."""

    def __init__(
        self,
        agent: UserAgent,
        peers: Peers,
        store: Store,
        clock: Callable[[], float],
        send: Callable[[Sequence[Output]], None],
        fixed: Mapping[str, str],
    ) -> None:
        """fixed: seats with a telephone that does not register, and its SIP URI."""
        self._agent = agent
        self._peers = peers
        self._store = store
        self._clock = clock
        self._send = send
        self._fixed = fixed
        self._behind_nat: dict[str, list[tuple[Binding, float]]] = {}
        """With the time when each ends."""
        self._forgetting: set[asyncio.Task[None]] = set()

    async def load(self, users: Iterable[str]) -> None:
        """Know the flows that are registered already, after a start."""
        for user in users:
            self._set_flows(user, await self._bindings(user))

    async def keep_alive(self) -> None:
        """Ask telephones behind NAT whether they are there, for ever: their answers keep the NAT's memory of the flow alive
        (the kernel does that for connections)."""
        while True:
            await asyncio.sleep(random.uniform(*KEEP_ALIVE_S))
            now = self._clock()
            for binding in [one for found in self._behind_nat.values() for one, until in found if now < until]:
                at = f"sip:{self._agent.listener(binding.received).sent_by(binding.received.host)}"
                name, tag = secrets.token_hex(16), secrets.token_hex(8)
                ask = Ask("OPTIONS", binding.uri, f"<{at}>;tag={tag}", f"<{binding.uri}>", name, 1, binding.received)
                self._send(self._agent.ask(name, ask, now))

    def on_lost(self, connection: Address) -> None:
        """A connection is gone, and with it the way to whoever registered by it (RFC 5626 5.3); a telephone that is still there
        connects and registers again."""
        user = self._peers.flows.get(connection)
        if user is not None:
            task = asyncio.get_running_loop().create_task(self._forget(user, connection))
            self._forgetting.add(task)
            task.add_done_callback(self._forgetting.discard)

    async def _forget(self, user: str, connection: Address) -> None:
        with suppress(RedisAway):  # then it goes when it ends
            bindings = await self._bindings(user)
            lost = [one for one in bindings if one.received == connection]
            await self._store.bind(user, {one.uri: {"expires_s": 0} for one in lost})
            self._set_flows(user, [one for one in bindings if one not in lost])
            log.info("seat lost its connection", seat=user, contacts=len(bindings) - len(lost))

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

    async def targets(self, user: str, *, from_user: str, from_display: str) -> list[Target]:
        """Where the seat's telephones are: at its fixed contact, else at all that are registered, the best q and, of those, the
        one refreshed last first. Raises RedisAway."""
        contact = self._fixed.get(user)
        if contact is not None:
            address = parse_uri(contact).address
            assert address is not None, "checked by the settings"
            return [Target(contact, address, from_user=from_user, from_display=from_display, to_user=user)]
        bindings = sorted(await self._bindings(user), key=lambda binding: (-binding.q, -binding.expires_s))
        return [Target(one.uri, one.received, from_user=from_user, from_display=from_display, to_user=user) for one in bindings]

    async def _bindings(self, user: str) -> list[Binding]:
        return [Binding.from_json(data) for data in await self._store.bindings(user)]

    def _set_flows(self, user: str, bindings: Sequence[Binding]) -> None:
        now = self._clock()
        self._behind_nat[user] = [
            (one, now + one.expires_s) for one in bindings if one.behind_nat and not self._agent.listener(one.received).reliable
        ]
        self._peers.set_flows(user, [binding.received for binding in bindings])
