"""Calls that seats make, and seats whose telephone is behind a trunk: events in, actions out."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ivr.call import Arrival, Call, Kind, Leg, LegState, Phase
from ivr.dialplan import Callee
from ivr.flow.model import Document
from ivr.media import control as media
from ivr.sections import Queue
from ivr.sip import events as sip
from ivr.sip.number import Caller
from ivr.steps import (
    AnswerCaller,
    CancelDial,
    Dial,
    Emit,
    EngineRestarted,
    HangUpLeg,
    Happening,
    LegFailed,
    LegOpened,
    MediaLost,
    OpenLeg,
    PlayPrompts,
    Reinvite,
    RejectCaller,
    RingCaller,
    SeatBusy,
    SeatClaimed,
    SeatTaken,
    TakeSeat,
    Unreachable,
)
from routing.commit import Dialled, FreeSeat, Requeue, SeatState
from tests.ivr.call.test_call import MENU, PEER, QUEUE, VIDEO_ONLY, Line, events, of, ops, told

MOBILE = Callee("1030", "13900000000", "out", "4001", confirm=True)
CUSTOMER = Callee(number="04714613311", trunk="out", caller_id="4001")
SILENT = Document.model_validate({"start": "bye", "nodes": {"bye": {"kind": "hangup"}}})
SEAT_LEG = "a1"
"""The leg of a seat that dials itself."""


def arrival(kind: Kind) -> Arrival:
    caller = Caller("1026", False) if kind is Kind.INTERNAL else Caller("04714613311", True)
    return Arrival("c1", "out", "", "4001", caller, 1.7e9, "n1", "127.0.0.1", "/rec", "d/c1", kind=kind, callback_id="r7")


class Out(Line):
    """A call that a seat makes: `own` dials itself, else the seat is summoned; to a colleague, else outside."""

    def __init__(
        self,
        *,
        own: bool = False,
        callee: Callee = CUSTOMER,
        frozen: bool = False,
        offer: bytes = PEER,
        queue: str = "service",
        asked: bool = False,
    ) -> None:
        self.now, self.frozen = 100.0, frozen
        kind = Kind.INTERNAL if own and callee.seat else Kind.OUTBOUND
        queues = {"service": QUEUE}
        if own:
            leg = Leg(SEAT_LEG, "1026", LegState.INVITED, offer=offer)
            self.call, self.last = Call.dialled(arrival(kind), leg, callee, queue, SILENT, queues, self.now)
        else:
            seat = MOBILE if callee is MOBILE else Callee("1026")
            begun = replace(arrival(kind), asked=asked)
            self.call, self.last = Call.originate(begun, seat, CUSTOMER, queue, SILENT, queues, self.now)
        self.all = list(self.last)

    def freeze(self) -> None:
        text = json.dumps(self.call.to_json(self.now))
        self.call = Call.from_json(json.loads(text), SILENT, {"service": QUEUE}, self.now + 1000, 0.0)
        self.now += 1000

    def each(self, *happenings: Happening) -> Out:
        for happening in happenings:
            self.tell(happening)
        return self

    def to_seat(self) -> Out:
        """The seat's telephone rings."""
        return self.each(SeatTaken("1026"), LegOpened("c1.s1", 20000), sip.Progressed("c1.s1", 180))

    def to_customer(self) -> Out:
        """The customer's telephone rings."""
        self.to_seat().each(sip.Answered("c1.s1", PEER), LegOpened("c1.s2", 20002))
        return self.each(sip.Progressed("c1.s2", 183, PEER))

    def to_talk(self) -> Out:
        return self.to_customer().each(sip.Answered("c1.s2", PEER))

    def result(self) -> tuple[str, str]:
        end = of(Emit, self.all)[-1]
        assert end.type == "ended"
        return end.data["result"], end.data["reason"]


@pytest.mark.parametrize("frozen", [False, True], ids=["running", "put down before each event"])
def test_a_seat_is_called_and_then_the_customer(frozen: bool) -> None:
    line = Out(frozen=frozen)
    assert line.all[-1] == TakeSeat("1026")
    started = of(Emit, line.all)[0]
    assert started.type == "outbound_started"
    assert (started.data["seat"], started.data["callback_id"], started.data["kind"]) == ("1026", "r7", "outbound")
    line.to_customer()
    dials = of(Dial, line.all)
    assert [dial.callee for dial in dials] == [Callee("1026"), CUSTOMER]
    assert ops(line.all) == [SeatState("1026", "ringing")]
    ringback = of(PlayPrompts, line.last)[0]
    assert (ringback.leg, ringback.prompts) == ("c1.s1", ("ringback",)), "the network's own sounds reach nobody"
    assert not told(media.Mix, line.all)
    line.tell(sip.Answered("c1.s2", PEER))
    assert line.phase() is Phase.TALKING
    assert told(media.Mix, line.last)[0].hears == {"c1.s2": ("c1.s1",), "c1.s1": ("c1.s2",)}
    assert told(media.Record, line.last) == [media.Record("c1-1", "/rec/d/c1.wav", "c1.s2", "c1.s1")]
    line.tell(sip.HungUp("c1.s2"), after=12.0)
    assert line.result() == ("reached", "completed")
    assert of(Emit, line.last)[-1].data["talk_s"] == 12.0
    assert ops(line.last) == [FreeSeat("1026", wrap_up_s=15, reason="wrap_up")]
    assert events(line.all) == [
        "outbound_started", "ringing", "seat_answered", "ringing", "talking", "recording", "ended",
    ]  # fmt: skip
    line.tell(sip.Over("c1.s1"))
    assert line.over()


def steps(line: Out) -> list[Dialled]:
    """What the page that asked for the call is told."""
    return [op for op in ops(line.all) if isinstance(op, Dialled)]


@pytest.mark.parametrize("frozen", [False, True], ids=["running", "put down before each event"])
def test_who_asked_for_the_call_sees_how_far_it_is(frozen: bool) -> None:
    line = Out(asked=True, frozen=frozen).to_talk()
    line.tell(sip.HungUp("c1.s2"), after=12.0)
    assert steps(line) == [
        Dialled("seat"),
        Dialled("customer"),
        Dialled("ringing"),
        Dialled("talking"),
        Dialled("over", "talked", "completed", 12.0),
    ]
    assert ops(line.last) == [steps(line)[-1], FreeSeat("1026", wrap_up_s=15, reason="wrap_up")]


def test_an_announcement_of_the_network_is_no_answer() -> None:
    """183 with sound, again and again, until the time is over."""
    line = Out(asked=True).to_customer()
    for _ in range(3):
        line.tell(sip.Progressed("c1.s2", 183, PEER))
    assert not told(media.Mix, line.all)
    line.wait(20.0)
    assert steps(line)[-1] == Dialled("over", "no_answer", "no_answer")


def test_who_calls_back_in_vain_has_time_to_enter_the_result() -> None:
    asked = Out(asked=True).to_customer()
    asked.tell(sip.Rejected("c1.s2", 486, ""))
    assert ops(asked.last) == [Dialled("over", "busy", "busy"), FreeSeat("1026", wrap_up_s=15, reason="wrap_up")]
    unheard = Out(asked=True).to_seat()
    unheard.wait(20.0)
    assert ops(unheard.last) == [Dialled("over", "seat_no_answer", "no_answer"), FreeSeat("1026")], "nobody was called"
    by_hand = Out(own=True).each(LegOpened(SEAT_LEG, 20000), SeatTaken("1026"), LegOpened("c1.s1", 20002))
    by_hand.tell(sip.Rejected("c1.s1", 486, ""))
    assert ops(by_hand.last) == [FreeSeat("1026")]
    assert not steps(by_hand)


@pytest.mark.parametrize(
    ("status", "result"),
    [(486, "busy"), (600, "busy"), (480, "no_answer"), (404, "invalid"), (484, "invalid"), (603, "refused"), (403, "refused"),
     (302, "refused"), (407, "refused"), (500, "refused")],
)  # fmt: skip
def test_a_customer_who_is_not_reached(status: int, result: str) -> None:
    line = Out().to_customer()
    line.tell(sip.Rejected("c1.s2", status, "", contacts=("sip:00852123@evil.example",)))
    assert line.result()[0] == result
    assert of(HangUpLeg, line.last) == [HangUpLeg("c1.s1")]
    assert not of(Dial, line.last), "a 3xx is not followed but where the dial plan has been asked: it could lead anywhere"


def test_nobody_answers_and_the_answer_crosses_our_cancel() -> None:
    line = Out().to_customer()
    line.wait(20.0)
    assert of(CancelDial, line.last) == [CancelDial("c1.s2")]
    assert line.result() == ("no_answer", "no_answer")
    line.tell(sip.Answered("c1.s2", PEER))
    assert line.last == [HangUpLeg("c1.s2")]
    line.each(sip.Over("c1.s2"), sip.Over("c1.s1"))
    assert line.over()


def test_two_timers_at_once_of_which_the_first_ends_the_call() -> None:
    line = Out().to_customer()
    line.wait(16.5)
    line.tell(sip.ReinviteRejected("c1.s1", 491))
    line.wait(5.0)
    assert line.result() == ("no_answer", "no_answer")
    assert not of(Reinvite, line.last)


def test_each_address_of_the_trunk_is_tried() -> None:
    line = Out().to_customer()
    line.tell(sip.Rejected("c1.s2", 503, ""))
    assert OpenLeg("c1.s3") in line.last
    line.tell(LegOpened("c1.s3", 20004))
    assert of(Dial, line.last)[0].callee == CUSTOMER.next()
    line.tell(sip.Rejected("c1.s3", 408, ""))
    line.tell(Unreachable("c1.s4"))
    assert line.result() == ("refused", "trunk_unreachable")
    alone = Out().to_seat().each(sip.Answered("c1.s1", PEER))
    alone.tell(Unreachable("c1.s2"))
    assert alone.result() == ("refused", "trunk_unreachable"), "the trunk has no address at all"


def test_a_seat_that_cannot_be_had_calls_nobody() -> None:
    busy = Out()
    busy.tell(SeatBusy("1026"))
    assert busy.result() == ("not_called", "busy")
    declined = Out().to_seat()
    declined.tell(sip.Rejected("c1.s1", 603, ""))
    assert declined.result() == ("not_called", "declined")
    assert ops(declined.last) == [FreeSeat("1026")]
    silent = Out().to_seat()
    silent.wait(20.0)
    assert silent.result() == ("not_called", "no_answer")
    portless = Out().each(SeatTaken("1026"), LegFailed("c1.s1", "no port"))
    assert portless.result() == ("not_called", "no_port")
    late = Out()
    late.each(SeatBusy("1026"), SeatTaken("1026"))
    assert ops(late.last) == [FreeSeat("1026")], "a seat that comes too late is given back"
    assert late.tell(SeatBusy("1026")) == []


def test_the_seat_hangs_up_before_the_customer_answers() -> None:
    line = Out().to_customer()
    line.tell(sip.HungUp("c1.s1"))
    assert of(CancelDial, line.last) == [CancelDial("c1.s2")]
    assert of(Emit, line.last)[-1].data["by"] == "seat"
    assert line.result() == ("not_called", "given_up")


def test_a_seat_dials_out_itself() -> None:
    line = Out(own=True)
    assert line.all[-2:] == [OpenLeg(SEAT_LEG), TakeSeat("1026")]
    line.each(LegOpened(SEAT_LEG, 20000), SeatTaken("1026"), LegOpened("c1.s1", 20002), sip.Progressed("c1.s1", 180))
    assert of(RingCaller, line.last) == [RingCaller(SEAT_LEG)]
    line.tell(sip.Answered("c1.s1", PEER))
    assert len(of(AnswerCaller, line.last)) == 1
    assert line.phase() is Phase.TALKING
    line.tell(sip.Acknowledged(SEAT_LEG))
    line.tell(sip.HungUp(SEAT_LEG))
    assert line.result() == ("reached", "completed")


def test_a_seat_dials_out_and_gives_up_or_is_refused() -> None:
    line = Out(own=True).each(LegOpened(SEAT_LEG, 20000), SeatTaken("1026"), LegOpened("c1.s1", 20002))
    line.tell(sip.Cancelled(SEAT_LEG))
    assert not of(RejectCaller, line.last), "the agent has answered the CANCEL"
    assert line.result()[1] == "given_up"
    busy = Out(own=True).each(LegOpened(SEAT_LEG, 20000), SeatTaken("1026"), LegOpened("c1.s1", 20002))
    busy.tell(sip.Rejected("c1.s1", 486, ""))
    assert of(RejectCaller, busy.last) == [RejectCaller(SEAT_LEG, 486, "")]
    taken = Out(own=True).each(SeatBusy("1026"))
    assert of(RejectCaller, taken.last) == [RejectCaller(SEAT_LEG, 486, "")]
    deaf = Out(own=True).each(LegOpened(SEAT_LEG, 20000), SeatTaken("1026"), LegOpened("c1.s1", 20002))
    deaf.tell(sip.Broken(SEAT_LEG, "no_prack"))
    assert deaf.result()[1] == "signalling_no_prack"
    portless = Out(own=True).each(LegFailed(SEAT_LEG, "no port"))
    assert of(RejectCaller, portless.last) == [RejectCaller(SEAT_LEG, 503, "Service Unavailable")]


def test_an_answer_waits_for_the_calling_seats_port() -> None:
    line = Out(own=True).each(SeatTaken("1026"), LegOpened("c1.s1", 20002), sip.Answered("c1.s1", PEER))
    assert line.phase() is Phase.DIALLING
    line.tell(LegOpened(SEAT_LEG, 20000))
    assert line.phase() is Phase.TALKING
    gone = Out(own=True).each(SeatTaken("1026"), LegOpened("c1.s1", 20002), sip.Answered("c1.s1", PEER), sip.HungUp("c1.s1"))
    assert gone.result() == ("refused", "declined")


def test_a_late_offer_of_a_seat_that_dials() -> None:
    line = Out(own=True, offer=b"").each(LegOpened(SEAT_LEG, 20000), SeatTaken("1026"), LegOpened("c1.s1", 20002))
    line.tell(sip.Answered("c1.s1", PEER))
    assert [remote.leg for remote in told(media.Remote, line.last)] == ["c1.s1"]
    line.tell(sip.Acknowledged(SEAT_LEG, PEER))
    assert [remote.leg for remote in told(media.Remote, line.last)] == [SEAT_LEG]
    unfit = Out(own=True, offer=VIDEO_ONLY).each(LegOpened(SEAT_LEG, 20000), SeatTaken("1026"), LegOpened("c1.s1", 20002))
    unfit.tell(sip.Answered("c1.s1", PEER))
    assert of(RejectCaller, unfit.last) == [RejectCaller(SEAT_LEG, 488, "")]


def test_a_seat_calls_a_colleague() -> None:
    line = Out(own=True, callee=Callee("1027"))
    line.each(LegOpened(SEAT_LEG, 20000), SeatTaken("1026"))
    assert line.last == [TakeSeat("1027")]
    line.each(SeatTaken("1027"), LegOpened("c1.s1", 20002), sip.Answered("c1.s1", PEER))
    assert line.phase() is Phase.TALKING
    assert ops(line.last) == [SeatState("1026", "talking"), SeatState("1027", "talking")]
    assert not told(media.Record, line.all), "no queue's call is not recorded"
    line.tell(EngineRestarted())
    assert told(media.Mix, line.last)
    assert not told(media.Record, line.last)
    line.tell(sip.HungUp(SEAT_LEG))
    assert of(Emit, line.last)[-1].data["by"] == "caller"
    assert {op.seat for op in ops(line.last)} == {"1026", "1027"}


def test_a_colleague_who_is_busy_or_silent() -> None:
    busy = Out(own=True, callee=Callee("1027")).each(LegOpened(SEAT_LEG, 20000), SeatTaken("1026"), SeatBusy("1027"))
    assert of(RejectCaller, busy.last) == [RejectCaller(SEAT_LEG, 486, "")]
    silent = Out(own=True, callee=Callee("1027")).each(LegOpened(SEAT_LEG, 20000), SeatTaken("1026"), SeatTaken("1027"))
    silent.tell(LegOpened("c1.s1", 20002))
    silent.wait(45.0)
    assert of(RejectCaller, silent.last) == [RejectCaller(SEAT_LEG, 480, "")]
    assert of(CancelDial, silent.last) == [CancelDial("c1.s1")]
    moved = Out(own=True, callee=Callee("1027")).each(LegOpened(SEAT_LEG, 20000), SeatTaken("1026"), SeatTaken("1027"))
    moved.each(LegOpened("c1.s1", 20002), sip.Rejected("c1.s1", 302, "", contacts=("sip:1@192.0.2.1",)))
    assert of(RejectCaller, moved.last) == [RejectCaller(SEAT_LEG, 480, "")], "a redirection is not passed on"


def test_the_engine_restarts_while_somebody_is_called() -> None:
    nothing = Out()
    nothing.tell(EngineRestarted())
    assert TakeSeat("1026") in nothing.last
    reserved = Out().each(SeatTaken("1026"))
    reserved.tell(EngineRestarted())
    assert OpenLeg("c1.s1") in reserved.last
    ringing = Out().to_customer()
    ringing.tell(EngineRestarted())
    assert of(CancelDial, ringing.last) == [CancelDial("c1.s2")]
    assert OpenLeg("c1.s3") in ringing.last
    ringing.each(LegOpened("c1.s3", 20004), sip.Answered("c1.s3", PEER))
    assert ringing.phase() is Phase.TALKING
    own = Out(own=True)
    own.tell(EngineRestarted())
    assert [OpenLeg(SEAT_LEG), TakeSeat("1026")] == [action for action in own.last if isinstance(action, OpenLeg | TakeSeat)]
    summoned = Out().to_seat()
    summoned.tell(EngineRestarted())
    assert summoned.call.line == "c1.s3"


def test_media_dies_while_somebody_is_called() -> None:
    line = Out().to_customer()
    line.tell(MediaLost())
    assert of(Emit, line.last)[-1].data["reason"] == "media_lost"


def test_an_answer_without_common_codec_is_hung_up() -> None:
    line = Out().to_customer()
    line.tell(sip.Answered("c1.s2", VIDEO_ONLY))
    assert {leg.leg for leg in of(HangUpLeg, line.last)} == {"c1.s1", "c1.s2"}


# A seat's mobile


def offered() -> Line:
    line = Line().to_queue()
    line.tell(SeatClaimed(MOBILE))
    line.tell(LegOpened("c1.s1", 20002))
    return line


def test_a_mobile_has_to_confirm_that_a_person_took_the_call() -> None:
    line = offered()
    line.tell(sip.Progressed("c1.s1", 183, PEER))
    assert not told(media.Remote, line.last), "early media is no answer"
    line.tell(sip.Answered("c1.s1", PEER))
    assert line.phase() is Phase.OFFERED
    play = of(PlayPrompts, line.last)[0]
    assert (play.leg, play.prompts[0], play.prompts[-1], play.loop) == ("c1.s1", "call_for_you", "press_1_to_take", True)
    assert "digit_0" in play.prompts, "who is coming"
    assert not told(media.Mix, line.last)
    line.tell(media.Digit("c1.s1", "5", 100))
    assert line.last == []
    line.tell(media.Digit("c1.s1", "1", 100))
    assert line.phase() is Phase.TALKING
    line.tell(media.Digit("c1.s1", "1", 100))
    assert line.last == []


def test_a_mailbox_confirms_nothing_and_the_next_seat_gets_the_caller() -> None:
    line = offered()
    line.tell(sip.Answered("c1.s1", PEER))
    line.wait(20.0)
    assert of(HangUpLeg, line.last) == [HangUpLeg("c1.s1")]
    assert ops(line.last) == [FreeSeat("1030", set_aside_s=45, reason="not_confirmed"), Requeue("service")]
    line.tell(SeatClaimed(Callee("1026")))
    assert OpenLeg("c1.s2") in line.last


@pytest.mark.parametrize(
    "event", [sip.HungUp("c1.s1"), sip.Broken("c1.s1", "session_expired"), media.Silent("c1.s1", 30.0)], ids=str
)
def test_a_mobile_that_goes_away_unconfirmed_costs_the_caller_nothing(event: Happening) -> None:
    line = offered()
    line.tell(sip.Answered("c1.s1", PEER))
    line.tell(event)
    assert line.phase() is Phase.QUEUED
    assert ops(line.last)[0].reason == "declined"


def test_a_mobile_is_tried_by_each_address_of_its_trunk() -> None:
    line = offered()
    line.tell(sip.Rejected("c1.s1", 503, ""))
    assert OpenLeg("c1.s2") in line.last
    line.tell(LegOpened("c1.s2", 20004))
    assert of(Dial, line.last)[0].callee == MOBILE.next()
    line.tell(sip.Rejected("c1.s2", 503, ""))
    line.tell(Unreachable("c1.s3"))
    assert ops(line.last)[0].reason == "trunk_unreachable"


def test_a_seat_with_a_mobile_makes_a_call() -> None:
    line = Out(callee=MOBILE).each(SeatTaken("1030"), LegOpened("c1.s1", 20000), sip.Answered("c1.s1", PEER))
    assert line.phase() is Phase.SUMMONING
    line.tell(media.Digit("c1.s1", "1", 100))
    assert line.phase() is Phase.DIALLING
    deserted = Out(callee=MOBILE).each(SeatTaken("1030"), LegOpened("c1.s1", 20000), sip.Answered("c1.s1", PEER))
    deserted.tell(sip.HungUp("c1.s1"))
    assert deserted.result() == ("not_called", "declined")


def test_a_colleague_with_a_mobile_has_to_confirm_too() -> None:
    line = Out(own=True, callee=MOBILE).each(SeatTaken("1026"), SeatTaken("1030"), LegOpened("c1.s1", 20002))
    line.each(sip.Answered("c1.s1", PEER), LegOpened(SEAT_LEG, 20000))
    assert line.phase() is Phase.DIALLING
    line.tell(media.Digit("c1.s1", "1", 100))
    assert line.phase() is Phase.TALKING


def test_media_dies_while_a_mobile_is_asked() -> None:
    line = offered()
    line.tell(sip.Answered("c1.s1", PEER))
    line.tell(MediaLost())
    assert of(HangUpLeg, line.last) == [HangUpLeg("c1.s1")]


def test_a_queue_that_is_not_recorded() -> None:
    queue = Queue(name="service", record=False)
    call, actions = Call.originate(arrival(Kind.OUTBOUND), Callee("1026"), CUSTOMER, "service", MENU, {"service": queue}, 0.0)
    for event in (
        SeatTaken("1026"), LegOpened("c1.s1", 2), sip.Answered("c1.s1", PEER), LegOpened("c1.s2", 4),
        sip.Answered("c1.s2", PEER),
    ):  # fmt: skip
        actions += call.receive(event, 1.0)
    assert call.phase is Phase.TALKING
    assert not told(media.Record, actions)
