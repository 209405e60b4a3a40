"""What a menu asks of its call, one action after the other: events in, actions out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ivr.call import Call, Phase
from ivr.call.announcing import words
from ivr.dialplan import Callee, Refused, ToRating
from ivr.flow.events import AskQueue, LookedUp, LookUp, QueueSeen, Reading, Speech
from ivr.flow.model import Document
from ivr.media import control as media
from ivr.questions import AskCaller, AskPlace, AskRoom, CalleeFound, CallerKnown, EndMessage, FindCallee, PlaceSeen, RoomSeen
from ivr.sip import events as sip
from ivr.steps import (
    AcceptRefer,
    CancelDial,
    Dial,
    Emit,
    EngineRestarted,
    LegOpened,
    MediaBack,
    MediaLost,
    NotifyRefer,
    PlayPrompts,
    RefuseRefer,
    SeatBusy,
    SeatClaimed,
    SeatTaken,
    TakeSeat,
    Tell,
    TransferAsked,
)
from routing.commit import Dequeue, Enqueue, FreeSeat, Requeue, SeatState
from tests.ivr.call.test_call import CALLER, PEER, QUEUE, SEAT, Line, events, of, ops

ACTIONS = Document.model_validate(
    {
        "start": "main",
        "human": "line",
        "after_talk": "rate",
        "nodes": {
            "main": {
                "kind": "menu",
                "prompt": {"text": "{name}"},
                "keys": {
                    "1": "line", "2": "extension", "3": "look", "4": "full", "5": "message", "6": "offer", "7": "away",
                    "8": "notice", "9": "pin",
                },
            },
            "line": {
                "kind": "queue",
                "queue": "service",
                "priority": 3,
                "music": "other_music",
                "time_limit_s": 30,
                "max_waiting": 2,
                "announce": {"every_s": 10, "prompt": "hint"},
                "keys": {"1": "offer"},
                "on_overflow": "bye",
            },
            "extension": {"kind": "extension", "prompt": "which", "ring_s": 25, "not_there": {"limit": 1, "to": "bye"}},
            "away": {"kind": "transfer", "number": "13912345678", "prompt": [], "failed": "bye"},
            "look": {
                "kind": "lookup", "lookup": "crm", "send": {"who": "{caller}"}, "keep": {"state": "a.b"}, "found": "bye",
                "not_found": "main",
            },
            "full": {
                "kind": "condition", "cases": [{"when": {"queue": {"name": "service", "waiting_over": 3}}, "to": "bye"}],
                "else": "main",
            },
            "message": {"kind": "voicemail", "min_s": 2},
            "offer": {"kind": "return_call", "declined": "bye"},
            "notice": {"kind": "say", "prompt": "told", "notice": True, "decline": {"prompt": []}, "then": "line"},
            "pin": {"kind": "collect", "prompt": "digits", "into": "pin", "min": 2, "max": 2, "secret": True, "then": "bye"},
            "rate": {"kind": "rating"},
            "bye": {"kind": "hangup", "prompt": "goodbye"},
        },
    }
)  # fmt: skip


class Menu(Line):
    """A call in the menu above."""

    document = ACTIONS

    def to_menu(self, **known: str) -> Menu:
        if known:
            self.tell(CallerKnown(known))
        super().to_menu()
        return self

    def press(self, *keys: str) -> Menu:
        for key in keys:
            self.tell(media.Digit(CALLER, key, 100))
        return self

    def told(self, kind: str) -> list[dict[str, Any]]:
        """What the events of a kind say."""
        return [dict(action.data) for action in self.all if isinstance(action, Emit) and action.type == kind]

    def heard(self) -> Menu:
        """The latest prompt was heard to its end."""
        play = [action for action in self.all if isinstance(action, PlayPrompts) and action.play > 0][-1]
        self.tell(media.Played(CALLER, play.play, True))
        return self

    def talking(self) -> Menu:
        self.to_menu().press("1")
        self.tell(SeatClaimed(Callee("1026")))
        self.tell(LegOpened(SEAT, 20002))
        self.tell(sip.Answered(SEAT, PEER))
        return self

    def calling(self) -> Menu:
        """An extension rings."""
        self.to_menu().press("2", "1", "0", "3", "1")
        self.tell(CalleeFound("1031", Callee("1031"), "service"))
        self.tell(SeatTaken("1031"))
        self.tell(LegOpened(SEAT, 20002))
        self.tell(sip.Progressed(SEAT, 180))
        return self

    def speaking(self) -> Menu:
        """The caller speaks a message."""
        return self.to_menu().press("5").heard()


@pytest.fixture(params=[False, True], ids=["at once", "put down and picked up"])
def line(request: pytest.FixtureRequest) -> Menu:
    return Menu(frozen=request.param)


# What is known at the start


def test_a_menu_knows_its_caller(line: Menu) -> None:
    assert of(AskCaller, line.all) == [AskCaller("04714613311")]
    line.to_menu(name="王", calls="3", number="13900000000")
    values = line.call.flow.values
    assert (values["caller"], values["dialable"], values["hotline"]) == ("04714613311", "yes", "sample")
    assert (values["province"], values["name"], values["calls"]) == ("内蒙古", "王", "3")
    assert "number" not in values, "only what menus may know"
    assert line.call.flow.at == pytest.approx(1.7e9 + line.now - line.call.times.began)
    assert of(PlayPrompts, line.last)[0].prompts == (Speech("王"),)


def test_what_comes_too_late_is_unknown(line: Menu) -> None:
    line.to_menu()
    line.tell(CallerKnown({"name": "王"}))
    assert "name" not in line.call.flow.values


# The queue


def test_a_queue_on_the_menus_terms(line: Menu) -> None:
    line.to_menu().press("1")
    assert ops(line.last) == [Enqueue("service", 3, 2)]
    assert of(AskRoom, line.last) == [AskRoom(1, "service")]
    assert of(PlayPrompts, line.last)[-1].prompts == ("other_music",)
    line.wait(29)
    assert line.phase() is Phase.QUEUED
    line.wait(2)
    assert line.phase() is Phase.MENU
    assert line.told("time_limit") == [{"queue": "service"}]


def test_a_full_queue_gives_the_caller_back(line: Menu) -> None:
    line.to_menu().press("1")
    line.tell(RoomSeen(1, False))
    assert line.phase() is Phase.QUEUED
    line.tell(RoomSeen(7, True))
    assert line.phase() is Phase.QUEUED, "of another queue"
    line.tell(RoomSeen(1, True))
    assert (line.phase(), ops(line.last)) == (Phase.MENU, [Dequeue("service")])
    assert events(line.last) == ["overflow", "menu"]
    line.heard()
    assert line.told("ended")[0]["reason"] == "overflow"
    line.tell(SeatClaimed(Callee("1026")))
    assert ops(line.last) == [FreeSeat("1026")], "no seat is kept"


def test_a_waiting_caller_is_told_the_place(line: Menu) -> None:
    line.to_menu().press("1")
    line.wait(10.5)
    assert of(AskPlace, line.last) == [AskPlace(1, "service")]
    line.tell(PlaceSeen(1, 3, 130.4))
    [said] = of(PlayPrompts, line.last)
    place = ("queue_ahead", Reading("count", "2"), "queue_ahead_callers", "queue_wait", Reading("wait", "130"), "hint")
    assert (said.prompts, said.loop) == (place, False)
    line.tell(media.Played(CALLER, said.play, True))
    assert of(PlayPrompts, line.last)[0].prompts == ("other_music",)
    line.wait(9)
    assert of(AskPlace, line.last), "and again, and again"
    line.tell(PlaceSeen(1, None, None))
    assert of(PlayPrompts, line.last)[0].prompts == ("hint",), "what nobody knows is not said"


def test_words_for_a_place() -> None:
    assert words(1, None) == ("queue_next",)
    assert words(2, None) == ("queue_ahead_one",)
    assert words(None, 65.0) == ("queue_wait", Reading("wait", "65"))
    assert words(None, None) == ()


def test_no_announcement_while_a_seat_rings(line: Menu) -> None:
    line.to_menu().press("1")
    line.tell(SeatClaimed(Callee("1026")))
    line.wait(11)
    assert not of(AskPlace, line.last)
    line.tell(PlaceSeen(1, 1, None))
    assert not of(PlayPrompts, line.last)
    line.press("1")
    assert line.phase() is Phase.OFFERED, "and the offer is kept"


def test_a_key_leads_out_of_the_queue(line: Menu) -> None:
    line.to_menu().press("1", "7")
    assert line.phase() is Phase.QUEUED, "a key without meaning"
    line.press("1")
    assert (line.phase(), ops(line.last)) == (Phase.MENU, [Dequeue("service")])
    assert events(line.last) == ["key", "queue_left", "menu"]
    line.press("1")
    assert line.told("promised") == [{"number": "", "reason": "return_call"}]


def test_the_place_is_asked_for_with_its_priority_after_a_restart(line: Menu) -> None:
    line.to_menu().press("1")
    line.tell(EngineRestarted())
    assert ops(line.last) == [Requeue("service", 3)]
    assert of(PlayPrompts, line.last)[0].prompts == ("other_music",)


# Connecting


def test_an_extension_is_called_and_answers(line: Menu) -> None:
    line.to_menu().press("2", "1", "0", "3", "1")
    assert of(FindCallee, line.last) == [FindCallee("seat", "1031", "")]
    assert of(PlayPrompts, line.last)[-1].prompts == ("ringback",)
    line.tell(CalleeFound("1030", Callee("1030")))
    assert not of(TakeSeat, line.last), "the answer to another question"
    line.tell(CalleeFound("1031", Callee("1031"), "service"))
    assert of(TakeSeat, line.last) == [TakeSeat("1031")]
    line.tell(SeatTaken("1031"))
    line.tell(LegOpened(SEAT, 20002))
    assert [dial.callee for dial in of(Dial, line.last)] == [Callee("1031")]
    line.tell(sip.Answered(SEAT, PEER))
    assert line.phase() is Phase.TALKING
    assert SeatState("1031", "talking") in ops(line.last)
    assert events(line.last) == ["talking", "recording"]
    assert (line.call.queue, line.call.seat) == ("service", "1031")
    line.tell(sip.HungUp(CALLER))
    assert line.told("ended")[0]["reason"] == "completed"
    assert line.told("ended")[0]["seat"] == "1031"


@pytest.mark.parametrize(
    ("happening", "why"),
    [
        (CalleeFound("1031", Refused("invalid")), "unknown"),
        (CalleeFound("1031", Refused("not_allowed")), "forbidden"),
    ],
)
def test_a_number_that_leads_nowhere(line: Menu, happening: CalleeFound, why: str) -> None:
    line.to_menu().press("2", "1", "0", "3", "1")
    line.tell(happening)
    assert line.told("connect_failed") == [{"to": "1031", "why": why}]
    assert line.phase() is Phase.MENU


@pytest.mark.parametrize(("status", "why"), [(486, "busy"), (603, "refused"), (480, "no_answer"), (404, "unknown")])
def test_an_extension_that_refuses(line: Menu, status: int, why: str) -> None:
    line.calling()
    line.tell(sip.Rejected(SEAT, status, ""))
    assert line.told("connect_failed") == [{"to": "1031", "why": why}]
    assert FreeSeat("1031") in ops(line.last)
    assert line.phase() is Phase.MENU


def test_a_busy_seat_and_one_that_lets_it_ring(line: Menu) -> None:
    line.to_menu().press("2", "1", "0", "3", "1")
    line.tell(CalleeFound("1031", Callee("1031")))
    line.tell(SeatBusy("1031"))
    assert line.told("connect_failed")[-1]["why"] == "busy"
    other = Menu(frozen=line.frozen).calling()
    other.wait(26)
    assert of(CancelDial, other.last) == [CancelDial(SEAT)]
    assert other.told("connect_failed") == [{"to": "1031", "why": "no_answer"}]


def test_the_caller_gives_up_while_it_rings(line: Menu) -> None:
    line.calling()
    line.tell(sip.HungUp(CALLER))
    assert of(CancelDial, line.last) == [CancelDial(SEAT)]
    assert line.told("ended")[0]["reason"] == "given_up"
    assert FreeSeat("1031") in ops(line.last)


def test_an_outside_number_takes_the_call(line: Menu) -> None:
    line.to_menu().press("7")
    assert of(FindCallee, line.last) == [FindCallee("number", "13912345678", "")]
    line.tell(CalleeFound("13912345678", Callee(number="13912345678", trunk="out", caller_id="4000")))
    line.tell(LegOpened(SEAT, 20002))
    line.tell(sip.Answered(SEAT, PEER))
    assert line.told("talking") == [{"seat": "", "wait_s": 0.0, "to": "13912345678"}]
    line.tell(sip.HungUp(SEAT))
    assert line.told("ended")[0]["reason"] == "completed", "nobody's service is rated"


def test_a_restart_while_an_extension_rings(line: Menu) -> None:
    line.calling()
    line.tell(EngineRestarted())
    assert of(CancelDial, line.last) == [CancelDial(SEAT)]
    line.tell(LegOpened("c1.s2", 20004))
    assert of(Dial, line.last)[0].leg == "c1.s2"
    line.tell(sip.Answered("c1.s2", PEER))
    assert line.phase() is Phase.TALKING


def test_a_restart_before_anybody_is_called(line: Menu) -> None:
    line.to_menu().press("2", "1", "0", "3", "1")
    line.tell(EngineRestarted())
    assert of(FindCallee, line.last) == [FindCallee("seat", "1031", "")]


def test_media_is_lost_while_an_extension_rings(line: Menu) -> None:
    line.calling()
    line.tell(MediaLost())
    assert line.told("connect_failed") == [{"to": "1031", "why": "media_lost"}]
    assert FreeSeat("1031") in ops(line.last)
    line.tell(MediaBack())
    line.tell(LegOpened(CALLER, 20010))
    assert of(PlayPrompts, line.last)[-1].prompts == ("which",), "the extension is asked for again"


# Questions


def test_the_companys_system_is_asked(line: Menu) -> None:
    line.to_menu().press("3")
    assert of(LookUp, line.last) == [LookUp(1, "crm", {"who": "04714613311"}, 5.0, {"state": "a.b"})]
    line.tell(LookedUp(1, True, {"state": "shipped"}))
    assert line.told("entered") == [{"node": "look", "variable": "state", "value": "shipped"}]
    assert line.call.flow.node == "bye"


def test_a_queue_is_asked(line: Menu) -> None:
    line.to_menu().press("4")
    assert of(AskQueue, line.last) == [AskQueue(1, "service")]
    line.tell(QueueSeen(1, 4, 0))
    assert line.call.flow.node == "bye"
    other = Menu().to_menu().press("4")
    other.wait(3)
    assert other.call.flow.node == "main", "no answer fits no case"


# A message


def test_a_message_ended_by_a_key(line: Menu) -> None:
    line.speaking()
    order = media.Record("c1-m1", "/rec/d/c1-message.wav", CALLER, "", max_s=120, silence_s=6)
    assert of(Tell, line.last) == [Tell(order)]
    line.press("#")
    assert of(EndMessage, line.last) == [EndMessage("c1-m1", "d/c1-message.wav")]
    line.tell(media.Recording("c1-m1", "stopped", "d/c1-message.wav", 7.5))
    assert line.told("voicemail") == [{"path": "d/c1-message.wav", "seconds": 7.5}]
    assert of(PlayPrompts, line.last)[0].prompts == ("voicemail_saved",)


def test_a_message_ended_by_silence_and_one_too_short(line: Menu) -> None:
    line.speaking()
    line.tell(media.Recording("c1-m1", "silence", "/rec/d/c1-message.wav", 0.0))
    assert line.told("voicemail") == []
    assert of(PlayPrompts, line.last)[0].prompts == ("voicemail_too_short", "beep")
    line.heard()
    assert of(Tell, line.last)[0].command.path == "/rec/d/c1-message-2.wav"
    line.tell(media.Recording("c1-m2", "limit", "/rec/d/c1-message-2.wav", 120.0))
    assert line.told("voicemail") == [{"path": "d/c1-message-2.wav", "seconds": 120.0}]


def test_who_hangs_up_in_a_message_has_left_it(line: Menu) -> None:
    line.speaking()
    line.wait(5)
    line.tell(sip.HungUp(CALLER), after=0)
    assert events(line.last) == ["voicemail", "ended"]
    assert line.told("voicemail") == [{"path": "d/c1-message.wav", "seconds": 5.0}]
    other = Menu().speaking()
    other.tell(sip.HungUp(CALLER))
    assert events(other.last) == ["ended"], "a second is no message"


def test_a_message_outlives_the_engine_and_is_cut_by_media(line: Menu) -> None:
    line.speaking()
    line.wait(3)
    line.tell(EngineRestarted())
    assert not of(PlayPrompts, line.last), "media goes on recording"
    line.tell(MediaLost())
    assert line.told("voicemail")[0]["seconds"] == pytest.approx(5.0)
    line.tell(MediaBack())
    line.tell(LegOpened(CALLER, 20010))
    assert of(PlayPrompts, line.last)[-1].prompts == ("beep",)


def test_a_restart_while_media_finishes_a_message(line: Menu) -> None:
    line.speaking().press("#")
    line.tell(EngineRestarted())
    assert of(EndMessage, line.last) == [EndMessage("c1-m1", "d/c1-message.wav")]


def test_a_message_that_the_disk_did_not_take_is_owed_all_the_same(line: Menu) -> None:
    line.speaking()
    line.tell(media.Recording("c1-m1", "low_space", "full"))
    assert events(line.last) == ["recording_gap", "promised"]
    assert of(PlayPrompts, line.last)[0].prompts == ("voicemail_failed",)


# Rating


def test_the_seat_hangs_up_and_the_caller_rates(line: Menu) -> None:
    line.talking()
    line.wait(20)
    line.tell(sip.HungUp(SEAT), after=0)
    assert line.phase() is Phase.RATING
    assert FreeSeat("1026", wrap_up_s=15, reason="wrap_up") in ops(line.last)
    assert events(line.last) == ["after_talk", "menu"]
    assert of(Tell, line.last)[0].command == media.StopRecord("c1-1")
    line.press("2")
    assert line.told("rated") == [{"key": "2", "meaning": "一般", "seat": "1026", "queue": "service"}]
    line.heard()
    [ended] = line.told("ended")
    assert (ended["by"], ended["reason"], ended["phase"], ended["seat"]) == ("seat", "completed", "RATING", "1026")
    assert ended["talk_s"] == 20.0


def test_a_caller_who_hangs_up_in_the_rating_was_served(line: Menu) -> None:
    line.talking()
    line.tell(sip.HungUp(SEAT))
    line.tell(EngineRestarted())
    assert of(PlayPrompts, line.last)[0].prompts == ("rating_ask",)
    line.tell(sip.HungUp(CALLER))
    assert (line.told("ended")[0]["by"], line.told("ended")[0]["reason"]) == ("seat", "completed")


def test_the_caller_hangs_up_first_and_rates_nothing(line: Menu) -> None:
    line.talking()
    line.tell(sip.HungUp(CALLER))
    assert line.told("ended")[0]["phase"] == "TALKING"


def test_the_seat_hands_the_caller_on_to_the_rating(line: Menu) -> None:
    line.talking()
    line.tell(TransferAsked(SEAT, "r1", "*90", ToRating()))
    assert of(AcceptRefer, line.last)
    assert of(NotifyRefer, line.last) == [NotifyRefer(SEAT, "r1", 200)]
    assert line.phase() is Phase.RATING
    plain = Line().to_talk()
    plain.tell(TransferAsked(SEAT, "r1", "*90", ToRating()))
    assert of(RefuseRefer, plain.last) == [RefuseRefer(SEAT, "r1", 404)], "its menu has no rating"


# What is said for good


def test_who_declines_is_never_recorded(line: Menu) -> None:
    line.to_menu().press("8", "9")
    assert "unrecorded" in events(line.last)
    line.tell(SeatClaimed(Callee("1026")))
    line.tell(LegOpened(SEAT, 20002))
    line.tell(sip.Answered(SEAT, PEER))
    assert events(line.last) == ["talking"]
    assert not [tell for tell in of(Tell, line.all) if isinstance(tell.command, media.Record)]


def test_a_secret_is_told_masked(line: Menu) -> None:
    line.to_menu().press("9", "4", "2")
    assert line.told("entered") == [{"node": "pin", "variable": "pin", "value": "***"}]
    told = [dict(action.data) for action in line.all if isinstance(action, Emit)]
    assert "42" not in json.dumps([event for event in told if "digit" in event or "value" in event])


def test_nothing_of_it_is_lost_when_put_down() -> None:
    line = Menu().talking()
    text = json.dumps(line.call.to_json(line.now))
    again = Call.from_json(json.loads(text), ACTIONS, {"service": QUEUE}, line.now, 0.0)
    assert again.to_json(line.now) == line.call.to_json(line.now)
    assert again.underway == line.call.underway
