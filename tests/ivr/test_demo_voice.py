"""What the speaking caller of the demo relies on: the sample's menu, the built-in model's words, a voice unknown to it."""

from __future__ import annotations

import numpy as np

from ivr.demo_voice import NO, QUIET_DB, SCRIPT, YES, loud, speak
from ivr.flow.events import PromptDone, Visit, Words
from ivr.flow.hearing import Ears, right_or_wrong
from ivr.flow.load import load
from ivr.flow.run import FlowRun
from ivr.phones.audio import RATE, loudness
from ivr.speech.ground import of_menu
from ivr.speech.phrases import tokens
from ivr.speech.spoken import yes_or_no
from ivr.speech.tiny import words
from ivr.speech.tiny.caller import CALLERS
from ivr.speech.tiny.voices import VARIANTS
from prompts import PATH

MENU = (PATH / "menus" / "sample.yaml").read_text(encoding="utf-8")


def test_the_voice_is_none_that_training_heard() -> None:
    for voice in CALLERS.values():
        variant = voice.name.partition("+")[2]
        assert variant in VARIANTS["test"]
        assert variant not in (*VARIANTS["training"], *VARIANTS["development"])


def test_the_lines_lead_through_the_samples_menu() -> None:
    document = load(MENU).document
    assert document is not None
    run = FlowRun(document, ears=Ears())
    visited = []
    actions = run.start(0.0)
    for now in range(1, 50):
        visited += [action.node for action in actions if isinstance(action, Visit)]
        if len(visited) > 1 and visited[-1] == SCRIPT[-1].leads:
            break
        line = next((line for line in SCRIPT if line.at == run.node and line.leads not in visited), None)
        if line is None or run.turn is None:
            play = max(action.play for action in actions if hasattr(action, "play"))
            actions = run.receive(PromptDone(play), float(now))
        else:
            actions = run.receive(Words(line.text, run.turn), float(now))
    assert visited == ["welcome", "main", "info", "main", "english", "english_info", "english", "service"]


def test_the_built_in_model_has_the_lines_words() -> None:
    document = load(MENU).document
    assert document is not None
    for line in SCRIPT:
        assert line.text in of_menu(document, "zh" if line.language == "zh" else "en")[line.at].grammar.phrases
    said = [line.text for line in SCRIPT] + [*YES.values(), *NO.values()]
    assert [text for text in said if tokens(text, words()) is None] == []


def test_the_caller_tells_speech_from_silence() -> None:
    sound = speak("营业时间", "zh")
    assert 0.5 < len(sound) / RATE < 2.5
    assert loud(sound)
    assert not loud(np.zeros(RATE, np.int16))
    assert loud(np.concatenate([np.zeros(RATE, np.int16), sound[: RATE // 5], np.zeros(RATE, np.int16)]))
    assert loudness(sound) > QUIET_DB + 20


def test_the_callers_answers_are_right_or_wrong() -> None:
    assert {yes_or_no(text) for text in YES.values()} == {True}
    assert {yes_or_no(text) for text in NO.values()} == {False}
    for language in ("zh", "en"):
        offered = right_or_wrong(language)
        assert {YES[language], NO[language]} <= set(offered)
