"""What seats dial to record prompts, and the menu that they hear then."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from ivr import codes
from ivr.codesettings import Codes, Recordable
from ivr.flow.events import FlowAction, FlowEvent, HangUp, Key, LookedUp, LookUp, MessageDone, Play, PromptDone, RecordMessage
from ivr.flow.run import FlowRun
from ivr.sections import Seat

HOURS = Recordable(number="1", prompt="business_info")


def test_who_may_record_what() -> None:
    known = Codes(prompts=(HOURS, Recordable(number="12", prompt="closed", language="en")))
    may = Seat(number="1026", password=SecretStr("x"), queues=("service",), may_record=True)
    assert codes.to_record(known, may, "*771") == HOURS
    assert codes.to_record(known, may, "*77") is None
    assert codes.to_record(known, may, "*779") is None
    assert codes.to_record(known, may.model_copy(update={"may_record": False}), "*771") is None
    assert known.numbers[-2:] == ["*771", "*7712"]


class Seated:
    """Somebody at the telephone, and what the menu wants of them and for them."""

    def __init__(self) -> None:
        self.run = FlowRun(codes.recording(HOURS, "1026"))
        self.wanted = list(self.run.start(0.0))

    def hears(self, *events: FlowEvent) -> None:
        for event in events:
            self.wanted = list(self.run.receive(event, 1.0))

    def one(self, kind: type[FlowAction]) -> FlowAction:
        [found] = [action for action in self.wanted if isinstance(action, kind)]
        return found

    def heard(self) -> tuple[object, ...]:
        """What is played now; it is heard to its end."""
        play = self.one(Play)
        assert isinstance(play, Play)
        self.hears(PromptDone(play.play))
        return play.prompts

    def asked(self, found: bool = True) -> str:
        look = self.one(LookUp)
        assert isinstance(look, LookUp)
        assert look.lookup == codes.STUDIO
        assert (look.send["draft"], look.send["prompt"], look.send["language"]) == ("draft_1026", "business_info", "zh")
        self.hears(LookedUp(look.number, found))
        return look.send["do"]

    def speaks(self) -> None:
        assert self.one(RecordMessage)
        self.hears(Key("#"), MessageDone(4.0))
        assert self.heard() == ("record_heard",)


@pytest.mark.parametrize(("key", "does", "said"), [("1", "keep", "record_saved"), ("*", "discard", "record_discarded")])
def test_spoken_heard_and_decided(key: str, does: str, said: str) -> None:
    seat = Seated()
    assert seat.heard() == ("record_start", "beep")
    seat.speaks()
    assert seat.asked() == "hear"
    assert seat.heard() == ("draft_1026", "record_choose")
    seat.hears(Key("3"))
    assert seat.heard() == ("draft_1026", "record_choose")
    seat.hears(Key("2"))
    assert seat.heard() == ("record_start", "beep")
    seat.speaks()
    assert seat.asked() == "hear"
    seat.hears(Key(key))
    assert seat.asked() == does
    assert seat.heard() == (said,)
    assert seat.one(HangUp)


def test_what_could_not_be_heard_is_spoken_again() -> None:
    seat = Seated()
    seat.heard()
    seat.speaks()
    assert seat.asked(found=False) == "hear"
    assert seat.heard() == ("record_too_short",)
    assert seat.heard() == ("record_start", "beep")
