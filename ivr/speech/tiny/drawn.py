"""[io] Speakers drawn at random, by espeak-ng: variants of a voice that no package has, a new one for each utterance.

A variant is a file among espeak-ng's data (its docs/voices.md): so they are linked into a folder that has room for one more.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from ivr.speech.tiny.texts import Random
from prompts.speech import DATA, Speaker

NAME = "drawn"
"""The variant, whoever was drawn last."""
Formants: TypeAlias = tuple[float, float, float]
"""The first three formants' frequencies, in percent of the voice's."""

_VARIANTS = Path("voices") / "!v"
_FORMANTS = range(9)
_ALIKE = 0.04
"""How near to each of a held-out voice's formants a drawn voice's may not be all together, as a share."""


class Drawn:
    """A synthesiser whose variant NAME is another speaker after each draw(); the process's only one (prompts' Speaker)."""

    def __init__(self, held_out: Iterable[str]) -> None:
        """held_out: espeak-ng's variants that nobody drawn may be like."""
        self._held_out = [formants((DATA / _VARIANTS / name).read_text(encoding="utf-8")) for name in held_out]
        self._folder = tempfile.TemporaryDirectory(prefix="speakers-")
        data = Path(self._folder.name)
        _link(DATA, data, besides="voices")
        _link(DATA / "voices", data / "voices", besides="!v")
        _link(DATA / _VARIANTS, data / _VARIANTS, besides=NAME)
        self._path = data / _VARIANTS / NAME
        self.speaker = Speaker(data)

    def draw(self, random: Random) -> None:
        while True:
            described = variant(random)
            if not any(alike(formants(described), held_out) for held_out in self._held_out):
                break
        self._path.write_text(described, encoding="utf-8")


def variant(random: Random) -> str:
    """A speaker, as a variant's file: size and shape of the head, loudness of formants, consonants and breath, pitch, tone."""

    def drawn(least: float, most: float) -> int:
        return round(random.uniform(least, most))

    pitch = float(random.uniform(65, 210))
    lines = ["language variant", f"name {NAME}", f"pitch {pitch:.0f} {pitch * random.uniform(1.15, 1.8):.0f}"]
    head = random.uniform(88, 124)
    for number in _FORMANTS:
        height = drawn(60, 140) if number < 3 else drawn(25, 130)
        lines.append(f"formant {number} {head * random.uniform(0.9, 1.1):.0f} {height} {drawn(70, 160)}")
    chance = random.random(5)
    if chance[0] < 0.4:
        louder = [round(255 * random.uniform(0.2, 1.0)) for _ in range(4)]
        lines.append(
            "tone 100 255 " + " ".join(f"{hertz} {one}" for hertz, one in zip((600, 1200, 2000, 3000), louder, strict=True))
        )
    if chance[1] < 0.6:
        lines.append(f"consonants {drawn(35, 150)} {drawn(35, 150)}")
    if chance[2] < 0.5:
        lines.append(f"voicing {drawn(40, 180)}")
    if chance[3] < 0.2:
        lines += ["breath " + " ".join(str(drawn(0, 8)) for _ in range(8)), "breathw 150 150 200 200 400 400 600 600"]
    if chance[4] < 0.12:
        lines.append(f"klatt {drawn(1, 6)}")
    return "\n".join([*lines, f"flutter {drawn(0, 12)}", f"roughness {drawn(0, 4)}"]) + "\n"


def formants(described: str) -> Formants:
    """Of a variant's file."""
    found = [100.0, 100.0, 100.0]
    for line in described.splitlines():
        match line.split():
            case ["formant", ("1" | "2" | "3") as number, frequency, *_]:
                found[int(number) - 1] = float(frequency)
    return found[0], found[1], found[2]


def alike(one: Formants, other: Formants) -> bool:
    return all(abs(mine / its - 1) < _ALIKE for mine, its in zip(one, other, strict=True))


def _link(source: Path, folder: Path, besides: str) -> None:
    """All of the source linked into a new folder, but for one."""
    folder.mkdir(exist_ok=True)
    for path in source.iterdir():
        if path.name != besides:
            (folder / path.name).symlink_to(path)
