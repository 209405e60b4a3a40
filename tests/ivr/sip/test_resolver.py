"""Names to addresses, asked of a real DNS server on loopback."""

from __future__ import annotations

import pytest
from dns.asyncresolver import Resolver as Asking

from ivr.sip import resolver as resolving
from ivr.sip.listener import TransportName
from ivr.sip.locating import Place
from ivr.sip.resolver import Resolver
from tests.ivr.sip.nameserver import name_server

ZONE = {
    ("_sip._udp.carrier.cn", "SRV"): ["20 0 5080 backup.carrier.cn.", "10 0 5070 one.carrier.cn.", "30 0 5060 one.carrier.cn."],
    ("_sips._tcp.carrier.cn", "SRV"): ["10 0 5063 one.carrier.cn."],
    ("_sip._tcp.carrier.cn", "SRV"): ["0 0 0 ."],
    ("one.carrier.cn", "A"): ["192.0.2.1", "192.0.2.2"],
    ("one.carrier.cn", "AAAA"): ["2001:db8::1"],
    ("backup.carrier.cn", "A"): ["192.0.2.3"],
    ("carrier.cn", "A"): ["192.0.2.9"],
}


@pytest.mark.parametrize(
    ("place", "transport", "ipv6", "found"),
    [
        ("carrier.cn", "udp", False,
         [("192.0.2.1", 5070), ("192.0.2.2", 5070), ("192.0.2.3", 5080), ("192.0.2.1", 5060), ("192.0.2.2", 5060)]),
        ("carrier.cn", "tls", False, [("192.0.2.1", 5063), ("192.0.2.2", 5063)]),
        ("carrier.cn", "tls", True, [("2001:db8::1", 5063)]),
        ("carrier.cn", "tcp", False, [("192.0.2.9", 5060)]),
        ("backup.carrier.cn", "tls", False, [("192.0.2.3", 5061)]),
        ("carrier.cn:5099", "udp", False, [("192.0.2.9", 5099)]),
        ("backup.carrier.cn", "udp", True, []),
        ("nowhere.cn", "udp", False, []),
    ],
    ids=["SRV", "SRV of tls", "IPv6", "the service is not there", "no SRV", "port", "no AAAA", "no such name"],
)  # fmt: skip
async def test_where_a_place_is(place: str, transport: TransportName, ipv6: bool, found: list[tuple[str, int]]) -> None:
    async with name_server(ZONE) as server:
        resolver = Resolver([server.place], pick=lambda _: 0)
        located = await resolver.locate(Place.parse(place), transport, ipv6=ipv6)
    assert located == found or sorted(located) == sorted(found)
    assert [port for _, port in located] == [port for _, port in found], "by priority"


async def test_an_address_needs_no_dns() -> None:
    resolver = Resolver([Place("127.0.0.1", 9)])
    assert await resolver.locate(Place("192.0.2.1"), "tls", ipv6=False) == [("192.0.2.1", 5061)]
    assert await resolver.locate(Place("2001:db8::1", 5099), "udp", ipv6=True) == [("2001:db8::1", 5099)]


async def test_answers_are_kept_for_their_time() -> None:
    async with name_server(ZONE, ttl=60) as server:
        resolver = Resolver([server.place])
        for _ in range(3):
            assert await resolver.locate(Place("backup.carrier.cn", 5060), "udp", ipv6=False) == [("192.0.2.3", 5060)]
            assert await resolver.locate(Place("nowhere.cn", 5060), "udp", ipv6=False) == []
        assert server.asked == {("backup.carrier.cn", "A"): 1, ("nowhere.cn", "A"): 1}


async def test_they_are_kept_longer_where_no_server_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage of DNS is none of calls."""
    async with name_server(ZONE) as server:
        resolver = Resolver([server.place])
        place = Place("backup.carrier.cn", 5060)
        assert await resolver.locate(place, "udp", ipv6=False) == [("192.0.2.3", 5060)]
        known = resolver._known["backup.carrier.cn", "A"]
        resolver._known["backup.carrier.cn", "A"] = type(known)(0.0, known.records)
        server.silent = True
        monkeypatch.setattr(resolving, "TIMEOUT_S", 0.3)
        assert await resolver.locate(place, "udp", ipv6=False) == [("192.0.2.3", 5060)]
        assert await resolver.locate(Place("one.carrier.cn", 5060), "udp", ipv6=False) == []


async def test_a_machine_without_dns_still_knows_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolving, "Asking", _unconfigured)
    resolver = Resolver()
    assert await resolver.locate(Place("192.0.2.1"), "udp", ipv6=False) == [("192.0.2.1", 5060)]
    assert await resolver.locate(Place("sip.carrier.cn"), "udp", ipv6=False) == []


def _unconfigured(*, configure: bool) -> Asking:
    """As on a machine without /etc/resolv.conf."""
    asking = Asking(configure=False)
    if configure:
        asking.read_resolv_conf("/nowhere/resolv.conf")
    return asking
