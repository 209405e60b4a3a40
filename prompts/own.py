"""[io] A hotline's own prompts, <folder>/<language>/<name>.wav, laid over the packaged ones; and what there is in all."""

from __future__ import annotations

import re
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from prompts.build import as_built, read_texts
from prompts.catalogue import COMMON, languages
from prompts.files import write_whole
from prompts.importing import Imported

NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
LANGUAGE = re.compile(r"[a-z]{2,3}")

Origin = Literal["packaged", "synthesised", "own recording"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt that callers can hear. seconds: None where the file can't be read; text: "" where nobody wrote it down."""

    name: str
    language: str
    path: Path
    origin: Origin
    seconds: float | None
    text: str


def keep(root: Path, language: str, name: str, imported: Imported) -> Path:
    """Write a prompt of one's own; one of the same name is replaced. Raises ValueError for a bad name, and OSError."""
    if not LANGUAGE.fullmatch(language) and language != COMMON:
        raise ValueError(f"language {language!r}: it must be a code such as zh or en")
    if not NAME.fullmatch(name):
        raise ValueError(f"name {name!r}: it must be 1 to 64 letters (a to z), digits and _")
    path = root / language / f"{name}.wav"
    write_whole(path, imported.wav)
    return path


def inventory(packaged: Path, own: Path) -> list[Prompt]:
    """Every prompt of every language, common ones once; of two with one name the own one. Raises PromptError."""
    found: dict[tuple[str, str], Prompt] = {}
    for root in (packaged, own):
        for language in (COMMON, *languages(root)):
            texts = read_texts(root / language / "texts.yaml", language, frozenset(languages(packaged, own)))
            built = as_built(root / language)
            for path in sorted((root / language).glob("*.wav")):
                origin: Origin = (
                    "own recording" if path.stem not in built else "packaged" if root == packaged else "synthesised"
                )
                under = found.get((language, path.stem))
                text = texts[path.stem][0] if path.stem in texts else under.text if under else ""
                found[language, path.stem] = Prompt(path.stem, language, path, origin, _seconds(path), text)
    return [found[key] for key in sorted(found)]


def _seconds(path: Path) -> float | None:
    try:
        with wave.open(str(path)) as file:
            frames, rate = int(file.getnframes()), int(file.getframerate())
    except (wave.Error, EOFError, OSError):
        return None
    return frames / rate if rate else None
