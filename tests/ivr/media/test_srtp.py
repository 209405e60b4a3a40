"""SRTP around a leg, against libsrtp as the peer: what is read, what is refused, and what a change of keys does."""

from __future__ import annotations

import json
import struct
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pylibsrtp import Error, Policy, Session

from ivr.lines import wire
from ivr.media import control, rtcp
from ivr.media.control import Srtp, Suite
from ivr.media.outgoing import Address
from ivr.media.packet import Buffers, Counters
from ivr.media.srtp import MAX_ROUNDS, MAX_STREAMS, Shield
from ivr.media.wire import MEDIA

PEER: Address = ("192.0.2.1", 4000)
OURS, THEIRS, OTHER = bytes(range(30)), bytes(range(100, 130)), bytes(range(200, 230))
LONG: Suite = "AES_CM_128_HMAC_SHA1_80"
SHORT: Suite = "AES_CM_128_HMAC_SHA1_32"
PROFILES = {LONG: Policy.SRTP_PROFILE_AES128_CM_SHA1_80, SHORT: Policy.SRTP_PROFILE_AES128_CM_SHA1_32}


def keys(local: bytes = OURS, remote: bytes = THEIRS, suite: Suite = LONG) -> Srtp:
    return Srtp(suite, b64encode(local).decode(), b64encode(remote).decode())


def speaker(key: bytes = THEIRS, suite: Suite = LONG) -> Session:
    return Session(Policy(key, Policy.SSRC_ANY_OUTBOUND, 0, PROFILES[suite]))


def listener(key: bytes = OURS, suite: Suite = LONG) -> Session:
    return Session(Policy(key, Policy.SSRC_ANY_INBOUND, 0, PROFILES[suite]))


def packet(sequence: int, ssrc: int = 5, payload: bytes = b"\x11" * 160, kind: int = 8) -> bytes:
    return struct.pack(">BBHII", 0x80, kind, sequence & 0xFFFF, 0, ssrc) + payload


REPORT = rtcp.build(rtcp.Report(5, None, (), "a"))


class Bench:
    """A shield; `sent` is what leaves, `heard` and `reports` what the leg gets."""

    def __init__(self, srtp: Srtp | None = None) -> None:
        self.buffers, self.counters = Buffers(), Counters()
        self.sent: list[tuple[Any, ...]] = []
        self.heard: list[bytes] = []
        self.reports: list[bytes] = []
        self.shield = Shield(
            srtp or keys(),
            self,
            lambda size, source, now: self.heard.append(self.taken(size, source, now)),
            lambda size, source, now: self.reports.append(self.taken(size, source, now)),
            buffers=self.buffers,
            counters=self.counters,
        )

    def send(self, packet: memoryview, to: Address) -> None:
        self.sent.append((bytes(packet), to))

    def send_report(self, packet: bytes, to: Address, *, mux: bool) -> None:
        self.sent.append((packet, to, mux))

    def taken(self, size: int, source: Address, now: int) -> bytes:
        assert (source, now) == (PEER, 7)
        return bytes(self.buffers.packet[:size])

    def arrive(self, data: bytes, *, report: bool = False) -> None:
        self.buffers.packet[: len(data)] = data
        (self.shield.receive_report if report else self.shield.receive)(len(data), PEER, 7)


def test_keys_go_to_media_and_into_no_text() -> None:
    command = control.Remote("a", *PEER, "PCMA", 8, srtp=keys(suite=SHORT))
    line = MEDIA.encode_request(1, 2, command)
    assert MEDIA.decode_request(line) == wire.Request(1, 2, command)
    secrets = {b64encode(OURS).decode(), b64encode(THEIRS).decode()}
    assert not [secret for secret in secrets if secret in repr(command)]
    request = json.loads(line)
    for change in ({"local": f"{b64encode(OURS).decode()}="}, {"remote": b64encode(THEIRS).decode()[1:]}, {"suite": "NULL"}):
        for srtp in (request["srtp"] | change, list((request["srtp"] | change).values())):
            with pytest.raises(wire.ControlError) as caught:
                MEDIA.decode_request(json.dumps(request | {"srtp": srtp}).encode())
            assert not [secret for secret in secrets if secret[5:30] in str(caught.value)]


@pytest.mark.parametrize(("suite", "tag"), [(LONG, 10), (SHORT, 4)])
def test_both_directions_are_protected_by_the_agreed_suite(suite: Suite, tag: int) -> None:
    bench = Bench(keys(suite=suite))
    bench.shield.send(memoryview(packet(1)), PEER)
    protected, to = bench.sent[0]
    assert to == PEER
    assert len(protected) == len(packet(1)) + tag
    assert protected[12:172] != packet(1)[12:]
    assert listener(suite=suite).unprotect(protected) == packet(1)
    bench.arrive(speaker(suite=suite).protect(packet(9)))
    assert bench.heard == [packet(9)]
    assert bench.counters.garbage == 0


def test_nothing_reaches_the_leg_that_is_not_proven_or_was_seen_before() -> None:
    bench, peer = Bench(), speaker()
    first, second = peer.protect(packet(1)), peer.protect(packet(2))
    for bad in (
        packet(1),
        first[:-1],
        first[:40] + bytes([first[40] ^ 1]) + first[41:],
        first[:4] + bytes([first[4] ^ 1]) + first[5:],
        speaker(OTHER).protect(packet(1)),
        speaker(suite=SHORT).protect(packet(1)),
        b"",
        b"\x80\x08",
        bytes(1501),
        bytes(2048),
    ):
        bench.arrive(bad)
    assert (bench.heard, bench.counters.garbage) == ([], 10)
    for data in (first, first, second, first, second):
        bench.arrive(data)
    assert bench.heard == [packet(1), packet(2)]
    assert bench.counters.garbage == 13


@settings(deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(lambda b: b"\x80\x08" + b)), max_size=8))
def test_whatever_comes_first_the_peer_is_heard(garbage: list[bytes]) -> None:
    bench, peer = Bench(), speaker()
    for data in garbage:
        bench.arrive(data)
        bench.arrive(data, report=True)
    assert bench.heard == bench.reports == []
    for number in (1, 3, 2):
        bench.arrive(peer.protect(packet(number)))
    assert bench.heard == [packet(number) for number in (1, 3, 2)]


def test_the_same_keys_again_change_nothing_and_a_new_key_changes_its_direction_only() -> None:
    bench, peer, ear = Bench(), speaker(), listener()
    first = peer.protect(packet(1))
    bench.arrive(first)
    bench.shield.send(memoryview(packet(1)), PEER)
    bench.shield.rekey(keys())
    bench.arrive(first)
    assert bench.heard == [packet(1)]
    with pytest.raises(OSError, match="replay"):
        bench.shield.send(memoryview(packet(1)), PEER)
    bench.shield.rekey(keys(remote=OTHER))
    bench.arrive(peer.protect(packet(2)))
    bench.arrive(speaker(OTHER).protect(packet(3)))
    assert bench.heard == [packet(1), packet(3)]
    with pytest.raises(OSError, match="replay"):
        bench.shield.send(memoryview(packet(1)), PEER)
    bench.shield.rekey(keys(local=OTHER, remote=OTHER))
    bench.arrive(speaker(OTHER).protect(packet(3)))
    assert bench.heard == [packet(1), packet(3)]
    bench.shield.send(memoryview(packet(2)), PEER)
    assert ear.unprotect(bench.sent[0][0]) == packet(1)
    with pytest.raises(Error, match="authentication"):
        ear.unprotect(bench.sent[1][0])
    assert listener(OTHER).unprotect(bench.sent[1][0]) == packet(2)


def test_what_can_not_be_protected_is_a_packet_that_was_not_sent() -> None:
    bench = Bench()
    with pytest.raises(OSError, match="long"):
        bench.shield.send(memoryview(packet(1, payload=bytes(1600))), PEER)
    assert bench.sent == []


@pytest.mark.parametrize("mux", [False, True])
def test_reports_are_protected_too(mux: bool) -> None:
    bench, peer = Bench(), speaker()
    bench.shield.send_report(REPORT, PEER, mux=mux)
    protected, to, sent_mux = bench.sent[0]
    assert (to, sent_mux) == (PEER, mux)
    assert listener().unprotect_rtcp(protected) == REPORT
    bench.arrive(REPORT, report=not mux)
    theirs = peer.protect_rtcp(REPORT)
    bench.arrive(theirs, report=not mux)
    bench.arrive(theirs, report=not mux)
    assert (bench.heard if mux else bench.reports) == [REPORT]
    assert (bench.reports if mux else bench.heard) == []
    assert bench.counters.garbage == 2


@pytest.mark.parametrize(("rollovers", "sequence"), [(1, 0), (1, 65535), (3, 32768), (MAX_ROUNDS, 12345)])
def test_a_stream_older_than_a_round_of_its_numbers_is_found_again(rollovers: int, sequence: int) -> None:
    bench, peer = Bench(), speaker()
    at = sequence
    for _ in range(rollovers):
        for step in (0x5555, 0x5555, 0x5556):
            peer.protect(packet(at))
            at += step
    bench.arrive(speaker(OTHER).protect(packet(77, ssrc=6)))
    sent = [packet(sequence + number) for number in range(1, rollovers + 4)]
    for data in sent:
        bench.arrive(peer.protect(data))
    assert bench.heard
    assert bench.heard == sent[-len(bench.heard) :]
    heard = len(bench.heard)
    bench.arrive(packet(sequence))
    bench.arrive(peer.protect(packet(sequence + rollovers + 4)))
    assert len(bench.heard) == heard + 1


def test_the_search_begins_again_when_it_found_nothing() -> None:
    bench, peer = Bench(), speaker()
    for step in (0, 0x5555, 0xAAAA, 0x10000):
        first = peer.protect(packet(step))
    for _ in range(MAX_ROUNDS + 2):
        bench.arrive(speaker(OTHER).protect(packet(0)))
    bench.arrive(first)
    assert bench.heard == []
    for number in range(1, MAX_ROUNDS + 1):
        bench.arrive(peer.protect(packet(number)))
    assert bench.heard[-1] == packet(MAX_ROUNDS)


@pytest.mark.parametrize("report", [False, True])
def test_a_peer_with_ever_new_names_does_not_fill_the_memory(report: bool) -> None:
    """What libsrtp keeps can't be seen from here; that it was let go of can: what was heard before is heard again."""
    bench, peer = Bench(), speaker()
    first = peer.protect(packet(1))
    bench.arrive(first)
    bench.arrive(first)
    assert len(bench.heard) == 1
    for ssrc in range(100, 100 + MAX_STREAMS):
        named = rtcp.build(rtcp.Report(ssrc, None, (), "a"))
        bench.arrive(peer.protect_rtcp(named) if report else peer.protect(packet(1, ssrc)), report=report)
    bench.arrive(first)
    assert bench.heard[-1] == packet(1)
    assert bench.counters.garbage == 1
