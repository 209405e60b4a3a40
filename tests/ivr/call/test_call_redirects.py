"""A 3xx of whom we call: events in, actions out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.call import Phase
from ivr.dialplan import Callee
from ivr.media import control as media
from ivr.sip import events as sip
from ivr.steps import (
    CancelDial,
    Dial,
    EngineRestarted,
    HangUpLeg,
    LegOpened,
    PlayPrompts,
    Redirected,
    Unreachable,
)
from tests.ivr.call.test_call import PEER, Line, events, of, told
from tests.ivr.call.test_call_forks import DESK, SOFT, Forked
from tests.ivr.call.test_call_out import CUSTOMER, Out

SERVERS = tuple(replace(CUSTOMER, server=f"10.0.0.{n}") for n in range(1, 10))
FORWARDED = Callee("1026", "13800138000", "out", "4001", confirm=True)


class Away(Out):
    """The customer's telephone has answered 302."""

    def __init__(self, *targets: Callee, frozen: bool = False) -> None:
        super().__init__(frozen=frozen)
        self.to_customer()
        self.tell(Redirected("c1.s2", 302, targets))

    def opened(self, leg: str) -> list[Dial]:
        self.tell(LegOpened(leg, 20010))
        return of(Dial, self.last)


@pytest.mark.parametrize("frozen", [False, True], ids=["running", "put down before each event"])
def test_targets_are_tried_in_their_order_until_one_answers(frozen: bool) -> None:
    line = Away(*SERVERS[:3], frozen=frozen)
    assert events(line.last) == ["redirected"]
    assert line.phase() is Phase.DIALLING
    assert [dial.callee for dial in line.opened("c1.s3")] == [SERVERS[0]]
    line.tell(sip.Rejected("c1.s3", 486, ""))
    assert [dial.callee for dial in line.opened("c1.s4")] == [SERVERS[1]]
    line.tell(Unreachable("c1.s4"))
    assert [dial.callee for dial in line.opened("c1.s5")] == [SERVERS[2]]
    line.tell(sip.Answered("c1.s5", PEER))
    assert line.phase() is Phase.TALKING
    line.tell(sip.HungUp("c1.s5"))
    assert line.result() == ("reached", "completed")


def test_after_no_answer_there_the_trunks_next_address_and_then_the_next_target() -> None:
    line = Away(*SERVERS[:2])
    line.opened("c1.s3")
    line.tell(sip.Rejected("c1.s3", 503, ""))
    line.tell(Unreachable("c1.s4"))
    assert [dial.callee for dial in line.opened("c1.s5")] == [SERVERS[1]]


def test_a_loop_ends() -> None:
    line = Away(CUSTOMER)
    assert line.phase() is Phase.ENDED, "where it was called already"
    line = Away(SERVERS[0])
    line.opened("c1.s3")
    line.tell(Redirected("c1.s3", 301, (CUSTOMER, SERVERS[0])))
    assert line.phase() is Phase.ENDED
    assert line.result() == ("refused", "refused")
    assert of(HangUpLeg, line.last) == [HangUpLeg("c1.s1")]


def test_no_more_than_five_targets_are_tried() -> None:
    line = Away(*SERVERS[:3])
    dialled, leg = [], 3
    while line.phase() is Phase.DIALLING:
        dialled += line.opened(f"c1.s{leg}")
        line.tell(Redirected(f"c1.s{leg}", 302, SERVERS))
        leg += 1
    assert [dial.callee for dial in dialled] == list(SERVERS[:5])


@pytest.mark.parametrize("status", [600, 603])
def test_a_6xx_is_the_end(status: int) -> None:
    line = Away(*SERVERS[:2])
    line.opened("c1.s3")
    line.tell(sip.Rejected("c1.s3", status, ""))
    assert line.phase() is Phase.ENDED


def test_the_time_is_over_at_a_target() -> None:
    line = Away(*SERVERS[:2])
    line.opened("c1.s3")
    line.wait(45.0)
    assert of(CancelDial, line.last) == [CancelDial("c1.s3")]
    assert line.phase() is Phase.ENDED


def test_the_engine_restarts_at_a_target() -> None:
    line = Away(*SERVERS[:2])
    line.opened("c1.s3")
    line.freeze()
    line.tell(EngineRestarted())
    assert of(CancelDial, line.last) == [CancelDial("c1.s3")]
    assert [dial.callee for dial in line.opened("c1.s4")] == [SERVERS[0]]
    line.tell(sip.Rejected("c1.s4", 486, ""))
    assert [dial.callee for dial in line.opened("c1.s5")] == [SERVERS[1]]


def test_a_redirection_of_whom_nobody_calls_any_more() -> None:
    line = Out().to_customer()
    line.tell(sip.HungUp("c1.s1"))
    line.tell(Redirected("c1.s2", 302, SERVERS))
    assert not of(Dial, line.last)
    line.tell(Redirected("x9", 302, SERVERS))
    assert line.last == []


@pytest.mark.parametrize("frozen", [False, True])
def test_a_seats_telephone_is_forwarded_and_who_answers_there_confirms(frozen: bool) -> None:
    line = Line(frozen=frozen).to_offer()
    line.tell(Redirected(DESK, 302, (FORWARDED,)))
    line.tell(LegOpened(SOFT, 20010))
    assert [dial.callee for dial in of(Dial, line.last)] == [FORWARDED]
    line.tell(sip.Answered(SOFT, PEER))
    assert line.phase() is Phase.OFFERED
    assert of(PlayPrompts, line.last)[0].prompts[0] == "call_for_you"
    line.tell(media.Digit(SOFT, "1", 100))
    assert line.phase() is Phase.TALKING


@pytest.mark.parametrize("forwarding", [DESK, SOFT])
def test_one_of_two_telephones_is_forwarded_and_both_ring_on(forwarding: str) -> None:
    other = SOFT if forwarding == DESK else DESK
    line = Forked()
    line.tell(Redirected(forwarding, 302, (FORWARDED,)))
    line.tell(LegOpened("c1.s3", 20010))
    line.tell(sip.Answered("c1.s3", PEER))
    assert not of(CancelDial, line.all), "nobody has confirmed yet"
    line.freeze()
    line.tell(sip.Answered(other, PEER))
    assert line.phase() is Phase.TALKING
    assert of(HangUpLeg, line.last) == [HangUpLeg("c1.s3")]
    assert told(media.Mix, line.last)[0].legs[1] == other
    line = Forked()
    line.tell(Redirected(forwarding, 302, (FORWARDED,)))
    line.tell(LegOpened("c1.s3", 20010))
    line.tell(sip.Answered("c1.s3", PEER))
    line.tell(media.Digit("c1.s3", "1", 100))
    assert line.phase() is Phase.TALKING
    assert of(CancelDial, line.last) == [CancelDial(other)]


def test_a_mailbox_that_hangs_up_does_not_end_the_other_telephone() -> None:
    line = Forked()
    line.tell(Redirected(SOFT, 302, (FORWARDED,)))
    line.tell(LegOpened("c1.s3", 20010))
    line.tell(sip.Answered("c1.s3", PEER))
    line.tell(sip.HungUp("c1.s3"))
    assert line.phase() is Phase.OFFERED
    line.tell(sip.Answered(DESK, PEER))
    assert line.phase() is Phase.TALKING
