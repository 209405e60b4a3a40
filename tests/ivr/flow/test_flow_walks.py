"""Any document can be checked, and one without errors leaves no caller in silence."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.flow.check import Facts, check
from ivr.flow.events import (
    Alternative,
    AskQueue,
    Connect,
    ConnectFailed,
    EnterQueue,
    FlowAction,
    FlowEvent,
    Key,
    Listen,
    LookedUp,
    LookUp,
    MessageDone,
    Misheard,
    NotHearing,
    Play,
    PromptDone,
    QueueReturned,
    QueueSeen,
    RecordMessage,
    Resume,
    SpeechBegan,
    Visit,
    Words,
)
from ivr.flow.hearing import Ears
from ivr.flow.load import Loaded
from ivr.flow.model import Document
from ivr.flow.run import NO_OPENINGS, FlowRun
from tests.ivr.flow.documents import documents

FULL = Facts(
    prompts={"zh": {"welcome"}, "en": set()},
    queues={"a"},
    recorded={"a"},
    lengths={"zh": {"welcome": 40.0}},
    lookups={"a"},
    calendars={"b"},
    seats={"1001"},
    trunks={"main"},
    refusal=lambda number, trunk: "premium" if number == "10086" else "",
    vocabulary={"zh": {"人工"}, "en": set()},
)
PERSON = {"kind": "queue", "queue": "a"}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents())
def test_any_document_can_be_checked(document: Document) -> None:
    for facts in (Facts(), FULL):
        findings = check(Loaded("m.yaml", document), facts)
        for finding in findings:
            assert finding.text("zh")
            assert finding.text("en")


def mended(document: Document) -> Document:
    """The document with what the checker calls errors taken out: a queue stands there instead."""
    while True:
        found = [finding for finding in check(Loaded("m.yaml", document), Facts(recorded=())) if finding.severity == "error"]
        if not found:
            return document
        values: dict[str, Any] = document.model_dump(by_alias=True)
        if any(not finding.node for finding in found):
            values |= {"habits": {}, "human": "客服", "start": "客服", "after_talk": None}
            values["nodes"]["客服"] = PERSON
            values["flows"] = {name: flow for name, flow in values["flows"].items() if flow["start"] in flow["nodes"]}
        for finding in found:
            flow, inner, name = finding.node.rpartition(":")
            nodes = values["flows"].get(flow, {}).get("nodes", {}) if inner else values["nodes"]
            nodes |= {name: PERSON} if name else {}
        document = Document.model_validate(values)


def spoken(turn: int, heard: Listen) -> st.SearchStrategy[FlowEvent | None]:
    """What may come of a turn."""
    assert heard.turn == turn
    assert heard.dictation is not bool(heard.words)
    assert len(set(heard.words)) == len(heard.words) <= 80
    words = st.sampled_from([*heard.words, "人工", "是", "不是", "一 二 三 四", "yes", "嗯"])
    sure = st.sampled_from([0.0, 0.5, 1.0])
    others = st.lists(st.builds(Alternative, words, st.just(0.25)), max_size=2).map(tuple)
    results: list[st.SearchStrategy[FlowEvent | None]] = [
        st.builds(Words, words, st.just(turn), sure, others),
        st.sampled_from([Misheard(turn, "unknown"), Misheard(turn, "too_much"), Misheard(turn, "noise")]),
        st.sampled_from([NotHearing(turn, "busy"), NotHearing(turn, "slow"), NotHearing(turn, "failed")]),
        st.just(SpeechBegan(turn)),
    ]
    return st.one_of(results)


def events(run: FlowRun, here: list[FlowAction]) -> st.SearchStrategy[FlowEvent | None]:
    """What may happen now; None: time passes."""
    numbers = [action.number for action in here if isinstance(action, LookUp | AskQueue)]
    plays = [action.play for action in here if isinstance(action, Play)]
    choices: list[st.SearchStrategy[FlowEvent | None]] = [
        st.sampled_from([Key(digit) for digit in "0123456789*#"]),
        st.none() | st.just(Resume()),
    ]
    if run.turn is not None:
        choices.append(spoken(run.turn, [action for action in here if isinstance(action, Listen)][-1]))
    if plays:
        choices.append(st.just(PromptDone(plays[-1])))
    if numbers:
        choices.append(st.sampled_from([LookedUp(numbers[-1], found) for found in (True, False, None)]))
        choices.append(st.just(QueueSeen(numbers[-1], 3, 0)))
    if any(isinstance(action, EnterQueue) for action in here):
        choices.append(st.sampled_from([QueueReturned("time_limit"), QueueReturned("closed"), QueueReturned("overflow")]))
    if any(isinstance(action, Connect) for action in here):
        choices.append(st.sampled_from([ConnectFailed("busy"), ConnectFailed("unknown")]))
    if any(isinstance(action, RecordMessage) for action in here):
        choices.append(st.sampled_from([MessageDone(0.5), MessageDone(9.0, "silence")]))
    return st.one_of(choices)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents(), st.data())
def test_no_caller_is_left_in_silence(document: Document, data: st.DataObject) -> None:
    document = mended(document)
    run = FlowRun(document, NO_OPENINGS, data.draw(st.sampled_from([None, Ears()])))
    now = 0.0
    here: list[FlowAction] = []
    """What was wanted since the caller came to this node."""

    def follows(actions: list[FlowAction]) -> None:
        for action in actions:
            if isinstance(action, Visit):
                here.clear()
            here.append(action)
        waits = run.deadline() is not None or any(isinstance(action, EnterQueue | Connect) for action in here)
        assert run.ended or waits, (run.node, here)

    follows(run.start(now, {"caller": "13912345678", "dialable": "yes"}, 1.8e9, answered=not document.answers_later))
    for _ in range(data.draw(st.integers(0, 30))):
        if run.ended:
            return
        event = data.draw(events(run, here))
        if event is not None:
            follows(run.receive(event, now))
        elif (due := run.deadline()) is not None:
            now = due
            follows(run.tick(now))
    noisy = data.draw(st.booleans())
    for _ in range(20 * document.max_visits):  # and who only waits, or only makes a noise, comes to an end
        if run.ended or run.deadline() is None:
            break
        if noisy and run.turn is not None:
            follows(run.receive(SpeechBegan(run.turn), now))
            follows(run.receive(Misheard(run.turn, "noise"), now + 1.0))
        now = run.deadline() or now
        follows(run.tick(now))
    else:
        raise AssertionError(f"goes on for ever at {run.node}")
