"""The synthetic callers of tests and measurements."""

from __future__ import annotations

import numpy as np
import pytest

from bench.callers import VOICES, word
from prompts.synthesis import SpeechError


def test_a_word_sounds_the_same_whatever_was_said_before() -> None:
    said = []
    for before in ("退款", "人工服务"):
        word.cache_clear()
        word(before)
        said.append([word("订单", voice) for voice in VOICES])
    for one, other in zip(*said, strict=True):
        assert np.array_equal(one, other)


def test_what_cannot_be_said_is_told_and_the_next_is_said() -> None:
    with pytest.raises(SpeechError, match="。"):
        word("。")
    assert len(word("订单")) > 4000
