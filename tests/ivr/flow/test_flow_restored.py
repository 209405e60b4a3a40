"""Put down and picked up after every event, in a menu of all kinds: the same way, whatever comes."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.flow.events import (
    Alternative,
    ConnectFailed,
    FlowAction,
    FlowEvent,
    Key,
    Listen,
    LookedUp,
    MessageDone,
    Misheard,
    NotHearing,
    PromptDone,
    QueueReturned,
    QueueSeen,
    Resume,
    SpeechBegan,
    StopListening,
    Words,
)
from ivr.flow.hearing import Ears
from ivr.flow.load import KINDS, load
from ivr.flow.model import Document
from ivr.flow.run import FlowRun
from ivr.flow.simulate import Always

MENU = """
start: welcome
human: person
after_talk: rate
variables: {order: ""}
nodes:
  welcome: {kind: say, prompt: welcome, notice: true, decline: {}, then: language}
  language: {kind: language, keys: {"1": zh, "2": en}, then: hours}
  hours: {kind: hours, open: main, closed: mail, holiday: bye}
  main:
    kind: menu
    prompt: [main_menu, {text: {zh: "{order}", en: "Order {order}"}}]
    keys:
      {"1": {to: person, words: 客户}, "2": {to: order, words: [订单, 查询]}, "3": {to: ext, words: {zh: 分机}},
       "4": mail, "5": call, "6": out, "7": sub, "8": rate, "9": say}
  order: {kind: collect, prompt: ask, into: order, min: 2, max: 4, read_back: {}, then: lookup}
  lookup: {kind: lookup, lookup: orders, prompt: wait, send: {n: "{order}"}, keep: {status: s}, found: told, not_found: main}
  say: {kind: dictation, into: order, then: vip, without: vip}
  told: {kind: say, prompt: {read: status, as: number}, then: main}
  ext: {kind: extension, digits: 3, directory: {"801": {seat: "1026", words: 售后}, "802": main}}
  mail: {kind: voicemail}
  call: {kind: return_call, declined: main, then: main}
  out: {kind: transfer, number: "10010", failed: main}
  sub: {kind: flow, flow: inner, then: set}
  set: {kind: set, values: {order: "{caller}"}, then: main}
  rate: {kind: rating, then: main}
  vip: {kind: condition, cases: [{when: {queue: {name: q, waiting_over: 1}}, to: main}, {when: {class: v}, to: mail}], else: go}
  go: {kind: goto, to: main}
  bye: {kind: hangup}
  person: {kind: queue, queue: q, greeting: g, keys: {"1": call}, on_timeout: main, on_overflow: mail, on_closed: bye}
flows:
  inner:
    start: m
    nodes:
      m: {kind: menu, prompt: m, barge_in: false, keys: {"1": {to: end, words: 好}, "2": main}}
      end: {kind: return}
"""


def menu() -> Document:
    loaded = load(MENU)
    assert loaded.document is not None, [str(finding) for finding in loaded.findings]
    return loaded.document


DOCUMENT = menu()
OPENINGS = {"default": Always(True)}

events = st.one_of(
    st.sampled_from("0123456789*#A").map(Key),
    st.sampled_from([QueueReturned("time_limit"), QueueReturned("closed"), QueueReturned("overflow")]),
    st.sampled_from([Words("人工", 1), Words("退款")]),
    st.integers(1, 3).map(lambda number: LookedUp(number, number == 1, {"status": "5"})),
    st.integers(1, 3).map(lambda number: QueueSeen(number, number, 0)),
    st.sampled_from([ConnectFailed("busy"), ConnectFailed("unknown"), MessageDone(9.0), MessageDone(0.1)]),
    st.just(Resume()),
    st.just("done"),
    st.just("tick"),
    st.just("talk over"),
)

SAID = [
    "人工",
    "返回",
    "重复",
    "订单",
    "客户",
    "分机",
    "是",
    "不是",
    "三三",
    "八零一",
    "幺三九幺二三四五六七八",
    "中文",
    "English",
    "一般",
    "好",
    "嗯",
]


@st.composite
def words(draw: st.DrawFn) -> Words:
    sure = draw(st.sampled_from([0.25, 0.5, 1.0]))
    others = draw(st.lists(st.sampled_from(SAID), max_size=2))
    return Words(draw(st.sampled_from(SAID)), 0, sure, tuple(Alternative(other, sure / 2) for other in others))


speech = st.one_of(
    words(),
    st.just(SpeechBegan(0)),
    st.sampled_from([Misheard(0, "unknown"), Misheard(0, "too_much"), Misheard(0, "noise")]),
    st.sampled_from([NotHearing(0, "busy"), NotHearing(0, "slow"), NotHearing(0, "failed"), NotHearing(0, "off")]),
)
"""For the turn that is heard; where none is, for one that is over."""
walks = st.lists(st.one_of(st.just("done"), st.just("tick"), words(), speech, events), max_size=60)
EARS = Ears()


def test_the_menu_has_all_kinds() -> None:
    assert {node.kind for node in DOCUMENT.every_node.values()} == set(KINDS)


def waits(run: FlowRun) -> bool:
    """Something will come: time runs, or the call says something of a queue, a talk."""
    elsewhere = ("queue", "extension", "transfer")
    return run.deadline() is not None or DOCUMENT.every_node[run.node].kind in elsewhere


def heard_by_the_call(turn: int | None, actions: list[FlowAction]) -> int | None:
    """The turn that the call hears after these actions, by the contract alone. Turns grow, and none is ended twice."""
    for action in actions:
        match action:
            case Listen(number):
                assert turn is None or number > turn
                turn = number
            case StopListening():
                assert turn is not None
                turn = None
    return turn


@settings(max_examples=300, deadline=None)
@given(walks)
def test_the_same_way_after_every_restart(steps: list[FlowEvent | str]) -> None:
    whole, parts, now = FlowRun(DOCUMENT, OPENINGS, EARS), FlowRun(DOCUMENT, OPENINGS, EARS), 0.0
    facts = {"caller": "139", "dialable": "yes"}
    first = whole.start(now, facts, 1024.0)
    assert first == parts.start(now, facts, 1024.0)
    turn = heard_by_the_call(None, first)
    for step in steps:
        data = json.loads(json.dumps(parts.to_json(now)))
        shift = 4096.0 if data["visits"] % 2 else -4096.0  # another machine's clock; a power of two keeps the sums exact
        parts = FlowRun.from_json(DOCUMENT, data, now + shift, 0.0, OPENINGS, EARS)
        clock = now + shift
        if step == "tick":
            due = whole.deadline()
            wait = 1.0 if due is None else due - now
            one, other = whole.tick(now + wait), parts.tick(clock + wait)
            now += wait
        elif step == "talk over":
            one, other = ([], []) if whole.ended else (whole.after_talk(now), parts.after_talk(clock))
        else:
            event = PromptDone(whole.to_json(now)["play"]) if isinstance(step, str) else step
            if isinstance(event, Words | SpeechBegan | Misheard | NotHearing):
                event = replace(event, turn=whole.turn or event.turn)
            one, other = whole.receive(event, now), parts.receive(event, clock)
        parts = FlowRun.from_json(DOCUMENT, parts.to_json(now + shift), now, 0.0, OPENINGS, EARS)
        assert one == other
        assert whole.ended or waits(whole)
        if isinstance(step, Resume | Words | Misheard | NotHearing):
            turn = None  # its result ends a turn, and so does a restart
        turn = heard_by_the_call(turn, one)
        assert whole.turn == turn
        assert whole.to_json(now) == parts.to_json(now)
