"""[io] The trunks outward: where their servers are, whether they answer, our registrations with them, how to call by them."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import structlog

from ivr.sections import Trunk
from ivr.sip.agent import UserAgent
from ivr.sip.events import Address, Output, Replied
from ivr.sip.listener import Listener
from ivr.sip.locating import Health, Place, usual_port
from ivr.sip.registrant import Account, Registrant
from ivr.sip.requests import Ask
from ivr.sip.resolver import Resolver
from ivr.sip.target import Target
from ivr.sip.transaction import LIMIT_S
from ivr.sip.trunk import TrunkPeer
from ivr.sip.uri import parse_name_addr, parse_uri, write_user

UNANSWERED = frozenset({408, 503})
"""Statuses after which the next address is tried (RFC 3263 4.3)."""
LOOK_S = 1.0
"""How often names are looked up again while they lead nowhere."""

PATIENCE_S = 5.0
"""A caller waits so long for the first word of an address while there is another."""

log = structlog.get_logger(__name__)


def peer(trunk: Trunk) -> TrunkPeer:
    """A trunk of the settings as the user agent knows it."""
    return TrunkPeer.of(
        trunk.name,
        trunk.networks,
        tuple(trunk.numbers),
        user=trunk.username if trunk.registers else "",
        large_over_tcp=trunk.large_over_tcp,
        takes_register=trunk.takes_register,
        called_from=trunk.called_from,
        own_listener=trunk.listener if trunk.own_listener else None,
    )


class Line:
    """One trunk's servers and registration."""

    def __init__(self, trunk: Trunk, listener: Listener, node: str, now: float) -> None:
        self.trunk = trunk
        self.listener = listener
        self.hosts: dict[Place, frozenset[str]] = {}
        self.addresses: list[Address] = []
        """Where it is, as its names were looked up last."""
        self.answers: dict[Address, bool] = {}
        """Whether each of these answered its last ping; those that have not been pinged yet are not there."""
        self.fault: str | None = None
        """Why it is down, "" when it is up; None until that is known."""
        self.refused = 0
        """Status of the last REGISTER where it failed, else 0."""
        self.registrar: Address | None = None
        """The address that has registered us."""
        self.changed = asyncio.Event()
        self.look = asyncio.Event()
        account = Account(
            trunk.own_domain,
            trunk.username,
            trunk.auth_username,
            trunk.password.get_secret_value(),
            trunk.expires_s,
            trunk.user_phone,
        )
        # Of each node its own, and the same for ever (RFC 5626 4.1).
        instance = uuid5(NAMESPACE_URL, f"{account.address_of_record} {node} {trunk.name}").urn
        self.registrant = Registrant(
            account,
            call_id=secrets.token_hex(16),
            tag=secrets.token_hex(8),
            chance=random.random,
            now=now,
            instance=instance if listener.reliable else "",
        )

    def route(self, service_route: Sequence[str] = ()) -> tuple[str, ...]:
        """Preloaded Route values: the outbound proxy, then what the registrar wants (RFC 3608)."""
        if not self.trunk.outbound_proxy:
            return tuple(service_route)
        transport = f";transport={self.listener.transport}" if self.listener.reliable else ""
        return (f"<sip:{self.trunk.outbound_proxy}{transport};lr>", *service_route)

    def pinged(self) -> list[Address]:
        """Whom to ping: its addresses, and who sends us calls to where our REGISTER came from by UDP, which a NAT before us
        must not forget."""
        registrar = [] if self.registrar is None or self.listener.reliable else [self.registrar]
        return list(dict.fromkeys((*self.addresses, *registrar)))


class Trunks:
    """All trunks that have a proxy or a registrar. `names` is the transport's: what TLS servers must prove to be. keep_alive:
    the transport's, for who has registered us by a connection."""

    def __init__(
        self,
        trunks: Sequence[Trunk],
        listeners: Sequence[Listener],
        agent: UserAgent,
        send: Callable[[Sequence[Output]], None],
        resolver: Resolver,
        names: dict[Address, str],
        keep_alive: Callable[[Address, int], None],
        node: str,
    ) -> None:
        self._agent = agent
        self._send = send
        self._resolver = resolver
        self._names = names
        self._keep_alive = keep_alive
        self._clock = asyncio.get_running_loop().time
        self._health = Health()
        self._asked: dict[str, asyncio.Future[Replied]] = {}
        by_name = {listener.label: listener for listener in listeners}
        self._lines = {
            trunk.name: Line(trunk, by_name[trunk.listener], node, self._clock()) for trunk in trunks if trunk.own_domain
        }

    async def run(self) -> None:
        """Look up, ping and register for ever."""
        async with asyncio.TaskGroup() as group:
            for line in self._lines.values():
                group.create_task(self._watch(line), name=f"trunk {line.trunk.name}")
                if line.trunk.registers:
                    group.create_task(self._register(line), name=f"register {line.trunk.name}")

    async def leave(self, within_s: float) -> None:
        """Tell the registrars that we are gone, so that they send our callers elsewhere. Call it when run() has ended."""
        now = self._clock()
        asks = [
            line.registrant.ask(line.registrar, line.route(), leave=True)
            for line in self._lines.values()
            if line.registrar is not None and line.registrant.registered(now)
        ]
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await asyncio.gather(*(self._ask(ask) for ask in asks))

    def on_reply(self, event: Replied) -> None:
        """From the user agent: a request of ours has ended."""
        waiting = self._asked.pop(event.request, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(event)

    def on_lost(self, connection: Address) -> None:
        """A connection is gone; if a registrar knew us by it, we register anew."""
        for line in self._lines.values():
            if line.trunk.registers and (connection in line.answers or connection == line.registrar):
                line.registrant.lost(self._clock())
                line.changed.set()

    def look(self, listener: str) -> None:
        """Something has become known of whom this listener speaks to: ping now, not when it is time."""
        for line in self._lines.values():
            if line.listener.label == listener:
                line.look.set()

    async def targets(
        self, trunk: str, uri_user: str, *, from_user: str, from_display: str, server: str = "", proxy: str = ""
    ) -> list[Target]:
        """How to call this number by this trunk, one target for each address, in the order in which to try them: the next
        one after 408, 503 or no answer at all. [] when its names lead nowhere now, or the trunk has no proxy. Redirections
        name another of its servers (host:port) for the Request-URI, or a proxy to go by (RFC 3261 21.3.4)."""
        line = self._lines.get(trunk)
        if line is None:
            return []
        settings = line.trunk
        phone = ";user=phone" if settings.user_phone else ""
        route = () if proxy else line.route(line.registrant.service_route)
        # An outbound proxy stands before the other servers too.
        elsewhere = proxy or ("" if settings.outbound_proxy else server)
        if elsewhere:
            place = Place.parse(elsewhere)
            addresses = [Address(place.host, place.port or usual_port(line.listener.transport), line.listener.name)]
        else:
            addresses = await self._addresses(line, self._hop(line, route))
        return [
            Target(
                f"sip:{write_user(uri_user)}@{server or settings.own_domain}{phone}",
                address,
                from_user=from_user,
                from_display=from_display,
                route=route,
                auth_user=settings.auth_username or settings.username,
                password=settings.password.get_secret_value(),
                domain=settings.own_domain,
                user_phone=settings.user_phone,
                patience_s=LIMIT_S if address == addresses[-1] else PATIENCE_S,
            )
            for address in addresses
        ]

    def failed(self, destination: Address, retry_after_s: float = 0.0) -> None:
        """A call to this address of a trunk had no answer, or 503: for a while, or so long as it asked, it is tried last."""
        self._health.died(destination, self._clock(), retry_after_s)

    @property
    def faults(self) -> dict[str, str]:
        """Of the trunks whose state is known: "" where it can be called by now, for one of its addresses answers and we are
        registered where we have to be; else why not: "not_found" (its names lead nowhere), "no_answer", "not_registered"."""
        return {name: line.fault for name, line in self._lines.items() if line.fault is not None}

    @property
    def report(self) -> dict[str, dict[str, Any]]:
        """What people are told of each trunk: {registered: whether we are, None where we need not be; refused: the status of
        the last REGISTER, 0 where it did not fail; addresses: {"host:port": whether it answered the last OPTIONS}}."""
        now = self._clock()
        return {
            name: {
                "registered": line.registrant.registered(now) if line.trunk.registers else None,
                "refused": line.refused,
                "addresses": {f"{address.host}:{address.port}": answers for address, answers in line.answers.items()},
            }
            for name, line in self._lines.items()
        }

    def _hop(self, line: Line, route: Sequence[str]) -> Place:
        """The server that requests go to first."""
        if line.trunk.outbound_proxy or not route:
            return line.trunk.first_hop
        uri = parse_uri(parse_name_addr(route[0]).uri)
        return Place(uri.host, uri.port)

    async def _addresses(self, line: Line, place: Place) -> list[Address]:
        """The place's addresses in the order in which to try them; whoever sends from there is the trunk."""
        listener = line.listener
        found = await self._resolver.locate(place, listener.transport, ipv6=":" in listener.host)
        addresses = [Address(host, port, listener.name) for host, port in found]
        line.hosts[place] = frozenset(address.host for address in addresses)
        self._agent.peers.learn(line.trunk.name, frozenset().union(*line.hosts.values()))
        if listener.transport == "tls":
            self._names.update(dict.fromkeys(addresses, place.host))
        return self._health.sorted(addresses, self._clock())

    async def _watch(self, line: Line) -> None:
        """Ping each address, as long as settings want it; know the addresses in any case."""
        every_s = line.trunk.ping_s
        async with asyncio.TaskGroup() as pings:
            under_way: dict[Address, asyncio.Task[None]] = {}
            while True:
                line.look.clear()
                line.addresses = await self._addresses(line, line.trunk.first_hop)
                if every_s:
                    line.answers = {address: answers for address, answers in line.answers.items() if address in line.addresses}
                    under_way = {address: ping for address, ping in under_way.items() if not ping.done()}
                    for address in line.pinged():  # who doesn't answer holds up nobody else's
                        if address not in under_way:
                            under_way[address] = pings.create_task(self._ping(line, address))
                else:
                    line.answers = dict.fromkeys(line.addresses, True)
                if not (line.addresses and every_s):
                    self._judge(line)
                with suppress(TimeoutError):
                    async with asyncio.timeout((every_s or 30.0) * (0.9 + 0.1 * random.random()) if line.addresses else LOOK_S):
                        await line.look.wait()

    async def _ping(self, line: Line, address: Address) -> None:
        """OPTIONS: whatever it answers, it lives."""
        at = f"sip:{line.trunk.own_domain}"
        ask = Ask(
            "OPTIONS", at, f"<{at}>;tag={secrets.token_hex(8)}", f"<{at}>", secrets.token_hex(16), 1, address, line.route(),
            headers=(("Accept", "application/sdp"),),
        )  # fmt: skip
        lives = (await self._ask(ask)).status not in UNANSWERED
        if address in line.addresses:
            line.answers[address] = lives
            self._judge(line)

    async def _register(self, line: Line) -> None:
        registrant = line.registrant
        while True:
            line.changed.clear()
            try:
                async with asyncio.timeout_at(registrant.due):
                    await line.changed.wait()
                continue
            except TimeoutError:
                pass
            replied = Replied("", 503, 0)
            for address in await self._addresses(line, line.trunk.registrar_hop):
                replied = await self._ask(registrant.ask(address, line.route()))
                if replied.status not in UNANSWERED:
                    break
            now = self._clock()
            before = registrant.registered(now)
            registrant.answered(replied, now)
            again_s = round(registrant.due - now)
            line.refused = replied.status if replied.status >= 300 else 0
            if replied.status >= 300:
                log.warning("trunk refuses to register us", trunk=line.trunk.name, status=replied.status, again_s=again_s)
            else:
                line.registrar = address
                if registrant.flow_timer_s or registrant.outbound:
                    self._keep_alive(address, registrant.flow_timer_s)
                if not before:
                    log.info("trunk registered", trunk=line.trunk.name, again_s=again_s, identities=len(registrant.associated))
            if line.answers:
                self._judge(line)

    async def _ask(self, ask: Ask) -> Replied:
        name = secrets.token_hex(8)
        waiting: asyncio.Future[Replied] = asyncio.get_running_loop().create_future()
        self._asked[name] = waiting
        self._send(self._agent.ask(name, ask, self._clock()))
        replied = await waiting
        if replied.status in UNANSWERED:
            self._health.died(ask.destination, self._clock())
        else:
            self._health.lives(ask.destination)
        return replied

    def _judge(self, line: Line) -> None:
        """Say once when a trunk comes or goes, as soon as it is known."""
        if line.trunk.registers and not line.registrant.tried:
            return
        registered = not line.trunk.registers or line.registrant.registered(self._clock())
        fault = "not_found" if not line.answers else "no_answer" if not any(line.answers.values()) else ""
        fault = fault or ("" if registered else "not_registered")
        if fault != line.fault:
            line.fault = fault
            addresses = [f"{address.host}:{address.port}" for address, answers in line.answers.items() if answers]
            (log.warning if fault else log.info)(
                "trunk is down" if fault else "trunk is up",
                trunk=line.trunk.name,
                registered=registered,
                answers=addresses,
                why=fault,
            )
