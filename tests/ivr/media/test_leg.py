"""One leg, packet by packet: what goes on to the listener, from whom packets are taken, and that garbage does nothing."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.media.control import Digit, Remote
from ivr.media.g711 import decode
from ivr.media.leg import PROBATION, Leg
from ivr.media.loops import Loops
from ivr.media.outgoing import Address
from ivr.media.rtcp import Block, build
from ivr.media.rtcp import Report as RtcpReport
from ivr.media.timeline import Timeline
from tests.ivr.media.bench import ELSEWHERE, PEER, START, Bench


@pytest.fixture(autouse=True)
def _each_loop(loops: Loops, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Bench, "loops", loops)
    yield
    Bench.close()


def test_a_relayed_stream_keeps_its_steps_losses_and_swaps() -> None:
    bench = Bench()
    bench.join()
    for number in (0, 1, 3, 2, 4, 4, 6):
        bench.now = number * 160
        bench.packet(65533 + number, 2**32 - 300 + number * 160, payload=bytes([number]) * 160)
    assert bench.numbers() == [(n, n * 160) for n in (0, 1, 3, 2, 4, 6)]  # the duplicate ends here
    assert [second for _, second, *_ in bench.sent] == [0x88] + [8] * 5
    assert bench.sent[2][5] == b"\x03" * 160


def test_a_pause_of_the_source_is_passed_on() -> None:
    bench = Bench()
    bench.join()
    bench.packet(1, 0)
    bench.now = 8000
    bench.packet(2, 8000, second=0x88)
    assert bench.numbers() == [(0, 0), (1, 8000)]
    assert bench.sent[1][1] == 0x88


@pytest.mark.parametrize("jump", [10**9, 2**31, 20000, -20000])
def test_a_stream_whose_time_jumps_goes_on_where_it_stood(jump: int) -> None:
    bench = Bench()
    bench.join()
    bench.packet(1, 0)
    bench.now = 160
    bench.packet(2, 160 + jump)
    assert bench.numbers() == [(0, 0), (1, 160)]


@pytest.mark.parametrize(("first", "ssrc"), [(40000, 5), (100, 5), (2, 99), (40000, 99)])
def test_another_stream_is_believed_when_the_old_one_has_ceased_and_goes_on_where_it_stood(first: int, ssrc: int) -> None:
    bench = Bench()
    bench.join()
    bench.packet(1, 0)
    for number in range(4):
        bench.now = 160 * (number + 1)
        bench.packet(first + number, 7777 + number * 160, ssrc=ssrc)
    assert bench.numbers() == [(0, 0), (1, 480), (2, 640)]


@pytest.mark.parametrize("count", [80, 160, 480])
@pytest.mark.parametrize(("first", "ssrc"), [(40000, 5), (2, 99)])
def test_a_stream_between_the_packets_of_the_true_one_is_never_heard(first: int, ssrc: int, count: int) -> None:
    bench = Bench()
    bench.join()
    for number in range(100):
        bench.now = count * number
        bench.packet(1 + number, number * count, payload=b"\x11" * count)
        for extra in range(7 if number > 32 else 0):  # by then it is known how long its packets are
            bench.now += count // 8
            bench.packet(first + number * 7 + extra, extra, ssrc=ssrc, payload=b"\x66" * 160)
    assert bench.numbers() == [(n, n * count) for n in range(100)]
    assert {payload[:1] for *_, payload in bench.sent} == {b"\x11"}


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
    out.sound = b"\x01" * 160 + b"\x02" * 100
    assert [out.send_frame(clock) for clock in (0, 160, 320)] == [False, False, True]
    assert [payload for *_, payload in bench.sent] == [b"\x01" * 160, b"\x02" * 100 + b"\xd5" * 60, b"\xd5" * 160]
    out.sound_at, out.loop = 0, True
    assert not any(out.send_frame(clock) for clock in range(480, 480 + 5 * 160, 160))
    assert b"".join(payload for *_, payload in bench.sent[3:]) == (out.sound * 4)[:800]
    out.sound, out.sound_at = b"", 0
    assert out.send_frame(0)  # nothing to be repeated for ever


@pytest.mark.parametrize(
    ("ptime_ms", "samples"), [(10, 80), (20, 160), (30, 240), (40, 320), (50, 320), (60, 480), (200, 480), (5, 80)]
)
def test_what_is_made_here_has_the_length_that_the_peer_wants(ptime_ms: int, samples: int) -> None:
    bench = Bench()
    out = bench.leg("b", ptime_ms=ptime_ms).out
    out.sound = bytes(range(240)) * 4
    assert out.samples == samples
    for number in range(4):
        out.send_frame(number * samples)
    assert bench.numbers() == [(n, n * samples) for n in range(4)]
    assert b"".join(payload for *_, payload in bench.sent)[:960] == (out.sound + b"\xd5" * 960)[: 4 * samples][:960]
    sender = out.sender(4 * samples, 0.0)
    assert sender is not None
    assert (sender.packets, sender.octets, sender.timestamp) == (4, 4 * samples, START + 4 * samples & 0xFFFFFFFF)


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
    assert bench.a.arrivals.received == 0
    bench.receive(head[4], ELSEWHERE)
    assert bench.a.source == bench.a.out.remote == ELSEWHERE
    assert PROBATION == 3
    for number in range(5, 9):
        bench.receive(head[number], ("192.0.2.77", 4000))
    assert (bench.a.arrivals.received, bench.counters.strangers) == (1, 4)
    assert bench.a.signalled is not None
    bench.a.set_remote(bench.a.signalled)  # said again: nothing is forgotten
    assert bench.a.out.remote == ELSEWHERE
    bench.a.set_remote(Remote("a", "192.0.2.1", 4002, "PCMA", 8))
    assert bench.a.out.remote == ("192.0.2.1", 4002)
    bench.receive(head[6], ("192.0.2.1", 4002))
    assert bench.a.source == ("192.0.2.1", 4002)


def test_before_anything_is_negotiated_nobody_is_believed() -> None:
    bench = Bench()
    fresh = bench.bare("f", bench.b.out)
    bench.receive(struct.pack(">BBHII", 0x80, 8, 1, 0, 5) + bytes(160), leg=fresh)
    assert fresh.arrivals.received == 0
    assert fresh.report_to is None


def run(bench: Bench, source: Address, first: int, count: int, ssrc: int, leg: Leg | None = None) -> None:
    """So many packets in sequence, each 20 ms after the last."""
    for number in range(first, first + count):
        bench.now += 160
        bench.receive(struct.pack(">BBHII", 0x80, 8, number, number * 160, ssrc) + bytes(160), source, leg)


def test_the_signalled_address_outranks_another_that_was_learnt() -> None:
    bench = Bench()
    assert certain(bench) is None
    run(bench, ELSEWHERE, 1, 5, 5)
    run(bench, PEER, 900, PROBATION - 1, 6)
    assert bench.a.source == ELSEWHERE
    assert certain(bench) is None
    run(bench, PEER, 900 + PROBATION - 1, 1, 6)
    assert bench.a.source == bench.a.out.remote == PEER
    run(bench, ELSEWHERE, 6, 50, 5)
    assert bench.a.source == PEER
    assert bench.a.arrivals.received == 3 + 1


def certain(bench: Bench) -> Address | None:
    return bench.a.certain


def source(bench: Bench) -> Address | None:
    return bench.a.source


def test_who_is_silent_or_held_can_move_but_not_be_replaced() -> None:
    bench = Bench()
    run(bench, PEER, 1, 5, 5)
    run(bench, ELSEWHERE, 6, 10, 5)
    assert bench.a.source == PEER  # nobody moves while the source talks
    assert certain(bench) == PEER
    bench.a.quiet = True
    assert certain(bench) is None
    run(bench, ELSEWHERE, 6, 50, 99)
    assert bench.a.source == PEER  # another stream: whoever waited for the silence
    run(bench, ELSEWHERE, 6, PROBATION, 5)
    assert bench.a.source == bench.a.out.remote == ELSEWHERE
    assert bench.a.arrivals.received == 6
    hold, resumed = (Remote("a", *PEER, "PCMA", 8, 101, 20, send=on, receive=on) for on in (False, True))
    bench.a.set_remote(hold)
    run(bench, ("192.0.2.66", 1), 9, 50, 99)
    assert bench.a.source == ELSEWHERE
    bench.a.set_remote(resumed)  # a negotiation: it may come from anywhere, with any stream
    assert source(bench) is None
    run(bench, ("192.0.2.8", 8), 70, PROBATION, 7)
    assert source(bench) == ("192.0.2.8", 8)


def test_a_short_hold_forgets_nothing() -> None:
    bench = Bench()
    run(bench, ELSEWHERE, 1, 5, 5)
    for on in (False, True):
        bench.a.set_remote(Remote("a", *PEER, "PCMA", 8, 101, 20, send=on, receive=on))
    assert bench.a.source == bench.a.out.remote == ELSEWHERE


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
    assert bench.a.arrivals.received == 2
    assert not bench.sent
    assert not bench.reports


def test_comfort_noise_is_a_sign_of_life_and_no_garbage() -> None:
    bench = Bench()
    bench.packet(1, 0, second=13, payload=b"\x40")
    assert (bench.a.arrivals.received, bench.counters.garbage) == (1, 0)
    bench.packet(2, 0, second=72, payload=b"\x40")
    bench.packet(3, 0, second=101, payload=b"\x40")
    assert bench.counters.garbage == 2


def test_comfort_noise_is_recorded_and_goes_on_to_who_takes_it() -> None:
    bench = Bench()
    able, unable = bench.leg("able", comfort_noise=True), bench.leg("unable")
    bench.a.listeners = (able.out, unable.out)
    line = Timeline(0)
    bench.a.timelines = (line,)
    for number, second, time, payload in ((1, 8, 0, b"\x11" * 160), (2, 13, 160, b"\x32"), (3, 0x88, 4000, b"\x22" * 160)):
        bench.now = time + 160
        bench.packet(number, time, second=second, payload=payload)
    assert [(to_second & 0x7F, n - 65534 & 0xFFFF, t - START & 0xFFFFFFFF) for _, to_second, n, t, *_ in bench.sent] == [
        (8, 0, 160),
        (8, 0, 160),
        (13, 1, 320),
        (8, 2, 4160),
        (8, 1, 4160),
    ]
    taken = line.take(4160, 4160)
    assert taken[:160] == b"\x11" * 160
    assert taken[4000:] == b"\x22" * 160
    level = np.sqrt(np.mean(decode("PCMA", taken[160:4000]).astype(float) ** 2))
    assert 20 * np.log10(level / 32768) == pytest.approx(-50, abs=1)


def test_rtcp_on_the_port_of_rtp_is_read_only_where_that_was_agreed() -> None:
    report = build(RtcpReport(5, None, (Block(7, 0, 12, 0, 80, 0, 0),), "them"))
    for mux in (True, False):
        bench = Bench()
        leg = bench.leg("a", rtcp_mux=mux)
        run(bench, PEER, 1, 2, 5, leg)
        bench.receive(report, PEER, leg)
        assert leg.reports.remote_lost == (12 if mux else None)
        assert bench.counters.garbage == (0 if mux else 1)
        assert leg.arrivals.received == 2
        assert leg.report_to == (PEER if mux else (PEER[0], PEER[1] + 1))


def test_reports_are_taken_from_the_host_that_talks_and_answered_where_they_came_from() -> None:
    bench = Bench()
    leg = bench.leg("a", rtcp_port=4100)
    assert leg.report_to == (PEER[0], 4100)
    run(bench, ELSEWHERE, 1, PROBATION, 5, leg)
    assert leg.report_to == (ELSEWHERE[0], ELSEWHERE[1] + 1)
    report = build(RtcpReport(5, None, (Block(7, 0, 12, 0, 80, 0, 0),), "them"))
    bench.buffers.packet[: len(report)] = report
    leg.receive_report(len(report), PEER, 0)
    assert (leg.reports.remote_lost, bench.counters.strangers) == (None, 1)
    leg.receive_report(len(report) - 1, (ELSEWHERE[0], 9), 0)
    assert (leg.reports.remote_lost, bench.counters.garbage) == (None, 1)
    leg.receive_report(len(report), (ELSEWHERE[0], 9), 0)
    assert (leg.reports.remote_lost, leg.reports.remote_jitter_ms) == (12, 10.0)
    assert leg.report_to == (ELSEWHERE[0], 9)


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
    for number in range(4):
        bench.now += 160
        bench.packet(100 + number, 12345, ssrc=1)
    assert bench.sent[-1][5] == b"\x11" * 160


def test_packets_leave_nothing_behind() -> None:
    """Tens of thousands of packets, half of them garbage: the memory in use afterwards is what it was before."""
    bench = Bench()
    bench.join()
    bench.b.out.send = lambda packet, to: None
    kept = Timeline(0)
    bench.a.timelines = (kept,)

    def batch() -> None:
        for number in range(1500):
            bench.now += 160
            bench.packet(number, number * 160)
            bench.packet(number * 7919, number * 104729 * 160)
            bench.receive(b"\x00\x01\x02")
            bench.packet(number, 0, second=99)
            if number % 50 == 0:
                kept.take(bench.now, bench.now)

    tracemalloc.start()
    try:
        for _ in range(2):  # in the first, tables reach their sizes
            batch()
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        batch()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 4_000
    assert peak - before < 80_000  # a second of sound being taken
