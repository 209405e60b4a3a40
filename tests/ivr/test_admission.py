"""The limit on new calls a second."""

from __future__ import annotations

from ivr.admission import Rate


def test_a_burst_of_a_second_and_then_so_many_a_second() -> None:
    rate = Rate(2.0)
    assert [rate.admits(100.0) for _ in range(3)] == [True, True, False]
    assert not rate.admits(100.4)
    assert rate.admits(100.5)
    assert [rate.admits(200.0) for _ in range(3)] == [True, True, False], "silence saves up no more than a second"


def test_less_than_one_a_second() -> None:
    rate = Rate(0.1)
    assert rate.admits(100.0)
    assert not rate.admits(109.0)
    assert rate.admits(110.0)


def test_no_limit() -> None:
    assert all(Rate(0.0).admits(1.0) for _ in range(1000))
