"""The built-in model in vosk itself, with speech made here by voices, in rooms and noise that training never heard."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import soxr

from bench.callers import VOICES, line, word
from bench.mouth import speak
from ivr.speech.kaldi import UNSURE_BELOW, Vosk
from ivr.speech.recogniser import Grammar, Heard
from ivr.speech.tiny import MODEL, SAMPLE_RATE_HZ, lexicon, words
from ivr.speech.tiny.caller import CALLERS
from ivr.speech.tiny.measure import RATES_HZ, Way, hear, hear_in_call, right
from ivr.speech.tiny.scenes import in_band, narrowed
from ivr.speech.tiny.trials import Amounts, Group, Trial, make
from ivr.speech.tiny.voices import VARIANTS

FEW = Amounts(menu=1, yes_or_no=2, digit=2, strings=24, foreign=1, others=8)
FLOORS: dict[lexicon.Language, dict[Group, float]] = {
    "zh": {"menu word": 0.93, "yes or no": 0.91, "digit": 0.88, "4 digits": 0.6, "foreign": 0.94, "other word": 0.8},
    "en": {"menu word": 0.87, "yes or no": 0.83, "digit": 0.9, "4 digits": 0.83, "foreign": 0.94, "other word": 0.7},
}
"""Shares that are to be right of few trials, somewhat below what the model now reaches with them."""

MENU_ZH = ("订单", "退货", "营业时间", "地址", "人工服务", "投诉", "查询进度")
DIGITS_ZH = tuple("零一二三四五六七八九幺")
DIGITS_EN = ("zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
MENU_EN = ("orders", "members", "agent", "hours", "address", "billing", "repair")


@pytest.fixture(scope="module")
def model() -> Vosk:
    return Vosk(MODEL)


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in MODEL.rglob("*") if path.is_file()) <= 3_000_000


def test_it_knows_its_words(model: Vosk) -> None:
    assert words() == {word.text for word in lexicon.vocabulary(lexicon.read())}
    assert all(word in model.vocabulary() for word in words())
    assert "大象" not in model.vocabulary()


@pytest.fixture(scope="module")
def spoken() -> list[Trial]:
    return make("test", "espeak", list(FLOORS), FEW)


@pytest.mark.parametrize("language", list(FLOORS))
def test_it_hears_voices_that_training_never_heard(model: Vosk, spoken: list[Trial], language: lexicon.Language) -> None:
    trials, heard = Counter[Group](), Counter[Group]()
    for trial in (trial for trial in spoken if trial.language == language):
        trials[trial.group] += 1
        heard[trial.group] += right(model, trial, "call")
    shares = {group: heard[group] / trials[group] for group in FLOORS[language]}
    assert not {group: share for group, share in shares.items() if share < FLOORS[language][group]}, shares


def test_it_is_fed_at_another_rate_than_its_own(spoken: list[Trial]) -> None:
    """The bands of docs/speech.md: the same speech wide, brought down by Vosk, and at the model's own rate."""
    words = [trial for trial in spoken if trial.group == "menu word"][:40]
    ways: tuple[Way, ...] = ("16 k", "8 k")
    for way in ways:
        fed = Vosk(MODEL, RATES_HZ[way])
        assert sum(right(fed, trial, way) for trial in words) >= 0.9 * len(words), way


@pytest.mark.parametrize(("language", "menu"), [("zh", MENU_ZH), ("en", MENU_EN)])
def test_the_caller_of_demonstrations_is_heard(model: Vosk, language: lexicon.Language, menu: tuple[str, ...]) -> None:
    voice = CALLERS[language]
    assert voice.name.partition("+")[2] in VARIANTS["test"]

    def heard(text: str, grammar: Grammar) -> str:
        spoken, rate = speak(text, voice)
        padded = np.pad(spoken * 0.4, rate // 4)
        return hear(model, narrowed(soxr.resample(padded, rate, SAMPLE_RATE_HZ), "telephone"), grammar)

    assert [heard(word, Grammar(menu)) for word in menu] == list(menu)
    digits = "一 三 八 零" if language == "zh" else "one three eight zero"
    called = DIGITS_ZH if language == "zh" else DIGITS_EN
    assert heard(digits, Grammar(called, repeat=True)) == digits


@pytest.mark.parametrize("grammar", [DIGITS_ZH, MENU_EN])
def test_silence_and_noise_say_nothing(model: Vosk, grammar: tuple[str, ...]) -> None:
    """Noise as loud as a quiet voice is the gate's to keep away: the model alone takes it for 五."""
    noise = np.random.default_rng(1).standard_normal(3 * SAMPLE_RATE_HZ)
    for level in (0.0, 30.0):
        assert hear(model, (noise * level).astype(np.int16), Grammar(grammar)) == ""
    assert hear_in_call(model, (noise * 300.0).astype(np.int16), Grammar(grammar)) == ""


@pytest.mark.parametrize("silence_s", [0.0, 0.02, 0.04, 0.1])
def test_who_speaks_as_soon_as_the_turn_begins_is_heard(model: Vosk, silence_s: float) -> None:
    grammar = Grammar(("订单", "查询订单", "会员", "报修", "人工", "返回", "重复"))
    said = [(text, voice) for text in ("订单", "会员", "报修", "人工") for voice in VOICES]
    heard = [hear_in_call(model, line(silence_s, word(text, voice)), grammar) for text, voice in said]
    assert sum(found == text for found, (text, _) in zip(heard, said, strict=True)) >= len(said) - 1


def test_an_engine_that_was_used_before_hears_the_same_as_a_new_one(model: Vosk, spoken: list[Trial]) -> None:
    """Each utterance by a model that has heard all before it, other grammars between, and by one that has heard nothing; after
    half of them Vosk itself sees an end."""
    words = [trial for trial in spoken if trial.group == "yes or no"][:6]
    strings = [trial for trial in spoken if trial.group == "4 digits"][:6]
    for number, trial in enumerate(trial for pair in zip(words, strings, words, strings, strict=True) for trial in pair):
        samples = in_band(trial.samples, "8 k").tobytes() + bytes(24000 * (number % 4 // 2))
        grammar = Grammar(trial.grammar, repeat=trial.group == "4 digits")
        used, new = model.turn(grammar), Vosk(MODEL).turn(grammar)
        used.hear(samples)
        new.hear(samples)
        assert used.result(again=True) == new.result(again=True)


def test_turns_at_once_with_one_grammar_do_not_hear_each_other(model: Vosk, spoken: list[Trial]) -> None:
    first, second = [trial for trial in spoken if trial.group == "yes or no" and trial.language == "zh"][:2]
    grammar = Grammar(tuple(dict.fromkeys((*first.grammar, *second.grammar))))
    sounds = [in_band(trial.samples, "8 k").tobytes() for trial in (first, second)]

    def alone(sound: bytes) -> Heard:
        turn = model.turn(grammar)
        turn.hear(sound)
        return turn.result()

    apart = [alone(sound) for sound in sounds]
    turns = [model.turn(grammar) for _ in sounds]
    for at in range(0, max(map(len, sounds)), 1600):
        for turn, sound in zip(turns, sounds, strict=True):
            if sound[at : at + 1600]:
                turn.hear(sound[at : at + 1600])
    assert [turn.result() for turn in turns] == apart


def test_what_is_unsure_is_heard_again_at_other_speeds_and_what_is_sure_is_not(model: Vosk, spoken: list[Trial]) -> None:
    changed = 0
    for trial in (trial for trial in spoken if trial.group == "4 digits"):
        grammar, samples = Grammar(trial.grammar, repeat=True), in_band(trial.samples, "8 k").tobytes()
        once, again = model.turn(grammar), model.turn(grammar)
        once.hear(samples)
        again.hear(samples)
        first, last = once.result(), again.result(again=True)
        assert first == last or first.confidence < UNSURE_BELOW
        changed += first.text != last.text
    assert changed
