"""A caller whose network broke down: nobody hung up, so a return call is owed whatever was going on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ivr.call import Phase
from ivr.sip import events as sip
from ivr.steps import ConfirmBye, Emit, HangUpLeg, Happening
from tests.ivr.call.test_call import CALLER, SEAT, Line, events, of

OUT_OF_ORDER, NORMAL = 38, 16


@pytest.mark.parametrize("upto", [Line.to_menu, Line.to_queue, Line.to_offer, Line.to_talk])
@pytest.mark.parametrize("frozen", [False, True], ids=["running", "put down and picked up"])
@pytest.mark.parametrize("event", [sip.HungUp(CALLER, OUT_OF_ORDER), sip.Broken(CALLER, "peer_died")], ids=["BYE", "death"])
def test_a_caller_who_is_cut_off_is_owed_a_call(upto: Callable[[Line], Line], frozen: bool, event: Happening) -> None:
    line = upto(Line(frozen=frozen))
    line.tell(event)
    assert line.last[0] == (ConfirmBye(CALLER) if isinstance(event, sip.HungUp) else Emit("owed", {"reason": "cut_off"}))
    kinds = events(line.last)
    assert kinds.index("owed") < kinds.index("ended"), "owed before the end, so that it is booked with it"
    emitted = {emit.type: emit.data for emit in of(Emit, line.last)}
    assert emitted["owed"]["reason"] == "cut_off"
    assert (emitted["ended"]["by"], emitted["ended"]["reason"]) == ("system", "cut_off")
    assert line.phase() is Phase.ENDED


def test_the_seat_is_let_go_with_the_caller() -> None:
    line = Line().to_talk()
    line.tell(sip.HungUp(CALLER, OUT_OF_ORDER))
    assert of(HangUpLeg, line.last) == [HangUpLeg(SEAT)]


def test_whoever_hangs_up_is_owed_nothing() -> None:
    line = Line().to_menu()
    line.tell(sip.HungUp(CALLER, NORMAL))
    assert "owed" not in events(line.last)
    assert of(Emit, line.last)[-1].data["reason"] == "hung_up_in_menu"


def test_a_seat_that_is_cut_off_has_left() -> None:
    line = Line().to_talk()
    line.tell(sip.HungUp(SEAT, OUT_OF_ORDER))
    assert "owed" not in events(line.last)
    assert of(Emit, line.last)[-1].data["reason"] == "completed"


def test_who_talks_to_a_seat_by_a_way_that_died_is_owed_a_call() -> None:
    """A mobile seat behind the same trunk."""
    line = Line().to_talk()
    line.tell(sip.Broken(SEAT, "peer_died"))
    emitted = {emit.type: emit.data for emit in of(Emit, line.last)}
    assert emitted["owed"]["reason"] == "cut_off"
    assert (emitted["ended"]["by"], emitted["ended"]["reason"]) == ("system", "cut_off")
    assert of(HangUpLeg, line.last) == [HangUpLeg(CALLER), HangUpLeg(SEAT)]


def test_whose_seat_dies_while_it_rings_is_offered_to_another() -> None:
    line = Line().to_offer()
    line.tell(sip.Rejected(SEAT, 503, "Service Unavailable"))
    assert "owed" not in events(line.last)
    assert line.phase() is Phase.QUEUED
