"""Finds prompts by name: prompts/<language>/<name>.wav, else common/<name>.wav, else another language's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

COMMON = "common"
"""The folder of prompts without words: music, beep."""


class PromptMissing(LookupError):
    """No language has a prompt of that name."""


def languages(root: Path) -> tuple[str, ...]:
    """The languages under `root`, in order of name: folders with a texts.yaml or WAVs, but common/."""
    found = {path.parent.name for pattern in ("*/texts.yaml", "*/*.wav") for path in root.glob(pattern)}
    return tuple(sorted(found - {COMMON}))


def available(root: Path) -> Mapping[str, frozenset[str]]:
    """The prompts there are by language, common ones in each: what flow.check asks for."""
    common = {path.stem for path in root.glob(f"{COMMON}/*.wav")}
    return {
        language: frozenset(common | {path.stem for path in root.glob(f"{language}/*.wav")}) for language in languages(root)
    }


class Catalogue:
    """The prompts of one language. The folder is read once, here: a prompt added later needs a new Catalogue."""

    def __init__(self, root: Path, language: str) -> None:
        self.language = language
        self._paths: dict[str, Path] = {}
        others = [other for other in languages(root) if other != language]
        for folder in (*reversed(others), COMMON, language):
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
