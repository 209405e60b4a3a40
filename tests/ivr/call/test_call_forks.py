"""A seat with several telephones: events in, actions out."""

from __future__ import annotations

import pytest

from ivr.call import LegState, Phase
from ivr.dialplan import Callee
from ivr.media import control as media
from ivr.sip import events as sip
from ivr.steps import (
    CancelDial,
    Consulting,
    Dial,
    Emit,
    EngineRestarted,
    HangUpLeg,
    LegFailed,
    LegOpened,
    MediaLost,
    MoreTelephones,
    OpenLeg,
    RingCaller,
    SeatClaimed,
    SeatTaken,
    Unreachable,
)
from routing.commit import FreeSeat, Requeue, SeatState
from tests.ivr.call.test_call import CALLER, PEER, VIDEO_ONLY, Line, events, of, ops, told
from tests.ivr.call.test_call_out import Out

DESK, SOFT, FLAT = "c1.s1", "c1.s2", "c1.s3"
URIS = ("sip:1026@10.0.0.2", "sip:1026@10.0.0.3")


class Forked(Line):
    """A caller is offered to a seat whose two, or three, telephones ring."""

    def __init__(self, *, more: int = 1, frozen: bool = False) -> None:
        super().__init__(frozen=frozen)
        self.to_queue()
        self.tell(SeatClaimed(Callee("1026")))
        self.tell(MoreTelephones(DESK, URIS[:more]), after=0.0)
        for n in range(more + 1):
            self.tell(LegOpened(f"c1.s{n + 1}", 20002 + 2 * n), after=0.0)

    def why(self) -> tuple[str, int]:
        refused = [one for one in of(Emit, self.all) if one.type == "refused"][-1]
        return of(Emit, self.all)[-1].data["why"], refused.data["status"]


@pytest.mark.parametrize("frozen", [False, True], ids=["running", "put down before each event"])
@pytest.mark.parametrize("winner", [DESK, SOFT, FLAT])
def test_all_ring_and_the_first_answer_takes_the_call(winner: str, frozen: bool) -> None:
    line = Forked(more=2, frozen=frozen)
    assert [(dial.leg, dial.callee) for dial in of(Dial, line.all)] == [
        (DESK, Callee("1026")),
        (SOFT, Callee("1026", contact=URIS[0])),
        (FLAT, Callee("1026", contact=URIS[1])),
    ]
    assert ops(line.all).count(SeatState("1026", "ringing")) == 1
    for leg in (SOFT, DESK):
        line.tell(sip.Progressed(leg, 180))
    assert events(line.all).count("ringing") == 1
    line.tell(sip.Answered(winner, PEER))
    assert line.phase() is Phase.TALKING
    losers = [leg for leg in (DESK, SOFT, FLAT) if leg != winner]
    assert {cancel.leg for cancel in of(CancelDial, line.last)} == set(losers)
    assert {close.leg for close in told(media.Close, line.last)} == set(losers)
    assert told(media.Mix, line.last)[0].legs == (CALLER, winner)
    assert told(media.Record, line.last)[0].right == winner
    line.tell(sip.Answered(losers[0], PEER))
    assert of(HangUpLeg, line.last) == [HangUpLeg(losers[0])], "it crossed our CANCEL"
    line.tell(sip.Rejected(losers[1], 487, ""))
    assert line.phase() is Phase.TALKING
    line.wait(30.0)
    assert line.phase() is Phase.TALKING, "no telephone's time runs out any more"
    line.tell(sip.HungUp(CALLER))
    assert not line.over()
    line.tell(sip.Over(winner))
    line.tell(sip.Over(losers[0]))
    assert line.over()


def test_no_more_than_five_ring() -> None:
    line = Line().to_queue()
    line.tell(SeatClaimed(Callee("1026")))
    line.tell(MoreTelephones(DESK, tuple(f"sip:1026@10.0.0.{n}" for n in range(9))))
    assert len(of(OpenLeg, line.last)) == 4


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (486, 480, ("busy", 486)),
        (480, 486, ("busy", 486)),
        (503, 404, ("refused", 404)),
        (408, 503, ("unreachable", 408)),
        (404, 500, ("refused", 404)),
        (302, 404, ("refused", 302)),
    ],
)
def test_refusals_are_waited_for_and_the_best_is_the_seats(first: int, second: int, said: tuple[str, int]) -> None:
    line = Forked()
    line.tell(sip.Rejected(DESK, first, ""))
    assert line.phase() is Phase.OFFERED
    assert told(media.Close, line.last) == [media.Close(DESK)]
    assert not of(CancelDial, line.last)
    line.tell(sip.Rejected(SOFT, second, ""))
    assert line.phase() is Phase.QUEUED
    assert line.why() == said
    assert Requeue("service") in ops(line.last)
    assert FreeSeat("1026", set_aside_s=45, reason=said[0]) in ops(line.last)


@pytest.mark.parametrize(("first_s", "second_s", "set_aside_s"), [(300, 0, 45), (0, 300, 45), (300, 200, 200)])
def test_a_seat_rests_so_long_as_all_its_telephones_wish(first_s: int, second_s: int, set_aside_s: float) -> None:
    line = Forked(frozen=True)
    line.tell(sip.Rejected(DESK, 480, "", (), first_s))
    line.tell(sip.Rejected(SOFT, 480, "", (), second_s))
    assert FreeSeat("1026", set_aside_s=set_aside_s, reason="unreachable") in ops(line.last)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_refusal_of_one_leaves_the_other(frozen: bool) -> None:
    line = Forked(frozen=frozen)
    line.tell(sip.Rejected(DESK, 486, ""))
    line.tell(sip.Answered(SOFT, PEER))
    assert line.phase() is Phase.TALKING
    assert line.call.line == SOFT


@pytest.mark.parametrize("declining", [DESK, SOFT])
def test_a_603_speaks_for_the_person(declining: str) -> None:
    line = Forked()
    line.tell(sip.Rejected(declining, 603, ""))
    other = SOFT if declining == DESK else DESK
    assert of(CancelDial, line.last) == [CancelDial(other)]
    assert line.phase() is Phase.QUEUED
    assert line.why() == ("declined", 603)
    line.tell(sip.Rejected(other, 487, ""))
    assert line.phase() is Phase.QUEUED
    assert line.call.legs[other].state is LegState.OVER


def test_nobody_answers() -> None:
    line = Forked()
    line.wait(20.0)
    assert {cancel.leg for cancel in of(CancelDial, line.last)} == {DESK, SOFT}
    assert events(line.last) == ["no_answer", "requeued"]
    assert line.phase() is Phase.QUEUED


def test_one_is_gone_and_the_other_rings_out() -> None:
    line = Forked()
    line.tell(sip.Rejected(DESK, 408, ""))
    line.wait(20.0)
    assert of(CancelDial, line.last) == [CancelDial(SOFT)]
    assert events(line.last) == ["no_answer", "requeued"]


def test_one_without_port_or_address_or_codec_leaves_the_other() -> None:
    line = Forked(more=2)
    line.tell(Unreachable(FLAT))
    line.tell(sip.Answered(DESK, VIDEO_ONLY))
    assert of(HangUpLeg, line.last) == [HangUpLeg(DESK)]
    assert line.phase() is Phase.OFFERED
    line.tell(sip.Answered(SOFT, PEER))
    assert line.phase() is Phase.TALKING
    short = Line().to_queue()
    short.tell(SeatClaimed(Callee("1026")))
    short.tell(MoreTelephones(DESK, URIS[:1]))
    short.tell(LegFailed(DESK, "no port"))
    short.tell(LegOpened(SOFT, 20004))
    assert SeatState("1026", "ringing") in ops(short.last)
    short.tell(sip.Answered(SOFT, PEER))
    assert short.phase() is Phase.TALKING


def test_a_port_that_comes_too_late_is_given_back() -> None:
    line = Line().to_queue()
    line.tell(SeatClaimed(Callee("1026")))
    line.tell(MoreTelephones(DESK, URIS[:1]))
    line.tell(LegOpened(DESK, 20002))
    line.tell(sip.Answered(DESK, PEER))
    line.tell(LegOpened(SOFT, 20004))
    assert told(media.Close, line.last) == [media.Close(SOFT)]
    assert not of(Dial, line.last)


def test_the_caller_hangs_up_while_they_ring() -> None:
    line = Forked()
    line.tell(sip.HungUp(CALLER))
    assert {cancel.leg for cancel in of(CancelDial, line.last)} == {DESK, SOFT}
    for leg in (DESK, SOFT):
        assert not line.over()
        line.tell(sip.Rejected(leg, 487, ""))
    assert line.over()


@pytest.mark.parametrize("happening", [EngineRestarted(), MediaLost()])
def test_the_engine_or_media_dies_while_they_ring(happening: EngineRestarted | MediaLost) -> None:
    line = Forked(more=2)
    line.tell(sip.Rejected(FLAT, 486, ""))
    line.freeze()
    line.tell(happening)
    assert {cancel.leg for cancel in of(CancelDial, line.last)} == {DESK, SOFT}, "by their saved branches"
    assert Requeue("service") in ops(line.last)
    line.tell(sip.Answered(SOFT, PEER))
    assert of(HangUpLeg, line.last) == [HangUpLeg(SOFT)]
    assert line.phase() is Phase.QUEUED


def test_the_engine_restarts_while_a_colleagues_telephones_ring() -> None:
    line = Out(own=True, callee=Callee("1027")).each(SeatTaken("1026"), SeatTaken("1027"), LegOpened("a1", 20000))
    line.each(MoreTelephones("c1.s1", ("sip:1027@10.0.0.2",)), LegOpened("c1.s1", 20002), LegOpened("c1.s2", 20004))
    line.tell(sip.Progressed("c1.s2", 180))
    assert of(RingCaller, line.last) == [RingCaller("a1")]
    line.tell(sip.Rejected("c1.s1", 486, ""))
    line.freeze()
    line.tell(EngineRestarted())
    assert of(CancelDial, line.last) == [CancelDial("c1.s2")]
    assert [leg.leg for leg in of(OpenLeg, line.last)] == ["a1", "c1.s3"]
    line.each(MoreTelephones("c1.s3", ("sip:1027@10.0.0.2",)), LegOpened("c1.s3", 20006), LegOpened("c1.s4", 20008))
    assert [dial.leg for dial in of(Dial, line.all)] == ["c1.s1", "c1.s2", "c1.s3", "c1.s4"]
    line.tell(sip.Answered("c1.s4", PEER))
    assert line.phase() is Phase.TALKING
    assert line.call.line == "c1.s4"


def test_a_third_partys_telephones_ring_and_one_that_lost_changes_nothing() -> None:
    line = Line().to_talk()
    line.tell(Consulting("a9", PEER, Callee("1027")))
    line.tell(SeatTaken("1027"))
    line.tell(MoreTelephones("c1.s2", ("sip:1027@10.0.0.2",)))
    for leg, port in (("a9", 20010), ("c1.s2", 20012), ("c1.s3", 20014)):
        line.tell(LegOpened(leg, port))
    line.tell(sip.Answered("c1.s2", PEER))
    assert of(CancelDial, line.last) == [CancelDial("c1.s3")]
    line.tell(sip.Rejected("c1.s3", 487, ""))
    assert line.call.other is not None
    assert line.call.other.leg == "c1.s2"
    assert "consult_ended" not in events(line.all)


def test_more_telephones_of_whom_nobody_calls_any_more() -> None:
    line = Line().to_offer()
    line.tell(MoreTelephones("c1.s1", URIS))
    assert line.last == [], "its INVITE is out: it is too late"
    line.tell(MoreTelephones("x9", URIS))
    assert line.last == []
