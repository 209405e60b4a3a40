"""The interpreter: each path a caller can take, and that it may be put down and picked up anywhere."""

from __future__ import annotations

import json
from functools import cache
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.flow.events import (
    EnterQueue,
    FlowAction,
    FlowEvent,
    HangUp,
    Key,
    Play,
    Pressed,
    PromptDone,
    QueueReturned,
    Resume,
    StopPlay,
    Visit,
)
from ivr.flow.load import KINDS, load
from ivr.flow.model import AnyNode, Document
from ivr.flow.node import AGAIN_LIMIT
from ivr.flow.nodes.hangup import Hangup
from ivr.flow.run import FlowRun
from ivr.flow.stage import KEPT_LIMIT, PROMPT_LIMIT_S

MENU = """
title: test
start: welcome
human: service
nodes:
  welcome: {kind: say, prompt: welcome, notice: true, then: main}
  main:
    kind: menu
    language: zh
    prompt: [main_menu, for_english]
    keys: {"1": service, "2": info, "3": sub, "9": english, "7": bye, "8": away, "6": slow, "5": plain}
  info: {kind: say, prompt: business_info, then: main}
  sub: {kind: menu, prompt: sub_menu, keys: {"1": info, "4": deep}, timeout_s: 3}
  deep: {kind: menu, prompt: deep_menu, keys: {"1": main}, no_input: {to: bye, limit: 1}, no_match: {to: away, limit: 3}}
  english: {kind: menu, language: en, prompt: main_menu, keys: {"1": service, "2": english_info}}
  english_info: {kind: say, prompt: business_info, then: english}
  slow: {kind: menu, prompt: slow_menu, barge_in: false, keys: {"1": info}}
  plain: {kind: queue, queue: plain, on_timeout: sorry, on_closed: sub}
  away: {kind: goto, to: bye}
  bye: {kind: hangup}
  sorry: {kind: hangup, prompt: sorry_goodbye}
  service: {kind: queue, queue: service, greeting: please_wait}
"""


@cache
def document(text: str = MENU) -> Document:
    loaded = load(text)
    assert loaded.document is not None, loaded.findings
    return loaded.document


def at(node: str, text: str = MENU) -> FlowRun:
    """A caller who has just come to `node`, prompt 1 playing there if it has one."""
    run = FlowRun(document(text.replace("start: welcome", f"start: {node}")))
    run.start(0.0)
    return run


def in_main() -> FlowRun:
    """A caller who heard the welcome; prompt 2 plays in the main menu at 5.0."""
    run = FlowRun(document())
    run.start(0.0)
    run.receive(PromptDone(1), 5.0)
    return run


def play(number: int, *prompts: str, language: str = "zh") -> Play:
    return Play(number, prompts, language)


def test_every_kind_can_be_written() -> None:
    assert set(KINDS.values()) == set(get_args(get_args(AnyNode)[0]))


def test_the_welcome_leads_to_the_menu_and_a_key_to_the_queue() -> None:
    run = FlowRun(document())
    assert run.receive(Key("1"), 0.0) == []
    assert run.start(0.0) == [Visit("welcome"), play(1, "welcome")]
    assert run.receive(PromptDone(1), 5.0) == [Visit("main"), play(2, "main_menu", "for_english")]
    assert run.receive(Key("1"), 6.0) == [Pressed("main", "1"), StopPlay(), Visit("service"), play(3, "please_wait")]
    assert run.receive(PromptDone(3), 9.0) == [EnterQueue("service")]
    assert (run.node, run.language, run.deadline(), run.ended) == ("service", "zh", None, False)


def test_a_key_after_the_prompt_needs_no_stop() -> None:
    run = in_main()
    assert run.receive(PromptDone(2), 9.0) == []
    assert run.deadline() == 14.0
    assert run.receive(Key("2"), 10.0) == [Pressed("main", "2"), Visit("info"), play(3, "business_info")]
    assert run.receive(PromptDone(3), 12.0) == [Visit("main"), play(4, "main_menu", "for_english")]


def test_a_stale_prompt_end_is_ignored() -> None:
    run = in_main()
    assert run.receive(PromptDone(1), 6.0) == []
    run.receive(PromptDone(2), 7.0)
    assert run.receive(PromptDone(2), 8.0) == []
    assert run.deadline() == 12.0


def test_a_notice_is_heard_to_its_end_and_keys_pressed_in_it_count_afterwards() -> None:
    run = FlowRun(document())
    run.start(0.0)
    assert run.receive(Key("3"), 1.0) == []
    assert run.receive(Key("4"), 1.5) == []
    assert run.receive(PromptDone(1), 5.0) == [
        Visit("main"),
        Pressed("main", "3"),
        Visit("sub"),
        Pressed("sub", "4"),
        Visit("deep"),
        play(2, "deep_menu"),
    ]


def test_only_so_many_early_keys_are_kept() -> None:
    run = FlowRun(document())
    run.start(0.0)
    for _ in range(KEPT_LIMIT + 5):
        run.receive(Key("3"), 1.0)
    assert run.to_json(1.0)["kept"] == "3" * KEPT_LIMIT


def test_a_wrong_early_key_drops_the_rest() -> None:
    run = FlowRun(document())
    run.start(0.0)
    for digit in "A31":
        run.receive(Key(digit), 1.0)
    assert run.receive(PromptDone(1), 5.0) == [
        Visit("main"),
        Pressed("main", "A"),
        play(2, "no_match", "main_menu", "for_english"),
    ]
    assert run.receive(PromptDone(2), 9.0) == []


def test_early_keys_are_not_carried_into_a_queue() -> None:
    run = FlowRun(document())
    run.start(0.0)
    for digit in "13":
        run.receive(Key(digit), 1.0)
    run.receive(PromptDone(1), 5.0)
    assert run.node == "service"
    assert run.to_json(5.0)["kept"] == ""


def test_a_key_cuts_a_say_short_and_counts_in_the_next_menu() -> None:
    run = at("info")
    assert run.receive(Key("3"), 1.0) == [StopPlay(), Visit("main"), Pressed("main", "3"), Visit("sub"), play(2, "sub_menu")]


def test_habits_in_a_say() -> None:
    run = in_main()
    run.receive(Key("2"), 6.0)
    assert run.receive(Key("#"), 7.0) == [Pressed("info", "#"), StopPlay(), play(4, "business_info")]
    assert run.receive(Key("*"), 8.0) == [
        Pressed("info", "*"),
        StopPlay(),
        Visit("main"),
        play(5, "main_menu", "for_english"),
    ]
    run.receive(Key("2"), 9.0)
    assert run.receive(Key("0"), 10.0) == [Pressed("info", "0"), StopPlay(), Visit("service"), play(7, "please_wait")]


def test_hear_again_is_limited() -> None:
    run = in_main()
    for n in range(AGAIN_LIMIT):
        assert run.receive(Key("#"), 6.0) == [
            Pressed("main", "#"),
            StopPlay(),
            play(3 + n, "main_menu", "for_english"),
        ]
    assert run.receive(Key("#"), 7.0) == [
        Pressed("main", "#"),
        StopPlay(),
        play(3 + AGAIN_LIMIT, "no_match", "main_menu", "for_english"),
    ]


def test_back_goes_up_one_menu_at_a_time_and_repeats_at_the_top() -> None:
    run = in_main()
    run.receive(Key("3"), 6.0)
    run.receive(Key("4"), 7.0)
    assert run.receive(Key("*"), 8.0) == [Pressed("deep", "*"), StopPlay(), Visit("sub"), play(5, "sub_menu")]
    assert run.receive(Key("*"), 9.0)[2:] == [Visit("main"), play(6, "main_menu", "for_english")]
    assert run.receive(Key("*"), 10.0) == [Pressed("main", "*"), StopPlay(), play(7, "main_menu", "for_english")]


def test_a_key_to_an_upper_menu_leaves_those_below() -> None:
    run = in_main()
    for digit in "341":
        run.receive(Key(digit), 6.0)
    assert run.node == "main"
    assert run.to_json(6.0)["levels"] == [["main", "zh", []]]


def test_the_language_switches_and_back_restores_it() -> None:
    run = in_main()
    assert run.receive(Key("9"), 6.0)[-1] == play(3, "main_menu", language="en")
    assert run.receive(Key("2"), 7.0)[-1] == play(4, "business_info", language="en")
    assert run.receive(Key("*"), 8.0)[-1] == play(5, "main_menu", language="en")
    assert run.receive(Key("*"), 9.0)[-1] == play(6, "main_menu", "for_english", language="zh")
    run.receive(Key("9"), 10.0)
    assert run.receive(Key("1"), 11.0)[-1] == play(8, "please_wait", language="en")
    assert run.language == "en"


def test_silence_leads_to_a_person() -> None:
    run = in_main()
    run.receive(PromptDone(2), 9.0)
    assert run.tick(13.9) == []
    assert run.tick(14.0) == [play(3, "no_input", "main_menu", "for_english")]
    run.receive(PromptDone(3), 20.0)
    assert run.deadline() == 25.0
    assert run.tick(25.5) == [Visit("service"), play(4, "please_wait")]


def test_two_wrong_keys_lead_to_a_person() -> None:
    run = in_main()
    assert run.receive(Key("B"), 6.0) == [
        Pressed("main", "B"),
        StopPlay(),
        play(3, "no_match", "main_menu", "for_english"),
    ]
    assert run.receive(Key("B"), 7.0) == [Pressed("main", "B"), StopPlay(), Visit("service"), play(4, "please_wait")]


def test_silence_and_wrong_keys_count_apart_and_go_where_the_menu_says() -> None:
    run = at("deep")
    assert run.receive(Key("5"), 1.0)[-1] == play(2, "no_match", "deep_menu")
    assert run.receive(Key("5"), 2.0)[-1] == play(3, "no_match", "deep_menu")
    run.receive(PromptDone(3), 4.0)
    assert run.tick(9.0) == [Visit("bye"), HangUp("menu_ended")]
    assert run.ended
    assert run.receive(Key("1"), 10.0) == []
    assert run.receive(Resume(), 10.0) == []
    assert run.tick(99.0) == []


def test_without_barge_in_keys_wait_for_the_end_of_the_prompt() -> None:
    run = at("slow")
    assert run.receive(Key("1"), 1.0) == []
    assert run.receive(PromptDone(1), 3.0) == [Pressed("slow", "1"), Visit("info"), play(2, "business_info")]
    run = at("slow")
    run.receive(PromptDone(1), 3.0)
    assert run.receive(Key("1"), 4.0) == [Pressed("slow", "1"), Visit("info"), play(2, "business_info")]


def test_a_queue_gives_back_by_its_own_ways() -> None:
    run = at("plain")
    assert run.receive(QueueReturned("time_limit"), 60.0) == [Visit("sorry"), play(1, "sorry_goodbye")]
    assert run.receive(PromptDone(1), 66.0) == [HangUp("time_limit")]
    run = at("plain")
    assert run.receive(QueueReturned("closed"), 1.0) == [Visit("sub"), play(1, "sub_menu")]


def test_a_caller_whose_queue_node_is_gone_is_told_goodbye() -> None:
    """A menu published while the caller waited has no such node any more: no caller is left in silence."""
    run = at("plain")
    changed = FlowRun.from_json(Document(start="bye", nodes={"bye": Hangup(kind="hangup")}), run.to_json(9.0), 10.0, 1.0)
    again = FlowRun.from_json(changed.document, changed.to_json(11.0), 12.0, 1.0)
    assert changed.receive(QueueReturned("time_limit"), 60.0)[0] == Visit("-time_limit")
    assert again.receive(QueueReturned("closed"), 60.0)[0] == Visit("-closed")


def test_a_queue_without_ways_apologises_and_ends() -> None:
    run = at("service")
    run.receive(PromptDone(1), 2.0)
    assert run.receive(Key("1"), 3.0) == []
    assert run.receive(QueueReturned("time_limit"), 60.0) == [Visit("-time_limit"), play(2, "sorry_goodbye")]
    assert run.receive(PromptDone(2), 66.0) == [HangUp("time_limit")]
    run = at("service")
    run.receive(PromptDone(1), 2.0)
    assert run.receive(QueueReturned("closed"), 60.0) == [Visit("-closed"), play(2, "closed")]
    assert run.receive(PromptDone(2), 66.0) == [HangUp("menu_ended")]


def test_another_queue_after_a_time_limit_forgets_it() -> None:
    text = MENU.replace("on_timeout: sorry", "on_timeout: sub")
    run = at("plain", text)
    run.receive(QueueReturned("time_limit"), 60.0)
    run.receive(Key("0"), 61.0)
    run.receive(PromptDone(2), 65.0)
    run.receive(QueueReturned("closed"), 70.0)
    assert run.receive(PromptDone(3), 75.0) == [HangUp("menu_ended")]


@pytest.mark.parametrize(
    ("node", "actions"),
    [
        ("welcome", [play(2, "welcome")]),
        ("main", [play(2, "main_menu", "for_english")]),
        ("service", [EnterQueue("service")]),
        ("plain", []),
        ("sorry", [play(2, "sorry_goodbye")]),
    ],
)
def test_resume_says_it_again(node: str, actions: list[FlowAction]) -> None:
    run = at(node)
    assert run.receive(Resume(), 5.0) == actions
    if node == "service":
        assert run.receive(Resume(), 6.0) == []
        assert run.receive(PromptDone(1), 7.0) == []


def test_resume_while_waiting_for_a_key_says_the_menu_again_but_keeps_the_counts() -> None:
    run = in_main()
    run.receive(PromptDone(2), 9.0)
    run.tick(14.0)
    run.receive(PromptDone(3), 20.0)
    assert run.receive(Resume(), 21.0) == [play(4, "main_menu", "for_english")]
    run.receive(PromptDone(4), 30.0)
    assert run.tick(35.0) == [Visit("service"), play(5, "please_wait")]


def test_a_prompt_that_never_ends_counts_as_heard() -> None:
    run = FlowRun(document())
    run.start(0.0)
    assert run.deadline() == PROMPT_LIMIT_S
    assert run.tick(PROMPT_LIMIT_S) == [Visit("main"), play(2, "main_menu", "for_english")]


def test_circles_end_with_a_person_and_then_for_good() -> None:
    text = """
start: a
max_visits: 10
nodes:
  a: {kind: goto, to: b}
  b: {kind: goto, to: a}
  q: {kind: queue, queue: q, on_timeout: a}
"""
    run = FlowRun(document(text))
    actions = run.start(0.0)
    assert actions[-2:] == [Visit("q"), EnterQueue("q")]
    assert len(actions) == 11
    actions = run.receive(QueueReturned("time_limit"), 60.0)
    assert actions[-2:] == [Visit("-end"), play(1, "goodbye")]
    assert run.receive(PromptDone(1), 62.0) == [HangUp("time_limit")]


def test_circles_without_a_person_end() -> None:
    run = FlowRun(document("{start: a, max_visits: 10, nodes: {a: {kind: goto, to: a}}}"))
    assert run.start(0.0)[-2:] == [Visit("-end"), play(1, "goodbye")]


def test_without_a_person_the_keys_mean_nothing_and_limits_end_the_call() -> None:
    text = '{start: m, human: gone, nodes: {m: {kind: menu, prompt: m, keys: {"1": gone}, no_match: {limit: 1}}}}'
    run = FlowRun(document(text))
    run.start(0.0)
    assert run.receive(Key("0"), 1.0) == [Pressed("m", "0"), StopPlay(), Visit("-end"), play(2, "goodbye")]
    run = FlowRun(document(text))
    run.start(0.0)
    assert run.receive(Key("1"), 1.0)[-2:] == [Visit("-end"), play(2, "goodbye")]


def test_a_habit_can_be_switched_off_and_a_menu_may_give_its_key_another_meaning() -> None:
    run = at("main", MENU.replace("title: test", 'habits: {human: null, again: "*", back: "#"}'))
    assert run.receive(Key("0"), 1.0)[-1] == play(2, "no_match", "main_menu", "for_english")
    assert run.receive(Key("*"), 2.0)[-1] == play(3, "main_menu", "for_english")
    run = at("main", MENU.replace('"7": bye', '"0": bye'))
    assert run.receive(Key("0"), 1.0) == [Pressed("main", "0"), StopPlay(), Visit("bye"), HangUp("menu_ended")]


def test_a_deadline_that_passed_meanwhile_is_due_at_once() -> None:
    run = in_main()
    run.receive(PromptDone(2), 9.0)
    later = FlowRun.from_json(document(), json.loads(json.dumps(run.to_json(10.0))), 1000.0, 30.0)
    assert later.deadline() == 974.0
    assert later.tick(1000.0) == [play(3, "no_input", "main_menu", "for_english")]


def test_a_run_that_was_not_started_and_one_that_ended_can_be_picked_up() -> None:
    fresh = FlowRun.from_json(document(), FlowRun(document()).to_json(0.0), 0.0, 0.0)
    assert fresh.start(0.0)[0] == Visit("welcome")
    ended = FlowRun.from_json(document(), at("bye").to_json(0.0), 0.0, 0.0)
    assert ended.ended
    assert ended.receive(Resume(), 1.0) == []


def test_a_node_that_is_gone_becomes_the_first_one() -> None:
    run = in_main()
    run.receive(Key("3"), 6.0)
    text = MENU.replace('"3": sub, ', "").replace("on_closed: sub", "on_closed: main").replace("  sub:", "  other:")
    later = FlowRun.from_json(document(text), run.to_json(7.0), 7.0, 0.0)
    assert later.node == "welcome"
    assert later.receive(Resume(), 7.0) == [play(4, "welcome")]
    nowhere = FlowRun.from_json(document("{start: x, nodes: {a: {kind: hangup}}}"), run.to_json(7.0), 7.0, 0.0)
    assert nowhere.receive(Resume(), 7.0) == [play(4, "goodbye")]


events = st.one_of(
    st.sampled_from("0123456789*#A").map(Key),
    st.sampled_from([QueueReturned("time_limit"), QueueReturned("closed")]),
    st.just(Resume()),
    st.just("done"),
    st.just("tick"),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(events, max_size=30))
def test_put_down_and_picked_up_after_every_event_it_goes_on_the_same(steps: list[FlowEvent | str]) -> None:
    whole, now, last = FlowRun(document()), 0.0, 0
    parts = FlowRun(document())
    assert whole.start(now) == parts.start(now)
    for step in steps:
        data = json.loads(json.dumps(parts.to_json(now)))
        shift = 4096.0 if data["visits"] % 2 else -4096.0  # another machine's clock; a power of two keeps the sums exact
        parts = FlowRun.from_json(document(), data, now + shift, 0.0)
        clock = now + shift
        if step == "tick":
            due = whole.deadline()
            wait = 1.0 if due is None else due - now
            one, other = whole.tick(now + wait), parts.tick(clock + wait)
            now += wait
        else:
            last = whole.to_json(now)["play"]
            event = PromptDone(last) if isinstance(step, str) else step
            one, other = whole.receive(event, now), parts.receive(event, clock)
        parts = FlowRun.from_json(document(), parts.to_json(now + shift), now, 0.0)
        assert one == other
        assert whole.to_json(now) == parts.to_json(now)
        plays = [action.play for action in one if isinstance(action, Play)]
        assert all(number > last for number in plays)


@settings(max_examples=100, deadline=None)
@given(st.lists(events, max_size=60))
def test_a_caller_who_is_left_alone_always_comes_to_a_queue_or_the_end(steps: list[FlowEvent | str]) -> None:
    run, now = FlowRun(document()), 0.0
    seen = run.start(now)
    for step in steps:
        now += 1.0
        event = PromptDone(run.to_json(now)["play"]) if isinstance(step, str) else step
        seen += run.receive(event, now)
    for _ in range(40):
        due = run.deadline()
        if due is None:
            break
        seen += run.tick(due)
    assert run.deadline() is None
    assert run.ended or run.document.nodes[run.node].kind == "queue"
    assert isinstance(seen[-1], EnterQueue | HangUp)


def test_nothing_is_waited_for_before_the_start() -> None:
    run = FlowRun(document())
    assert (run.deadline(), run.tick(9.0)) == (None, [])
