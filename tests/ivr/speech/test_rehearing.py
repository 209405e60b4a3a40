"""A recording heard as a call would be: through the gate, by real Vosk with the built-in model."""

from __future__ import annotations

import numpy as np
import pytest

from bench.callers import line, word
from ivr.speech.control import Misheard, Understood
from ivr.speech.ground import Ground, by_kind, of_phrases
from ivr.speech.kaldi import Vosk
from ivr.speech.recogniser import Grammar, RecogniserError
from ivr.speech.rehearing import hear
from ivr.speech.tiny import MODEL

GROUND = of_phrases("main", [("订单",), ("退款",), ("人工服务",), ("物流",)])


@pytest.fixture(scope="module")
def model() -> Vosk:
    return Vosk(MODEL)


def test_a_word_is_understood_also_where_the_recording_begins_with_it(model: Vosk) -> None:
    for recording in (word("订单"), line(0.5, word("订单"), 2.0)):
        told = hear(model, GROUND, recording)
        assert isinstance(told, Understood)
        assert told.text == "订单"


def test_nobody_who_speaks_is_nobody(model: Vosk) -> None:
    assert hear(model, GROUND, line(2.0)) is None


def test_a_click_is_noise(model: Vosk) -> None:
    told = hear(model, GROUND, line(0.5, word("订单")[:640], 2.0))
    assert told == Misheard(1, "noise")


def test_after_a_click_a_word_is_understood_as_menus_hear_on(model: Vosk) -> None:
    told = hear(model, GROUND, line(0.5, word("订单")[:640], 1.0, word("订单"), 1.0))
    assert isinstance(told, Understood)
    assert told.text == "订单"


def test_too_much_is_too_much(model: Vosk) -> None:
    ground = Ground("short", GROUND.grammar, GROUND.meaning, max_s=0.5)
    told = hear(model, ground, line(0.5, word("人工服务"), 0.1, word("人工服务")))
    assert told == Misheard(1, "too_much")


def test_only_the_first_thing_said_counts_as_in_a_call(model: Vosk) -> None:
    told = hear(model, GROUND, line(0.3, word("订单"), 1.5, word("退款")))
    assert isinstance(told, Understood)
    assert told.text == "订单"


def test_digits_may_have_a_breath_between_them(model: Vosk) -> None:
    ground = by_kind([], "zh")["digits"]
    told = hear(model, ground, line(0.3, word("八"), 0.7, word("九")))
    assert isinstance(told, Understood)
    assert ground.meaning(told.text) == "89"
    hasty = Ground("hasty", ground.grammar, ground.meaning, pause_s=0.5)
    told = hear(model, hasty, line(0.3, word("八"), 0.7, word("九")))
    assert isinstance(told, Understood)
    assert ground.meaning(told.text) == "8"


def test_a_ground_of_which_the_model_knows_no_word(model: Vosk) -> None:
    with pytest.raises(RecogniserError):
        hear(model, Ground("none", Grammar(("特朗普",)), str), np.zeros(8000, np.int16))
