"""Streams as peers and networks really have them, through a real media process: reports, strangers, packet lengths, hosts."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ivr.media.client import MediaError
from ivr.media.control import Close, Mix, Open, Play, Played, Quality, Record, Remote, Stats, StopRecord
from ivr.media.g711 import encode
from ivr.media.loops import Loops
from ivr.media.rtcp import Block, Report, Sender, build, ntp, parse
from tests.ivr.media.rig import Peer, Rig, clearest, power, read_recording, tone, write_wav
from tests.ports import free_ports, needs_ipv6


def both(one: str, two: str) -> Mix:
    return Mix((one, two), {one: (two,), two: (one,)})


async def test_both_ends_tell_each_other_how_it_is_and_the_close_tells_the_engine(rig: Rig) -> None:
    peer = await rig.leg("a")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtcp:
        rtcp.bind(("127.0.0.1", 0))
        rtcp.setblocking(False)
        await rig.do(replace(rig.remote("a", peer), rtcp_port=rtcp.getsockname()[1]))
        reports: list[Report] = []

        def came() -> bool:
            try:
                while True:
                    report = parse(rtcp.recv(2048))
                    assert report is not None
                    reports.append(report)
            except BlockingIOError:
                return len(reports) > 0

        for number in range(60):
            if number in {20, 21, 30}:
                peer.sequence += 1  # lost
            await rig.talk(0.02, peer)
            if number == 40:
                peer.sequence, peer.timestamp = peer.sequence - 1, peer.timestamp - 160  # twice
        await rig.until(came, peer)  # the first after 1 to 3 s
        first = reports[0]
        assert first.sender is not None
        assert first.sender.octets == 160 * first.sender.packets
        assert first.blocks[0].ssrc == peer.ssrc
        assert first.blocks[0].lost == 3
        assert first.cname
        answer = Report(peer.ssrc, None, (Block(first.ssrc, 0, 4, 0, 160, first.sender.moment, 0),), "peer")
        rtcp.sendto(build(answer), ("127.0.0.1", peer.to[1] + 1))

        async def stats() -> dict[str, float]:
            return await rig.do(Stats("a"))

        for _ in range(200):
            if (await stats())["remote_lost"] is not None:
                break
            await rig.talk(0.02, peer)
        live = await stats()
        sent = peer.sequence - 65530 & 0xFFFF
        await rig.do(Close("a"))
        (told,) = await rig.event(Quality)
        assert (told.leg, told.call) == ("a", "call")
        assert (told.lost, told.duplicates, told.reordered) == (3, 1, 0)
        assert sent - 3 <= told.received + told.lost <= sent + 1
        assert (told.remote_lost, told.remote_jitter_ms) == (4, 20.0)
        assert 0 < told.rtt_ms < 10_000
        assert 0 < told.jitter_ms < 20
        assert live == {name: getattr(told, name) for name in live} | {"sent": live["sent"], "received": live["received"]} | {
            "jitter_ms": live["jitter_ms"]
        }
        assert told.sent >= len(peer.packets) > 50
        reports.clear()
        await rig.until(came)
        assert reports[-1].bye


async def test_a_leg_that_lived_for_a_moment_has_no_quality(rig: Rig) -> None:
    await rig.leg("short")
    await rig.do(Close("short"))
    peer = await rig.leg("long")
    await rig.talk(1.1, peer)
    await rig.do(Close("long"))
    assert [told.leg for told in await rig.event(Quality)] == ["long"]


async def test_a_third_party_is_neither_played_nor_recorded_nor_learnt(rig: Rig) -> None:
    """Its packets come at five times the rate, with the numbers of the true ones or with its own."""
    caller, seat = await rig.leg("caller"), await rig.leg("seat")
    caller.says(tone(400, 1))
    mallory = Peer(ssrc=caller.ssrc)
    rig.peers.append(mallory)
    mallory.to = caller.to
    loud = encode("PCMA", tone(1900, 0.02, 0.9))
    path = rig.recordings / "r.wav"
    await rig.talk(0.1, caller, seat)
    await rig.do(both("caller", "seat"))
    await rig.do(Record("r", str(path), "caller", "seat"))
    since = len(seat.packets)
    for ssrc in (caller.ssrc, 4711):
        mallory.ssrc = ssrc
        for _ in range(25):
            mallory.sequence, mallory.timestamp = caller.sequence, caller.timestamp
            for _ in range(5):
                mallory.send(loud)
            await rig.talk(0.02, caller, seat)
    await rig.do(StopRecord("r"))
    assert power(seat.heard(since)[800:], 1900) < 0.01
    left, _ = read_recording(path)
    assert power(left, 1900) < 0.01
    assert clearest(left, 400) > 0.95
    assert not mallory.packets
    assert not rig.of(Quality)


async def test_a_flood_from_elsewhere_costs_no_packet_and_a_peer_that_moves_is_heard_again(rig: Rig) -> None:
    """Sixty packets of a stranger for each of the peer's: more than is taken from a port, and than its buffer holds."""
    peer = await rig.leg("a")
    mallory = Peer()
    rig.peers.append(mallory)
    await rig.talk(1.2, peer)  # until it is certain
    await rig.talk(0.1)  # a leg that nobody hears is looked at every 20 ms only
    before = await rig.do(Stats("a"))
    begin = asyncio.get_running_loop().time()
    for number in range(50):
        for _ in range(60):
            mallory.sock.sendto(bytes(172), peer.to)
        peer.send(b"\xd5" * 160)
        await asyncio.sleep(max(0.0, begin + (number + 1) * 0.02 - asyncio.get_running_loop().time()))
    await rig.talk(0.1)
    after = await rig.do(Stats("a"))
    assert (after["received"] - before["received"], after["lost"]) == (50, before["lost"])
    moved = Peer(ssrc=peer.ssrc)
    rig.peers.append(moved)
    moved.to, moved.sequence, moved.timestamp = peer.to, peer.sequence, peer.timestamp
    await rig.until(lambda: len(moved.packets) > 0, moved)  # its router forgot the mapping
    since = len(moved.packets)
    await rig.do(rig.remote("a", peer))
    await rig.until(lambda: len(moved.packets) > since, moved)
    await rig.do(replace(rig.remote("a", peer), host="127.0.0.2"))
    await rig.do(rig.remote("a", peer))
    since = len(peer.packets)
    await rig.until(lambda: len(peer.packets) > since, peer)


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 60])
async def test_prompts_come_in_packets_of_the_length_that_the_peer_wants(rig: Rig, ptime_ms: int) -> None:
    peer = await rig.leg("a")
    await rig.do(replace(rig.remote("a", peer), ptime_ms=ptime_ms))
    await rig.do(Play("a", 1, (str(write_wav(rig.directory / "x.wav", tone(440, 0.6))),)))
    await rig.event(Played)
    await rig.talk(0.1)
    changed = next(number for number, packet in enumerate(peer.packets) if len(packet) == 12 + ptime_ms * 8)
    packets = peer.packets[changed:]
    assert {len(packet) for packet in packets} == {12 + ptime_ms * 8}
    loud = np.flatnonzero(np.abs(peer.heard(changed)) > 500)
    assert power(peer.heard(changed)[loud[0] : loud[-1]], 440) > 0.98
    assert loud[-1] - loud[0] == pytest.approx(4800, abs=20)
    stamps = [timestamp for _, _, timestamp, _ in peer.headers()[changed:]]
    assert min(later - earlier & 0xFFFFFFFF for earlier, later in pairwise(stamps)) == ptime_ms * 8


@pytest.mark.parametrize("ptime_ms", [10, 30, 60])
async def test_packets_of_any_length_are_relayed_recorded_and_mixed(rig: Rig, ptime_ms: int) -> None:
    caller, seat, third = [await rig.leg(name) for name in ("caller", "seat", "third")]
    data = encode("PCMA", tone(400, 1.2))
    size = ptime_ms * 8
    path = rig.recordings / "r.wav"
    await rig.do(Mix(("caller", "seat", "third"), {"seat": ("caller",), "third": ("caller", "seat")}))
    await rig.do(Record("r", str(path), "caller", "seat"))
    begin = asyncio.get_running_loop().time()
    for number, at in enumerate(range(0, len(data) - size + 1, size)):
        caller.send(data[at : at + size])
        seat.send(b"\xd5" * 160)
        await asyncio.sleep(max(0.0, begin + (number + 1) * ptime_ms / 1000 - asyncio.get_running_loop().time()))
        seat.drain()
        third.drain()
    await rig.do(StopRecord("r"))
    await rig.until(lambda: sum(len(packet) == 12 + size for packet in seat.packets) >= len(data) // size - 2)
    assert clearest(seat.heard(), 400) > 0.99
    assert clearest(read_recording(path)[0], 400) > 0.97
    assert clearest(third.heard(), 400) > 0.9


async def test_a_leg_is_bound_where_it_is_wanted_and_nowhere_else(tmp_path: Path, loops: Loops) -> None:
    port = free_ports(2)
    rig = Rig(tmp_path, loops=loops.name, hosts=["127.0.0.2"], port_min=port, port_max=port + 1, dscp=34)
    try:
        await rig.connect()
        assert (await rig.do(Open("a", "c")))["port"] == port
        assert (await rig.do(Open("b", "c", "127.0.0.2")))["port"] == port
        for host in ("127.0.0.3", "0.0.0.0", "example.net"):
            with pytest.raises(MediaError, match="not an address"):
                await rig.do(Open("x", "c", host))
        peer = Peer()
        rig.peers.append(peer)
        peer.sock.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        await rig.do(rig.remote("b", peer))
        found = []

        def came() -> bool:
            try:
                found.append(peer.sock.recvmsg(2048, 64))
            except BlockingIOError:
                return bool(found)
            return True

        end = asyncio.get_running_loop().time() + 10
        while not came():
            assert asyncio.get_running_loop().time() < end
            await asyncio.sleep(0.01)
        _, ancillary, _, source = found[0]
        assert source == ("127.0.0.2", port)
        assert [data[0] >> 2 for _, kind, data in ancillary if kind == socket.IP_TOS] == [34]
        await rig.do(Close("b"))
        assert (await rig.do(Open("c", "c", "127.0.0.2")))["port"] == port
    finally:
        rig.close()


async def test_both_ports_of_a_pair_are_ours(rig: Rig) -> None:
    port = (await rig.do(Open("a", "c")))["port"]
    assert port % 2 == 0
    for taken in (port, port + 1):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, pytest.raises(OSError, match="in use"):
            sock.bind(("127.0.0.1", taken))


async def test_garbage_to_the_port_of_rtcp_harms_nobody(rig: Rig) -> None:
    peer = await rig.leg("a")
    await rig.talk(0.1, peer)
    true = build(Report(peer.ssrc, Sender(ntp(0), 0, 0, 0), (), "peer"))
    for number in range(300):
        data = bytearray(true)
        data[number % len(data)] ^= 1 << number % 8
        peer.sock.sendto((bytes(data), os.urandom(number), b"")[number % 3], ("127.0.0.1", peer.to[1] + 1))
    await rig.talk(0.3, peer)
    assert (await rig.do(Stats("a")))["lost"] == 0
    with pytest.raises(MediaError, match="no such leg"):
        await rig.do(Stats("b"))


@needs_ipv6
async def test_a_leg_of_ipv6_knows_its_peer_however_its_address_is_written(tmp_path: Path, loops: Loops) -> None:
    rig = Rig(tmp_path, loops=loops.name, host="::1")
    try:
        await rig.connect()
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
            sock.settimeout(10)
            port = (await rig.do(Open("a", "c")))["port"]
            await rig.do(Remote("a", "0:0:0:0:0:0:0:1", sock.getsockname()[1], "PCMA", 8))
            sock.sendto(b"\x80\x08\0\1" + bytes(168), ("::1", port))
            packet, source = await asyncio.to_thread(sock.recvfrom, 2048)
            assert source[:2] == ("::1", port)
            assert len(packet) == 172
            for _ in range(500):
                if (await rig.do(Stats("a")))["received"]:
                    break
                await asyncio.sleep(0.02)
            assert (await rig.do(Stats("a")))["received"] == 1  # the signalled address: no probation
    finally:
        rig.close()
