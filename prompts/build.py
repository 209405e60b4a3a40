"""[io] Speaks the texts: <language>/texts.yaml → <language>/<name>.wav, and common/ without words (WORDLESS).

Only what changed is spoken again: built.yaml beside them has each recipe (text, voice, RECIPE) and hash of its WAV. A WAV that
is not what was built is somebody's own recording: it is never touched. Delete it to have the text spoken again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from prompts.catalogue import COMMON, languages
from prompts.engines import Espeak
from prompts.files import write_whole
from prompts.sound import RATE, Sound, active_level_db, beep, music, pause, ringback, wav_bytes
from prompts.synthesis import RECIPE, Synthesiser, spoken_prompt

WORDLESS: Mapping[str, Callable[[], Sound]] = {"music": music, "beep": beep, "ringback": ringback, "pause": pause}
"""What common/ has."""
RECORD = "built.yaml"


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


def build(root: Path, force: bool = False, *, engine: Synthesiser | None = None, common: bool = True) -> list[Built]:
    """Make what is missing or changed under `root`; with `force` all but people's own recordings.

    engine: who speaks, espeak-ng unless given. common: whether the prompts without words are made too. Raises PromptError,
    SpeechError.
    """
    engine = engine or Espeak()
    jobs = {language: _spoken(root / language, language, engine) for language in languages(root)}
    if common:
        jobs[COMMON] = [_Job(root / COMMON, name, f"{name} {RECIPE}", make) for name, make in WORDLESS.items()]
    built: list[Built] = []
    for language, work in jobs.items():
        built.extend(_build_folder(root / language, language, work, force))
    return built


def _spoken(folder: Path, language: str, engine: Synthesiser) -> list[_Job]:
    jobs = []
    for name, (text, voice) in read_texts(folder / "texts.yaml", language, engine.languages).items():
        recipe = f"{RECIPE} {engine.recipe(voice)} {text}"
        jobs.append(_Job(folder, name, recipe, partial(spoken_prompt, engine, text, voice)))
    return jobs


def read_texts(path: Path, language: str, voices: frozenset[str] = Espeak.languages) -> dict[str, tuple[str, str]]:
    """The texts of a language with the language whose voice speaks each; {} where there is no file. Raises PromptError.

    voices: the languages that there are voices for.
    """
    try:
        entries: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PromptError(f"{path}: {error}") from error
    if not isinstance(entries, dict):
        raise PromptError(f"{path}: must be names with their texts")
    texts: dict[str, tuple[str, str]] = {}
    for name, entry in entries.items():
        text, voice = (entry.get("text"), entry.get("voice", language)) if isinstance(entry, dict) else (entry, language)
        if not isinstance(name, str) or not isinstance(text, str) or not text.strip():
            raise PromptError(f"{path}: {name}: must have a text (in quotes if it is a number, yes or no)")
        if voice not in voices:
            raise PromptError(f"{path}: {name}: no voice {voice!r}; there are {', '.join(sorted(voices))}")
        texts[name] = (text, voice)
    return texts


def as_built(folder: Path) -> frozenset[str]:
    """The names of the WAVs that are what was built, not somebody's own recordings."""
    known = _known(folder)
    return frozenset(
        path.stem for path in folder.glob("*.wav") if path.stem in known and _hash(path.read_bytes()) == known[path.stem]["wav"]
    )


def _known(folder: Path) -> dict[str, dict[str, str]]:
    record = folder / RECORD
    known: dict[str, dict[str, str]] = (yaml.safe_load(record.read_text(encoding="utf-8")) or {}) if record.exists() else {}
    return known


def _build_folder(folder: Path, language: str, jobs: list[_Job], force: bool) -> list[Built]:
    known = _known(folder)
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
        write_whole(path, data)
        kept[job.name] = {"recipe": recipe, "wav": _hash(data)}
        built.append(Built(language, job.name, path, len(sound) / RATE, active_level_db(sound)))
    for name, was in known.items():
        path = folder / f"{name}.wav"
        if name not in {job.name for job in jobs} and path.exists() and _hash(path.read_bytes()) == was["wav"]:
            path.unlink()  # its text is gone
    if kept != known:
        write_whole(folder / RECORD, yaml.safe_dump(kept, allow_unicode=True, sort_keys=True).encode())
    return built


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
