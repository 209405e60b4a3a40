"""Packets at their place in time, and never more memory than the ring."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.media.control import Record
from ivr.media.recording import HOLD, Recording
from ivr.media.timeline import CAPACITY, Timeline

QUIET = b"\xd5"


def voice(number: int) -> bytes:
    return bytes([number]) * 160


def test_packets_in_order_lie_one_after_the_other() -> None:
    line = Timeline(0)
    for number in range(5):
        line.place(2**32 - 320 + number * 160 & 0xFFFFFFFF, voice(number), 160 + number * 160 + number % 3 * 50)
    assert line.take(800, 1000) == b"".join(map(voice, range(5)))
    assert line.take(800, 1000) == b""


def test_a_lost_packet_is_silence_and_a_late_one_fills_its_place() -> None:
    line = Timeline(0)
    for number, now in ((0, 160), (1, 320), (3, 640), (5, 960), (2, 970)):
        line.place(number * 160, voice(number), now)
    assert line.take(960, 1000) == voice(0) + voice(1) + voice(2) + voice(3) + QUIET * 160 + voice(5)
    line.place(4 * 160, voice(4), 1120)  # its place is gone
    line.place(6 * 160, voice(6), 1120)
    assert line.take(1120, 1200) == voice(6)


def test_the_first_packet_lies_where_it_arrived() -> None:
    line = Timeline(8000)
    line.place(77, voice(1), 8000 + 1000)
    assert line.take(9000, 9000) == QUIET * 840 + voice(1)


def test_a_pause_of_the_source_is_a_pause() -> None:
    line = Timeline(0)
    line.place(0, voice(1), 160)
    line.place(8000, voice(2), 8160)
    assert line.take(8160, 8160) == voice(1) + QUIET * 7840 + voice(2)


def test_a_jump_of_the_timestamp_is_laid_by_arrival() -> None:
    for jump in (10**9, -(10**9), 40000, -40000):
        line = Timeline(0)
        line.place(0, voice(1), 160)
        line.place((160 + jump) & 0xFFFFFFFF, voice(2), 330)
        line.place((320 + jump) & 0xFFFFFFFF, voice(3), 480)
        assert line.take(490, 490) == voice(1) + QUIET * 10 + voice(2) + voice(3), jump


def test_a_source_that_runs_fast_is_laid_anew() -> None:
    """A minute of a clock that is 1 % fast: never further ahead than 100 ms and a packet at the time of taking."""
    line = Timeline(0)
    timestamp = 0
    for now in range(160, 60 * 8000, 158):
        line.place(timestamp, voice(1), now)
        timestamp += 160
        if now % 8000 < 158:
            taken = line.take(now - HOLD, now)
            assert taken.count(1) >= len(taken) * 0.9
            assert line.start + line._at - now <= 800 + 160


def test_a_source_that_runs_slow_is_laid_anew() -> None:
    line = Timeline(0)
    timestamp = heard = total = 0
    for now in range(160, 60 * 8000, 162):
        line.place(timestamp, voice(1), now)
        timestamp += 160
        if now % 8000 < 162:
            taken = line.take(now - HOLD, now)
            heard, total = heard + taken.count(1), total + len(taken)
    assert heard > total * 0.97


def test_another_source_begins_at_its_arrival() -> None:
    line = Timeline(0)
    line.place(0, voice(1), 160)
    line.restart()
    line.place(160, voice(2), 660)
    assert line.take(660, 660) == voice(1) + QUIET * 340 + voice(2)


def test_what_is_late_is_heard_as_far_as_its_time_is_not_over() -> None:
    line = Timeline(0)
    line.place(0, voice(1), 160)
    line.place(320, voice(3), 480)
    assert line.take(200, 500) == voice(1) + QUIET * 40
    line.place(160, voice(2), 510)
    assert line.take(480, 510) == voice(2)[40:] + voice(3)
    line.place(160, voice(2), 520)
    line.place(480, voice(4), 640)
    assert line.take(640, 640) == voice(4)


@settings(deadline=None)
@given(st.integers(0, 7999), st.lists(st.integers(0, HOLD - 160), min_size=120, max_size=120))
def test_no_packet_that_is_late_by_less_than_200_ms_is_missing(phase: int, late: list[int]) -> None:
    """Taken every second, whatever the phase; the end of packet n is due at 160 * (n + 1)."""
    line = Timeline(0)
    arrivals = sorted((160 * (number + 1) + (late[number] if number else 0), number) for number in range(120))
    taken, due = b"", phase
    for now, number in arrivals:
        while due <= now:
            taken += line.take(due - HOLD, due)
            due += 8000
        line.place(number * 160, voice(number + 1), now)
    taken += line.take(120 * 160, 120 * 160 + HOLD)
    assert taken == b"".join(voice(number + 1) for number in range(120))


def test_noise_fills_what_the_source_leaves_out_until_it_speaks_again() -> None:
    line = Timeline(0)
    line.place(0, voice(1), 160)
    line.noise(60)
    first = line.take(3000, 4600)
    assert first[:160] == voice(1)
    assert QUIET * 20 not in first[160:]
    line.place(8000, voice(2), 8160)
    line.place(8320, voice(3), 8480)  # one is lost: no noise any more
    rest = line.take(8480, 8480)
    assert QUIET * 20 not in rest[:5000]
    assert rest[5000:] == voice(2) + QUIET * 160 + voice(3)
    line.noise(60)
    line.restart()
    assert line.take(9000, 9000) == QUIET * 520


def test_what_nobody_took_for_long_is_silence() -> None:
    line = Timeline(0)
    line.place(0, voice(1), 160)
    assert line.take(CAPACITY + 500, CAPACITY + 500) == voice(1) + QUIET * (CAPACITY + 340)
    line.place(160, voice(2), CAPACITY + 660)
    assert line.take(CAPACITY + 660, CAPACITY + 660) == voice(2)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**32 - 1) | st.integers(0, 40000), st.integers(1, 1600), st.integers(0, 4000))))
def test_no_packets_make_it_grow(packets: list[tuple[int, int, int]]) -> None:
    line = Timeline(0)
    now = taken = 0
    for timestamp, count, later in packets:
        now += later
        line.place(timestamp, bytes(count), now)
        assert len(line._buffer) == CAPACITY
        if now - line.start > 8000:
            taken += len(line.take(now - HOLD, now))
            assert len(line._buffer) == CAPACITY
    assert taken == line.start


def test_a_recording_interleaves_its_sides_and_counts_what_was_lost() -> None:
    recording = Recording(Record("r", "/r.wav", "a", "b"), start=0, group=0)
    recording.sides[0].place(0, voice(1), 160)
    recording.sides[1].place(9, voice(2), 320)
    frames = recording.take(320, 320)
    assert frames[0::2] == voice(1) + QUIET * 160
    assert frames[1::2] == QUIET * 160 + voice(2)
    assert recording.lost(100)
    assert not recording.lost(60)
    assert recording.missing == 160
    assert recording.gaps == 1
