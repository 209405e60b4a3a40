"""Keys by RFC 4733: each press once, in spite of the network."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.media.control import Digit
from ivr.media.dtmf import KEYS, LOST_END_S, DigitReceiver
from tests.ivr.media.bench import Bench

END = 0x80


def press(code: int, stamp: int, *, updates: int = 3, ends: int = 3) -> list[tuple[int, int, int, int]]:
    """Packets of a press: timestamp, code, flags, duration."""
    return [(stamp, code, 10, 160 * n) for n in range(1, updates + 1)] + [(stamp, code, END | 10, 800)] * ends


def keys(packets: list[tuple[int, int, int, int]], receiver: DigitReceiver | None = None) -> list[tuple[str, int]]:
    receiver = receiver or DigitReceiver()
    found = [key for packet in packets for key in receiver.receive(*packet, now=0.0)]
    return found + receiver.tick(LOST_END_S)


@pytest.mark.parametrize(("updates", "ends"), [(3, 3), (0, 1), (0, 3), (5, 8), (1, 1)])
def test_one_press_is_one_key(updates: int, ends: int) -> None:
    assert keys(press(5, 1000, updates=updates, ends=ends)) == [("5", 100)]


def test_every_single_loss_and_doubling_and_swap_changes_nothing() -> None:
    packets = press(1, 1000) + press(1, 3000) + press(11, 5000)
    wanted = ["1", "1", "#"]
    for index in range(len(packets)):
        for other in (
            packets[:index] + packets[index + 1 :],
            packets[: index + 1] + packets[index:],
            packets[:index] + packets[index + 1 : index + 2] + packets[index : index + 1] + packets[index + 2 :],
        ):
            assert [key for key, _ in keys(other)] == wanted, index


def test_a_lost_end_is_told_by_time_or_by_the_next_key() -> None:
    receiver = DigitReceiver()
    assert receiver.receive(1000, 1, 10, 160, 0.0) == []
    assert receiver.pressed
    assert receiver.tick(LOST_END_S - 0.01) == []
    assert receiver.tick(LOST_END_S) == [("1", 20)]
    assert receiver.tick(9.0) == []
    assert receiver.receive(2000, 2, 10, 160, 1.0) == []
    assert receiver.receive(3000, 3, 10, 160, 1.1) == [("2", 20)]


def test_a_late_end_of_an_earlier_key_is_not_another_press() -> None:
    receiver = DigitReceiver()
    assert keys(press(1, 1000) + press(2, 3000, ends=0) + press(1, 1000)[-1:] + press(2, 3000)[-1:], receiver) == [
        ("1", 100),
        ("2", 100),
    ]


def test_a_key_held_for_longer_than_the_field_is_one_press() -> None:
    first = [(1000, 4, 10, n) for n in (160, 0xFFFF)]
    second = [(1000 + 0xFFFF, 4, 10, 160), (1000 + 0xFFFF, 4, END, 16000)]
    assert keys(first + second) == [("4", 0xFFFF * 1000 // 8000 + 2000)]


def test_what_is_no_key_is_ignored_and_a_new_source_may_use_old_timestamps() -> None:
    receiver = DigitReceiver()
    assert receiver.receive(1000, 16, END, 800, 0.0) == []
    assert keys(press(1, 1000), receiver) == [("1", 100)]
    receiver.restart()
    assert keys(press(1, 1000), receiver) == [("1", 100)]


def test_sixteen_events_are_keys_and_no_other_is() -> None:
    receiver = DigitReceiver()
    found = [key for code in range(256) for key, _ in keys(press(code, 4000 * code), receiver)]
    assert "".join(found) == KEYS == "0123456789*#ABCD"


def test_a_long_press_that_was_over_by_time_is_not_pressed_again_by_its_later_segments() -> None:
    receiver = DigitReceiver()
    assert receiver.receive(1000, 4, 10, 0xFFFF, 0.0) == []
    assert receiver.tick(LOST_END_S) == [("4", 8191)]
    for segment in (1, 2):
        stamp = 1000 + segment * 0xFFFF
        assert receiver.receive(stamp, 4, 10, 160, 1.0) == receiver.receive(stamp, 4, END, 320, 1.0) == []
    assert not receiver.pressed
    assert keys(press(4, 1000 + 3 * 0xFFFF + 800), receiver) == [("4", 100)]


def test_a_sender_that_stamps_each_packet_anew_presses_once() -> None:
    packets = [(1000 + 160 * n, 7, 10 | (END if n > 5 else 0), 160 * min(n + 1, 6)) for n in range(9)]
    assert [key for key, _ in keys(packets + press(7, 1000 + 160 * 20))] == ["7", "7"]


def test_it_is_known_whether_there_ever_was_an_event() -> None:
    receiver = DigitReceiver()
    receiver.receive(1000, 16, 10, 160, 0.0)
    assert not receiver.heard
    receiver.receive(1000, 15, 10, 160, 0.0)
    assert receiver.heard


@dataclass(frozen=True)
class Packet:
    """A packet of the `press`-th press, sent at `at` samples."""

    press: int
    segment: int
    at: int
    values: tuple[int, int, int, int]


def sent(presses: list[tuple[int, int, int]], begin: int, every: int) -> list[Packet]:
    """What a sender of RFC 4733 2.5.1 sends for presses of code, samples held and samples of pause."""
    packets = []
    now = 0
    for number, (code, held, pause) in enumerate(presses):
        for at in [*range(every, held, every), held, held, held]:
            segment = (at - 1) // 0xFFFF
            end = END if at == held else 0
            values = ((begin + now + segment * 0xFFFF) & 0xFFFFFFFF, code, 10 | end, at - segment * 0xFFFF)
            packets.append(Packet(number, segment, now + at, values))
        now += held + pause
    return packets


PRESSES = st.lists(
    st.tuples(
        st.integers(0, 15),
        st.one_of(st.integers(2, 30), st.integers(400, 900)).map(lambda n: n * 160),
        st.integers(2, 30).map(lambda n: n * 160),
    ),
    min_size=1,
    max_size=5,
)


@settings(deadline=None)
@given(
    PRESSES,
    st.integers(0, 0xFFFFFFFF),
    st.sampled_from([160, 400]),
    st.builds(Random, st.integers(0, 2**32)),
    st.floats(0, 0.95),
)
def test_whatever_is_lost_doubled_or_late_each_press_counts_once(
    presses: list[tuple[int, int, int]], begin: int, every: int, random: Random, loss: float
) -> None:
    """As long as one packet of each segment arrives; late is up to 30 ms."""
    packets = sent(presses, begin, every)
    chance = random.random
    kept = set({(packet.press, packet.segment): packet for packet in sorted(packets, key=lambda _: chance())}.values())
    arrived = [(packet.at + chance() * 240, packet) for packet in packets if packet in kept or chance() >= loss]
    arrived += [(at + chance() * 240, packet) for at, packet in arrived if chance() < 0.2]
    receiver = DigitReceiver()
    found, house = [], 0.0
    for at, packet in sorted(arrived, key=lambda each: each[0]):
        while house < at / 8000:
            found += receiver.tick(house)
            house += 0.1
        found += receiver.receive(*packet.values, now=at / 8000)
    found += receiver.tick(house + 1)
    assert [key for key, _ in found] == [KEYS[code] for code, _, _ in presses]
    for (_, ms), (_, held, _) in zip(found, presses, strict=True):
        assert ms <= held / 8


def event(code: int, duration: int, end: int = 0) -> bytes:
    return struct.pack(">BBH", code, end | 10, duration)


def told(bench: Bench) -> list[str]:
    return [report.digit for report in bench.reports if isinstance(report, Digit)]


def test_a_key_amid_comfort_noise_and_voice_is_told_once_and_relayed_in_step() -> None:
    """RFC 3389 noise, then two presses of one key between voice, all of one stream of numbers."""
    bench = Bench()
    bench.join()
    packets = [(13, 0, b"\x40")]
    for begin in (160, 1600):
        packets += [(101, begin, event(5, 160 * n)) for n in (1, 2)] + [(13, begin + 320, b"\x40")]
        packets += [(101, begin, event(5, 480, END))] * 3 + [(8, begin + 640, b"\x11" * 160)]
    for number, (kind, stamp, payload) in enumerate(packets):
        bench.now += 160
        bench.packet(number, stamp, second=kind, payload=payload)
    assert told(bench) == ["5", "5"]
    assert bench.counters.garbage == 0
    events = [(stamp, payload) for _, second, _, stamp, _, payload in bench.sent if second & 0x7F == 101]
    begin = events[0][0] - 160
    assert [(stamp - begin & 0xFFFFFFFF, payload) for stamp, payload in events] == [
        each[1:] for each in packets if each[0] == 101
    ]


def test_a_key_that_is_down_while_the_payload_type_changes_is_one_key() -> None:
    bench = Bench()
    bench.packet(0, 0)
    bench.packet(1, 160, second=101, payload=event(7, 160))
    assert bench.a.signalled is not None
    bench.a.set_remote(replace(bench.a.signalled, dtmf_payload_type=96))
    bench.packet(2, 160, second=101, payload=event(7, 320))
    assert bench.counters.garbage == 1
    bench.packet(3, 160, second=96, payload=event(7, 480))
    for number in range(3):
        bench.packet(4 + number, 160, second=96, payload=event(7, 800, END))
    assert [(report.digit, report.duration_ms) for report in bench.reports if isinstance(report, Digit)] == [("7", 100)]
