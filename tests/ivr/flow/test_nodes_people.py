"""queue, return_call, voicemail, transfer, rating, say: what leads to people, now or later."""

from __future__ import annotations

import pytest

from ivr.flow.events import (
    Announce,
    Answer,
    Connect,
    EnterQueue,
    HangUp,
    Key,
    LeaveQueue,
    MessageDone,
    Play,
    Pressed,
    Promise,
    PromptDone,
    QueueReturned,
    Rated,
    RecordMessage,
    Resume,
    Said,
    Speech,
    StopMessage,
    StopPlay,
    Unrecorded,
    Visit,
    Words,
)
from ivr.flow.load import load
from ivr.flow.run import FlowRun
from ivr.flow.simulate import World
from tests.ivr.flow.walks import document, done, walk

QUEUE = """
  a:
    kind: queue
    queue: q
    priority: 5
    music: quiet
    time_limit_s: 90
    max_waiting: 7
    announce: {every_s: 30, wait: false, prompt: [stay, {text: 请稍候}]}
    keys: {"1": callback}
    on_timeout: bye
    on_overflow: full
  callback: {kind: return_call, declined: a}
  full: {kind: hangup, prompt: full}
"""


def test_a_queue_is_entered_on_the_menus_terms() -> None:
    found = walk(QUEUE)
    told = Announce(30.0, position=True, wait=False, prompts=("stay", Speech("请稍候")))
    assert done(found, EnterQueue) == [EnterQueue("q", 5, "quiet", 90.0, 7, told, "1")]


def test_a_key_leads_out_of_the_queue() -> None:
    found = walk(QUEUE, "9", "1")
    assert done(found, Pressed, LeaveQueue, Visit)[-3:] == [Pressed("a", "1"), LeaveQueue(), Visit("callback")]
    assert found.path == ["a", "callback"]


@pytest.mark.parametrize(("why", "to", "reason"), [("time_limit", "bye", "time_limit"), ("overflow", "full", "overflow")])
def test_a_queue_gives_back(why: str, to: str, reason: str) -> None:
    found = walk(QUEUE)
    found.give_back("time_limit" if why == "time_limit" else "overflow")
    assert found.path[-1] == to
    assert done(found, HangUp) == [HangUp(reason)]


def test_a_full_queue_without_a_way_apologises() -> None:
    found = walk("  a: {kind: queue, queue: q, max_waiting: 0}")
    found.give_back("overflow")
    assert found.heard == ["<sorry_goodbye>"]


OFFER = "  a: {kind: return_call, declined: person}"
KNOWN = World({"dialable": "yes"})


def test_a_return_call_to_the_callers_own_number() -> None:
    found = walk(OFFER, "1", world=KNOWN)
    assert done(found, Promise) == [Promise("", "return_call")]
    assert (found.heard[-1], found.end) == ("<callback_saved>", "hangup")


def test_a_return_call_to_another_number_is_read_back() -> None:
    found = walk(OFFER, "3", "13912345678#", "1", world=KNOWN)
    assert found.heard == [
        "<callback_offer>",
        "<callback_enter>",
        "<callback_number><phone 13912345678><callback_confirm>",
        "<callback_saved>",
    ]
    assert done(found, Promise) == [Promise("13912345678", "return_call")]


def test_a_hidden_number_is_asked_for() -> None:
    found = walk(OFFER, "1", "04714613311#", "1")
    assert done(found, Promise) == [Promise("04714613311", "return_call")]


def test_a_number_that_can_not_be_is_asked_for_again() -> None:
    found = walk(OFFER, "1", "123#", "456#")
    assert found.heard[2] == "<collect_invalid><callback_enter>"
    assert found.end == "queue service"
    assert done(found, Promise) == []


def test_a_number_is_corrected() -> None:
    found = walk(OFFER, "3", "13912345678#", "2", "13800000000#", "1")
    assert done(found, Promise) == [Promise("13800000000", "return_call")]


def test_who_does_not_say_that_the_number_is_wrong_is_called() -> None:
    found = walk(OFFER, "3", "13912345678#", "", "")
    assert done(found, Promise) == [Promise("13912345678", "return_call")]


@pytest.mark.parametrize("inputs", [("",), ("7",)])
def test_a_return_call_is_declined(inputs: tuple[str, ...]) -> None:
    found = walk(OFFER, *inputs, world=KNOWN)
    assert (found.path, done(found, Promise)) == (["a", "person"], [])


def test_nought_and_hash_work_in_the_offer() -> None:
    assert walk(OFFER, "0").end == "queue service"
    assert walk(OFFER, "#").heard == ["<callback_offer>", "<callback_offer>"]


def test_what_was_promised_is_said_again_after_a_restart_and_promised_once() -> None:
    run = FlowRun(document(OFFER + "\n  then: {kind: hangup}".replace("then", "x")))
    run.start(0.0, {"dialable": "yes"})
    assert Promise("", "return_call") in run.receive(Key("1"), 1.0)
    assert run.receive(Key("1"), 1.5) == []
    again = run.receive(Resume(), 2.0)
    assert again == [Play(3, ("callback_saved",), "zh")]


VOICEMAIL = "  a: {kind: voicemail, max_s: 60, min_s: 2}"


def test_a_message_is_left_and_ended_with_hash() -> None:
    found = walk(VOICEMAIL)
    assert (found.heard, found.end) == (["<voicemail_greeting><beep>"], "message")
    assert done(found, RecordMessage) == [RecordMessage(60.0, 6.0, 2.0)]
    assert found.run.receive(Key("5"), 50.0) == []
    assert found.run.receive(Key("#"), 51.0) == [Pressed("a", "#"), StopMessage()]
    assert found.run.receive(MessageDone(12.0), 52.0) == [Play(2, ("voicemail_saved",), "zh")]
    assert found.run.receive(Key("#"), 53.0) == []
    assert found.run.receive(PromptDone(2), 54.0) == [HangUp("menu_ended")]


def test_too_short_a_message_is_asked_for_once_more() -> None:
    found = walk(VOICEMAIL)
    found.message(0.5)
    assert (found.heard[-1], found.end) == ("<voicemail_too_short><beep>", "message")
    found.message(0.5)
    assert (found.heard[-1], found.end) == ("<voicemail_failed>", "hangup")


def test_hash_skips_the_greeting_and_nought_asks_for_a_person() -> None:
    run = FlowRun(document(VOICEMAIL))
    run.start(0.0)
    assert run.receive(Key("#"), 1.0) == [Pressed("a", "#"), StopPlay(), Play(2, ("beep",), "zh")]
    run.receive(Key("0"), 1.5)
    assert run.node == "person"


def test_a_message_whose_end_is_never_told_is_lost_and_owed() -> None:
    found = walk(VOICEMAIL)
    due = found.run.deadline()
    assert due is not None
    assert found.run.tick(due) == [StopMessage()]
    late = found.run.deadline()
    assert late is not None
    assert found.run.tick(late) == [Promise("", "voicemail"), Play(2, ("voicemail_failed",), "zh")]
    assert found.run.receive(MessageDone(3.0), late + 1.0) == []


def test_a_restart_goes_on_with_the_beep() -> None:
    found = walk(VOICEMAIL)
    assert found.run.receive(Resume(), 9.0) == [Play(2, ("beep",), "zh")]


def test_a_transfer_calls_and_falls_back_to_a_person() -> None:
    found = walk("  a: {kind: transfer, number: '04714613311', trunk: carrier}")
    assert done(found, Connect) == [Connect("number", "04714613311", "carrier", 45.0)]
    found.not_reached("busy")
    assert found.end == "queue service"
    elsewhere = walk("  a: {kind: transfer, number: '04714613311', prompt: [], failed: bye}")
    elsewhere.not_reached("forbidden")
    assert elsewhere.end == "hangup"


RATING = "  a: {kind: rating}"


@pytest.mark.parametrize(("key", "meaning"), [("1", "满意"), ("2", "一般"), ("3", "不满意")])
def test_a_rating_is_stored_with_its_meaning(key: str, meaning: str) -> None:
    found = walk(RATING, key, "1")
    assert done(found, Rated) == [Rated(key, meaning)]
    assert found.heard == ["<rating_ask>", "<rating_thanks>"]
    assert found.end == "hangup"


@pytest.mark.parametrize("inputs", [("", ""), ("9", "8"), ("9", "")])
def test_who_does_not_rate_is_left_alone(inputs: tuple[str, ...]) -> None:
    found = walk(RATING, *inputs)
    assert (found.heard, done(found, Rated), found.end) == (["<rating_ask>", "<rating_ask>"], [], "hangup")


def test_after_the_talk_the_caller_is_asked() -> None:
    found = walk(document(RATING + "\n  q: {kind: queue, queue: q}", "start: q\nafter_talk: a"))
    found.talk_over()
    assert (found.path, found.heard) == (["q", "a"], ["<rating_ask>"])
    plain = walk(document("  q: {kind: queue, queue: q}", "start: q"))
    plain.talk_over()
    assert plain.path == ["q", "-end"]


def test_a_rating_given_is_not_asked_for_again_after_a_restart() -> None:
    found = walk(RATING)
    found.run.receive(Key("1"), 9.0)
    assert found.run.receive(Resume(), 10.0) == [HangUp("menu_ended")]


NOTICE = "  a: {kind: say, prompt: n, notice: true, decline: {}, then: m}\n  m: {kind: menu, prompt: m, keys: {'1': bye}}"


def test_recording_is_declined_by_key() -> None:
    run = FlowRun(document(NOTICE))
    run.start(0.0)
    assert run.receive(Key("9"), 1.0) == [Pressed("a", "9"), Unrecorded(), StopPlay(), Play(2, ("recording_declined",), "zh")]
    assert run.receive(Key("9"), 1.5) == []
    assert run.receive(PromptDone(2), 2.0)[0] == Visit("m")
    assert run.node == "m"


def test_a_refusal_is_kept_over_a_restart() -> None:
    run = FlowRun(document(NOTICE))
    run.start(0.0)
    run.receive(Key("9"), 1.0)
    assert run.receive(Resume(), 2.0)[0] == Visit("m")


WORDS = """
  a:
    kind: menu
    prompt: m
    keys: {"1": {to: person, words: [人工, 客服]}, "2": {to: bye, words: Good Bye}}
"""


@pytest.mark.parametrize(("words", "to"), [("人工", "person"), ("客 服", "person"), ("goodbye", "bye")])
def test_words_mean_what_keys_mean(words: str, to: str) -> None:
    found = walk(WORDS)
    found.speak(words)
    assert found.path == ["a", to]
    assert done(found, Said) == [Said("a", words)]


def test_two_misunderstandings_lead_to_a_person() -> None:
    found = walk(WORDS)
    found.speak("退款")
    assert found.heard[-1] == "<no_match><m>"
    found.speak("退款")
    assert found.path == ["a", "person"]
    assert FlowRun(document(RATING)).receive(Words("满意"), 1.0) == []


BEFORE = """
  a: {kind: hours, open: n, closed: c}
  c: {kind: say, prompt: closed, before_answer: true, then: x}
  x: {kind: hangup, before_answer: true, prompt: later, refuse: 486}
  n: {kind: say, prompt: welcome, notice: true, then: person}
"""


def test_a_call_is_answered_where_it_must_be() -> None:
    menu = document(BEFORE)
    assert menu.answers_later
    run = FlowRun(menu)
    assert run.start(0.0, answered=False)[:3] == [Visit("a"), Answer(), Visit("n")]
    assert document(RATING).answers_later is False


def test_a_closed_hotline_may_say_so_without_an_answer() -> None:
    class Closed(dict[str, object]):
        def get(self, name: str, default: object = None) -> object:
            return self

        def is_open(self, at: float) -> bool:
            return False

    run = FlowRun(document(BEFORE), Closed())  # type: ignore[arg-type]
    assert Answer() not in run.start(0.0, answered=False)
    assert run.receive(Key("0"), 0.5)[-1] == Play(2, ("later",), "zh")
    assert run.receive(PromptDone(2), 1.0) == [HangUp("menu_ended", 486)]


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ("{kind: say, prompt: p, then: a, decline: {}}", "decline belongs to a notice"),
        ("{kind: say, prompt: p, then: a, notice: true, before_answer: true}", "a notice is heard after the answer"),
        ("{kind: return_call, declined: a, other: '1'}", "accept and other are the same key"),
        ("{kind: rating, keys: {'1': 好}}", "keys"),
        ("{kind: transfer, number: abc}", "number"),
    ],
)
def test_what_makes_no_sense_is_refused(node: str, words: str) -> None:
    loaded = load(f"start: a\nnodes: {{a: {node}}}")
    assert words in str(loaded.findings[0])


def test_nothing_to_say_is_heard_at_once() -> None:
    found = walk("  a: {kind: say, prompt: {read: order}, then: bye}")
    assert (found.path, done(found, Play)) == (["a", "bye"], [])


def test_a_queue_gives_a_caller_back_who_is_elsewhere_by_now() -> None:
    run = FlowRun(document(RATING))
    run.start(0.0)
    assert run.receive(QueueReturned("overflow"), 1.0)[0] == Visit("-time_limit")
