"""What was said might be two things: the caller is asked which, over real RTP, by a real speech process; the guesses are in the
call's timeline."""

from __future__ import annotations

import tempfile
from itertools import combinations, product
from pathlib import Path

import numpy as np

from bench.callers import VOICES, word
from ivr.flow.load import load
from ivr.phones import audio
from ivr.phones.audio import Samples
from ivr.speech.control import Understood
from ivr.speech.ground import of_menu
from ivr.speech.kaldi import Vosk
from ivr.speech.rehearing import hear
from ivr.speech.tiny import MODEL
from prompts import PATH
from tests.site import PATIENCE_S, running
from tests.stalls import again_where_late
from tests.system.hearing import answered, connected, say, timeline
from tests.talk import sound

MENU = """
start: notice
human: person
nodes:
  notice: {kind: say, prompt: digit_0, notice: true, then: main}
  main:
    kind: menu
    prompt: business_info
    timeout_s: 20
    unsure_below: 0.98
    keys:
      "1": {to: one, words: [订单]}
      "2": {to: two, words: [退款]}
      "3": {to: three, words: [退货]}
      "4": {to: four, words: [付款]}
    no_match: {prompt: digit_9, limit: 5}
  one: {kind: say, prompt: digit_1, then: bye}
  two: {kind: say, prompt: digit_2, then: bye}
  three: {kind: say, prompt: digit_3, then: bye}
  four: {kind: say, prompt: digit_4, then: bye}
  bye: {kind: hangup, prompt: goodbye}
  person: {kind: queue, queue: service}
"""
WORDS = {"订单": "1", "退款": "2", "退货": "3", "付款": "4"}
QUESTION, IS_IT_RIGHT, MISHEARD = (sound(PATH / "zh" / f"{name}.wav") for name in ("business_info", "speech_yes_no", "digit_9"))


UNSURE_BELOW = 0.98
LATE = range(0, 160, 16)
"""Samples by which a sound may come later: how it falls into the model's frames is not the same in each call."""


def doubtful() -> tuple[Samples, str, str]:
    """Two words at once of which the model can't tell which was said, however they fall into its frames; its two guesses."""
    menu = load(MENU).document
    assert menu is not None
    model, ground = Vosk(MODEL), of_menu(menu, "zh")["main"]

    def guesses(said: Samples, late: int) -> tuple[str, str] | None:
        heard = audio.decode("PCMU", audio.encode("PCMU", np.concatenate([np.zeros(late, np.int16), said])))
        told = hear(model, ground, heard)
        if not isinstance(told, Understood) or told.confidence >= UNSURE_BELOW or not told.alternatives:
            return None
        return told.text, told.alternatives[0].text

    for (one, other), voice, share in product(combinations(WORDS, 2), VOICES, np.arange(0.4, 0.62, 0.02)):
        parts = [word(text, voice) * part for text, part in ((one, 1 - share), (other, share))]
        both = np.zeros(max(map(len, parts)))
        for part in parts:
            both[: len(part)] += part
        said = both.astype(np.int16)
        first = guesses(said, LATE[0])
        if first is not None and all(guesses(said, late) == first for late in LATE[1:]):
            return said, *first
    raise AssertionError("the model is never in doubt")


@again_where_late
async def test_a_doubtful_answer_is_asked_about_and_the_next_guess_after_no(tmp_path: Path) -> None:
    said, first, second = doubtful()
    directory = Path(tempfile.mkdtemp(dir=tmp_path))  # a new one for each try
    (directory / "doubts.yaml").write_text(MENU, encoding="utf-8")
    extra = f'[[hotlines]]\nname = "doubts"\nmenu = "{directory / "doubts.yaml"}"\n[speech]\nenabled = "on"\n'
    async with running(directory, seats=(), extra=extra, numbers={"4002": "doubts"}) as site:
        await connected(site)
        call = await (await site.phone()).dial("4002")
        await call.wait_answered(PATIENCE_S)
        await answered(call, QUESTION)
        call.send_samples(said)
        await answered(call, IS_IT_RIGHT)
        say(call, "不是")
        await answered(call, MISHEARD)
        await answered(call, QUESTION)
        call.send_samples(said)
        await answered(call, IS_IT_RIGHT)
        say(call, "是的")
        await answered(call, sound(PATH / "zh" / f"digit_{WORDS[second]}.wav"))
        assert await call.wait_ended(PATIENCE_S) == "remote"
        [row] = await site.ended()
        heard = [data for kind, data in timeline(site, row["call_id"]) if kind == "said"]
        assert [each["text"] for each in heard] == [first, "不是", first, "是的"]
        for each in (heard[0], heard[2]):
            assert each["confidence"] < UNSURE_BELOW
            assert each["alternatives"][0][0] == second
