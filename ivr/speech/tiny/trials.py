"""[io] What the model is measured with: speech of voices, speeds, rooms and noises that training never draws, with a grammar.

Made once into a folder: the development set picks settings, the test set is only reported.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from ivr.speech.tiny.augment import Sound
from ivr.speech.tiny.corpus import Example
from ivr.speech.tiny.features import FilterBank
from ivr.speech.tiny.lexicon import Language, Word, phone_set, read
from ivr.speech.tiny.scenes import RATE_HZ, in_band, scene
from ivr.speech.tiny.texts import Random, Texts, Utterance, foreign, one_of, spoken
from ivr.speech.tiny.voices import Family, Split, Voices, at_rate

Group: TypeAlias = Literal["menu word", "yes or no", "digit", "4 digits", "foreign", "other word"]
GRAMMAR_WORDS = 7


@dataclass(frozen=True, slots=True)
class Trial:
    """samples: 16 kHz. grammar: the words of the menu. expected: the words that are to be heard, none for foreign speech."""

    group: Group
    language: Language
    family: Family
    grammar: tuple[str, ...]
    expected: tuple[str, ...]
    samples: npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Amounts:
    """How often each word, and how many strings and foreign utterances, of one family and language.

    0 menu words or words of yes and no are two grammars' worth of them.
    """

    menu: int
    yes_or_no: int
    digit: int
    strings: int
    foreign: int
    """How often each sentence."""
    others: int


PLANS: dict[Split, dict[Family, Amounts]] = {
    "development": {
        "espeak": Amounts(1, 2, 2, 60, 2, 60),
        "pico": Amounts(0, 1, 1, 20, 0, 10),
    },
    "test": {
        "espeak": Amounts(2, 4, 6, 150, 5, 120),
        "pico": Amounts(1, 2, 3, 60, 0, 60),
        "kokoro": Amounts(0, 0, 1, 12, 0, 6),
    },
}
"""Pico and Kokoro read no free text here; what of theirs is foreign are words that the grammar lacks."""


def trials(folder: Path, split: Split) -> list[Trial]:
    """The set of that split, made where it is missing."""
    return [trial for family in PLANS[split] for trial in _family(folder, split, family)]


def examples(found: Sequence[Trial]) -> list[Example]:
    """The trials in which words are to be heard, as training is told of them: frames in the telephone band, phones."""
    lexicon, bank = read(), FilterBank()
    outputs = {phone: number for number, phone in enumerate(phone_set(lexicon), start=1)}
    phones = {(word.language, word.text): [outputs[phone] for phone in word.phones] for word in lexicon}
    return [
        Example(
            bank(in_band(trial.samples, "telephone")).astype(np.float16),
            np.array([phone for word in trial.expected for phone in phones[trial.language, word]], dtype=np.int32),
        )
        for trial in found
        if trial.expected
    ]


def _family(folder: Path, split: Split, family: Family) -> list[Trial]:
    path = folder / f"{split}-{family}.pickle"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        unfinished.write_bytes(pickle.dumps(make(split, family, _languages(family), PLANS[split][family])))
        unfinished.rename(path)
    trials_of_family: list[Trial] = pickle.loads(path.read_bytes())
    return trials_of_family


def _languages(family: Family) -> tuple[Language, ...]:
    return ("en",) if family == "pico" else ("zh", "en")


def make(split: Split, family: Family, languages: Sequence[Language], amounts: Amounts) -> list[Trial]:
    """Trials of one family, the same each time: each language is spoken in a process of its own, as how espeak-ng says a
    text depends on all that it said before."""
    tasks = [(split, family, language, amounts) for language in languages]
    pool = multiprocessing.get_context("spawn").Pool(2, initializer=os.nice, initargs=(10,), maxtasksperchild=1)
    with pool:
        return [trial for part in pool.starmap(_make, tasks, chunksize=1) for trial in part]


def _make(split: Split, family: Family, language: Language, amounts: Amounts) -> list[Trial]:
    random = np.random.default_rng([len(split), sum(family.encode()), sum(language.encode())])
    voices = Voices()
    planned = list(_plan(split, family, language, amounts, random))
    dry = [_say(voices, item, split, family, random) for item in planned]
    made = []
    for number, ((trial, _), speech) in enumerate(zip(planned, dry, strict=True)):
        babble = np.concatenate([dry[(number + step) % len(dry)] for step in (3, 5, 7)])
        made.append(replace(trial, samples=scene(speech, babble, random)))
    return made


def _say(voices: Voices, planned: tuple[Trial, Utterance | str], split: Split, family: Family, random: Random) -> Sound:
    trial, said = planned
    if isinstance(said, str):
        return at_rate(voices.read(trial.language, said, family, split, random), RATE_HZ)
    return at_rate(voices.say(said, family, split, random), RATE_HZ)


def _plan(
    split: Split, family: Family, language: Language, amounts: Amounts, random: Random
) -> Iterator[tuple[Trial, Utterance | str]]:
    """Trials still without sound, and what is to be said in them."""
    texts = Texts(read())
    digits = texts.called_digits(language)

    def trial(group: Group, grammar: Sequence[Word], expected: Sequence[Word] = ()) -> Trial:
        names = tuple(word.text for word in grammar)
        return Trial(group, language, family, names, tuple(word.text for word in expected), np.zeros(0, np.int16))

    menu, yes_or_no = texts.words(language, "menu"), texts.words(language, "yesno")
    words: tuple[tuple[Group, tuple[Word, ...], int], ...] = (
        ("menu word", menu, amounts.menu),
        ("yes or no", yes_or_no, amounts.yes_or_no),
    )
    for group, known, times in words:
        for word in known * times or _some(random, known, GRAMMAR_WORDS * 2):
            yield trial(group, _grammar(random, word, known), (word,)), spoken(random, language, (word,))
    for word in digits * amounts.digit:
        yield trial("digit", digits, (word,)), spoken(random, language, (word,))
    for _ in range(amounts.strings):
        string = texts.digit_string(random, language, 4)
        yield trial("4 digits", digits, string.words), string
    for text in foreign(split, language) * amounts.foreign:
        yield trial("foreign", _some(random, menu, GRAMMAR_WORDS)), text
    for _ in range(amounts.others):
        said = one_of(random, menu)
        grammar = tuple(word for word in _some(random, menu, GRAMMAR_WORDS + 1) if word.text != said.text)[:GRAMMAR_WORDS]
        yield trial("other word", grammar), spoken(random, language, (said,))


def _some(random: Random, words: Sequence[Word], count: int) -> tuple[Word, ...]:
    """That many different words."""
    return tuple(words[index] for index in random.permutation(len(words))[:count])


def _grammar(random: Random, word: Word, words: Sequence[Word]) -> tuple[Word, ...]:
    """The word among others, in any order."""
    others = [other for other in _some(random, words, GRAMMAR_WORDS) if other.text != word.text]
    return _some(random, (word, *others[: GRAMMAR_WORDS - 1]), GRAMMAR_WORDS)
