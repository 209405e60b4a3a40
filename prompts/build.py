"""[io] Speaks the texts: <language>/texts.yaml → <language>/<name>.wav, and common/music.wav, beep.wav and ringback.wav.

Only what changed is spoken again: built.yaml beside them has each recipe (text, voice, RECIPE) and hash of its WAV. A WAV that
is not what was built is somebody's own recording: it is never touched. Delete it to have the text spoken again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from prompts.catalogue import COMMON, languages
from prompts.sound import RATE, Sound, active_level_db, beep, level_to, music, ringback, to_telephone, trim, wav_bytes
from prompts.speech import Speaker, Voice

VOICES: Mapping[str, Voice] = {
    "zh": Voice("cmn+f2", words_per_minute=175, pitch=50, range=55),
    "en": Voice("en-us+f2", words_per_minute=172, pitch=45, range=50),
}
"""Who speaks each language."""
SPEECH_LEVEL_DB = -20.0
RECIPE = 1
"""Raise it when the sound of the same text and voice changes."""
SENTENCE_END = tuple(".?!。？！")
"""A text that ends without one is part of a sentence (工号, a digit) and gets no pauses around it."""


class PromptError(ValueError):
    """A texts.yaml that can't be read; the message names the file and entry."""


@dataclass(frozen=True, slots=True)
class Built:
    """A prompt that was made anew."""

    language: str
    name: str
    path: Path
    seconds: float
    level_db: float


@dataclass(frozen=True, slots=True)
class _Job:
    folder: Path
    name: str
    recipe: str
    make: Callable[[], Sound]


def build(root: Path, force: bool = False) -> list[Built]:
    """Make what is missing or changed under `root`; with `force` all but people's own recordings.

    Raises PromptError, SpeechError.
    """
    speakers: list[Speaker] = []

    def speaker() -> Speaker:
        if not speakers:
            speakers.append(Speaker())
        return speakers[0]

    jobs = {language: _spoken(root / language, language, speaker) for language in languages(root)}
    jobs[COMMON] = [
        _Job(root / COMMON, "music", f"music {RECIPE}", music),
        _Job(root / COMMON, "beep", f"beep {RECIPE}", beep),
        _Job(root / COMMON, "ringback", f"ringback {RECIPE}", ringback),
    ]
    built: list[Built] = []
    for language, work in jobs.items():
        built.extend(_build_folder(root / language, language, work, force))
    return built


def _spoken(folder: Path, language: str, speaker: Callable[[], Speaker]) -> list[_Job]:
    jobs = []
    for name, (text, voice) in read_texts(folder / "texts.yaml", language).items():

        def make(text: str = text, voice: Voice = voice) -> Sound:
            engine = speaker()
            pause_s = 0.08 if text.endswith(SENTENCE_END) else 0.02
            sound = trim(to_telephone(engine.speak(text, voice), engine.rate), before_s=pause_s, after_s=pause_s)
            return level_to(sound, SPEECH_LEVEL_DB)

        jobs.append(_Job(folder, name, f"{RECIPE} {voice} {text}", make))
    return jobs


def read_texts(path: Path, language: str) -> dict[str, tuple[str, Voice]]:
    """The texts of a language with the voice of each; {} where there is no file. Raises PromptError."""
    try:
        entries: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PromptError(f"{path}: {error}") from error
    if not isinstance(entries, dict):
        raise PromptError(f"{path}: must be names with their texts")
    texts: dict[str, tuple[str, Voice]] = {}
    for name, entry in entries.items():
        text, voice = (entry.get("text"), entry.get("voice", language)) if isinstance(entry, dict) else (entry, language)
        if not isinstance(name, str) or not isinstance(text, str) or not text.strip():
            raise PromptError(f"{path}: {name}: must have a text (in quotes if it is a number, yes or no)")
        if voice not in VOICES:
            raise PromptError(f"{path}: {name}: no voice {voice!r}; there are {', '.join(VOICES)}")
        texts[name] = (text, VOICES[voice])
    return texts


def _build_folder(folder: Path, language: str, jobs: list[_Job], force: bool) -> list[Built]:
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / "built.yaml"
    known: dict[str, dict[str, str]] = (yaml.safe_load(record.read_text(encoding="utf-8")) or {}) if record.exists() else {}
    kept: dict[str, dict[str, str]] = {}
    built: list[Built] = []
    for job in jobs:
        path = folder / f"{job.name}.wav"
        was = known.get(job.name, {})
        recipe = _hash(job.recipe.encode())
        if path.exists():
            if _hash(path.read_bytes()) != was.get("wav"):
                continue  # somebody's own recording
            if was.get("recipe") == recipe and not force:
                kept[job.name] = was
                continue
        sound = job.make()
        data = wav_bytes(sound)
        _replace(path, data)
        kept[job.name] = {"recipe": recipe, "wav": _hash(data)}
        built.append(Built(language, job.name, path, len(sound) / RATE, active_level_db(sound)))
    for name, was in known.items():
        path = folder / f"{name}.wav"
        if name not in {job.name for job in jobs} and path.exists() and _hash(path.read_bytes()) == was["wav"]:
            path.unlink()  # its text is gone
    if kept != known:
        _replace(record, yaml.safe_dump(kept, allow_unicode=True, sort_keys=True).encode())
    return built


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _replace(path: Path, data: bytes) -> None:
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(data)
    beside.replace(path)
