"""Reports: built, read, malformed; what arrivals, losses and round trips are told; all as RFC 3550 defines them."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.media.arrivals import MAX_LOST, MISORDER, Arrivals, Verdict
from ivr.media.reports import INTERVAL_S, Reports
from ivr.media.rtcp import MAX_SIZE, Block, Report, Sender, build, ntp, parse

WORD = st.integers(0, 2**32 - 1)
BLOCKS = st.builds(Block, WORD, st.integers(0, 255), st.integers(-(2**23), 2**23 - 1), WORD, WORD, WORD, WORD)
SENDERS = st.builds(Sender, st.integers(0, 2**64 - 1), WORD, WORD, WORD)
NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40)
REPORTS = st.builds(Report, WORD, st.none() | SENDERS, st.lists(BLOCKS, max_size=31).map(tuple), NAMES, st.booleans())


def test_a_sender_report_is_laid_out_as_the_standard_has_it() -> None:
    """RFC 3550 6.4.1, 6.5, 6.6, word by word."""
    block = Block(0x01020304, 0x40, -2, 0x0001FFFF, 17, 0xAABBCCDD, 65536)
    data = build(Report(0xCAFEBABE, Sender(0x1111111122222222, 0x33333333, 4, 5), (block,), "abc", bye=True))
    assert data == bytes.fromhex(
        "81c8000c cafebabe 11111111 22222222 33333333 00000004 00000005"
        "01020304 40fffffe 0001ffff 00000011 aabbccdd 00010000"
        "81ca0003 cafebabe 01036162 63000000"
        "81cb0001 cafebabe"
    )


def test_time_counts_from_1900() -> None:
    assert ntp(0.5) == 2208988800 << 32 | 1 << 31
    assert Sender(ntp(0.5), 0, 0, 0).moment == (2208988800 & 0xFFFF) << 16 | 1 << 15


@given(REPORTS)
def test_reports_are_read_as_they_were_built(report: Report) -> None:
    data = build(report)
    assert len(data) % 4 == 0
    assert parse(data) == report


@settings(deadline=None)
@given(REPORTS, st.data())
def test_whatever_comes_nothing_is_raised(report: Report, data: st.DataObject) -> None:
    packet = bytearray(build(report))
    for _ in range(data.draw(st.integers(0, 4))):
        packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
    found = parse(bytes(packet[: data.draw(st.integers(0, len(packet)))]))
    assert found is None or len(found.blocks) <= len(packet) // 24
    parse(data.draw(st.binary(max_size=64)))


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        bytes(8),
        b"\x80\xca\0\1\0\0\0\1",  # a description first
        b"\x80\xc9\0\2\0\0\0\1",  # longer than it is
        b"\x81\xc9\0\1\0\0\0\1",  # a block that isn't there
        b"\x80\xc8\0\1\0\0\0\1",  # a sender without its numbers
        b"\xa0\xc9\0\1\0\0\0\1",  # padding in the first
        b"\x80\xc9\0\1\0\0\0\1\0\xca\0\0",  # another version in the second
        b"\x80\xc9\0\1\0\0\0\1" + b"\x80\xcc\0\0" * ((MAX_SIZE - 4) // 4),
    ],
)
def test_what_is_no_compound(packet: bytes) -> None:
    assert parse(packet) is None


def feed(arrivals: Arrivals, numbers: list[int], ssrc: int = 5) -> list[Verdict]:
    """Packets by their numbers, not wrapped, as Leg.receive deals with them, 20 ms apart."""
    verdicts = []
    for place, number in enumerate(numbers):
        sequence = number & 0xFFFF
        if sequence == arrivals.next and ssrc == arrivals.ssrc:
            arrivals.next = sequence + 1
            verdicts.append(Verdict.GOOD)
        else:
            verdicts.append(arrivals.judge(sequence, ssrc, place * 160))
    return verdicts


@pytest.mark.parametrize("first", [0, 65530, 65535])
def test_losses_duplicates_and_late_packets_are_told_apart(first: int) -> None:
    arrivals = Arrivals()
    order = (0, 1, 2, 5, 4, 5, 8, 9, 9, 3, 12)
    verdicts = feed(arrivals, [first + number for number in order])
    assert [number for number, verdict in zip(order, verdicts, strict=True) if verdict is Verdict.DROP] == [5, 9]
    assert (arrivals.received, arrivals.lost) == (9, 4)
    assert (arrivals.duplicates, arrivals.reordered) == (2, 2)
    assert arrivals.highest == first + 12
    assert arrivals.fraction_lost() == 256 * 4 // 13
    feed(arrivals, [first + number for number in range(13, 23)])
    assert arrivals.fraction_lost() == 0


@settings(deadline=None)
@given(st.integers(0, 65535), st.lists(st.booleans(), max_size=400))
def test_every_packet_is_received_or_lost(first: int, lost: list[bool]) -> None:
    kept = [first, *(first + 1 + number for number, gone in enumerate(lost) if not gone)]
    if any(later - earlier > 50 for earlier, later in pairwise(kept)):
        return
    arrivals = Arrivals()
    assert Verdict.DROP not in feed(arrivals, kept)
    assert arrivals.received == len(kept)
    assert arrivals.received + arrivals.lost == kept[-1] - first + 1
    assert arrivals.highest == kept[-1]
    assert set(feed(arrivals, kept[-MISORDER // 2 :])) == {Verdict.DROP}


def test_a_long_outage_is_a_loss_and_a_jump_is_another_stream() -> None:
    arrivals = Arrivals()
    feed(arrivals, list(range(10)))
    assert feed(arrivals, list(range(1010, 1020)))[:4] == [Verdict.DROP, Verdict.DROP, Verdict.GOOD, Verdict.GOOD]
    assert (arrivals.received, arrivals.lost) == (18, 1002)
    jump = 1020 + 2 * MAX_LOST
    assert feed(arrivals, list(range(jump, jump + 10)))[:4] == [Verdict.DROP, Verdict.DROP, Verdict.NEW, Verdict.GOOD]
    assert (arrivals.received, arrivals.lost, arrivals.stream_lost) == (26, 1002, 0)
    arrivals.forget()
    assert feed(arrivals, [7], ssrc=9) == [Verdict.NEW]
    assert (arrivals.received, arrivals.lost) == (27, 1002)


def test_jitter_is_that_of_the_standard() -> None:
    """RFC 3550 A.8 with every second packet 10 ms late: each step adds (80 - J) / 16."""
    arrivals = Arrivals()
    expected = 0.0
    for number in range(200):
        late_s = 0.01 if number % 2 else 0.0
        arrivals.timed((2**32 - 1600 + number * 160) & 0xFFFFFFFF, 1e9 + number * 0.02 + late_s, again=number > 0)
        if number:
            expected += (80 - expected) / 16
    assert arrivals.jitter == pytest.approx(expected, abs=0.01)
    arrivals.timed(77, 2e9, again=True)  # a jump is no jitter
    assert arrivals.jitter == pytest.approx(expected, abs=0.01)


def test_two_peers_tell_each_other_losses_jitter_and_round_trip() -> None:
    one, two = (Reports(ssrc, "c", lambda: 0.0) for ssrc in (1, 2))
    heard = Arrivals()
    feed(heard, [0, 1, 2, 4], ssrc=1)
    heard.jitter = 40.9
    start = 1.7e9
    assert two.take(one.make(Sender(ntp(start), 0, 5, 800), Arrivals(), start, bye=False), 1, start + 0.03)
    answer = two.make(None, heard, start + 2.03, bye=False)
    read = parse(answer)
    assert read is not None
    assert read.sender is None
    assert (read.blocks[0].lost, read.blocks[0].fraction, read.blocks[0].highest) == (1, 256 // 5, 4)
    assert one.rtt_ms is None
    assert one.take(answer, -1, start + 2.08)
    assert one.rtt_ms == pytest.approx(80, abs=0.1)
    assert (one.remote_lost, one.remote_jitter_ms) == (1, 5.0)
    assert not one.take(answer, 3, start + 3)  # not of the stream that is heard
    assert not one.take(answer[:-1], 2, start + 3)
    assert one.take(answer, 2, start + 1.9)  # before it was asked: no round trip
    assert one.rtt_ms == pytest.approx(80, abs=0.1)
    assert two.remote_lost is None


def test_reports_are_spread_around_five_seconds() -> None:
    intervals = [Reports(1, "c", lambda: 0.0).interval_s(bits) for bits in range(65536)]
    assert min(intervals) == pytest.approx(INTERVAL_S * 0.5 / 1.21828)
    assert max(intervals) == pytest.approx(INTERVAL_S * 1.5 / 1.21828, abs=0.001)


def test_a_name_that_is_no_name_is_none() -> None:
    head = b"\x80\xc9\0\1\0\0\0\1"
    for item in (b"\x02\x01a\0", b"\x00\0\0\0"):
        report = parse(head + struct.pack(">BBHI", 0x81, 202, 2, 1) + item)
        assert report is not None
        assert report.cname == ""
    report = parse(head + struct.pack(">BBH", 0x80, 202, 0))
    assert report is not None
    assert report.cname == ""
