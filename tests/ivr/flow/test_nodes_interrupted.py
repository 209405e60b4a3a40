"""Nodes when something comes in between: restarts, pauses, keys pressed ahead, keys without meaning."""

from __future__ import annotations

import pytest

from ivr.flow.events import (
    Connect,
    Key,
    LookedUp,
    MessageDone,
    Play,
    Promise,
    PromptDone,
    QueueSeen,
    RecordMessage,
    Resume,
    StopMessage,
    Visit,
)
from ivr.flow.run import FlowRun
from ivr.flow.simulate import World
from tests.ivr.flow.walks import document, done, walk

OFFER = "  a: {kind: return_call, declined: person}"
KNOWN = World({"dialable": "yes"})


def test_a_number_that_nobody_keys_in_is_asked_for_again_and_leads_to_a_person() -> None:
    found = walk(OFFER, "3", "", "")
    assert found.heard == ["<callback_offer>", "<callback_enter>", "<no_input><callback_enter>"]
    assert found.end == "queue service"


def test_a_number_without_an_end_is_taken_after_a_pause() -> None:
    assert done(walk(OFFER, "3", "13912345678", "", "1"), Promise) == [Promise("13912345678", "return_call")]


def test_keys_into_a_promise_are_for_the_menu_after_it() -> None:
    run = FlowRun(
        document("  a: {kind: return_call, declined: person, then: b}\n  b: {kind: menu, prompt: m, keys: {'1': bye}}")
    )
    run.start(0.0, {"dialable": "yes"})
    run.receive(Key("1"), 1.0)
    run.receive(Key("1"), 1.5)
    assert [action for action in run.receive(PromptDone(2), 2.0) if isinstance(action, Visit)] == [Visit("b"), Visit("bye")]


def test_return_calls_ask_again_after_a_restart() -> None:
    run = walk(OFFER).run
    assert run.receive(Resume(), 9.0)[-1] == Play(2, ("callback_offer",), "zh")
    run.receive(Key("3"), 10.0)
    run.receive(Key("1"), 10.5)
    assert run.receive(Resume(), 11.0)[-1] == Play(4, ("callback_enter",), "zh")
    assert run.typed == ""
    for digit in "13912345678#":
        run.receive(Key(digit), 12.0)
    assert "callback_number" in str(run.receive(Resume(), 13.0)[-1])


def test_a_wrong_key_at_the_read_back_has_it_read_again() -> None:
    found = walk(OFFER, "3", "13912345678#", "7")
    assert found.heard[-1] == found.heard[-2] == "<callback_number><phone 13912345678><callback_confirm>"


def test_ways_on_are_there_for_the_checker() -> None:
    nodes = document(
        "  a: {kind: return_call, declined: person, then: b}\n  b: {kind: voicemail, then: c}\n  c: {kind: rating, then: bye}"
    ).nodes
    for name, to in (("a", "b"), ("b", "c"), ("c", "bye")):
        assert ("then",) in [edge.at for edge in nodes[name].edges() if edge.to == to]


VOICEMAIL = "  a: {kind: voicemail, then: b}\n  b: {kind: hangup, prompt: b}"


def test_a_message_that_media_does_not_record_is_owed_all_the_same() -> None:
    run = FlowRun(document(VOICEMAIL))
    run.start(0.0)
    assert run.receive(PromptDone(1), 5.0) == [RecordMessage(120.0, 6.0, 2.0)]
    assert run.tick(130.0) == [StopMessage()]
    assert run.tick(135.0) == [Promise("", "voicemail"), Play(2, ("voicemail_failed",), "zh")]
    assert run.receive(Resume(), 136.0) == [Play(3, ("voicemail_failed",), "zh")]
    assert run.receive(PromptDone(3), 137.0) == [Visit("b"), Play(4, ("b",), "zh")]


def test_a_message_that_failed_at_once_is_owed_and_one_that_failed_late_is_kept() -> None:
    failed = walk(VOICEMAIL)
    failed.message(0.0)
    assert "<voicemail_too_short>" in failed.heard[1]
    run = FlowRun(document(VOICEMAIL))
    run.start(0.0)
    run.receive(PromptDone(1), 5.0)
    assert run.receive(MessageDone(1.0, "failed"), 6.0) == [Promise("", "voicemail"), Play(2, ("voicemail_failed",), "zh")]
    run = FlowRun(document(VOICEMAIL))
    run.start(0.0)
    run.receive(PromptDone(1), 5.0)
    assert run.receive(MessageDone(9.0, "failed"), 15.0) == [Play(2, ("voicemail_saved",), "zh")]
    assert run.receive(Resume(), 16.0) == [Play(3, ("voicemail_saved",), "zh")]


def test_a_rating_is_asked_for_again_after_a_restart_and_thanked_for_once() -> None:
    run = walk("  a: {kind: rating, thanks: [], then: b}\n  b: {kind: hangup}").run
    assert run.receive(Resume(), 9.0)[-1] == Play(2, ("rating_ask",), "zh")
    assert Visit("b") in run.receive(Key("1"), 10.0)
    thanked = FlowRun(document("  a: {kind: rating}"))
    thanked.start(0.0)
    thanked.receive(Key("1"), 1.0)
    assert thanked.receive(Key("2"), 1.5) == []


def test_a_transfer_is_called_again_after_a_restart_and_hears_of_nothing_else() -> None:
    run = walk("  a: {kind: transfer, number: '10010', failed: bye}").run
    assert run.receive(MessageDone(3.0), 8.0) == []
    assert run.receive(Resume(), 9.0) == [Connect("number", "10010", "", 45.0)]


@pytest.mark.parametrize("key", ["A", "*"])
def test_a_key_that_is_no_digit_begins_anew(key: str) -> None:
    found = walk("  a: {kind: extension, digits: 4}", f"10{key}26", "")
    assert found.heard == ["<extension_ask>", "<extension_ask>"]
    assert found.end == "seat 26"


def test_a_key_without_meaning_has_the_question_asked_again() -> None:
    assert walk("  a: {kind: extension, digits: 4}", "A").heard == ["<extension_ask>", "<extension_ask>"]


def test_keys_pressed_while_something_is_looked_up_count_afterwards() -> None:
    nodes = "  a: {kind: lookup, lookup: l, found: m, not_found: m}\n  m: {kind: menu, prompt: m, keys: {'1': bye}}"
    run = FlowRun(document(nodes))
    run.start(0.0)
    assert run.receive(Key("1"), 1.0) == []
    assert Visit("bye") in run.receive(LookedUp(1, True), 2.0)
    nodes = """
  a: {kind: condition, cases: [{when: {queue: {name: q, waiting_over: 1}}, to: bye}], else: m}
  m: {kind: menu, prompt: m, keys: {'1': bye}}
"""
    run = FlowRun(document(nodes))
    run.start(0.0)
    assert run.receive(Key("1"), 1.0) == []
    assert [action for action in run.receive(QueueSeen(1, 0, 1), 2.0) if isinstance(action, Visit)] == [
        Visit("m"),
        Visit("bye"),
    ]


def test_an_extension_keyed_in_ahead() -> None:
    run = FlowRun(document("  n: {kind: say, prompt: n, notice: true, then: x}\n  x: {kind: extension, digits: 4}", "start: n"))
    run.start(0.0)
    for digit in "1026":
        run.receive(Key(digit), 1.0)
    assert run.receive(PromptDone(1), 2.0)[-1] == Connect("seat", "1026", ring_s=30.0)
