"""Whatever happens in whatever order: no fault, one end, nothing left behind, when put down and picked up all the while."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.call import LegState, Phase
from ivr.dialplan import Callee, Refused, ToHotline, ToQueue, ToRating
from ivr.flow.events import LookedUp, QueueSeen
from ivr.media import control as media
from ivr.questions import CalleeFound, CallerKnown, PlaceSeen, RoomSeen
from ivr.sip import events as sip
from ivr.steps import (
    Change,
    Consulting,
    Emit,
    EngineRestarted,
    Happening,
    LegFailed,
    LegOpened,
    MediaBack,
    MediaLost,
    MoreTelephones,
    Redirected,
    SeatBusy,
    SeatClaimed,
    SeatTaken,
    Shutdown,
    TakeSeat,
    TransferAsked,
    Unreachable,
)
from routing.commit import Dequeue, Enqueue, FreeSeat, Requeue
from tests.ivr.call.test_call import CALLER, HELD, MENU, PEER, SEAT, VIDEO_ONLY, Line
from tests.ivr.call.test_call_early import CLOSED, WELCOME, Early
from tests.ivr.call.test_call_menu_actions import Menu
from tests.ivr.call.test_call_out import CUSTOMER, SEAT_LEG, Out

LEGS = st.sampled_from([CALLER, "c1.s1", "c1.s2", "c1.s3", "a9", SEAT_LEG])
SEATS = st.sampled_from(["1026", "1027", "1030"])
MOBILE = Callee("1027", "13912345678", "out", "4001", True)
CALLEES = st.sampled_from([Callee("1030"), MOBILE, Callee(number="13912345678", trunk="out", caller_id="4001")])
DESTINATIONS = CALLEES | st.sampled_from([ToQueue("service"), ToHotline("other"), ToRating(), Refused("foreign")])
TO = st.sampled_from(["1031", "13912345678"])
REPLACED = st.sampled_from(["", "a9", "c1.s1"])
OFFERS = st.sampled_from([PEER, HELD, VIDEO_ONLY, b""])
HAPPENINGS: st.SearchStrategy[Happening] = st.one_of(
    st.builds(LegOpened, LEGS, st.sampled_from([20000, 20002])),
    st.builds(LegFailed, LEGS, st.just("no port")),
    st.builds(SeatClaimed, st.sampled_from([Callee("1026"), MOBILE])),
    st.builds(Unreachable, LEGS),
    st.builds(Redirected, LEGS, st.just(302), st.lists(CALLEES, max_size=2).map(tuple)),
    st.builds(MoreTelephones, LEGS, st.sampled_from([("sip:1@10.0.0.1",), ("sip:1@10.0.0.1", "sip:1@10.0.0.2")])),
    st.builds(SeatTaken, SEATS),
    st.builds(SeatBusy, SEATS),
    st.builds(Consulting, st.just("a9"), OFFERS, CALLEES),
    st.builds(
        TransferAsked, LEGS, st.just("r1"), st.just("x"), DESTINATIONS, st.sampled_from(["", "a9", "c1.s1"]), st.just(MENU)
    ),
    st.builds(MediaLost),
    st.builds(MediaBack),
    st.builds(EngineRestarted),
    st.builds(sip.Acknowledged, LEGS, OFFERS, st.booleans()),
    st.builds(sip.Cancelled, st.just(CALLER)),
    st.builds(sip.Reinvited, LEGS, OFFERS),
    st.builds(sip.ReinviteAnswered, LEGS, OFFERS),
    st.builds(sip.ReinviteRejected, LEGS, st.sampled_from([491, 488]), st.booleans()),
    st.builds(sip.Progressed, LEGS, st.just(180)),
    st.builds(sip.Answered, LEGS, OFFERS),
    st.builds(sip.Rejected, LEGS, st.sampled_from([486, 487, 408, 603]), st.just("")),
    st.builds(sip.HungUp, LEGS),
    st.builds(sip.Broken, LEGS, st.sampled_from(["no_ack", "no_bye_answer", "dialog_lost", "peer_died"])),
    st.builds(sip.Over, LEGS),
    st.builds(media.Digit, LEGS, st.sampled_from("1234567890#*"), st.just(100)),
    st.builds(media.Played, LEGS, st.integers(-3, 9), st.just(True)),
    st.builds(media.Silent, LEGS, st.just(30.0)),
    st.builds(media.Recording, st.just("c1-1"), st.just("gap"), st.just("")),
    st.builds(
        media.Recording,
        st.sampled_from(["c1-m1", "c1-m2"]),
        st.sampled_from(["gap", "silence", "limit", "stopped", "failed"]),
        st.just("d/c1-message.wav"),
        st.sampled_from([0.0, 9.0]),
    ),
    st.builds(CallerKnown, st.just({"name": "王", "calls": "2"})),
    st.builds(RoomSeen, st.integers(1, 3), st.booleans()),
    st.builds(PlaceSeen, st.integers(1, 3), st.sampled_from([None, 1, 4]), st.sampled_from([None, 90.0])),
    st.builds(CalleeFound, TO, st.one_of(CALLEES, st.just(Refused("foreign"))), st.sampled_from(["", "service"])),
    st.builds(LookedUp, st.integers(1, 3), st.sampled_from([None, False, True]), st.just({"state": "x"})),
    st.builds(QueueSeen, st.integers(1, 3), st.integers(0, 5), st.integers(0, 2), st.just(None)),
)
STEPS = st.lists(st.one_of(HAPPENINGS, st.floats(0.1, 70.0)), max_size=40)


class Ledger:
    """What Redis would hold: where the call waits and which seats it has."""

    def __init__(self) -> None:
        self.waits = False
        self.seats: set[str] = set()
        self.asked: list[str] = []
        self.ends = 0

    def note(self, actions: list[Any]) -> None:
        for action in actions:
            match action:
                case Emit("ended"):
                    self.ends += 1
                case Change(Enqueue() | Requeue()):
                    self.waits = True
                case Change(Dequeue()):
                    self.waits = False
                case TakeSeat(seat):
                    self.asked.append(seat)
                case Change(FreeSeat(seat)):
                    self.seats.discard(seat)


@settings(max_examples=400, deadline=None)
@given(start=st.sampled_from(["arrived", "menu", "queue", "offer", "talk"]), steps=STEPS, frozen=st.booleans())
def test_any_order(start: str, steps: list[Happening | float], frozen: bool) -> None:
    line, ledger = Line(), Ledger()
    match start:
        case "menu":
            line.to_menu()
        case "queue":
            line.to_queue()
        case "offer":
            line.to_offer()
        case "talk":
            line.to_talk()
    ledger.note(line.all)
    if line.call.seat:
        ledger.waits = False  # the claim took the caller out of the queue
        ledger.seats.add(line.call.seat)
    line.frozen = frozen
    run(line, ledger, steps)


@settings(max_examples=400, deadline=None)
@given(start=st.sampled_from(["menu", "queue", "calling", "speaking", "talk", "rating"]), steps=STEPS, frozen=st.booleans())
def test_any_order_in_a_menu_with_everything(start: str, steps: list[Happening | float], frozen: bool) -> None:
    line, ledger = Menu(), Ledger()
    match start:
        case "menu":
            line.to_menu()
        case "queue":
            line.to_menu().press("1")
        case "calling":
            line.calling()
        case "speaking":
            line.speaking()
        case "talk":
            line.talking()
        case "rating":
            line.talking()
            line.tell(sip.HungUp(SEAT))
    ledger.note(line.all)
    ledger.waits = start == "queue"  # the claim took those who talk out of it
    ledger.seats = set(line.call.taken)
    ledger.asked = []
    line.frozen = frozen
    run(line, ledger, steps)


@settings(max_examples=300, deadline=None)
@given(own=st.booleans(), to=st.sampled_from([CUSTOMER, Callee("1027"), MOBILE]), steps=STEPS, frozen=st.booleans())
def test_any_order_of_a_call_that_a_seat_makes(own: bool, to: Callee, steps: list[Happening | float], frozen: bool) -> None:
    line, ledger = Out(own=own, callee=to if own else CUSTOMER), Ledger()
    ledger.note(line.all)
    line.frozen = frozen
    run(line, ledger, steps)


@settings(max_examples=200, deadline=None)
@given(menu=st.sampled_from([CLOSED, WELCOME]), steps=STEPS, frozen=st.booleans())
def test_any_order_before_the_answer(menu: dict[str, Any], steps: list[Happening | float], frozen: bool) -> None:
    line, ledger = Early(menu), Ledger()
    line.here()
    ledger.note(line.all)
    line.frozen = frozen
    run(line, ledger, steps)


def run(line: Line, ledger: Ledger, steps: list[Happening | float]) -> None:
    """All steps, then the end of it."""
    for step in steps:
        if isinstance(step, SeatClaimed):
            if not ledger.waits or step.seat.seat in ledger.seats:
                continue  # no claim takes a caller who does not wait, nor a seat that is taken
            ledger.waits = False
            ledger.seats.add(step.seat.seat)
        if isinstance(step, SeatTaken | SeatBusy):
            if step.seat not in ledger.asked:
                continue  # an answer to no question
            ledger.asked.remove(step.seat)
            if isinstance(step, SeatTaken) and step.seat not in ledger.seats:
                ledger.seats.add(step.seat)
        if isinstance(step, Consulting) and step.leg in line.call.legs:
            continue  # one INVITE is told once
        ledger.note(line.wait(step) if isinstance(step, float) else line.tell(step))
        assert line.call.phase is not Phase.QUEUED or ledger.waits, "a queued call is in the queue"
        assert set(line.call.taken) == ledger.seats, "each seat that Redis holds for the call is known to it"
        assert not line.call.seat or line.call.seat in ledger.seats or line.call.phase not in (Phase.OFFERED, Phase.TALKING)
    ledger.note(line.tell(sip.HungUp(CALLER)))
    ledger.note(line.tell(Shutdown()))
    for leg in list(line.call.legs):
        line.tell(sip.Broken(leg, "no_bye_answer"))
        line.tell(sip.Rejected(leg, 487, ""))
    assert ledger.ends == 1
    assert {leg.state for leg in line.call.legs.values()} <= {LegState.OVER, LegState.CLOSING}, "no telephone rings on"
    assert line.over()
    assert not ledger.waits
    assert not ledger.seats
