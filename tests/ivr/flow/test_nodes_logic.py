"""condition, hours, lookup, set, sub-flows: ways that depend on what is known."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ivr.flow.events import AskQueue, Entered, LookedUp, LookUp, PromptDone, QueueSeen, Resume
from ivr.flow.load import load
from ivr.flow.run import FlowRun
from ivr.flow.simulate import Always, World
from tests.ivr.flow.walks import document, done, walk

SHANGHAI = ZoneInfo("Asia/Shanghai")


def condition(when: str) -> str:
    return f"  a: {{kind: condition, cases: [{{when: {when}, to: yes}}], else: bye}}\n  yes: {{kind: hangup}}"


FACTS = {
    "caller": "13912345678",
    "province": "内蒙古",
    "city": "呼和浩特",
    "class": "vip",
    "tags": "老客户,投诉过",
    "calls": "3",
}
MONDAY = datetime(2026, 3, 2, 10, 30, tzinfo=SHANGHAI).timestamp()


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ("{class: vip}", True),
        ("{class: [normal, vip]}", True),
        ("{class: normal}", False),
        ("{tag: 投诉过}", True),
        ("{tag: [新, 老客户]}", True),
        ("{tag: 新}", False),
        ("{calls: '3'}", True),
        ("{calls: 3+}", True),
        ("{calls: '2-5'}", True),
        ("{calls: '1'}", False),
        ("{calls: '4+'}", False),
        ("{caller: '139'}", True),
        ("{caller: ['010', '021']}", False),
        ("{province: 内蒙古}", True),
        ("{province: 北京}", False),
        ("{city: [北京, 呼和浩特]}", True),
        ("{language: zh}", True),
        ("{language: en}", False),
        ("{weekday: 1-5}", True),
        ("{weekday: '6,7'}", False),
        ("{time: '09:00-12:00'}", True),
        ("{time: ['08:00-09:00', '10:30-10:31']}", True),
        ("{time: '10:31-24:00'}", False),
        ("{time: '22:00-06:00'}", False),
        ("{time: '22:00-11:00'}", True),
        ("{class: vip, time: '12:00-13:00'}", False),
        ("{variables: {code: '7'}}", False),
        ("{variables: {class: vip}}", True),
        ("{open: default}", True),
        ("{open: other}", False),
        ("{open: unknown}", True),
        ("{called: '4001'}", False),
    ],
)
def test_conditions(when: str, holds: bool) -> None:
    world = World(FACTS, MONDAY, {"default": Always(True), "other": Always(False)})
    assert walk(condition(when), world=world).path == ["a", "yes" if holds else "bye"]


def test_what_is_not_known_fits_no_case() -> None:
    for when in ("{class: vip}", "{calls: 1+}", "{province: 北京}", "{tag: x}", "{caller: '1'}"):
        assert walk(condition(when)).path == ["a", "bye"]


@pytest.mark.parametrize(
    ("queue", "holds"),
    [
        ("{name: q, waiting_over: 2}", True),
        ("{name: q, waiting_over: 3}", False),
        ("{name: q, ready_below: 1}", True),
        ("{name: q, wait_over_s: 60}", True),
        ("{name: q, wait_over_s: 90, waiting_over: 1}", False),
    ],
)
def test_a_queue_is_asked(queue: str, holds: bool) -> None:
    world = World(queues={"q": QueueSeen(0, 3, 0, 90.0)})
    found = walk(condition(f"{{queue: {queue}}}"), world=world)
    assert found.path[-1] == ("yes" if holds else "bye")
    assert done(found, AskQueue) == [AskQueue(1, "q")]


def test_a_queue_that_does_not_say_how_it_is_fits_no_case_and_a_late_answer_is_ignored() -> None:
    menu = condition("{queue: {name: q, waiting_over: 0}}").replace("else: bye", "else: m")
    run = FlowRun(document(menu + "\n  m: {kind: menu, prompt: m, keys: {'1': bye}}"))
    run.start(0.0)
    assert run.receive(QueueSeen(7, 9, 0), 0.5) == []
    assert run.deadline() == 2.0
    run.tick(2.0)
    assert run.node == "m"
    assert run.receive(QueueSeen(1, 9, 0), 3.0) == []


def test_cases_are_looked_at_in_order_also_when_queues_are_asked() -> None:
    menu = """
  a:
    kind: condition
    cases:
      - {when: {queue: {name: q, waiting_over: 5}}, to: bye}
      - {when: {class: vip}, to: person}
      - {when: {queue: {name: r, ready_below: 1}}, to: r}
    else: bye
  r: {kind: hangup}
"""
    world = World(queues={"q": QueueSeen(0, 1, 1), "r": QueueSeen(0, 0, 0)})
    assert walk(menu, world=world).path == ["a", "r"]
    assert walk(menu, world=World({"class": "vip"}, queues=world.queues)).path == ["a", "person"]


def test_after_a_restart_the_case_that_a_queue_was_asked_for_is_asked_again() -> None:
    """Not one after the last."""
    cases = "[{when: {class: vip}, to: person}, {when: {queue: {name: q, ready_below: 1}}, to: m}]"
    m = "m: {kind: menu, prompt: m, keys: {'1': bye}}"
    run = FlowRun(document(f"  a: {{kind: condition, cases: {cases}, else: bye}}\n  {m}"))
    assert AskQueue(1, "q") in run.start(0.0)
    assert AskQueue(2, "q") in run.receive(Resume(), 0.5)
    run.receive(QueueSeen(2, 0, 0), 0.6)
    assert run.node == "m"


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ("{}", "a case without a condition"),
        ("{time: '9-12'}", "is no span of time"),
        ("{time: '09:00-09:00'}", "is no span of time"),
        ("{time: '09:00-24:30'}", "is no span of time"),
        ("{weekday: '5-1'}", "are no weekdays"),
        ("{queue: {name: q}}", "one of waiting_over, wait_over_s, ready_below"),
    ],
)
def test_conditions_without_sense_are_refused(when: str, words: str) -> None:
    loaded = load(f"start: a\nnodes:\n{condition(when)}\n  bye: {{kind: hangup}}")
    assert words in " ".join(map(str, loaded.findings))


HOURS = "  a: {kind: hours, open: person, closed: bye, holiday: feast}\n  feast: {kind: hangup}"


@pytest.mark.parametrize(
    ("calendar", "end"),
    [(Always(True), "person"), (Always(False), "bye"), (Always(False, "国庆节"), "feast"), (None, "person")],
)
def test_hours(calendar: Always | None, end: str) -> None:
    openings: dict[str, Any] = {} if calendar is None else {"default": calendar}
    assert walk(HOURS, world=World(openings=openings)).path == ["a", end]
    plain = HOURS.replace(", holiday: feast", "").replace("  feast: {kind: hangup}", "")
    assert walk(plain, world=World(openings=openings)).path[-1] == ("bye" if end == "feast" else end)


LOOKUP = """
  a: {kind: set, values: {order: "42", greeting: "{order}号"}, then: b}
  b:
    kind: lookup
    lookup: orders
    prompt: please_wait
    send: {number: "{order}", from: "{caller}"}
    keep: {status: order.status}
    found: said
    not_found: bye
    failed: person
  said: {kind: say, prompt: [{text: "订单{order}：{status}"}, {read: order, as: order}], then: bye}
"""


def test_a_lookup_sends_and_keeps() -> None:
    world = World({"caller": "139"}, lookups={"orders": LookedUp(0, True, {"status": "已发货"})})
    found = walk(LOOKUP, world=world)
    assert done(found, LookUp) == [LookUp(1, "orders", {"number": "42", "from": "139"}, 5.0, {"status": "order.status"})]
    assert found.heard == ["<please_wait>", "<订单42：已发货><order 42>"]
    assert done(found, Entered)[1:] == [Entered("a", "greeting", "42号"), Entered("b", "status", "已发货")]


def test_a_lookup_may_find_nothing_or_fail() -> None:
    assert walk(LOOKUP, world=World(lookups={"orders": LookedUp(0, False)})).path[-1] == "bye"
    assert walk(LOOKUP).path[-1] == "person"


def test_a_lookup_that_does_not_answer_fails_and_a_stale_answer_is_ignored() -> None:
    run = FlowRun(document(LOOKUP))
    run.start(0.0)
    assert run.receive(LookedUp(9, True), 1.0) == []
    run.receive(PromptDone(1), 2.0)
    assert run.deadline() == 6.0
    run.tick(6.0)
    assert run.node == "person"


def test_a_lookup_is_asked_again_after_a_restart() -> None:
    run = FlowRun(document(LOOKUP))
    run.start(0.0)
    asked = [action for action in run.receive(Resume(), 3.0) if isinstance(action, LookUp)]
    assert [question.number for question in asked] == [2]
    assert run.receive(LookedUp(1, True), 4.0) == []


def test_what_is_made_of_a_secret_is_secret() -> None:
    menu = """
  a: {kind: collect, prompt: p, into: pin, min: 4, max: 4, secret: true, then: b}
  b: {kind: set, values: {twice: "{pin}{pin}"}, then: bye}
"""
    found = walk(menu, "8642")
    assert "8642" not in str(found.done)
    assert found.run.values["twice"] == "86428642"


FLOWS = """
flows:
  ask:
    start: m
    nodes:
      m: {kind: menu, prompt: inner, keys: {"1": end, "2": bye, "3": deep}}
      deep: {kind: flow, flow: leaf, then: end}
      end: {kind: return}
  leaf: {start: s, nodes: {s: {kind: say, prompt: leaf, then: r}, r: {kind: return}}}
"""
MAIN = "  a: {kind: flow, flow: ask, then: b}\n  b: {kind: menu, prompt: outer, keys: {'1': bye, '2': a}}"


def test_a_sub_flow_returns_to_where_it_was_entered() -> None:
    found = walk(document(MAIN, tail=FLOWS), "1")
    assert found.path == ["a", "ask:m", "ask:end", "b"]
    assert found.heard == ["<inner>", "<outer>"]


def test_sub_flows_enter_sub_flows() -> None:
    assert walk(document(MAIN, tail=FLOWS), "3").path == ["a", "ask:m", "ask:deep", "leaf:s", "leaf:r", "ask:end", "b"]


def test_a_sub_flow_may_lead_out_for_good() -> None:
    assert walk(document(MAIN, tail=FLOWS), "2").path == ["a", "ask:m", "bye"]


def test_back_into_a_sub_flow_still_returns() -> None:
    found = walk(document(MAIN, tail=FLOWS), "1", "*", "1")
    assert found.path == ["a", "ask:m", "ask:end", "b", "ask:m", "ask:end", "b"]


def test_a_sub_flow_without_end_reaches_a_person() -> None:
    loop = "flows: {again: {start: x, nodes: {x: {kind: flow, flow: again, then: x}}}}"
    assert walk(document("  a: {kind: flow, flow: again, then: bye}", tail=loop)).end == "queue service"
    assert walk("  a: {kind: flow, flow: nowhere, then: bye}").end == "queue service"
    assert walk("  a: {kind: return}").end == "queue service"
