"""A call whose menu hears: turns are opened and closed with the menu's wish, and never outlive it."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.call import Call, Phase
from ivr.flow.events import Alternative, Listen, Misheard, NotHearing, SpeechBegan, Words
from ivr.flow.hearing import Ears
from ivr.flow.model import Document
from ivr.media import control as media
from ivr.sip import events as sip
from ivr.steps import (
    Action,
    CloseTurn,
    Emit,
    EngineRestarted,
    Happening,
    LegOpened,
    MediaBack,
    MediaLost,
    OpenTurn,
    PlayPrompts,
)
from tests.ivr.call.test_call import CALLER, QUEUE, Line, of, told
from tests.ivr.call.test_call_any_order import STEPS

SPOKEN = Document.model_validate(
    {
        "start": "main",
        "human": "line",
        "nodes": {
            "main": {
                "kind": "menu",
                "prompt": "which",
                "keys": {"1": {"to": "quiet", "words": "订单"}, "2": {"to": "line", "words": "人工"}, "3": "bye"},
            },
            "quiet": {"kind": "menu", "prompt": "hush", "barge_in": False, "keys": {"1": {"to": "bye", "words": "付款"}}},
            "line": {"kind": "queue", "queue": "service"},
            "bye": {"kind": "hangup", "prompt": "goodbye"},
        },
    }
)


class Spoken(Line):
    """A call in the menu above."""

    def __init__(self) -> None:
        self.document = SPOKEN
        super().__init__()
        arrival, offer, queues = self.call.arrival, self.call.caller_leg.offer, {"service": QUEUE}
        self.call, self.last = Call.arrive(arrival, CALLER, offer, SPOKEN, queues, 100.0, ears=Ears())
        self.all = list(self.last)

    @property
    def turns(self) -> list[Listen | None]:
        """The turns opened, None where one was closed, in order."""
        return [action.wish if isinstance(action, OpenTurn) else None for action in self.all if is_turn(action)]

    @property
    def turn(self) -> int:
        """The latest one opened."""
        return next(wish.turn for wish in reversed(self.turns) if wish is not None)

    def heard(self) -> None:
        """The latest prompt was heard to its end."""
        self.tell(media.Played(CALLER, of(PlayPrompts, self.all)[-1].play, True))


def is_turn(action: Action) -> bool:
    return isinstance(action, OpenTurn | CloseTurn)


def spoken() -> Spoken:
    line = Spoken()
    line.to_menu()
    return line


def test_the_turn_is_opened_with_the_prompt_and_its_result_leads_on() -> None:
    line = spoken()
    [wish] = line.turns
    assert wish is not None
    assert (wish.language, wish.words[:2]) == ("zh", ("订单", "人工"))
    assert [type(action) for action in line.last][-2:] == [PlayPrompts, OpenTurn]
    line.tell(SpeechBegan(wish.turn))
    assert told(media.Stop, line.last) == [media.Stop(CALLER)]
    line.tell(Words("订单", wish.turn, 0.9, (Alternative("人工", 0.1),)))
    assert not any(is_turn(action) for action in line.last), "the turn was over, and the next node waits for its prompt"
    said = next(action for action in line.last if isinstance(action, Emit) and action.type == "said")
    assert said.data == {"node": "main", "text": "订单", "confidence": 0.9, "alternatives": [["人工", 0.1]]}


def test_without_barge_in_the_turn_is_opened_once_the_prompt_was_heard() -> None:
    line = spoken()
    line.tell(media.Digit(CALLER, "1", 100))
    line.tell(media.Played(CALLER, 1, True))  # the earlier one's end
    assert line.turns[1:] == [None]
    line.heard()
    wish = line.turns[-1]
    assert wish is not None
    assert wish.words[0] == "付款"


def test_a_key_closes_the_turn_and_what_it_still_tells_means_nothing() -> None:
    line = spoken()
    turn = line.turn
    line.tell(media.Digit(CALLER, "3", 100))
    assert line.turns[-1] is None
    for late in (SpeechBegan(turn), Words("人工", turn), Misheard(turn, "noise"), NotHearing(turn, "slow")):
        assert line.tell(late) == []


def test_what_is_of_another_turn_means_nothing() -> None:
    line = spoken()
    assert line.tell(Words("人工", line.turn + 1)) == []
    assert line.tell(Words("人工", line.turn)) != []


def test_words_lead_into_a_queue_where_nobody_is_heard() -> None:
    line = spoken()
    line.tell(Words("人工", line.turn))
    assert line.phase() is Phase.QUEUED
    assert line.call.turn is None


def test_a_caller_who_hangs_up_in_mid_word_leaves_no_turn() -> None:
    line = spoken()
    line.tell(SpeechBegan(line.turn))
    line.tell(sip.HungUp(CALLER))
    assert line.turns[-1] is None
    assert line.call.turn is None


def test_lost_media_closes_the_turn_and_the_menu_asks_and_hears_again() -> None:
    line = spoken()
    first = line.turn
    line.tell(MediaLost())
    assert line.turns[-1] is None
    line.tell(MediaBack())
    line.tell(LegOpened(CALLER, 20004))
    assert line.turn > first
    assert of(PlayPrompts, line.last)[0].prompts == ("which",)


def test_a_new_engine_asks_and_hears_again() -> None:
    line = spoken()
    first, text = line.turn, line.call.to_json(line.now)
    line.call = Call.from_json(text, SPOKEN, {"service": QUEUE}, line.now, 0.0, ears=Ears())
    line.tell(EngineRestarted())
    assert line.turn > first
    assert of(PlayPrompts, line.last)[0].prompts == ("which",)


TURNS = st.integers(1, 4)
HEARD: st.SearchStrategy[Happening] = st.one_of(
    st.builds(SpeechBegan, TURNS),
    st.builds(Words, st.sampled_from(["订单", "人工", "付款", "天气"]), TURNS, st.floats(0, 1)),
    st.builds(Misheard, TURNS, st.sampled_from(["unknown", "too_much", "noise"])),
    st.builds(NotHearing, TURNS, st.sampled_from(["busy", "slow", "failed", "off"])),
)


@settings(max_examples=300, deadline=None)
@given(steps=STEPS, heard=st.lists(st.tuples(st.integers(0, 40), HEARD), max_size=12))
def test_in_any_order_turns_are_opened_and_closed_in_turn(steps: list[Any], heard: list[tuple[int, Happening]]) -> None:
    line = spoken()
    mixed: list[Any] = list(steps)
    for place, event in heard:
        mixed.insert(place, event)
    for step in mixed:
        if isinstance(step, float):
            line.wait(step)
        else:
            line.tell(step, 0.1)
        if line.call.turn is not None:
            assert line.call.in_menu
            assert line.call.media_there
    opened: int | None = None
    for wish in line.turns:
        if wish is None:
            assert opened is not None, "nothing was open"
            opened = None
        else:
            assert opened is None or wish.turn > opened
            opened = wish.turn
    line.tell(sip.HungUp(CALLER))
    line.tell(sip.Over(CALLER))
    assert line.call.turn is None
