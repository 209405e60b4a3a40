"""Announcements before the answer: events in, actions out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ivr.call import Arrival, Call, Phase
from ivr.flow.model import Document
from ivr.media import control as media
from ivr.sip import events as sip
from ivr.sip import sdp
from ivr.sip.number import Caller
from ivr.steps import (
    Action,
    AnswerCaller,
    AnswerReinvite,
    EngineRestarted,
    Happening,
    LegOpened,
    MediaBack,
    MediaLost,
    OpenLeg,
    PlayPrompts,
    ProgressCaller,
    RejectCaller,
    RejectReinvite,
    Shutdown,
)
from tests.ivr.call.test_call import CALLER, PEER, QUEUE, VIDEO_ONLY, Line, events, of, told

CLOSED: dict[str, Any] = {
    "start": "closed",
    "nodes": {
        "closed": {"kind": "say", "prompt": "closed", "before_answer": True, "then": "bye"},
        "bye": {"kind": "hangup", "prompt": "goodbye", "before_answer": True, "refuse": 486},
    },
}
WELCOME: dict[str, Any] = {
    "start": "hello",
    "nodes": {
        "hello": {"kind": "say", "prompt": "welcome", "before_answer": True, "then": "main"},
        "main": {"kind": "menu", "prompt": "main_menu", "keys": {"1": "service"}},
        "service": {"kind": "queue", "queue": "service"},
    },
}


class Early(Line):
    """A call by a trunk that passes early media. After here() its caller has a port."""

    def __init__(self, menu: dict[str, Any], offer: bytes = PEER, *, frozen: bool = False, passes: bool = True) -> None:
        self.now, self.frozen = 100.0, frozen
        self.menu = Document.model_validate({"human": None, **menu})
        arrival = Arrival(
            "c1", "local", "sample", "4001", Caller("13912345678", True), 1.7e9, "n1", "127.0.0.1", "/rec", "d/c1",
            early_media=passes,
        )  # fmt: skip
        self.call, self.last = Call.arrive(arrival, CALLER, offer, self.menu, {"service": QUEUE}, self.now)
        self.all = list(self.last)

    def freeze(self) -> None:
        text = json.dumps(self.call.to_json(self.now))
        self.call = Call.from_json(json.loads(text), self.menu, {"service": QUEUE}, self.now + 1000, 0.0)
        self.now += 1000

    def here(self, *happenings: Happening) -> Early:
        for happening in (LegOpened(CALLER, 20000), *happenings):
            self.tell(happening)
        return self


def kinds(actions: list[Action]) -> list[type]:
    """What SIP and media are told, in order."""
    wanted = (ProgressCaller, AnswerCaller, RejectCaller, PlayPrompts)
    return [type(action) for action in actions if isinstance(action, wanted)]


@pytest.mark.parametrize("frozen", [False, True], ids=["running", "put down before each event"])
def test_a_menu_that_only_speaks_costs_the_owner_nothing(frozen: bool) -> None:
    line = Early(CLOSED, frozen=frozen).here()
    assert kinds(line.last) == [ProgressCaller, PlayPrompts]
    assert told(media.Remote, line.last), "media knows where the caller listens"
    assert line.phase() is Phase.MENU
    line.tell(media.Played(CALLER, 1, True))
    assert of(PlayPrompts, line.last)[0].prompts == ("goodbye",)
    line.tell(media.Played(CALLER, 2, True))
    assert of(RejectCaller, line.last) == [RejectCaller(CALLER, 486, "")]
    assert not of(AnswerCaller, line.all)
    assert line.over()
    assert "answered" not in events(line.all)
    assert events(line.all)[:2] == ["arrived", "early_media"]


@pytest.mark.parametrize("frozen", [False, True], ids=["running", "put down before each event"])
def test_the_first_node_that_listens_answers(frozen: bool) -> None:
    line = Early(WELCOME, frozen=frozen).here()
    line.tell(media.Played(CALLER, 1, True))
    assert kinds(line.last) == [AnswerCaller, PlayPrompts]
    [progress], [answer] = of(ProgressCaller, line.all), of(AnswerCaller, line.all)
    assert progress.sdp == answer.sdp, "the same description: there was one offer only"
    line.tell(sip.Acknowledged(CALLER))
    assert line.phase() is Phase.MENU
    assert line.last == [], "the menu goes on where it is"
    line.tell(media.Digit(CALLER, "1", 100))
    assert line.phase() is Phase.QUEUED
    line.wait(50.0)
    line.tell(sip.HungUp(CALLER))
    assert events(line.all).count("answered") == 1


@pytest.mark.parametrize(
    "first",
    [
        {"kind": "menu", "prompt": "main_menu", "keys": {"1": "bye"}},
        {"kind": "queue", "queue": "service"},
        {"kind": "say", "prompt": "recorded", "notice": True, "then": "bye"},
    ],
)
def test_what_needs_an_answered_call_is_answered_at_once(first: dict[str, Any]) -> None:
    line = Early({"start": "first", "nodes": {"first": first, "bye": {"kind": "hangup"}}}).here()
    assert kinds(line.last) == [AnswerCaller]
    line.tell(sip.Acknowledged(CALLER))
    assert line.phase() in (Phase.MENU, Phase.QUEUED)


def test_a_notice_that_comes_later_is_heard_in_the_answered_call() -> None:
    menu = {"start": "go", "nodes": {"go": {"kind": "goto", "to": "notice"},
            "notice": {"kind": "say", "prompt": "recorded", "notice": True, "then": "go"}}}  # fmt: skip
    assert kinds(Early(menu).here().last) == [ProgressCaller, AnswerCaller, PlayPrompts]


def test_a_late_offer_and_a_trunk_without_early_media_are_answered() -> None:
    assert kinds(Early(CLOSED, b"").here().last) == [AnswerCaller]
    assert kinds(Early(CLOSED, passes=False).here().last) == [AnswerCaller]


def test_no_common_codec_is_488() -> None:
    line = Early(CLOSED, VIDEO_ONLY).here()
    assert [action.status for action in of(RejectCaller, line.last)] == [488]


def test_announcements_without_end_are_answered_after_a_minute() -> None:
    line = Early(CLOSED).here()
    line.wait(60.0)
    assert kinds(line.last) == [AnswerCaller]
    line.tell(media.Played(CALLER, 1, True))
    line.tell(media.Played(CALLER, 2, True))
    assert not of(RejectCaller, line.all)
    assert line.phase() is Phase.ENDED


def test_the_caller_gives_up_before_the_answer() -> None:
    line = Early(WELCOME).here(sip.Cancelled(CALLER))
    assert line.over()
    assert not of(RejectCaller, line.last), "the user agent has said 487"


def test_nobody_acknowledges_the_183() -> None:
    assert Early(WELCOME).here(sip.Broken(CALLER, "no_prack")).phase() is Phase.ENDED


def test_silence_of_a_caller_who_is_not_answered_is_as_it_should_be() -> None:
    assert Early(WELCOME).here(media.Silent(CALLER, 30.0)).phase() is Phase.MENU


def test_an_update_before_the_answer() -> None:
    line = Early(WELCOME).here()
    moved = sdp.offer(host="10.0.0.10", port=4002, session_id=1, version=2)
    line.tell(sip.Reinvited(CALLER, moved))
    assert of(AnswerReinvite, line.last)
    assert told(media.Remote, line.last)[0].host == "10.0.0.10"
    line.tell(media.Played(CALLER, 1, True))
    assert kinds(line.last) == [AnswerCaller, PlayPrompts]
    assert line.call.caller_leg.stream is not None
    assert line.call.caller_leg.stream.host == "10.0.0.10"
    plain = Line()
    plain.tell(LegOpened(CALLER, 20000))
    assert not of(RejectReinvite, plain.last)


def test_the_engine_restarts_before_the_answer() -> None:
    line = Early(WELCOME).here()
    line.freeze()
    line.tell(EngineRestarted())
    assert not of(OpenLeg, line.last)
    assert told(media.Remote, line.last)
    assert of(PlayPrompts, line.last)[0].prompts == ("welcome",)
    line.tell(media.Played(CALLER, 2, True))
    assert kinds(line.last) == [AnswerCaller, PlayPrompts]


def test_media_dies_before_the_answer() -> None:
    line = Early(WELCOME).here(MediaLost())
    assert of(RejectCaller, line.last) == [RejectCaller(CALLER, 503, "Service Unavailable")]
    line.tell(MediaBack())
    assert line.over()


def test_the_engine_stops_for_good_before_the_answer() -> None:
    assert [action.status for action in of(RejectCaller, Early(WELCOME).here(Shutdown()).last)] == [503]
