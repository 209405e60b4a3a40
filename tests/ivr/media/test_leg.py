"""One leg, packet by packet: what goes on to the listener, from whom packets are taken, and that garbage does nothing."""

from __future__ import annotations

import struct
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.media.control import Digit, Message, Remote
from ivr.media.leg import PROBATION, Leg
from ivr.media.outgoing import Address, Outgoing
from ivr.media.packet import Buffers, Counters
from ivr.media.timeline import Timeline

PEER: Address = ("192.0.2.1", 4000)
ELSEWHERE: Address = ("192.0.2.9", 5555)
START = 2**32 - 100


class Bench:
    """Two legs in one process; `sent` is what leaves, as (to, second byte, sequence, timestamp, ssrc, payload)."""

    def __init__(self) -> None:
        self.buffers, self.counters = Buffers(), Counters()
        self.sent: list[tuple[Any, ...]] = []
        self.reports: list[Message] = []
        self.moved = 0
        self.now = 0
        self.a, self.b = self.leg("a"), self.leg("b")

    def leg(self, name: str, **remote: Any) -> Leg:
        def send(packet: memoryview, to: Address) -> None:
            assert packet[0] == 0x80
            self.sent.append((to, *struct.unpack_from(">BHII", packet, 1), bytes(packet[12:])))

        def moved() -> None:
            self.moved += 1

        out = Outgoing(
            ssrc=7, sequence=65534, timestamp=START, send=send, moved=moved, buffers=self.buffers, counters=self.counters
        )
        leg = Leg(name, "c", port=1, out=out, report=self.reports.append, buffers=self.buffers, counters=self.counters)
        terms: dict[str, Any] = {"codec": "PCMA", "payload_type": 8, "dtmf_payload_type": 101}
        leg.set_remote(Remote(name, *PEER, **(terms | remote)))
        return leg

    def join(self) -> None:
        self.a.listeners = (self.b.out,)

    def receive(self, data: bytes, source: Address = PEER, leg: Leg | None = None) -> None:
        self.buffers.packet[: len(data)] = data[:2048]
        (leg or self.a).receive(min(len(data), 2048), source, self.now)

    def packet(self, sequence: int, timestamp: int, *, second: int = 8, ssrc: int = 5, payload: bytes = b"\x11" * 160) -> None:
        self.receive(struct.pack(">BBHII", 0x80, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + payload)

    def numbers(self) -> list[tuple[int, int]]:
        """Sequence and timestamp of what was sent, counted from the stream's begin."""
        return [
            ((sequence - 65534) & 0xFFFF, (timestamp - START) & 0xFFFFFFFF) for _, _, sequence, timestamp, _, _ in self.sent
        ]


def test_a_relayed_stream_keeps_its_steps_losses_and_swaps() -> None:
    bench = Bench()
    bench.join()
    for number in (0, 1, 3, 2, 4, 4, 6):
        bench.now = number * 160
        bench.packet(65533 + number, 2**32 - 300 + number * 160, payload=bytes([number]) * 160)
    assert bench.numbers() == [(n, n * 160) for n in (0, 1, 3, 2, 4, 4, 6)]
    assert [second for _, second, *_ in bench.sent] == [0x88] + [8] * 6
    assert bench.sent[2][5] == b"\x03" * 160


def test_a_pause_of_the_source_is_passed_on() -> None:
    bench = Bench()
    bench.join()
    bench.packet(1, 0)
    bench.now = 8000
    bench.packet(2, 8000, second=0x88)
    assert bench.numbers() == [(0, 0), (1, 8000)]
    assert bench.sent[1][1] == 0x88


@pytest.mark.parametrize("jump", [10**9, 2**31, 20000, -20000, -5])
def test_another_or_jumping_stream_goes_on_where_the_last_one_stood(jump: int) -> None:
    bench = Bench()
    bench.join()
    bench.packet(1, 0)
    bench.now = 160
    bench.packet(2 if jump != -5 else 40000, 160 + jump)
    bench.now = 320
    bench.packet(3, 77, ssrc=99)
    bench.now = 480
    bench.packet(4, 237, ssrc=99)
    assert bench.numbers() == [(0, 0), (1, 160), (2, 320), (3, 480)]


def test_frames_and_relay_are_one_stream_even_when_the_source_is_ahead() -> None:
    bench = Bench()
    out = bench.b.out
    out.send_frame(0)
    out.send_frame(160)
    bench.join()
    bench.now = 250  # the last frame lasts till 320
    bench.packet(9, 5000)
    bench.now = 330
    bench.packet(10, 5160)
    bench.packet(11, 5320)  # early: ends at 800
    out.leave_relay()
    assert out.sequence == 65534 + 5 & 0xFFFF
    out.send_frame(480)
    out.send_frame(640)
    assert bench.numbers() == [(0, 0), (1, 160), (2, 320), (3, 480), (4, 640), (5, 800), (6, 960)]
    assert [second & 0x80 for _, second, *_ in bench.sent] == [0x80, 0, 0x80, 0, 0, 0x80, 0]


def test_after_a_pause_time_has_passed_and_a_marker_is_set() -> None:
    bench = Bench()
    out = bench.b.out
    out.send_frame(0)
    out.remote = None
    assert not out.send_frame(160)
    out.remote = PEER
    out.send_frame(320)
    assert bench.numbers() == [(0, 0), (1, 320)]
    assert bench.sent[1][1] & 0x80


def test_a_play_ends_loops_and_is_quiet_after() -> None:
    bench = Bench()
    out = bench.b.out
    out.frames = [b"\x01" * 160, b"\x02" * 160]
    assert [out.send_frame(clock) for clock in (0, 160, 320)] == [False, False, True]
    assert [payload[:1] for *_, payload in bench.sent] == [b"\x01", b"\x02", b"\xd5"]
    out.frame_at, out.loop = 0, True
    assert not any(out.send_frame(clock) for clock in range(480, 480 + 5 * 160, 160))
    assert [payload[:1] for *_, payload in bench.sent[3:]] == [b"\x01", b"\x02", b"\x01", b"\x02", b"\x01"]


def test_codecs_are_changed_on_the_way_for_each_listener() -> None:
    bench = Bench()
    bench.b = bench.leg("b", codec="PCMU", payload_type=0)
    third = bench.leg("c")
    bench.a.listeners = (bench.b.out, third.out)
    bench.packet(1, 0, payload=b"\xd5" * 160)
    bench.packet(2, 160, second=0, payload=b"\xff" * 80)  # the peer may use the other codec of its offer
    assert [(second & 0x7F, payload[:1], len(payload)) for _, second, *_, payload in bench.sent] == [
        (0, b"\xfe", 160),
        (8, b"\xd5", 160),
        (0, b"\xff", 80),
        (8, b"\xd5", 80),
    ]


def test_keys_go_on_with_their_time_or_leave_no_hole() -> None:
    bench = Bench()
    deaf = bench.leg("deaf", dtmf_payload_type=None)
    bench.a.listeners = (bench.b.out, deaf.out)
    event, end = b"\x05\x0a\x00\xa0", b"\x05\x8a\x03\x20"
    bench.packet(1, 0)
    bench.packet(2, 160, second=0x80 | 101, payload=event)
    bench.packet(3, 160, second=101, payload=end)
    bench.packet(4, 160, second=101, payload=end)
    bench.packet(5, 960, second=0x88)
    assert bench.reports == [Digit("a", "5", 100)]
    assert [(s & 0x7F, n - 65534 & 0xFFFF, t - START & 0xFFFFFFFF) for _, s, n, t, *_ in bench.sent] == [
        (8, 0, 0),
        (8, 0, 0),
        (101, 1, 160),
        (101, 2, 160),
        (101, 3, 160),
        (8, 4, 960),
        (8, 1, 960),
    ]


def test_a_key_may_be_the_first_thing_that_is_relayed() -> None:
    bench = Bench()
    bench.join()
    bench.now = 800
    bench.packet(9, 5000, second=0x80 | 101, payload=b"\x05\x8a\x03\x20")
    bench.packet(10, 5160)
    assert bench.numbers() == [(0, 800), (1, 960)]


def test_the_first_relayed_packet_ends_the_silence_in_its_place() -> None:
    bench = Bench()
    bench.join()
    bench.b.out.ticking = True
    bench.packet(1, 0)
    assert bench.moved == 1


def test_a_packet_that_the_system_refuses_is_counted() -> None:
    bench = Bench()
    bench.join()

    def send(packet: memoryview, to: Address) -> None:
        raise BlockingIOError

    bench.b.out.send = send
    bench.packet(1, 0)
    bench.packet(2, 0, second=101, payload=b"\x05\x8a\x03\x20")
    bench.b.out.send_frame(0)
    assert bench.counters.unsent == 3
    assert bench.counters.relayed == bench.counters.sent == 0


def test_extensions_sources_and_padding_are_cut_off() -> None:
    bench = Bench()
    bench.join()
    head = struct.pack(">BHII", 8, 1, 0, 5)
    bench.receive(b"\x81" + head + bytes(4) + b"\x21" * 160)
    bench.receive(b"\x90" + struct.pack(">BHII", 8, 2, 160, 5) + b"\xbe\xde\x00\x01" + bytes(4) + b"\x22" * 160)
    bench.receive(b"\xa0" + struct.pack(">BHII", 8, 3, 320, 5) + b"\x23" * 160 + b"\0\0\0\4")
    assert [payload for *_, payload in bench.sent] == [b"\x21" * 160, b"\x22" * 160, b"\x23" * 160]


def test_the_signalled_source_is_believed_at_once_another_after_some_packets_and_then_only_it() -> None:
    bench = Bench()
    head = [struct.pack(">BBHII", 0x80, 8, n, n * 160, 5) + bytes(160) for n in range(10)]
    bench.receive(head[0], ELSEWHERE)
    bench.receive(head[2], ELSEWHERE)
    bench.receive(head[3], ELSEWHERE)
    assert bench.a.received == 0
    bench.receive(head[4], ELSEWHERE)
    assert bench.a.source == bench.a.out.remote == ELSEWHERE
    assert PROBATION == 3
    bench.receive(head[5], PEER)
    assert (bench.a.received, bench.counters.strangers) == (1, 1)
    assert bench.a.signalled is not None
    bench.a.set_remote(bench.a.signalled)  # said again: nothing is forgotten
    assert bench.a.out.remote == ELSEWHERE
    bench.a.set_remote(Remote("a", "192.0.2.1", 4002, "PCMA", 8))
    assert bench.a.out.remote == ("192.0.2.1", 4002)
    bench.receive(head[6], ("192.0.2.1", 4002))
    assert bench.a.source == ("192.0.2.1", 4002)


def test_before_anything_is_negotiated_nobody_is_believed() -> None:
    bench = Bench()
    fresh = Leg("f", "c", port=1, out=bench.b.out, report=print, buffers=bench.buffers, counters=bench.counters)
    bench.receive(struct.pack(">BBHII", 0x80, 8, 1, 0, 5) + bytes(160), leg=fresh)
    assert fresh.received == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_the_old_way_to_hold(host: str) -> None:
    bench = Bench()
    bench.a.set_remote(Remote("a", host, 4000, "PCMA", 8))
    assert bench.a.out.remote is None


def test_a_peer_that_shall_not_talk_is_alive_but_unheard() -> None:
    bench = Bench()
    bench.join()
    bench.a.set_remote(Remote("a", *PEER, "PCMA", 8, 101, 20, send=True, receive=False))
    bench.packet(1, 0)
    bench.packet(2, 160, second=101, payload=b"\x05\x8a\x03\x20")
    assert bench.a.received == 2
    assert not bench.sent
    assert not bench.reports


def test_comfort_noise_is_a_sign_of_life_and_no_garbage() -> None:
    bench = Bench()
    bench.packet(1, 0, second=13, payload=b"\x40")
    assert (bench.a.received, bench.counters.garbage) == (1, 0)
    bench.packet(2, 0, second=72, payload=b"\x40")
    bench.packet(2, 0, second=101, payload=b"\x40")
    assert bench.counters.garbage == 2


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60) | st.tuples(st.sampled_from([0x80, 0x90, 0x8F, 0xA0, 0xB3]), st.binary(max_size=1800))))
def test_whatever_comes_nothing_is_raised_and_nothing_kept(datagrams: list[Any]) -> None:
    bench = Bench()
    bench.join()
    line = Timeline(0)
    bench.a.timelines = (line,)
    bench.packet(1, 0)
    for datagram in datagrams:
        bench.now += 100
        data = datagram if isinstance(datagram, bytes) else bytes([datagram[0], 8]) + datagram[1]
        bench.receive(data)
        for kind in (0, 8, 101):
            bench.receive(data[:1] + bytes([kind]) + data[2:])
    assert all(len(payload) <= 1600 for *_, payload in bench.sent)
    assert line.start == 0
    bench.sent.clear()
    bench.packet(100, 12345, ssrc=1)
    assert bench.sent[0][5] == b"\x11" * 160


def test_packets_leave_nothing_behind() -> None:
    """Ten thousand packets, half of them garbage: the memory in use afterwards is what it was before."""
    bench = Bench()
    bench.join()
    bench.b.out.send = lambda packet, to: None
    bench.a.timelines = (Timeline(0),)

    def batch() -> None:
        for number in range(2500):
            bench.now += 160
            bench.packet(number, number * 160)
            bench.packet(number * 7919, number * 104729 * 160)
            bench.receive(b"\x00\x01\x02")
            bench.packet(number, 0, second=99)
            if number % 50 == 0:
                bench.a.timelines[0].take(bench.now, bench.now)

    tracemalloc.start()
    try:
        batch()
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        batch()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 4_000
    assert peak - before < 80_000  # a second of sound being taken
