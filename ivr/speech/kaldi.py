"""[io] Vosk as a recogniser. Its calls release the GIL, and may take a second on a busy machine."""

from __future__ import annotations

import json
import math
import threading
from collections import deque
from collections.abc import Container, Mapping
from functools import lru_cache
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

KEPT = 8
"""So many engines that had their result wait for a next turn with their grammar. What they have composed of its graph would be
a tenth of a short utterance's work; nothing else of what they heard stays in them."""

GRAMMARS = 64
"""Of so many, the latest ones, it is known how their phrases are said."""

UNSURE_BELOW = 0.9
"""A string that is heard with less confidence is heard again, where the model's folder says how."""

Readings: TypeAlias = "list[tuple[tuple[str, ...], float]]"
"""What may have been said, as the model's words, and how probably; the best first."""

_SYMBOLS = frozenset({UNKNOWN, "<eps>", "#0", "<s>", "</s>"})

vosk.SetLogLevel(-2)  # it would write a line for each turn, and a warning for each result with alternatives


class Vosk:
    """A model's folder, loaded."""

    def __init__(self, model: Path, rate_hz: int | None = None) -> None:
        """rate_hz: of what it is fed with; without one, the model's own, which Vosk else brings it to. Raises RecogniserError
        when there is none, or one whose graph is fixed, so that it takes no menu's words."""
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
        self.rate_hz = rate_hz or folder.rate_hz
        self._speeds = folder.speeds
        self._vocabulary = _Vocabulary(self._model)
        self._engines = _Engines(self._model, self.rate_hz)
        self._prepared = lru_cache(GRAMMARS)(self._prepare)

    def vocabulary(self) -> Container[str]:
        """The words of the model's words.txt."""
        return self._vocabulary

    def turn(self, grammar: Grammar) -> _Turn:
        """A new utterance. Raises RecogniserError when none of the grammar's phrases can be said with this model."""
        if not grammar.phrases:
            return _Turn(self._engines, "", {}, repeat=True)
        spelt, words = self._prepared(grammar)
        return _Turn(self._engines, words, spelt, repeat=grammar.repeat, speeds=self._speeds if grammar.repeat else ())

    def _prepare(self, grammar: Grammar) -> tuple[Mapping[tuple[str, ...], str], str]:
        """How its phrases are said, and Vosk's grammar for that."""
        spelt = spellings(grammar.phrases, self._vocabulary)
        if not spelt:
            raise RecogniserError(f"no word of these is the model's: {', '.join(grammar.phrases):.100}")
        said = [" ".join(words) for words in spelt]
        if grammar.repeat and len(said) <= PAIRED:
            said.insert(0, " ".join(said[number] for number in every_pair(len(said))))
        unknown = [UNKNOWN] if self._model.vosk_model_find_word(UNKNOWN) >= 0 else []
        return spelt, json.dumps([*said, *unknown], ensure_ascii=False)


class _Vocabulary:
    def __init__(self, model: vosk.Model) -> None:
        self._model = model

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and word not in _SYMBOLS and self._model.vosk_model_find_word(word) >= 0


class _Engines:
    """Vosk's recognisers, new ones or kept ones. For many threads."""

    def __init__(self, model: vosk.Model, rate_hz: int) -> None:
        self._model = model
        self._rate_hz = rate_hz
        self._lock = threading.Lock()
        self._kept: deque[tuple[str, Any]] = deque(maxlen=KEPT)  # the longest unused first

    def take(self, words: str) -> Any:
        """One for Vosk's grammar, none of which has heard anything; "" is dictation."""
        with self._lock:
            found = next((each for each in reversed(self._kept) if each[0] == words), None)
            if found is not None:
                self._kept.remove(found)
                return found[1]
        engine = vosk.KaldiRecognizer(self._model, self._rate_hz, *([words] if words else []))
        engine.SetMaxAlternatives(ALTERNATIVES)
        return engine

    def give(self, words: str, engine: Any) -> None:
        """It has had its FinalResult, and no end before: so it begins anew with the next sound. One of dictation is not kept:
        what it composes of its graph may be tens of megabytes."""
        if words:
            with self._lock:
                self._kept.append((words, engine))


class _Turn:
    """One utterance. Where Vosk itself sees an end in it, its parts are put together."""

    def __init__(
        self,
        engines: _Engines,
        words: str,
        spelt: Mapping[tuple[str, ...], str],
        *,
        repeat: bool,
        speeds: tuple[float, ...] = (),
    ) -> None:
        self._engines = engines
        self._words = words
        self._engine = engines.take(words)
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
        readings = self._ended(self._engine, self._parts)
        heard = weigh(readings, self._spelt, repeat=self._repeat)
        if not (again and self._speeds and heard.confidence < UNSURE_BELOW and any(words for words, _ in readings)):
            return heard
        ways = [readings, *(self._played(speed) for speed in self._speeds)]
        return weigh([(words, share / len(ways)) for way in ways for words, share in way], self._spelt, repeat=self._repeat)

    def _played(self, speed: float) -> Readings:
        samples = np.frombuffer(self._sound, dtype="<i2")
        parts: list[Readings] = []
        engine = self._engines.take(self._words)
        _hear(engine, soxr.resample(samples, speed, 1.0).tobytes(), parts)
        return self._ended(engine, parts)

    def _ended(self, engine: Any, parts: list[Readings]) -> Readings:
        """All parts, the last one too, as one."""
        last = _readings(engine.FinalResult())
        if not parts:
            self._engines.give(self._words, engine)
        return _joined([*parts, last])


def _hear(engine: Any, samples: bytes, parts: list[Readings]) -> None:
    try:
        ended = engine.AcceptWaveform(samples)
    except Exception as error:  # what Vosk raises
        raise RecogniserError(str(error)) from error
    if ended:
        parts.append(_readings(engine.Result()))


def _joined(parts: list[Readings]) -> Readings:
    readings: Readings = [((), 1.0)]
    for part in parts:
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
