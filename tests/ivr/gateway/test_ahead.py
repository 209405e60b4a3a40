"""Never more than 60 ms are under way, and what lies on a blocked way is not heard late."""

from __future__ import annotations

import pytest

from ivr.gateway.ahead import FORGET_S, LIMIT_S, MARK_EVERY_S, STALLED_S, Ahead


def test_frames_in_time_all_go_out() -> None:
    ahead = Ahead()
    assert all(ahead.frame(0.02, 5.0 + number * 0.02) for number in range(500))
    assert (ahead.sent, ahead.dropped) == (500, 0)


def test_of_a_burst_what_would_be_heard_late_is_dropped() -> None:
    ahead = Ahead()
    assert [ahead.frame(0.02, 5.0) for _ in range(6)] == [True, True, True, False, False, False]
    assert ahead.ahead_s(5.0) == pytest.approx(LIMIT_S)
    assert ahead.ahead_s(6.0) == 0.0


def test_the_delay_of_a_burst_does_not_stay() -> None:
    """A stall of 200 ms, its frames at once, then as usual: 60 ms later than before, not 200."""
    ahead = Ahead()
    for _ in range(10):
        ahead.frame(0.02, 5.2)
    most = max(ahead.ahead_s(5.2 + number * 0.02) for number in range(1, 100) if ahead.frame(0.02, 5.2 + number * 0.02))
    assert most <= LIMIT_S


def test_long_frames() -> None:
    ahead = Ahead()
    assert ahead.frame(0.06, 5.0)
    assert not ahead.frame(0.06, 5.0)


def test_marks_come_regularly_and_a_late_one_stops_the_sound() -> None:
    ahead = Ahead()
    assert ahead.mark(5.0) == "m1"
    assert ahead.mark(5.0 + MARK_EVERY_S / 2) == ""
    assert not ahead.heard("m1", 5.1)
    assert ahead.mark(6.0) == "m2"
    assert ahead.frame(0.02, 6.0 + STALLED_S - 0.1)
    assert not ahead.frame(0.02, 6.1 + STALLED_S), "the reader is slow: what is sent now would be heard late"
    assert ahead.heard("m2", 6.2 + STALLED_S), "it reads again: throw away what lies on the way"
    assert ahead.frame(0.02, 6.3 + STALLED_S)


def test_a_mark_that_is_lost_does_not_silence_for_ever() -> None:
    ahead = Ahead()
    ahead.mark(5.0)
    ahead.heard("m1", 5.1)
    ahead.mark(6.0)
    assert not ahead.frame(0.02, 6.0 + FORGET_S - 0.1)
    assert ahead.frame(0.02, 6.1 + FORGET_S)


def test_a_mark_that_comes_when_it_was_forgotten_was_on_its_way() -> None:
    """Where the way is free again a moment after we went on sending: what lies on it would be heard late ever after."""
    ahead = Ahead()
    ahead.mark(5.0)
    ahead.heard("m1", 5.1)
    assert (ahead.mark(6.0), ahead.mark(6.5)) == ("m2", "m3")
    assert ahead.frame(0.02, 6.1 + FORGET_S)
    assert ahead.mark(6.1 + FORGET_S) == "m4"
    assert ahead.heard("m2", 6.2 + FORGET_S), "throw away what lies on the way"
    assert not ahead.heard("m3", 6.2 + FORGET_S), "it comes back because of that"
    assert not ahead.heard("m4", 6.2 + FORGET_S)
    assert ahead.frame(0.02, 6.3 + FORGET_S)


def test_a_peer_that_never_gives_marks_back_is_heard_all_the_same() -> None:
    ahead = Ahead()
    ahead.mark(5.0)
    assert ahead.frame(0.02, 30.0)


def test_marks_that_nobody_sent_mean_nothing() -> None:
    ahead = Ahead()
    assert not ahead.heard("m9", 5.0)


def test_what_was_broken_off_is_not_under_way_any_more() -> None:
    ahead = Ahead()
    ahead.frame(0.02, 5.0)
    ahead.frame(0.02, 5.0)
    ahead.clear(5.01)
    assert ahead.ahead_s(5.01) == 0.0
