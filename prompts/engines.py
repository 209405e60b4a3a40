"""[io] The speech engines: espeak-ng, which comes with the project (a draft voice), and piper and sherpa-onnx where they are
installed and a model is named. Engine and models are opened when something is spoken for the first time.

piper      `pip install piper-tts`; a model is a voice's .onnx file with its .onnx.json beside it. A Chinese voice that reads
           pinyin wants its g2pW folder beside the model.
sherpa     `pip install sherpa-onnx`; a model is a folder as its authors pack them: one .onnx with tokens.txt (VITS), and
           lexicon.txt, espeak-ng-data/, dict/ and *.fst where they belong to it; with voices.bin it is a Kokoro model.
"""

from __future__ import annotations

import hashlib
import importlib
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from prompts.speech import Speaker, Voice
from prompts.synthesis import SpeechError, Spoken, Synthesiser, no_voice

EngineName = Literal["espeak", "piper", "sherpa"]
VOICES: Mapping[str, Voice] = {
    "zh": Voice("cmn+f2", words_per_minute=175, pitch=50, range=55),
    "en": Voice("en-us+f2", words_per_minute=172, pitch=45, range=50),
}
"""How espeak-ng speaks each language."""


def open_engine(name: EngineName, models: Mapping[str, Path]) -> Synthesiser:
    """The engine of that name. models: by language, for engines that need them."""
    match name:
        case "espeak":
            return Espeak()
        case "piper":
            return Piper(models)
        case "sherpa":
            return Sherpa(models)


class Espeak:
    """espeak-ng. voice: one of its voice names, such as cmn+f3."""

    name = "espeak"
    languages = frozenset(VOICES)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._speaker: Speaker | None = None

    def recipe(self, language: str, voice: str = "") -> str:
        return str(self._voice(language, voice))

    def synthesise(self, text: str, language: str, voice: str = "") -> Spoken:
        with self._lock:
            self._speaker = self._speaker or Speaker()
        return Spoken(self._speaker.speak(text, self._voice(language, voice)), self._speaker.rate)

    def _voice(self, language: str, name: str) -> Voice:
        if language not in VOICES:
            raise no_voice(self.name, language, self.languages)
        usual = VOICES[language]
        return Voice(name, usual.words_per_minute, usual.pitch, usual.range) if name else usual


class _Modelled:
    """An engine with a model for each language, each opened once and asked by one thread at a time."""

    name: str
    package: str
    module: str

    def __init__(self, models: Mapping[str, Path]) -> None:
        self._models = dict(models)
        self._opened: dict[str, Any] = {}
        self._lock = threading.Lock()

    @property
    def languages(self) -> frozenset[str]:
        return frozenset(self._models)

    def recipe(self, language: str, voice: str = "") -> str:
        path = self._path(language)
        try:
            files = sorted(path.glob("*")) if path.is_dir() else [path]
            stats = "".join(f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}\n" for file in files)
        except OSError as error:
            raise SpeechError(f"the {self.name} model of {language!r} can't be read: {error}") from error
        return f"{self.name} {path.name} {hashlib.sha256(stats.encode()).hexdigest()[:16]} {voice}"

    def synthesise(self, text: str, language: str, voice: str = "") -> Spoken:
        path = self._path(language)
        if voice and not voice.isdigit():
            raise SpeechError(f"a voice of {self.name} is the number of a speaker in its model, not {voice!r}")
        try:
            module = importlib.import_module(self.module)
        except ImportError as error:
            raise SpeechError(f"{self.name} is not installed ({error}); run: pip install {self.package}") from error
        with self._lock:
            try:
                if language not in self._opened:
                    self._opened[language] = self._open(module, path)
                spoken = self._speak(module, self._opened[language], text, int(voice) if voice else None)
            except (OSError, RuntimeError, ValueError, KeyError) as error:  # what the two raise for models and texts
                raise SpeechError(f"{self.name} can't speak {text!r} with {path}: {error}") from error
        if not np.abs(spoken.samples).max(initial=0.0):
            raise SpeechError(f"{self.name} says nothing to {text!r}")
        return spoken

    def _path(self, language: str) -> Path:
        if language not in self._models:
            raise no_voice(self.name, language, self.languages)
        return self._models[language]

    def _open(self, module: Any, path: Path) -> Any:
        raise NotImplementedError

    def _speak(self, module: Any, model: Any, text: str, speaker: int | None) -> Spoken:
        raise NotImplementedError


class Piper(_Modelled):
    """piper (OHF-Voice/piper1-gpl, its Python API). voice: number of a speaker, where a model has several."""

    name = "piper"
    package = "piper-tts"
    module = "piper"

    def _open(self, module: Any, path: Path) -> Any:
        return module.PiperVoice.load(path, download_dir=path.parent)

    def _speak(self, module: Any, model: Any, text: str, speaker: int | None) -> Spoken:
        chunks = list(model.synthesize(text, module.SynthesisConfig(speaker_id=speaker)))
        samples = np.concatenate([np.zeros(0, np.float32), *(chunk.audio_float_array for chunk in chunks)])
        return Spoken(samples.astype(np.float64), model.config.sample_rate)


class Sherpa(_Modelled):
    """sherpa-onnx (k2-fsa/sherpa-onnx, OfflineTts). voice: number of a speaker, where a model has several.

    A model whose metadata it doesn't understand ends the process: it prints why and exits. Try one with `hotline prompts say`.
    """

    name = "sherpa"
    package = "sherpa-onnx"
    module = "sherpa_onnx"

    def _open(self, module: Any, path: Path) -> Any:
        models = sorted(path.glob("*.onnx"))
        if len(models) != 1:
            raise ValueError(f"one .onnx file must be there, not {len(models)}")

        def there(name: str) -> str:
            return str(path / name) if (path / name).exists() else ""

        parts = {
            "model": str(models[0]),
            "tokens": str(path / "tokens.txt"),
            "lexicon": there("lexicon.txt"),
            "data_dir": there("espeak-ng-data"),
            "dict_dir": there("dict"),
        }
        if there("voices.bin"):
            kind = {"kokoro": module.OfflineTtsKokoroModelConfig(voices=there("voices.bin"), **parts)}
        else:
            kind = {"vits": module.OfflineTtsVitsModelConfig(**parts)}
        rules = ",".join(str(rule) for rule in sorted(path.glob("*.fst")))
        config = module.OfflineTtsConfig(model=module.OfflineTtsModelConfig(**kind), rule_fsts=rules)
        if not config.validate():
            raise ValueError("sherpa-onnx refuses the model's files; it printed why")
        return module.OfflineTts(config)

    def _speak(self, module: Any, model: Any, text: str, speaker: int | None) -> Spoken:
        audio = model.generate(text, sid=speaker or 0)
        return Spoken(np.asarray(audio.samples, dtype=np.float64), audio.sample_rate)
