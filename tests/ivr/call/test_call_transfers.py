"""Second lines and transfers: events in, actions out."""

from __future__ import annotations

import pytest

from ivr.call import Phase
from ivr.dialplan import Callee, Refused, ToHotline, ToQueue
from ivr.flow.model import Document
from ivr.media import control as media
from ivr.sip import events as sip
from ivr.steps import (
    AcceptRefer,
    AnswerCaller,
    CancelDial,
    Consulting,
    Dial,
    Emit,
    EngineRestarted,
    HangUpLeg,
    LegFailed,
    LegOpened,
    MediaBack,
    MediaLost,
    NotifyRefer,
    OpenLeg,
    PlayPrompts,
    RefuseRefer,
    RejectCaller,
    RingCaller,
    SeatBusy,
    SeatTaken,
    TakeSeat,
    TransferAsked,
    Unreachable,
)
from routing.commit import Dequeue, Enqueue, FreeSeat, Requeue, SeatState
from tests.ivr.call.test_call import CALLER, HELD, PEER, SEAT, VIDEO_ONLY, Line, events, of, ops, told

COLLEAGUE = Callee("1027")
OUTSIDE = Callee(number="13912345678", trunk="out", caller_id="4001")
MOBILE = Callee("1030", "13900000000", "out", "4001", confirm=True)
ASIDE = "a9"
THIRD = "c1.s2"
MENU = Document.model_validate({"start": "hello", "nodes": {"hello": {"kind": "hangup", "prompt": "goodbye"}}})


def blind(line: Line, to: Callee = COLLEAGUE, leg: str = SEAT) -> Line:
    line.tell(TransferAsked(leg, "r1", to.name, to))
    return line


def ringing(*, frozen: bool = False) -> Line:
    """A blind transfer to a colleague whose telephone rings."""
    line = Line(frozen=frozen).to_talk()
    blind(line)
    line.tell(SeatTaken("1027"))
    line.tell(LegOpened(THIRD, 20004))
    line.tell(sip.Progressed(THIRD, 180))
    return line


def consulting(to: Callee = COLLEAGUE, *, frozen: bool = False) -> Line:
    """The seat asks a colleague whose telephone rings."""
    line = Line(frozen=frozen).to_talk()
    line.tell(sip.Reinvited(SEAT, HELD))
    line.tell(Consulting(ASIDE, PEER, to))
    line.tell(LegOpened(ASIDE, 20006))
    if to.seat:
        line.tell(SeatTaken(to.seat))
    line.tell(LegOpened(THIRD, 20004))
    return line


def attended(line: Line) -> Line:
    line.tell(TransferAsked(SEAT, "r1", "1027", Refused("invalid"), replaces=ASIDE))
    return line


def last(line: Line, kind: str) -> dict[str, object]:
    return dict(next(emit for emit in reversed(of(Emit, line.all)) if emit.type == kind).data)


@pytest.mark.parametrize("frozen", [False, True], ids=["running", "put down before each event"])
def test_a_transfer_to_a_colleague(frozen: bool) -> None:
    line = Line(frozen=frozen).to_talk()
    blind(line)
    assert line.phase() is Phase.TRANSFERRING
    assert of(AcceptRefer, line.last) == [AcceptRefer(SEAT, "r1")]
    assert told(media.Mix, line.last)[0].hears == {CALLER: (), SEAT: ()}
    assert of(PlayPrompts, line.last)[0].prompts == ("music",)
    assert line.last[-1] == TakeSeat("1027")
    line.tell(SeatTaken("1027"))
    line.tell(LegOpened(THIRD, 20004))
    assert ops(line.last) == [SeatState("1027", "ringing")]
    assert not of(HangUpLeg, line.all), "the seat stays until somebody answers"
    line.tell(sip.Progressed(THIRD, 180))
    assert line.last == []
    line.tell(sip.Answered(THIRD, PEER))
    assert line.phase() is Phase.TALKING
    assert of(NotifyRefer, line.last) == [NotifyRefer(SEAT, "r1", 200)]
    assert of(HangUpLeg, line.last) == [HangUpLeg(SEAT)]
    assert ops(line.last) == [FreeSeat("1026", wrap_up_s=15, reason="wrap_up"), SeatState("1027", "talking")]
    assert told(media.Mix, line.last)[0].hears == {CALLER: (THIRD,), THIRD: (CALLER,)}
    assert told(media.StopRecord, line.last) == [media.StopRecord("c1-1")]
    assert told(media.Record, line.last) == [media.Record("c1-2", "/rec/d/c1-2.wav", CALLER, THIRD)]
    assert last(line, "transferred") == {"from": "1026", "to": "1027", "kind": "blind", "seat": "1027"}
    line.tell(sip.HungUp(SEAT))
    assert line.phase() is Phase.TALKING, "it has left before"
    line.tell(sip.HungUp(CALLER))
    assert of(HangUpLeg, line.last) == [HangUpLeg(THIRD)]
    assert ops(line.last) == [FreeSeat("1027", wrap_up_s=15, reason="wrap_up")]
    assert last(line, "ended")["seat"] == "1027"
    line.tell(sip.Over(THIRD))
    assert line.over()


def test_a_transfer_out() -> None:
    line = Line().to_talk()
    blind(line, OUTSIDE)
    line.tell(LegOpened(THIRD, 20004))
    assert of(Dial, line.last)[0].callee == OUTSIDE
    line.tell(sip.Answered(THIRD, PEER))
    assert line.phase() is Phase.TALKING
    assert line.call.seat == "", "no seat talks any more"
    assert told(media.Record, line.last) == [media.Record("c1-2", "/rec/d/c1-2.wav", CALLER, THIRD)]
    blind(line, OUTSIDE, leg=THIRD)
    assert line.last == [RefuseRefer(THIRD, "r1", 603)], "nor does an outside party get to call out at our cost"
    line.tell(sip.HungUp(THIRD))
    assert of(HangUpLeg, line.last) == [HangUpLeg(CALLER)]
    assert ops(line.last) == []


@pytest.mark.parametrize(("status", "why"), [(486, "busy"), (603, "declined"), (487, "refused")])
def test_a_transfer_that_fails_gives_the_caller_back(status: int, why: str) -> None:
    line = ringing()
    line.tell(sip.Rejected(THIRD, status, ""))
    assert line.phase() is Phase.TALKING
    assert of(NotifyRefer, line.last) == [NotifyRefer(SEAT, "r1", status)]
    assert ops(line.last) == [FreeSeat("1027")]
    assert told(media.Mix, line.last)[0].hears == {CALLER: (SEAT,), SEAT: (CALLER,)}
    assert last(line, "transfer_failed") == {"from": "1026", "to": "1027", "why": why}
    blind(line)
    assert line.phase() is Phase.TRANSFERRING, "it can be tried again"


def test_nobody_answers_the_transfer() -> None:
    line = ringing()
    line.wait(20.0)
    assert of(CancelDial, line.last) == [CancelDial(THIRD)]
    assert of(NotifyRefer, line.last) == [NotifyRefer(SEAT, "r1", 480)]
    assert line.phase() is Phase.TALKING


def test_a_colleague_who_is_busy() -> None:
    line = Line().to_talk()
    blind(line)
    line.tell(SeatBusy("1027"))
    assert of(NotifyRefer, line.last) == [NotifyRefer(SEAT, "r1", 486)]
    assert line.phase() is Phase.TALKING


def test_the_seat_leaves_before_the_transfer_is_answered() -> None:
    line = ringing()
    line.tell(sip.HungUp(SEAT))
    assert line.phase() is Phase.TRANSFERRING, "the caller is not dropped"
    assert ops(line.last) == [FreeSeat("1026", wrap_up_s=15, reason="wrap_up")]
    line.tell(sip.Answered(THIRD, PEER))
    assert line.phase() is Phase.TALKING
    assert told(media.Mix, line.last)[0].hears == {CALLER: (THIRD,), THIRD: (CALLER,)}
    assert last(line, "transferred")["from"] == "1026"


def test_the_seat_has_left_and_the_transfer_fails() -> None:
    line = ringing()
    line.tell(sip.HungUp(SEAT))
    line.tell(sip.Rejected(THIRD, 486, ""))
    assert line.phase() is Phase.QUEUED, "back in line"
    assert Requeue("service") in ops(line.last)
    line.wait(60.0)
    assert line.phase() is Phase.MENU
    assert "time_limit" in events(line.last)


def test_without_a_queue_there_is_no_line_to_go_back_to() -> None:
    line = ringing()
    line.tell(sip.HungUp(SEAT))
    line.call.queue = ""
    line.tell(sip.Rejected(THIRD, 486, ""))
    assert last(line, "ended")["reason"] == "transfer_failed"


def test_the_caller_leaves_during_a_transfer() -> None:
    line = ringing()
    line.tell(sip.HungUp(CALLER))
    assert of(CancelDial, line.last) == [CancelDial(THIRD)]
    assert of(HangUpLeg, line.last) == [HangUpLeg(SEAT)]
    assert last(line, "ended")["reason"] == "completed"
    assert {op.seat for op in ops(line.last)} == {"1026", "1027"}


def test_the_colleague_is_had_only_after_the_caller_has_left() -> None:
    line = Line().to_talk()
    blind(line)
    line.tell(sip.HungUp(CALLER))
    line.tell(SeatTaken("1027"))
    assert ops(line.last) == [FreeSeat("1027")]
    assert line.tell(SeatBusy("1027")) == []


def test_a_transfer_to_a_queue_or_a_hotline() -> None:
    line = Line().to_talk()
    line.tell(TransferAsked(SEAT, "r1", "7000", ToQueue("service")))
    assert of(NotifyRefer, line.last) == [NotifyRefer(SEAT, "r1", 200)]
    assert of(HangUpLeg, line.last) == [HangUpLeg(SEAT)]
    assert line.phase() is Phase.QUEUED
    assert ops(line.last) == [FreeSeat("1026", wrap_up_s=15, reason="wrap_up"), Enqueue("service")]
    assert told(media.StopRecord, line.last)
    line.tell(sip.HungUp(CALLER), after=7.0)
    assert ops(line.last) == [Dequeue("service")]
    end = last(line, "ended")
    assert (end["reason"], end["wait_s"], end["talk_s"]) == ("abandoned", 7.0, 1.0), "who gives up here is owed a call"
    menu = Line().to_talk()
    menu.tell(TransferAsked(SEAT, "r1", "4002", ToHotline("other"), document=MENU))
    assert menu.phase() is Phase.MENU
    assert of(PlayPrompts, menu.last)[0].prompts == ("goodbye",)
    assert menu.call.arrival.hotline == "other"
    assert last(menu, "transferred") == {"from": "1026", "to": "other", "kind": "hotline"}


def test_who_may_not_transfer_and_where_to() -> None:
    line = Line().to_talk()
    blind(line, OUTSIDE, leg=CALLER)
    assert line.last == [RefuseRefer(CALLER, "r1", 603)], "a caller who could, could call out at our cost"
    line.tell(TransferAsked(SEAT, "r1", "0085212345678", Refused("foreign")))
    assert of(RefuseRefer, line.last) == [RefuseRefer(SEAT, "r1", 403)]
    assert last(line, "transfer_refused") == {"seat": "1026", "to": "0085212345678", "why": "foreign"}
    blind(line, Callee("1026"))
    assert line.last == [RefuseRefer(SEAT, "r1", 603)], "to itself"
    attended(line)
    assert line.last == [RefuseRefer(SEAT, "r1", 603)], "nobody is asked"
    blind(line)
    blind(line)
    assert line.last == [RefuseRefer(SEAT, "r1", 603)], "one at a time"
    queued = Line().to_queue()
    blind(queued)
    assert queued.last == [RefuseRefer(SEAT, "r1", 603)]


def test_a_transfer_to_a_mobile_waits_for_its_key() -> None:
    line = Line().to_talk()
    blind(line, MOBILE)
    line.tell(SeatTaken("1030"))
    line.tell(LegOpened(THIRD, 20004))
    line.tell(sip.Answered(THIRD, PEER))
    assert line.phase() is Phase.TRANSFERRING
    line.tell(media.Digit(THIRD, "1", 100))
    assert line.phase() is Phase.TALKING
    assert line.call.seat == "1030"


def test_the_third_partys_next_address() -> None:
    line = Line().to_talk()
    blind(line, OUTSIDE)
    line.tell(LegOpened(THIRD, 20004))
    line.tell(sip.Rejected(THIRD, 503, ""))
    line.tell(LegOpened("c1.s3", 20006))
    line.tell(sip.Answered("c1.s3", PEER))
    assert line.phase() is Phase.TALKING
    none = Line().to_talk()
    blind(none, OUTSIDE)
    none.tell(Unreachable(THIRD))
    assert last(none, "transfer_failed")["why"] == "trunk_unreachable"


# A second line


@pytest.mark.parametrize("frozen", [False, True], ids=["running", "put down before each event"])
def test_the_seat_asks_a_colleague_and_hands_the_caller_over(frozen: bool) -> None:
    line = consulting(frozen=frozen)
    line.tell(sip.Progressed(THIRD, 180))
    assert of(RingCaller, line.last) == [RingCaller(ASIDE)]
    line.tell(sip.Answered(THIRD, PEER))
    assert [answer.leg for answer in of(AnswerCaller, line.last)] == [ASIDE]
    assert told(media.Mix, line.last)[0].hears == {ASIDE: (THIRD,), THIRD: (ASIDE,)}
    assert ops(line.last) == [SeatState("1027", "talking")]
    assert line.phase() is Phase.TALKING
    line.tell(sip.Acknowledged(ASIDE))
    attended(line)
    assert of(AcceptRefer, line.last) == [AcceptRefer(SEAT, "r1")]
    assert of(NotifyRefer, line.last) == [NotifyRefer(SEAT, "r1", 200)]
    assert {leg.leg for leg in of(HangUpLeg, line.last)} == {SEAT, ASIDE}
    assert told(media.Mix, line.last)[0].hears == {CALLER: (THIRD,), THIRD: (CALLER,)}
    assert last(line, "transferred") == {"from": "1026", "to": "1027", "kind": "attended", "seat": "1027"}
    assert line.call.seat == "1027"


def test_the_refer_may_come_on_the_second_line() -> None:
    line = consulting()
    line.tell(sip.Answered(THIRD, PEER))
    line.tell(TransferAsked(ASIDE, "r1", "1026", Refused("invalid"), replaces=SEAT))
    assert of(NotifyRefer, line.last) == [NotifyRefer(ASIDE, "r1", 200)]


def test_handing_over_while_the_colleague_still_rings() -> None:
    line = consulting()
    attended(line)
    assert line.phase() is Phase.TRANSFERRING
    line.tell(sip.Answered(THIRD, PEER))
    assert line.phase() is Phase.TALKING
    assert last(line, "transferred")["kind"] == "attended"
    refused = consulting()
    attended(refused)
    refused.tell(sip.Rejected(THIRD, 486, ""))
    assert refused.phase() is Phase.TALKING
    assert of(RejectCaller, refused.last) == [RejectCaller(ASIDE, 486, "")]


def test_the_colleague_cannot_be_asked() -> None:
    busy = consulting()
    busy.tell(sip.Rejected(THIRD, 486, ""))
    assert of(RejectCaller, busy.last) == [RejectCaller(ASIDE, 486, "")]
    assert last(busy, "consult_ended")["why"] == "busy"
    assert busy.phase() is Phase.TALKING
    silent = consulting()
    silent.wait(20.0)
    assert of(CancelDial, silent.last) == [CancelDial(THIRD)]
    portless = Line().to_talk()
    portless.tell(Consulting(ASIDE, PEER, COLLEAGUE))
    portless.tell(LegFailed(ASIDE, "no port"))
    assert of(RejectCaller, portless.last) == [RejectCaller(ASIDE, 503, "")]
    third = Line().to_talk()
    third.tell(Consulting(ASIDE, PEER, OUTSIDE))
    third.tell(LegFailed(THIRD, "no port"))
    assert of(RejectCaller, third.last) == [RejectCaller(ASIDE, 503, "")]
    unfit = Line().to_talk()
    for event in (Consulting(ASIDE, VIDEO_ONLY, OUTSIDE), LegOpened(ASIDE, 20006), LegOpened(THIRD, 20004)):
        unfit.tell(event)
    unfit.tell(sip.Answered(THIRD, PEER))
    assert of(RejectCaller, unfit.last) == [RejectCaller(ASIDE, 488, "")]
    assert of(HangUpLeg, unfit.last) == [HangUpLeg(THIRD)]


def test_the_consultation_ends_without_a_transfer() -> None:
    given_up = consulting()
    given_up.tell(sip.Cancelled(ASIDE))
    assert of(CancelDial, given_up.last) == [CancelDial(THIRD)]
    for name, other in ((ASIDE, THIRD), (THIRD, ASIDE)):
        line = consulting()
        line.tell(sip.Answered(THIRD, PEER))
        line.tell(sip.HungUp(name))
        assert of(HangUpLeg, line.last) == [HangUpLeg(other)]
        assert line.phase() is Phase.TALKING
        assert ops(line.last) == [FreeSeat("1027")]
        line.tell(sip.Reinvited(SEAT, PEER))
        assert told(media.Mix, line.last)[0].hears == {CALLER: (SEAT,), SEAT: (CALLER,)}


def test_a_second_line_where_there_is_no_talk_or_one_already() -> None:
    line = consulting()
    line.tell(Consulting("a10", PEER, OUTSIDE))
    assert of(RejectCaller, line.last) == [RejectCaller("a10", 486, "")]
    queued = Line().to_queue()
    queued.tell(Consulting(ASIDE, PEER, OUTSIDE))
    assert of(RejectCaller, queued.last) == [RejectCaller(ASIDE, 486, "")]
    oneself = Line().to_talk()
    oneself.tell(Consulting(ASIDE, PEER, Callee("1026")))
    assert of(RejectCaller, oneself.last) == [RejectCaller(ASIDE, 486, "")]
    outside = consulting(OUTSIDE)
    outside.tell(sip.Answered(THIRD, PEER))
    blind(outside)
    assert outside.last == [RefuseRefer(SEAT, "r1", 603)], "it has not said whom to replace"


def test_the_third_party_answers_before_the_second_line_has_a_port() -> None:
    line = Line().to_talk()
    line.tell(Consulting(ASIDE, PEER, OUTSIDE))
    line.tell(LegOpened(THIRD, 20004))
    line.tell(sip.Answered(THIRD, PEER))
    assert not of(AnswerCaller, line.last)
    line.tell(LegOpened(ASIDE, 20006))
    assert [answer.leg for answer in of(AnswerCaller, line.last)] == [ASIDE]


def test_a_mobile_that_is_asked_has_to_confirm_first() -> None:
    line = Line().to_talk()
    line.tell(Consulting(ASIDE, PEER, MOBILE))
    line.tell(SeatTaken("1030"))
    line.tell(LegOpened(THIRD, 20004))
    line.tell(sip.Answered(THIRD, PEER))
    line.tell(LegOpened(ASIDE, 20006))
    assert ASIDE not in [answer.leg for answer in of(AnswerCaller, line.all)]
    attended(line)
    assert line.phase() is Phase.TRANSFERRING, "nobody is there yet"
    line.tell(EngineRestarted())
    assert not [mix for mix in told(media.Mix, line.last) if THIRD in mix.legs]
    line.tell(media.Digit(THIRD, "1", 100))
    assert line.phase() is Phase.TALKING
    assert line.call.seat == "1030"


def test_a_hold_on_the_second_line_is_no_hold_of_the_caller() -> None:
    line = consulting()
    line.tell(sip.Answered(THIRD, PEER))
    line.tell(sip.Reinvited(ASIDE, HELD))
    assert not events(line.last)


# Restarts


def test_the_engine_restarts_during_a_transfer() -> None:
    line = ringing()
    line.tell(EngineRestarted())
    assert of(CancelDial, line.last) == [CancelDial(THIRD)]
    assert OpenLeg("c1.s3") in line.last
    assert of(PlayPrompts, line.last)[0].prompts == ("music",)
    line.tell(sip.Rejected(THIRD, 487, ""))
    line.tell(LegOpened("c1.s3", 20008))
    line.tell(sip.Answered("c1.s3", PEER))
    assert line.phase() is Phase.TALKING
    asked = Line().to_talk()
    blind(asked)
    asked.tell(EngineRestarted())
    assert TakeSeat("1027") in asked.last


def test_the_engine_restarts_during_a_consultation() -> None:
    line = consulting()
    line.tell(sip.Answered(THIRD, PEER))
    line.tell(EngineRestarted())
    assert [set(mix.legs) for mix in told(media.Mix, line.last)] == [{ASIDE, THIRD}, {CALLER, SEAT}]
    early = consulting()
    early.tell(EngineRestarted())
    assert {OpenLeg(ASIDE), OpenLeg("c1.s3")} <= set(of(OpenLeg, early.last))


def test_media_dies_during_a_transfer_and_a_consultation() -> None:
    line = ringing()
    line.tell(MediaLost())
    assert of(CancelDial, line.last) == [CancelDial(THIRD)]
    assert line.phase() is Phase.TALKING
    line.tell(MediaBack())
    assert line.last == [OpenLeg(CALLER), OpenLeg(SEAT)]
    asking = consulting()
    asking.tell(sip.Answered(THIRD, PEER))
    asking.tell(MediaLost())
    assert {leg.leg for leg in of(HangUpLeg, asking.last)} == {ASIDE, THIRD}
    asking.tell(Consulting("a10", PEER, OUTSIDE))
    assert of(RejectCaller, asking.last) == [RejectCaller("a10", 486, "")], "there is no sound"


def test_the_transferring_seat_breaks_away() -> None:
    line = ringing()
    line.tell(sip.Broken(SEAT, "session_expired"))
    assert line.phase() is Phase.TRANSFERRING
    assert of(HangUpLeg, line.last) == [HangUpLeg(SEAT)]
    line.tell(MediaLost())
    assert line.phase() is Phase.QUEUED
