"""Finds prompts by name: <language>/<name>.wav, else common/<name>.wav, else another language's. A hotline's own folder is laid
over the packaged one: what it holds by a name is what callers hear."""

from __future__ import annotations

import contextlib
import wave
from collections.abc import Iterable, Mapping
from pathlib import Path

COMMON = "common"
"""The folder of prompts without words: music, beep."""


class PromptMissing(LookupError):
    """No language has a prompt of that name."""


def languages(*roots: Path) -> tuple[str, ...]:
    """The languages under the roots, in order of name: folders with a texts.yaml or WAVs, but common/."""
    found = {path.parent.name for root in roots for pattern in ("*/texts.yaml", "*/*.wav") for path in root.glob(pattern)}
    return tuple(sorted(found - {COMMON}))


def available(*roots: Path) -> Mapping[str, frozenset[str]]:
    """The prompts there are by language, common ones in each: what flow.check asks for."""

    def named(folder: str) -> set[str]:
        return {path.stem for root in roots for path in root.glob(f"{folder}/*.wav")}

    common = named(COMMON)
    return {language: frozenset(common | named(language)) for language in languages(*roots)}


def lengths(*roots: Path) -> Mapping[str, Mapping[str, float]]:
    """How long the prompts are that available() finds, in seconds, by language and name. A file that is no WAV is left out."""

    def measured(folder: str) -> dict[str, float]:
        found: dict[str, float] = {}
        for path in (path for root in roots for path in sorted((root / folder).glob("*.wav"))):
            with contextlib.suppress(wave.Error, EOFError), wave.open(str(path)) as sound:
                found[path.stem] = sound.getnframes() / sound.getframerate()
        return found

    common = measured(COMMON)
    return {language: common | measured(language) for language in languages(*roots)}


class Catalogue:
    """The prompts of one language; of two roots with a prompt of one name and folder the later one has it.

    The folders are read once, here: a prompt added later needs a new Catalogue.
    """

    def __init__(self, language: str, *roots: Path) -> None:
        self.language = language
        self._paths: dict[str, Path] = {}
        others = [other for other in languages(*roots) if other != language]
        for folder in (*reversed(others), COMMON, language):
            for root in roots:
                self._paths.update((path.stem, path) for path in sorted((root / folder).glob("*.wav")))

    def names(self) -> frozenset[str]:
        """All prompts that path() finds."""
        return frozenset(self._paths)

    def path(self, name: str) -> Path:
        """The WAV of a prompt. Raises PromptMissing."""
        try:
            return self._paths[name]
        except KeyError:
            raise PromptMissing(f"There is no prompt {name!r} in {self.language!r}, nor in another language") from None

    def paths(self, names: Iterable[str]) -> tuple[Path, ...]:
        """The WAVs of several prompts. Raises PromptMissing."""
        return tuple(self.path(name) for name in names)


def say_digits(number: str) -> tuple[str, ...]:
    """The names of the prompts that read a number digit by digit (一 as 幺); what is no digit is passed over."""
    return tuple(f"digit_{character}" for character in number if character in "0123456789")


def agent_number(number: str) -> tuple[str, ...]:
    """The names of the prompts of 工号幺零二六,为您服务, which both sides hear at answer."""
    return ("agent_number", *say_digits(number), "at_your_service")
