"""A caller for demonstrations: a voice of espeak-ng for each language that training never heard and the model hears well."""

from __future__ import annotations

from collections.abc import Mapping

from ivr.speech.tiny.lexicon import Language
from prompts.speech import Voice

CALLERS: Mapping[Language, Voice] = {
    "zh": Voice("cmn+steph3", words_per_minute=145, pitch=44, range=50),
    "en": Voice("en-us+steph3", words_per_minute=145, pitch=44, range=50),
}
"""Variants of voices.VARIANTS["test"]."""
