"""The call's machine, by itself: events in, actions out, literal times."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from ivr.call import FOLLOWS, Arrival, Call, Phase
from ivr.dialplan import Callee
from ivr.flow.model import Document
from ivr.media import control as media
from ivr.sections import Queue
from ivr.sip import events as sip
from ivr.sip import sdp
from ivr.sip.number import Caller
from ivr.steps import (
    Action,
    AnswerCaller,
    AnswerReinvite,
    CancelDial,
    Change,
    ConfirmBye,
    Dial,
    Emit,
    EngineRestarted,
    HangUpLeg,
    Happening,
    LegFailed,
    LegOpened,
    MediaBack,
    MediaLost,
    OpenLeg,
    PlayPrompts,
    Reinvite,
    RejectCaller,
    RejectReinvite,
    SeatClaimed,
    Shutdown,
    Tell,
    Unreachable,
)
from routing.commit import Dequeue, Enqueue, FreeSeat, Requeue, SeatState

QUEUE = Queue(name="service", ring_timeout_s=20, time_limit_s=60, wrap_up_s=15, set_aside_s=45)
MENU = Document.model_validate(
    {
        "start": "main",
        "nodes": {
            "main": {"kind": "menu", "title": "主菜单", "prompt": "main_menu", "keys": {"1": "service", "2": "bye"}},
            "service": {"kind": "queue", "queue": "service"},
            "bye": {"kind": "hangup"},
        },
    }
)
CALLER = "caller-leg"
SEAT = "c1.s1"
PEER = sdp.offer(host="10.0.0.9", port=4000, session_id=1, version=1)
HELD = sdp.offer(host="10.0.0.9", port=4000, session_id=1, version=2, direction="sendonly")
VIDEO_ONLY = b"v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\nm=video 4000 RTP/AVP 96\r\n"


class Line:
    """A call and its clock. With `frozen` it is put down and picked up before every event."""

    document = MENU

    def __init__(self, offer: bytes = PEER, *, frozen: bool = False) -> None:
        self.now = 100.0
        self.frozen = frozen
        arrival = Arrival(
            "c1",
            "local",
            "sample",
            "4001",
            Caller("04714613311", True, "内蒙古", "呼和浩特市"),
            1.7e9,
            "n1",
            "127.0.0.1",
            "/rec",
            "d/c1",
        )
        self.call, self.last = Call.arrive(arrival, CALLER, offer, self.document, {"service": QUEUE}, self.now)
        self.all = list(self.last)

    def freeze(self) -> None:
        text = json.dumps(self.call.to_json(self.now))
        self.call = Call.from_json(json.loads(text), self.document, {"service": QUEUE}, self.now + 1000, 0.0)
        self.now += 1000

    def tell(self, event: Happening, after: float = 1.0) -> list[Action]:
        self.now += after
        if self.frozen:
            self.freeze()
        self.last = self.call.receive(event, self.now)
        self.all += self.last
        return self.last

    def wait(self, seconds: float) -> list[Action]:
        self.now += seconds
        if self.frozen:
            self.freeze()
        self.last = self.call.tick(self.now)
        self.all += self.last
        return self.last

    def phase(self) -> Phase:
        return self.call.phase

    def over(self) -> bool:
        return self.call.finished

    def to_menu(self) -> Line:
        self.tell(LegOpened(CALLER, 20000))
        self.tell(sip.Acknowledged(CALLER))
        return self

    def to_queue(self) -> Line:
        self.to_menu()
        self.tell(media.Digit(CALLER, "1", 100))
        return self

    def to_offer(self) -> Line:
        self.to_queue()
        self.tell(SeatClaimed(Callee("1026"), (("1027", "break"),)))
        self.tell(LegOpened(SEAT, 20002))
        return self

    def to_talk(self) -> Line:
        self.to_offer()
        self.tell(sip.Progressed(SEAT, 180))
        self.tell(sip.Answered(SEAT, PEER))
        return self


def of(kind: type, actions: Sequence[Action]) -> list[Any]:
    return [action for action in actions if isinstance(action, kind)]


def events(actions: Sequence[Action]) -> list[str]:
    return [emit.type for emit in of(Emit, actions)]


def ops(actions: Sequence[Action]) -> list[Any]:
    return [change.op for change in of(Change, actions)]


def told(kind: type, actions: Sequence[Action]) -> list[Any]:
    return [tell.command for tell in of(Tell, actions) if isinstance(tell.command, kind)]


@pytest.mark.parametrize("frozen", [False, True], ids=["running", "put down before each event"])
def test_a_whole_call(frozen: bool) -> None:
    line = Line(frozen=frozen)
    assert line.all[0] == OpenLeg(CALLER)
    line.to_talk()
    assert line.phase() is Phase.TALKING
    mix = told(media.Mix, line.last)[0]
    assert mix.hears == {CALLER: (SEAT,), SEAT: (CALLER,)}
    assert [play.leg for play in of(PlayPrompts, line.last)] == [CALLER, SEAT]
    assert of(PlayPrompts, line.last)[0].prompts == (
        "agent_number",
        "digit_1",
        "digit_0",
        "digit_2",
        "digit_6",
        "at_your_service",
    )
    assert told(media.Record, line.last) == [media.Record("c1-1", "/rec/d/c1.wav", CALLER, SEAT)]
    line.tell(sip.HungUp(CALLER), after=30.0)
    assert ConfirmBye(CALLER) == line.last[0]
    assert of(HangUpLeg, line.last) == [HangUpLeg(SEAT)]
    assert ops(line.last) == [FreeSeat("1026", wrap_up_s=15, reason="wrap_up")]
    assert told(media.StopRecord, line.last) == [media.StopRecord("c1-1")]
    assert {close.leg for close in told(media.Close, line.last)} == {CALLER, SEAT}
    assert not line.over(), "the BYE to the seat is not answered yet"
    line.tell(sip.Over(SEAT))
    assert line.over()
    assert events(line.all) == [
        "arrived",
        "answered",
        "menu",
        "key",
        "menu",
        "queued",
        "offered",
        "ringing",
        "talking",
        "recording",
        "ended",
    ]
    end = of(Emit, line.all)[-1].data
    assert end == {
        "by": "caller",
        "reason": "completed",
        "phase": "TALKING",
        "queue": "service",
        "seat": "1026",
        "wait_s": 4.0,
        "talk_s": 30.0,
    }


def test_the_seat_hangs_up_first() -> None:
    line = Line().to_talk()
    line.tell(sip.HungUp(SEAT))
    assert of(HangUpLeg, line.last) == [HangUpLeg(CALLER)]
    assert of(Emit, line.last)[-1].data["by"] == "seat"


def test_hanging_up_in_each_phase_says_so() -> None:
    for upto, reason in ((Line.to_menu, "hung_up_in_menu"), (Line.to_queue, "abandoned"), (Line.to_offer, "abandoned")):
        line = upto(Line())
        line.tell(sip.HungUp(CALLER))
        end = of(Emit, line.last)[-1]
        assert (end.type, end.data["reason"], end.data["by"]) == ("ended", reason, "caller")
    assert of(CancelDial, line.last) == [CancelDial(SEAT)]
    assert ops(line.last) == [FreeSeat("1026")]
    assert not line.over()
    line.tell(sip.Rejected(SEAT, 487, "Request Terminated"))
    assert line.over()


def test_leaving_the_queue_leaves_it_in_redis() -> None:
    line = Line().to_queue()
    assert ops(line.last) == [Enqueue("service")]
    line.tell(sip.HungUp(CALLER))
    assert ops(line.last) == [Dequeue("service")]


def test_cancel_before_the_answer() -> None:
    line = Line()
    line.tell(sip.Cancelled(CALLER))
    assert line.over()
    line.tell(LegOpened(CALLER, 20000))
    assert told(media.Close, line.last) == [media.Close(CALLER)]
    assert not of(AnswerCaller, line.last)


def test_no_common_codec_is_488() -> None:
    line = Line(VIDEO_ONLY)
    line.tell(LegOpened(CALLER, 20000))
    assert line.last[0] == RejectCaller(CALLER, 488, "Not Acceptable Here")
    assert line.over()


def test_no_port_is_503() -> None:
    line = Line()
    line.tell(LegFailed(CALLER, "no free port"))
    assert line.last[0] == RejectCaller(CALLER, 503, "Service Unavailable")
    assert line.over()


def test_late_offer_is_answered_by_the_ack() -> None:
    line = Line(b"")
    line.tell(LegOpened(CALLER, 20000))
    assert b"m=audio 20000" in of(AnswerCaller, line.last)[0].sdp
    assert not told(media.Remote, line.last)
    line.tell(sip.Acknowledged(CALLER, PEER))
    assert told(media.Remote, line.last)[0].host == "10.0.0.9"
    assert line.phase() is Phase.MENU


def test_late_offer_that_cannot_be_taken_ends_the_call() -> None:
    line = Line(b"")
    line.tell(LegOpened(CALLER, 20000))
    line.tell(sip.Acknowledged(CALLER, VIDEO_ONLY))
    assert of(HangUpLeg, line.last) == [HangUpLeg(CALLER)]


def test_no_ack_hangs_up() -> None:
    line = Line()
    line.tell(LegOpened(CALLER, 20000))
    line.tell(sip.Broken(CALLER, "no_ack"))
    assert of(HangUpLeg, line.last) == [HangUpLeg(CALLER)]
    assert of(Emit, line.last)[-1].data["reason"] == "signalling_no_ack"
    line.tell(sip.Broken(CALLER, "no_bye_answer"))
    assert line.over()


def test_no_answer_returns_the_caller_and_sets_the_seat_aside() -> None:
    line = Line().to_offer()
    line.wait(18.0)
    assert line.last == []
    line.wait(2.0)
    assert of(CancelDial, line.last) == [CancelDial(SEAT)]
    assert ops(line.last) == [FreeSeat("1026", set_aside_s=45, reason="no_answer"), Requeue("service")]
    assert line.phase() is Phase.QUEUED
    assert told(media.Close, line.last) == [media.Close(SEAT)]
    line.tell(SeatClaimed(Callee("1027")))
    assert OpenLeg("c1.s2") in line.last


@pytest.mark.parametrize(("status", "why"), [(486, "busy"), (603, "declined"), (408, "unreachable"), (500, "refused")])
def test_refusals(status: int, why: str) -> None:
    line = Line().to_offer()
    line.tell(sip.Rejected(SEAT, status, ""))
    assert ops(line.last) == [FreeSeat("1026", set_aside_s=45, reason=why), Requeue("service")]
    assert events(line.last) == ["refused", "requeued"]


@pytest.mark.parametrize(("asked_s", "set_aside_s"), [(44, 45), (300, 300), (86400, 3600)])
def test_a_telephone_that_names_a_time_is_not_called_before(asked_s: int, set_aside_s: float) -> None:
    """Retry-After; no less than the queue says, and an hour at most."""
    line = Line().to_offer()
    line.tell(sip.Rejected(SEAT, 480, "", (), asked_s))
    assert ops(line.last) == [FreeSeat("1026", set_aside_s=set_aside_s, reason="unreachable"), Requeue("service")]


def test_a_seat_without_telephone() -> None:
    line = Line().to_offer()
    line.tell(Unreachable(SEAT))
    assert ops(line.last)[0].reason == "unreachable"


def test_a_seat_without_port_costs_the_seat_nothing_much() -> None:
    line = Line().to_queue()
    line.tell(SeatClaimed(Callee("1026")))
    line.tell(LegFailed(SEAT, "no free port"))
    assert ops(line.last) == [FreeSeat("1026", set_aside_s=5.0, reason="no_port"), Requeue("service")]
    line.tell(LegFailed(SEAT, "again"))
    assert line.last == []


def test_an_answer_that_comes_too_late_is_hung_up() -> None:
    line = Line().to_offer()
    line.wait(20.0)
    line.tell(sip.Answered(SEAT, PEER))
    assert line.last == [HangUpLeg(SEAT)]
    assert line.phase() is Phase.QUEUED


def test_an_answer_without_common_codec() -> None:
    line = Line().to_offer()
    line.tell(sip.Answered(SEAT, VIDEO_ONLY))
    assert of(HangUpLeg, line.last) == [HangUpLeg(SEAT)]
    assert Requeue("service") in ops(line.last)
    line.tell(sip.HungUp(CALLER))
    assert not line.over(), "the BYE to that seat is still to be answered"


def test_a_claim_for_a_call_that_is_gone_is_given_back() -> None:
    line = Line().to_menu()
    line.tell(SeatClaimed(Callee("1026")))
    assert ops(line.last) == [FreeSeat("1026")]


def test_the_time_limit_says_goodbye_and_is_the_reason_however_it_ends() -> None:
    line = Line().to_queue()
    line.wait(60.0)
    assert ops(line.last) == [Dequeue("service")]
    assert "time_limit" in events(line.last)
    play = of(PlayPrompts, line.last)[0]
    assert play.prompts == ("sorry_goodbye",)
    line.tell(sip.HungUp(CALLER))
    assert of(Emit, line.last)[-1].data["reason"] == "time_limit"


def test_the_time_limit_goodbye_is_heard_to_its_end() -> None:
    line = Line().to_queue()
    line.wait(60.0)
    line.tell(media.Played(CALLER, of(PlayPrompts, line.last)[0].play, True))
    assert of(HangUpLeg, line.last) == [HangUpLeg(CALLER)]
    assert of(Emit, line.last)[-1].data == {
        "by": "system", "reason": "time_limit", "phase": "MENU", "queue": "service", "seat": "", "wait_s": 61.0, "talk_s": 0.0,
    }  # fmt: skip


def test_a_ringing_seat_is_let_ring_past_the_time_limit() -> None:
    line = Line().to_queue()
    line.wait(58.0)
    line.tell(SeatClaimed(Callee("1026")))
    line.tell(LegOpened(SEAT, 20002))
    line.wait(5.0)
    assert line.last == []
    deadline = line.call.deadline()
    assert deadline is not None
    assert deadline > line.now, "a passed limit must not spin the timer"
    line.wait(15.0)
    assert line.phase() is Phase.QUEUED
    assert line.call.deadline() is not None
    line.wait(0.0)
    assert line.phase() is Phase.MENU
    assert "time_limit" in events(line.last)


def test_hold_plays_music_to_the_other_and_resume_joins_again() -> None:
    line = Line().to_talk()
    line.tell(sip.Reinvited(SEAT, HELD))
    assert len(of(AnswerReinvite, line.last)) == 1
    assert told(media.Mix, line.last)[0].hears == {CALLER: (), SEAT: ()}
    assert [(p.leg, p.prompts, p.loop) for p in of(PlayPrompts, line.last)] == [(CALLER, ("music",), True)]
    assert events(line.last) == ["held"]
    line.tell(sip.Reinvited(SEAT, PEER))
    assert told(media.Stop, line.last)
    assert told(media.Mix, line.last)[0].hears == {CALLER: (SEAT,), SEAT: (CALLER,)}
    assert events(line.last) == ["unheld"]


def test_a_hold_in_the_queue_changes_nothing_there() -> None:
    line = Line().to_queue()
    line.tell(sip.Reinvited(CALLER, HELD))
    assert events(line.last) == ["held"]
    assert not of(PlayPrompts, line.last)


def test_what_concerns_nobody_here_is_passed_over() -> None:
    line = Line().to_offer()
    for event in (sip.Cancelled("nobody"), sip.Acknowledged("nobody"), LegOpened(SEAT, 20002), sip.Rejected("nobody", 486, "")):
        assert line.tell(event) == [], event
    line.tell(media.Recording("c1-1", "stopped", "path"))
    assert line.last == []


def test_a_reinvite_that_changes_the_address_only() -> None:
    line = Line().to_talk()
    line.tell(sip.Reinvited(CALLER, sdp.offer(host="10.0.0.8", port=4100, session_id=1, version=2)))
    assert told(media.Remote, line.last)[0].port == 4100
    assert not events(line.last)


def test_a_reinvite_without_offer_gets_ours_and_the_ack_brings_the_answer() -> None:
    line = Line().to_talk()
    line.tell(sip.Reinvited(CALLER, b""))
    assert b"m=audio 20000" in of(AnswerReinvite, line.last)[0].sdp
    line.tell(sip.Acknowledged(CALLER, HELD, reinvite=True))
    assert events(line.last) == ["held"]


def test_reinvites_that_cannot_be_taken() -> None:
    line = Line().to_talk()
    line.tell(sip.Reinvited(CALLER, VIDEO_ONLY))
    assert line.last == [RejectReinvite(CALLER, 488)]
    line.tell(sip.Reinvited("stranger", PEER))
    assert line.last == [RejectReinvite("stranger", 500)]
    assert line.phase() is Phase.TALKING


def test_a_prompt_that_cannot_be_played_does_not_hold_the_menu() -> None:
    line = Line().to_queue()
    line.wait(60.0)
    line.tell(media.Played(CALLER, of(PlayPrompts, line.last)[0].play, False))
    assert of(HangUpLeg, line.last) == [HangUpLeg(CALLER)]


def test_keys_count_in_the_menu_only() -> None:
    line = Line().to_talk()
    line.tell(media.Digit(CALLER, "2", 100))
    assert line.last == []
    menu = Line().to_menu()
    menu.tell(sip.Digit(CALLER, "2", 160))
    assert of(HangUpLeg, menu.last) == [HangUpLeg(CALLER)], "by SIP INFO as well"
    assert of(Emit, menu.last)[-1].data["reason"] == "menu_ended"


def test_rtp_timeout_ends_the_call_but_not_while_held() -> None:
    line = Line().to_talk()
    line.tell(sip.Reinvited(SEAT, HELD))
    line.tell(media.Silent(SEAT, 30.0))
    assert line.last == []
    line.tell(media.Silent(CALLER, 30.0))
    assert of(Emit, line.last)[-1].data["reason"] == "rtp_timeout"
    assert {leg.leg for leg in of(HangUpLeg, line.last)} == {CALLER, SEAT}


def test_trouble_with_a_recording_is_in_the_timeline() -> None:
    line = Line().to_talk()
    line.tell(media.Recording("c1-1", "low_space", "12 MB free"))
    assert of(Emit, line.last)[0].data == {"detail": "low_space: 12 MB free"}


def test_media_dies_in_a_talk() -> None:
    line = Line().to_talk()
    line.tell(MediaLost())
    assert events(line.last) == ["media_lost"]
    line.tell(MediaBack())
    assert line.last == [OpenLeg(CALLER), OpenLeg(SEAT)]
    line.tell(LegOpened(CALLER, 21000))
    assert b"m=audio 21000" in of(Reinvite, line.last)[0].sdp
    assert told(media.Remote, line.last)
    assert not told(media.Mix, line.last), "the other side has no port yet"
    line.tell(LegOpened(SEAT, 21002))
    assert told(media.Mix, line.last)
    assert told(media.Record, line.last) == [media.Record("c1-2", "/rec/d/c1-2.wav", CALLER, SEAT)]
    assert "media_back" in events(line.last)
    line.tell(sip.ReinviteAnswered(CALLER, PEER))
    assert told(media.Remote, line.last)


def test_media_that_has_no_port_for_the_seat_any_more_ends_the_talk() -> None:
    line = Line().to_talk()
    line.tell(MediaLost())
    line.tell(MediaBack())
    line.tell(LegOpened(CALLER, 21000))
    line.tell(LegFailed(SEAT, "no free port"))
    assert {leg.leg for leg in of(HangUpLeg, line.last)} == {CALLER, SEAT}
    assert of(Emit, line.last)[-1].data["reason"] == "media_lost"


def test_glare_is_tried_again_and_another_refusal_ends_the_call() -> None:
    line = Line().to_talk()
    line.tell(sip.ReinviteRejected(SEAT, 491, owner=True))
    assert line.call.deadline() == line.now + 3.0
    line.wait(3.0)
    assert len(of(Reinvite, line.last)) == 1
    line.tell(sip.ReinviteRejected(SEAT, 491))
    assert line.call.deadline() == line.now + 1.0
    line.tell(sip.ReinviteRejected(SEAT, 488))
    assert of(Emit, line.last)[-1].data["reason"] == "media_lost"


def test_media_dies_before_the_ack_brings_the_answer() -> None:
    line = Line(b"")
    line.tell(LegOpened(CALLER, 20000))
    line.tell(MediaLost())
    line.tell(MediaBack())
    line.tell(LegOpened(CALLER, 21000))
    assert b"m=audio 21000" in of(Reinvite, line.last)[0].sdp
    assert not told(media.Remote, line.last)


def test_a_second_offer_waits_for_a_port() -> None:
    line = Line().to_talk()
    line.tell(sip.ReinviteRejected(SEAT, 491))
    line.tell(MediaLost(), after=0.1)
    line.wait(1.0)
    assert line.last == []


def test_what_the_floor_shows() -> None:
    line = Line().to_talk()
    shown = line.call.summary
    assert (shown["kind"], shown["phase"], shown["seat"], shown["place"]) == ("inbound", "TALKING", "1026", "内蒙古呼和浩特市")
    menu = Line().to_menu()
    assert menu.call.deadline() is not None, "the menu's own time limits count"
    assert menu.call.summary["menu"] == "主菜单"


def test_people_read_the_titles_of_nodes_that_have_one() -> None:
    came = [emit.data for emit in of(Emit, Line().to_queue().all) if emit.type == "menu"]
    assert came == [{"node": "main", "title": "主菜单"}, {"node": "service"}]


def test_media_dies_while_a_seat_rings() -> None:
    line = Line().to_offer()
    line.tell(MediaLost())
    assert of(CancelDial, line.last) == [CancelDial(SEAT)]
    assert ops(line.last) == [FreeSeat("1026", reason="media_lost"), Requeue("service")]
    line.tell(SeatClaimed(Callee("1027")))
    assert ops(line.last) == [FreeSeat("1027", reason="media_lost"), Requeue("service")], "no seat rings without sound"
    line.tell(MediaBack())
    assert line.last == [OpenLeg(CALLER)]
    line.tell(LegOpened(CALLER, 21000))
    assert of(PlayPrompts, line.last)[0].prompts == ("music",)


def test_media_dies_in_the_menu() -> None:
    line = Line().to_menu()
    line.tell(MediaLost())
    line.tell(MediaBack())
    line.tell(LegOpened(CALLER, 21000))
    assert of(PlayPrompts, line.last)[0].prompts == ("main_menu",)


def test_the_engine_restarts_in_each_phase() -> None:
    arrived = Line()
    arrived.tell(EngineRestarted())
    assert OpenLeg(CALLER) in arrived.last
    menu = Line().to_menu()
    menu.tell(EngineRestarted())
    assert of(PlayPrompts, menu.last)[0].prompts == ("main_menu",), "the prompt is said again"
    queued = Line().to_queue()
    queued.tell(EngineRestarted())
    assert ops(queued.last) == [Requeue("service")]
    offered = Line().to_offer()
    offered.tell(EngineRestarted())
    assert of(CancelDial, offered.last) == [CancelDial(SEAT)]
    assert ops(offered.last) == [FreeSeat("1026", reason="engine_restarted"), Requeue("service"), Requeue("service")]
    talking = Line().to_talk()
    talking.tell(EngineRestarted())
    assert [stop.leg for stop in told(media.Stop, talking.last)] == [CALLER, SEAT], "the queue's music may still play"
    assert told(media.Mix, talking.last)
    assert told(media.Record, talking.last) == [media.Record("c1-1", "/rec/d/c1.wav", CALLER, SEAT)], "the same take, once"
    for line in (menu, queued, offered, talking):
        assert CALLER in {command.leg for command in told(media.Remote, line.last)}, "media may never have been told"
    ended = Line().to_talk()
    ended.tell(sip.HungUp(CALLER))
    ended.tell(EngineRestarted())
    assert ended.last == [HangUpLeg(SEAT)]


def test_an_engine_that_stops_for_good_hangs_up() -> None:
    line = Line().to_talk()
    line.tell(Shutdown())
    assert {leg.leg for leg in of(HangUpLeg, line.last)} == {CALLER, SEAT}
    assert of(Emit, line.last)[-1].data["reason"] == "shutdown"


def test_a_call_that_is_not_answered_yet_is_refused_when_the_engine_stops() -> None:
    line = Line()
    line.tell(Shutdown())
    assert line.last[0] == RejectCaller(CALLER, 503, "Service Unavailable")
    assert line.over()


def test_a_talk_after_the_time_limit_is_a_talk() -> None:
    line = Line().to_talk()
    line.call.sent_away = True
    line.tell(sip.HungUp(CALLER))
    assert of(Emit, line.last)[-1].data["reason"] == "completed"


def test_after_the_end_nothing_happens_any_more() -> None:
    line = Line().to_talk()
    line.tell(sip.HungUp(CALLER))
    line.tell(sip.Over(SEAT))
    for event in (
        MediaLost(), MediaBack(), media.Silent(SEAT, 1.0), Shutdown(), sip.Cancelled(CALLER), sip.Progressed(SEAT, 180),
        sip.ReinviteAnswered(SEAT, PEER), sip.ReinviteRejected(SEAT, 491), sip.Acknowledged(CALLER), sip.Broken(SEAT,
        "dialog_lost"), sip.Over("nobody"), sip.Broken("nobody", "no_ack"), LegFailed(CALLER, ""),
    ):  # fmt: skip
        assert line.tell(event) == [], event
    assert line.call.deadline() is None
    assert line.wait(1e6) == []


def test_a_seat_that_dials_a_code_leaves_no_call_in_the_log() -> None:
    arrival = Arrival("c2", "", "", "*81", Caller("1026", False), 1.7e9, "n1", "127.0.0.1", "/rec", "d/c2", logged=False)
    call, actions = Call.arrive(arrival, CALLER, PEER, MENU, {"service": QUEUE}, 0.0)
    actions += call.receive(LegOpened(CALLER, 20000), 1.0) + call.receive(sip.Acknowledged(CALLER), 2.0)
    assert not of(Emit, actions)
    saved = call.to_json(2.0)
    assert Document.model_validate(saved["document"]) == MENU, "its menu is not published: it goes with the call"


def test_every_phase_can_end_and_only_the_end_has_no_way_out() -> None:
    for phase, following in FOLLOWS.items():
        assert (Phase.ENDED in following) == (phase is not Phase.ENDED)
    assert SeatState("1026", "ringing") in ops(Line().to_offer().last)
    assert len(of(Dial, Line().to_offer().last)) == 1
