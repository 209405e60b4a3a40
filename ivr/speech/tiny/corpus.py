"""[io] Training data: speech made and heard, as frames and phones, in shards that are made side by side and kept.

A shard is made from its number alone, so a run that was stopped goes on where it was.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from ivr.speech.tiny.augment import RATE_HZ, Sound, augmented, wordless
from ivr.speech.tiny.features import BANDS, FilterBank
from ivr.speech.tiny.lexicon import phone_set, read
from ivr.speech.tiny.network import SUBSAMPLING
from ivr.speech.tiny.texts import Random, Texts, Utterance
from ivr.speech.tiny.voices import Family, Voices, at_rate

SHARES: dict[Family, tuple[int, int]] = {"espeak": (400, 2), "drawn": (400, 2), "pico": (200, 2)}
"""Utterances in a shard of a family, and how many ways each of them is heard."""
_WORDLESS_SHARE = 0.04
_FRAMES = range(20, 521)
"""How long an example may be to be learned from."""
_BLOCKS = 30
"""Longest silence heard without words, in 100 ms."""


@dataclass(frozen=True, slots=True)
class Example:
    """What was heard and what was said. frames: (n, BANDS). phones: the network's outputs, none of them a blank."""

    frames: npt.NDArray[np.float16]
    phones: npt.NDArray[np.int32]

    @property
    def outputs(self) -> int:
        """How many outputs the network gives for it."""
        return (len(self.frames) + SUBSAMPLING - 1) // SUBSAMPLING

    @property
    def usable(self) -> bool:
        """Neither too long nor too short for its phones: between two that are alike there must be a blank."""
        alike = int((self.phones[1:] == self.phones[:-1]).sum())
        return len(self.frames) in _FRAMES and self.outputs > len(self.phones) + alike


def make(folder: Path, family: Family, shards: int) -> int:
    """Makes the shards that are missing, on all cores at a low priority; how many there are then.

    Each has a process of its own: with some sequences of voices and texts espeak-ng crashes, which costs that shard alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [_path(folder, family, number) for number in range(shards)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(_in_own_process, [(folder, family, number) for number in range(shards) if not paths[number].exists()]))
    return sum(path.exists() for path in paths)


def load(folder: Path) -> list[Example]:
    """All examples of all shards."""
    return [example for path in sorted(folder.glob("*.npz")) for example in _read(path)]


def _path(folder: Path, family: Family, number: int) -> Path:
    return folder / f"{family}-{number:04}.npz"


def _in_own_process(task: tuple[Path, Family, int]) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_make_shard, args=task)
    process.start()
    process.join()


def _make_shard(folder: Path, family: Family, number: int) -> None:
    os.nice(19)
    random = np.random.default_rng([sum(family.encode()), number])
    path = _path(folder, family, number)
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        _write(file, list(_examples(family, random)))
    unfinished.rename(path)


def _examples(family: Family, random: Random) -> Iterator[Example]:
    lexicon = read()
    texts, voices, bank = Texts(lexicon), Voices(), FilterBank()
    outputs = {phone: number for number, phone in enumerate(phone_set(lexicon), start=1)}
    utterances, hearings = SHARES[family]
    others: Sound = np.zeros(0)
    for _ in range(utterances):
        utterance = _utterance(texts, family, random)
        spoken = voices.say(utterance, family, "training", random)
        phones = np.array([outputs[phone] for phone in utterance.phones], dtype=np.int32)
        for _ in range(hearings):
            speech = at_rate(spoken, RATE_HZ, warp=float(random.uniform(0.84, 1.2)))
            yield _example(bank, augmented(speech, others, random), phones)
        others = np.concatenate([others, speech])[-RATE_HZ * 20 :]
        if random.random() < _WORDLESS_SHARE:
            samples = int(random.integers(3, _BLOCKS)) * RATE_HZ // 10
            yield _example(bank, wordless(samples, others, random), np.zeros(0, dtype=np.int32))


def _utterance(texts: Texts, family: Family, random: Random) -> Utterance:
    """One that this family can say: Pico has no Mandarin."""
    while True:
        utterance = texts.for_training(random)
        if family != "pico" or utterance.language == "en":
            return utterance


def _example(bank: FilterBank, samples: npt.NDArray[np.int16], phones: npt.NDArray[np.int32]) -> Example:
    return Example(bank(samples).astype(np.float16), phones)


def _write(file: IO[bytes], examples: Sequence[Example]) -> None:
    np.savez(
        file,
        frames=np.concatenate([example.frames for example in examples]),
        phones=np.concatenate([example.phones for example in examples]),
        frame_counts=[len(example.frames) for example in examples],
        phone_counts=[len(example.phones) for example in examples],
    )


def _read(path: Path) -> Iterator[Example]:
    with np.load(path) as shard:
        frames = np.split(shard["frames"].reshape(-1, BANDS), np.cumsum(shard["frame_counts"])[:-1])
        phones = np.split(shard["phones"], np.cumsum(shard["phone_counts"])[:-1])
    for one, other in zip(frames, phones, strict=True):
        yield Example(one, other)
