"""[io] Vosk as a recogniser. Its calls release the GIL, and may take a second on a busy machine."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Container, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import soxr
import vosk

from ivr.speech.folder import NotAModel, look
from ivr.speech.phrases import UNKNOWN, every_pair, spellings, weigh
from ivr.speech.recogniser import Grammar, Heard, RecogniserError

ALTERNATIVES = 8
"""So many readings of an utterance are weighed against each other."""

PAIRED = 40
"""Up to so many phrases that follow each other are given to Vosk in pairs too. From a grammar it counts how often a word
follows another, and of single words none does: of 36 strings of four digits it understood 0 so, and 26 with pairs."""

UNSURE_BELOW = 0.9
"""A string that is heard with less confidence is heard again, where the model's folder says how."""

Readings: TypeAlias = "list[tuple[tuple[str, ...], float]]"
"""What may have been said, as the model's words, and how probably; the best first."""

_SYMBOLS = frozenset({UNKNOWN, "<eps>", "#0", "<s>", "</s>"})

vosk.SetLogLevel(-2)  # it would write a line for each turn, and a warning for each result with alternatives


class Vosk:
    """A model's folder, loaded."""

    def __init__(self, model: Path) -> None:
        """Raises RecogniserError when there is none, or one whose graph is fixed, so that it takes no menu's words."""
        try:
            folder = look(model)
        except NotAModel as error:
            raise RecogniserError(str(error)) from error
        if not folder.grammars:
            raise RecogniserError(f"{model}: its graph is fixed: it takes no menu's words")
        try:
            self._model = vosk.Model(str(model))
        except Exception as error:  # what Vosk raises
            raise RecogniserError(f"{model}: {error}") from error
        self.rate_hz = folder.rate_hz
        self._speeds = folder.speeds
        self._vocabulary = _Vocabulary(self._model)

    def vocabulary(self) -> Container[str]:
        """The words of the model's words.txt."""
        return self._vocabulary

    def turn(self, grammar: Grammar) -> _Turn:
        """A new utterance. Raises RecogniserError when none of the grammar's phrases can be said with this model."""
        if not grammar.phrases:
            return _Turn(lambda: vosk.KaldiRecognizer(self._model, self.rate_hz), {}, repeat=True)
        spelt = spellings(grammar.phrases, self._vocabulary)
        if not spelt:
            raise RecogniserError(f"no word of these is the model's: {', '.join(grammar.phrases):.100}")
        said = [" ".join(words) for words in spelt]
        if grammar.repeat and len(said) <= PAIRED:
            said.insert(0, " ".join(said[number] for number in every_pair(len(said))))
        unknown = [UNKNOWN] if self._model.vosk_model_find_word(UNKNOWN) >= 0 else []
        words = json.dumps([*said, *unknown], ensure_ascii=False)
        engine = partial(vosk.KaldiRecognizer, self._model, self.rate_hz, words)
        return _Turn(engine, spelt, repeat=grammar.repeat, speeds=self._speeds if grammar.repeat else ())


class _Vocabulary:
    def __init__(self, model: vosk.Model) -> None:
        self._model = model

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and word not in _SYMBOLS and self._model.vosk_model_find_word(word) >= 0


class _Turn:
    """One utterance. Where Vosk itself sees an end in it, its parts are put together."""

    def __init__(
        self, engine: Callable[[], Any], spelt: Mapping[tuple[str, ...], str], *, repeat: bool, speeds: tuple[float, ...] = ()
    ) -> None:
        self._new = engine
        self._engine = engine()
        self._engine.SetMaxAlternatives(ALTERNATIVES)
        self._spelt = spelt
        self._repeat = repeat
        self._speeds = speeds
        self._sound = bytearray()  # all of it, where it may be heard again
        self._parts: list[Readings] = []

    def hear(self, samples: bytes) -> None:
        """What was said next."""
        if self._speeds:
            self._sound += samples
        _hear(self._engine, samples, self._parts)

    def partial(self) -> str:
        """What it has been so far."""
        before = [" ".join(part[0][0]) for part in self._parts if part]
        return " ".join(text for text in (*before, json.loads(self._engine.PartialResult()).get("partial", "")) if text)

    def result(self, *, again: bool = False) -> Heard:
        """What it was. again: what is unsure is also played faster and slower, which makes other voices of it; each way counts
        the same."""
        readings = _ended(self._engine, self._parts)
        heard = weigh(readings, self._spelt, repeat=self._repeat)
        if not (again and self._speeds and heard.confidence < UNSURE_BELOW and any(words for words, _ in readings)):
            return heard
        ways = [readings, *(self._played(speed) for speed in self._speeds)]
        return weigh([(words, share / len(ways)) for way in ways for words, share in way], self._spelt, repeat=self._repeat)

    def _played(self, speed: float) -> Readings:
        samples = np.frombuffer(self._sound, dtype="<i2")
        parts: list[Readings] = []
        engine = self._new()
        engine.SetMaxAlternatives(ALTERNATIVES)
        _hear(engine, soxr.resample(samples, speed, 1.0).tobytes(), parts)
        return _ended(engine, parts)


def _hear(engine: Any, samples: bytes, parts: list[Readings]) -> None:
    try:
        ended = engine.AcceptWaveform(samples)
    except Exception as error:  # what Vosk raises
        raise RecogniserError(str(error)) from error
    if ended:
        parts.append(_readings(engine.Result()))


def _ended(engine: Any, parts: list[Readings]) -> Readings:
    """All parts, the last one too, as one."""
    readings: Readings = [((), 1.0)]
    for part in (*parts, _readings(engine.FinalResult())):
        if part:
            readings = [((*words, *more), one * other) for words, one in readings for more, other in part]
            readings = sorted(readings, key=lambda reading: -reading[1])[:ALTERNATIVES]
    return readings


def _readings(result: str) -> Readings:
    """Vosk's n-best as words and their probabilities.

    What it calls confidence is the logarithm of a path's weight: its share among all that are told is what Vosk's other form
    of result (minimum Bayes risk) says of single words, within 0.01, and is of the whole phrase.
    """
    paths = [(tuple(path["text"].split()), float(path["confidence"])) for path in json.loads(result)["alternatives"]]
    best = max(cost for _, cost in paths)
    weights = [math.exp(cost - best) for _, cost in paths]
    found = [(words, weight / sum(weights)) for (words, _), weight in zip(paths, weights, strict=True)]
    return found if any(words for words, _ in found) else []
