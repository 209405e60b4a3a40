from __future__ import annotations

import pytest

from routing.commit import Commit, Dequeue, Enqueue, FreeSeat, Requeue, SeatState
from routing.events import EVENTS_PER_COMMIT, Event


def test_a_commit_is_flat_text() -> None:
    commit = Commit(
        "c",
        3,
        {"phase": "MENU"},
        {"caller": "中"},
        (Event("key", {"digit": "1"}), Event("answered")),
        (Enqueue("a", 2), Requeue("b"), Dequeue("c"), SeatState("7", "ringing"), FreeSeat("7", 15, 60.5, "no_answer")),
    )
    assert commit.arguments() == [
        *("c", "3", '{"phase":"MENU"}', '{"caller":"中"}', "2"),
        *("key", '{"digit":"1"}', "answered", "{}"),
        *("enqueue", "a", "2", "", ""),
        *("requeue", "b", "", "", ""),
        *("dequeue", "c", "", "", ""),
        *("seat", "7", "ringing", "", ""),
        *("free", "7", "15.0", "60.5", "no_answer"),
    ]


def test_the_end_of_a_call_has_an_empty_state() -> None:
    assert Commit("c", 4, None).arguments() == ["c", "4", "", "{}", "0"]


def test_what_json_cannot_say_is_refused_here_not_in_redis() -> None:
    with pytest.raises(TypeError):
        Commit("c", 1, {"legs": {1, 2}}).arguments()


def test_more_events_than_a_version_can_number_are_refused() -> None:
    with pytest.raises(ValueError, match="events"):
        Commit("c", 1, {}, events=(Event("key"),) * EVENTS_PER_COMMIT).arguments()
