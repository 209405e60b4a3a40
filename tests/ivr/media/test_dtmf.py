"""Keys by RFC 4733: each press once, in spite of the network."""

from __future__ import annotations

import pytest

from ivr.media.dtmf import LOST_END_S, DigitReceiver

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
