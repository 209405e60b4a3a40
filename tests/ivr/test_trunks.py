"""Trunks outward against operators on real sockets: registering, pings, failover, and whose calls come in."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from ivr import trunks as module
from ivr.listen import bind_listener
from ivr.sections import Trunk
from ivr.sip import connections
from ivr.sip import events as sip
from ivr.sip.agent import UserAgent
from ivr.sip.events import Address, Event, Output, Party, Replied
from ivr.sip.listener import Listener
from ivr.sip.locating import Place
from ivr.sip.peers import Peers
from ivr.sip.resolver import Resolver
from ivr.sip.stream import PING, PONG, Stream
from ivr.sip.transaction import LIMIT_S
from ivr.sip.transport import Transport
from ivr.trunks import Trunks, peer
from tests.ivr.sip.conftest import SDP, Phone, has, header, response
from tests.ivr.sip.nameserver import name_server
from tests.ports import free_port

CHALLENGE = 'WWW-Authenticate: Digest realm="carrier", nonce="n1", algorithm=MD5, qop="auth"'
ROUTE = "Service-Route: <sip:orig@127.0.0.1:{port};lr>"
OURS = "P-Associated-URI: <sip:4000@carrier.cn>, <tel:+864000>"


class Operator(asyncio.DatagramProtocol):
    """A registrar and proxy. `refuses`: the status of REGISTER and OPTIONS; 0 answers nothing."""

    def __init__(self) -> None:
        self.refuses: int | None = None
        self.heard: list[str] = []
        self.extra: list[str] = []
        self.place = Place("127.0.0.1")
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)
        self.place = Place(*transport.get_extra_info("sockname"))

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        text = data.decode()
        self.heard.append(text)
        if self.refuses == 0 or text.startswith(("SIP/2.0", "ACK")):
            return
        assert self.transport is not None
        self.transport.sendto(self.answer(text), addr)

    def answer(self, text: str) -> bytes:
        if self.refuses is not None:
            return response(text, self.refuses, contact=None)
        if not text.startswith("REGISTER"):
            return response(text, 200, contact=None)
        if not has(text, "Authorization"):
            return response(text, 401, extra=[CHALLENGE], contact=None)
        contact = header(text, "Contact") + f";expires={header(text, 'Expires')}"
        return response(text, 200, contact=contact, extra=self.extra)

    def of(self, method: str) -> list[str]:
        """The requests of this method."""
        return [text for text in self.heard if text.startswith(method)]


@asynccontextmanager
async def operator(**answers: Any) -> AsyncIterator[Operator]:
    transport, made = await asyncio.get_running_loop().create_datagram_endpoint(Operator, local_addr=("127.0.0.1", 0))
    for name, value in answers.items():
        setattr(made, name, value)
    try:
        yield made
    finally:
        transport.close()


@dataclass
class House:
    """Our side."""

    agent: UserAgent
    transport: Transport
    trunks: Trunks
    listener: Listener
    events: list[Event] = field(default_factory=list)


@asynccontextmanager
async def house(*settings: Trunk, servers: tuple[Place, ...] = ()) -> AsyncIterator[House]:
    listeners = [Listener("127.0.0.1", free_port(socket.SOCK_DGRAM)),
                 Listener("127.0.0.1", free_port(socket.SOCK_STREAM), "t", "tcp")]  # fmt: skip
    agent = UserAgent(
        listeners=listeners,
        realm="r",
        peers=Peers([peer(one) for one in settings]),
        token=lambda: secrets.token_hex(8),
        secret=secrets.token_bytes(32),
    )
    resolver = Resolver(servers) if servers else Resolver([Place("127.0.0.1", 9)])

    def send(outputs: Sequence[Output]) -> None:
        transport.send(outputs)

    def keep_alive(peer: Address, flow_timer_s: int) -> None:
        transport.keep_alive(peer, flow_timer_s)

    trunks = Trunks(settings, listeners, agent, send, resolver, {}, keep_alive, "node1")

    def heard(event: Event) -> None:
        made.events.append(event)
        if isinstance(event, Replied):
            trunks.on_reply(event)

    transport = Transport(agent, listeners, heard, on_lost=trunks.on_lost)
    made = House(agent, transport, trunks, listeners[0])
    await transport.start({one.name: bind_listener(one) for one in listeners})
    running = asyncio.get_running_loop().create_task(trunks.run())
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        transport.close()
        await transport.wait_closed()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what it waits for tells nobody
            await asyncio.sleep(0.005)


def trunk(at: Operator | Place | str, name: str = "carrier", **keys: Any) -> Trunk:
    place = at.place if isinstance(at, Operator) else at
    return Trunk.model_validate({"name": name, "registrar": str(place), "numbers": {}, **keys})


def account(at: Operator | Place | str, number: str = "4000", **keys: Any) -> Trunk:
    own = {"domain": "carrier.cn", "register": True, "username": number, "auth_username": f"{number}@ims", "password": "pw"}
    return trunk(at, f"acc{number}", **{**own, **keys})


async def test_an_account_registers_as_its_operator_asks() -> None:
    async with operator() as carrier:
        carrier.extra = [ROUTE.format(port=carrier.place.port), OURS]
        async with house(account(carrier, user_phone=True)) as our:
            await until(lambda: our.trunks.faults == {"acc4000": ""})
            [_, proved] = carrier.of("REGISTER")
            assert proved.startswith("REGISTER sip:carrier.cn SIP/2.0")
            assert header(proved, "To") == "<sip:4000@carrier.cn;user=phone>"
            assert 'username="4000@ims"' in header(proved, "Authorization")
            assert not has(proved, "Route")
            [target] = await our.trunks.targets("acc4000", "13912345678", from_user="4000", from_display="")
            assert target.uri == "sip:13912345678@carrier.cn;user=phone"
            assert target.destination == Address("127.0.0.1", carrier.place.port or 0)
            assert target.route == (f"<sip:orig@127.0.0.1:{carrier.place.port};lr>",), "RFC 3608"
            assert (target.auth_user, target.password, target.domain) == ("4000@ims", "pw", "carrier.cn")
            our.transport.send(our.agent.invite("leg", target, SDP, asyncio.get_running_loop().time()))
            await until(lambda: carrier.of("INVITE"))
            [invite] = carrier.of("INVITE")
            assert header(invite, "From").startswith("<sip:4000@carrier.cn;user=phone>;tag=")


async def test_who_ends_says_so_to_the_registrar() -> None:
    async with operator() as carrier, operator(refuses=403) as other, house(account(carrier), account(other, "5000")) as our:
        await until(lambda: our.trunks.faults == {"acc4000": "", "acc5000": "not_registered"})
        await our.trunks.leave(5)
        assert header(carrier.of("REGISTER")[-1], "Expires") == "0"
        assert has(carrier.of("REGISTER")[-1], "Authorization")
        assert len(other.of("REGISTER")) == 1, "it knows nothing of us"
        carrier.refuses = 0
        await our.trunks.leave(0.05)


async def test_an_outbound_proxy_gets_everything() -> None:
    async with operator() as proxy:
        settings = account("registrar.carrier.cn", outbound_proxy=str(proxy.place), domain="")
        async with house(settings) as our:
            await until(lambda: our.trunks.faults == {"acc4000": ""})
            for text in (proxy.of("REGISTER")[0], proxy.of("OPTIONS")[0]):
                assert header(text, "Route") == f"<sip:{proxy.place};lr>"
                assert text.split(" ")[1] == "sip:registrar.carrier.cn"
            proxy.extra = []
            [target] = await our.trunks.targets("acc4000", "1", from_user="4000", from_display="")
            assert (target.route, target.destination.port) == ((f"<sip:{proxy.place};lr>",), proxy.place.port)


async def test_calls_of_several_accounts_with_one_operator_find_their_trunk() -> None:
    """By the Contact that each has registered; nobody else's address is believed."""
    async with operator() as carrier, house(account(carrier), account(carrier, "5000")) as our:
        await until(lambda: our.trunks.faults == {"acc4000": "", "acc5000": ""})
        assert carrier.transport is not None
        registered = {header(text, "Contact") for text in carrier.of("REGISTER")}
        assert len(registered) == 2
        for contact in registered:
            number = contact[5:9]
            phone = Phone(Address("127.0.0.1", carrier.place.port or 0), call_id=number, from_tag=number)
            invite = phone.invite(SDP, uri=contact.strip("<>"))
            port = int(contact.rstrip(">").rpartition(":")[2])
            carrier.transport.sendto(invite, ("127.0.0.1", port))
        await until(lambda: sum(isinstance(event, sip.Invited) for event in our.events) == 2)
        parties = {event.sip_call_id: event.party for event in our.events if isinstance(event, sip.Invited)}
        assert parties == {"4000": Party("trunk", "acc4000"), "5000": Party("trunk", "acc5000")}
        assert our.agent.peers.trunk(Address("127.0.0.2", 5060)) is None


async def test_refusals_are_no_reason_to_ask_at_once() -> None:
    async with operator(refuses=403) as carrier, house(account(carrier)) as our:
        await until(lambda: our.trunks.faults == {"acc4000": "not_registered"})
        await until(lambda: carrier.of("REGISTER"))
        line = our.trunks._lines["acc4000"]
        await until(lambda: line.registrant.due > asyncio.get_running_loop().time() + 60)
        assert len(carrier.of("REGISTER")) == 1


async def test_a_server_that_can_not_serve_is_followed_by_the_next() -> None:
    """SRV priorities say which; one that said 503 is tried last from then on."""
    async with operator(refuses=503) as sick, operator() as well:
        zone = {
            ("_sip._udp.carrier.cn", "SRV"): [
                f"10 0 {sick.place.port} sip.carrier.cn.",
                f"20 0 {well.place.port} sip.carrier.cn.",
            ],
            ("sip.carrier.cn", "A"): ["127.0.0.1"],
        }
        async with name_server(zone) as dns, house(account("carrier.cn"), servers=(dns.place,)) as our:
            await until(lambda: our.trunks.faults == {"acc4000": ""})
            assert len(sick.of("REGISTER")) <= 1
            assert len(well.of("REGISTER")) == 2
            targets = await our.trunks.targets("acc4000", "1", from_user="4000", from_display="")
            assert [target.destination.port for target in targets] == [well.place.port, sick.place.port]
            assert [target.patience_s for target in targets] == [module.PATIENCE_S, LIMIT_S]
            our.trunks.failed(targets[0].destination)
            our.trunks._health.lives(targets[1].destination)
            again = await our.trunks.targets("acc4000", "1", from_user="4000", from_display="")
            assert [target.destination.port for target in again] == [sick.place.port, well.place.port]


async def test_pings_tell_up_and_down(monkeypatch: pytest.MonkeyPatch) -> None:
    async with operator(refuses=404) as carrier, house(trunk(carrier, ping_s=0.05)) as our:
        await until(lambda: our.trunks.faults == {"carrier": ""})
        carrier.refuses = 503
        await until(lambda: our.trunks.faults == {"carrier": "no_answer"})
        carrier.refuses = None
        await until(lambda: our.trunks.faults == {"carrier": ""})
        assert carrier.of("REGISTER") == []
        assert not has(carrier.of("OPTIONS")[0], "Route")


async def test_who_does_not_answer_holds_up_nobody_elses_pings() -> None:
    async with operator(refuses=0) as dead, operator() as well:
        records = [f"10 0 {one.place.port} sip.carrier.cn." for one in (dead, well)]
        zone = {("_sip._udp.carrier.cn", "SRV"): records, ("sip.carrier.cn", "A"): ["127.0.0.1"]}
        async with name_server(zone) as dns, house(trunk("carrier.cn", ping_s=0.05), servers=(dns.place,)) as our:
            await until(lambda: len(well.of("OPTIONS")) > 3)
            assert our.trunks.faults == {"carrier": ""}
            assert len({header(text, "Call-ID") for text in dead.of("OPTIONS")}) == 1, "asked again, by the same request"


async def test_a_registrar_apart_from_the_proxy_is_pinged_too() -> None:
    """A NAT before us remembers the way back from who has our address; but calls go out by the proxy, which alone counts."""
    async with (
        operator() as proxy,
        operator() as registrar,
        house(account(registrar, proxy=str(proxy.place), ping_s=0.05)) as our,
    ):
        await until(lambda: len(registrar.of("OPTIONS")) > 1)
        assert proxy.of("REGISTER") == []
        address = f"127.0.0.1:{proxy.place.port}"
        assert our.trunks.report["acc4000"]["addresses"] == {address: True}
        proxy.refuses = 503
        await until(lambda: our.trunks.faults == {"acc4000": "no_answer"})
        seen = len(registrar.of("OPTIONS"))
        await until(lambda: len(registrar.of("OPTIONS")) > seen + 1)
        assert our.trunks.report["acc4000"]["addresses"] == {address: False}


async def test_what_is_known_of_its_listener_is_looked_into_at_once() -> None:
    """A listener's one peer has died, say: nobody waits for the next ping."""
    async with operator() as carrier, house(trunk(carrier, ping_s=3600)) as our:
        await until(lambda: our.trunks.faults == {"carrier": ""})
        label = our.listener.label
        our.transport.send(our.agent.died(our.listener.name))
        our.trunks.look("t")
        our.trunks.look(label)
        await until(lambda: our.trunks.faults == {"carrier": "no_answer"})
        assert len(carrier.of("OPTIONS")) == 1, "nothing is sent to the dead"
        our.agent.lives(our.listener.name)
        our.trunks.look(label)
        await until(lambda: our.trunks.faults == {"carrier": ""})
        assert len(carrier.of("OPTIONS")) == 2


async def test_who_is_not_pinged_counts_as_up() -> None:
    async with operator(refuses=0) as carrier, house(trunk(carrier, ping_s=0)) as our:
        await until(lambda: our.trunks.faults == {"carrier": ""})
        assert carrier.heard == []
        assert len(await our.trunks.targets("carrier", "1", from_user="", from_display="")) == 1


async def test_a_name_is_looked_up_until_it_leads_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.05)
    zone: dict[tuple[str, str], list[str]] = {}
    async with operator() as carrier, name_server(zone) as dns:
        place = Place("sip.carrier.cn", carrier.place.port)
        async with house(trunk(place, ping_s=0.05), servers=(dns.place,)) as our:
            await until(lambda: our.trunks.faults == {"carrier": "not_found"})
            assert await our.trunks.targets("carrier", "1", from_user="", from_display="") == []
            zone["sip.carrier.cn", "A"] = ["127.0.0.1"]
            our.trunks._resolver._known.clear()
            await until(lambda: our.trunks.faults == {"carrier": ""})


async def test_a_trunk_that_only_brings_calls_has_no_targets() -> None:
    settings = Trunk.model_validate({"name": "in", "networks": ["192.0.2.0/24"], "numbers": {}})
    async with house(settings) as our:
        assert await our.trunks.targets("in", "1", from_user="", from_display="") == []
        assert our.trunks.faults == {}
        our.trunks.on_reply(Replied("unknown", 200, 1))


class Flows(asyncio.Protocol):
    """An operator that is reached by connections. On the first one it answers so many pings."""

    def __init__(self, carrier: Operator, pongs: int = 0) -> None:
        self.carrier, self.pongs = carrier, pongs
        self.ways: list[asyncio.Transport] = []
        self.pings = 0
        self._stream = Stream()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Place]:
        server = await asyncio.get_running_loop().create_server(lambda: self, "127.0.0.1", 0)
        async with server:
            yield Place(*server.sockets[0].getsockname())
            for way in self.ways:
                way.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.ways.append(cast(asyncio.Transport, transport))
        self._stream = Stream()

    def data_received(self, data: bytes) -> None:
        for message in self._stream.receive(data):
            if message == PING:
                self.pings += 1
                self.ways[-1].write(PONG if len(self.ways) > 1 or self.pings <= self.pongs else b"")
            else:
                self.carrier.heard.append(message.decode())
                self.ways[-1].write(self.carrier.answer(message.decode()))


async def test_over_tcp_a_lost_connection_is_replaced_and_registered_anew() -> None:
    """The registrar knows us by the connection; its end ends the registration."""
    carrier = Operator()
    flows = Flows(carrier)
    async with flows.open() as place, house(account(place, listener="t")) as our:
        await until(lambda: our.trunks.faults == {"acc4000": ""})
        assert "Via: SIP/2.0/TCP" in carrier.heard[0]
        contact = header(carrier.of("REGISTER")[0], "Contact")
        assert ';transport=tcp>;reg-id=1;+sip.instance="<urn:uuid:' in contact
        assert header(carrier.of("REGISTER")[0], "Supported") == "path, outbound"
        assert len(flows.ways) == 1, "one connection for all"
        flows.ways[0].close()
        await until(lambda: len(flows.ways) == 2 and has(carrier.of("REGISTER")[-1], "Authorization"))
        await until(lambda: len(carrier.of("REGISTER")) == 4)
        assert header(carrier.of("REGISTER")[-1], "Contact").startswith(contact), "it is the same instance"


@pytest.mark.parametrize("told", ["Flow-Timer: 1", "Require: outbound"])
async def test_a_registrar_that_does_not_pong_any_more_is_connected_to_anew(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 5626: it has said that it keeps our flow, so a ping without an answer means that it has lost it."""
    monkeypatch.setattr(connections, "PING_S", (0.1, 0.2))
    monkeypatch.setattr(connections, "PONG_S", 1.0)
    carrier = Operator()
    carrier.extra = [told]
    flows = Flows(carrier, 2)
    async with flows.open() as place, house(account(place, listener="t", ping_s=0)) as our:
        await until(lambda: our.trunks.faults == {"acc4000": ""})
        await until(lambda: len(flows.ways) >= 2)
        assert flows.pings >= 1
        monkeypatch.setattr(connections, "PONG_S", 10.0)
        await until(lambda: len(carrier.of("REGISTER")) >= 3)
        pings = flows.pings
        await until(lambda: flows.pings >= pings + 2)


def test_the_header_that_names_the_called_number_reaches_the_user_agent() -> None:
    assert peer(trunk("192.0.2.9", called_from="P-Called-Party-ID")).called_from == "P-Called-Party-ID"


async def test_where_a_redirection_leads() -> None:
    async with operator() as carrier, house(account(carrier, user_phone=True)) as our:
        await until(lambda: our.trunks.faults == {"acc4000": ""})

        async def way(trunks: Trunks, name: str = "acc4000", **elsewhere: str) -> tuple[str, str, int, tuple[str, ...]]:
            [target] = await trunks.targets(name, "139", from_user="4000", from_display="", **elsewhere)
            return target.uri, target.destination.host, target.destination.port, target.route

        server = await way(our.trunks, server="127.0.0.9:5070")
        assert server == ("sip:139@127.0.0.9:5070;user=phone", "127.0.0.9", 5070, ())
        proxy = await way(our.trunks, proxy="127.0.0.9")
        assert proxy == ("sip:139@carrier.cn;user=phone", "127.0.0.9", 5060, ())
        behind = account(carrier, "5000", outbound_proxy=str(carrier.place))
        async with house(behind) as house_behind:
            uri, host, port, route = await way(house_behind.trunks, "acc5000", server="127.0.0.9:5070")
            assert (uri, host, port) == ("sip:139@127.0.0.9:5070", "127.0.0.1", carrier.place.port), "by the outbound proxy"
            assert route == (f"<sip:{carrier.place};lr>",)
