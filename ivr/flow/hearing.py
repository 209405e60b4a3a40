"""What callers may say at a moment, and what it means there. Values, no behaviour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from ivr.flow.parts import Language
from ivr.speech.spoken import RIGHT, WRONG, digit_words, digits, number, number_words

MOST_WORDS = 40
"""A recogniser tells so many words apart; beyond, habits go without theirs."""
FEW_WORDS = 12
"""The fewer words, the better they are understood: synonyms of habits only fill up to so many. One word for each habit counts
more than that, also beside digits, which are easily taken for each other."""
UNSURE_BELOW = 0.6
"""An answer of less confidence is asked about."""
DIGITS_PAUSE_S = 1.0
"""Who says a number takes a breath between its groups."""

Habit = Literal["human", "back", "again"]
HABITS: Mapping[str, Mapping[Language, tuple[str, ...]]] = {
    "human": {"zh": ("人工", "人工服务", "转人工", "客服"), "en": ("operator", "agent", "representative")},
    "back": {"zh": ("返回", "返回上一级"), "en": ("back",)},
    "again": {"zh": ("重复", "再听一遍", "再说一遍"), "en": ("repeat", "again")},
}
"""What is said for what 0, * and # do everywhere; the first of each matters most."""

ACCEPTED, REFUSED = "1", "2"
"""The keys of yes and no wherever an answer is confirmed, and what the words mean there."""


def plain(words: str) -> str:
    """Words without what makes no difference: spaces and capitals."""
    return "".join(words.split()).casefold()


def right_or_wrong(language: Language) -> dict[str, str]:
    """The words that answer whether something is right, each with what it means."""
    return dict.fromkeys(RIGHT[language], ACCEPTED) | dict.fromkeys(WRONG[language], REFUSED)


@dataclass(frozen=True, slots=True)
class Ears:
    """That speech is to be had: in which languages, and of what confidence on an answer is taken as it is (a menu's own word
    counts more)."""

    languages: frozenset[str] = frozenset({"zh", "en"})
    unsure_below: float = UNSURE_BELOW


@dataclass(frozen=True, slots=True)
class Hearing:
    """What may be said at a moment."""

    words: Mapping[str, str] = field(default_factory=dict)
    """The words with what they mean: a key, mostly, or a habit."""
    digits: Callable[[str], bool] | None = None
    """Digits may be said; tells whether they can be right. They mean themselves."""
    numbers: bool = False
    """As a number too: 二十三."""
    dictation: bool = False
    """Anything; it means itself."""
    secret: bool = False
    """What is said is in no log."""
    settled: bool = False
    """It is taken as it was understood, however unsure that is: it is confirmed anyway, or is a confirmation."""
    unsure_below: float | None = None
    habits: tuple[Habit, ...] = ("human", "back", "again")
    """Which habits may be said, where they can be followed."""
    barge_in: bool = True
    pause_s: float = 0.5
    max_s: float = 8.0

    def with_habits(self, language: Language, followed: Callable[[Habit], bool]) -> Hearing:
        """With the words of habits beside its own, as far as there is room; a word of its own keeps its meaning."""
        if self.dictation:
            return self
        taken = {plain(word) for word in self.words}
        offers = [HABITS[habit][language] for habit in self.habits if followed(habit)]
        names = [habit for habit in self.habits if followed(habit)]
        more = [
            (offer[place], habit)
            for place in range(max((len(offer) for offer in offers), default=0))
            for offer, habit in zip(offers, names, strict=True)
            if place < len(offer) and plain(offer[place]) not in taken
        ]
        few = FEW_WORDS - len(self.words) if self.digits is None else 0
        room = max(0, min(MOST_WORDS - len(self.words), max(few, len(names))))
        return replace(self, words={**self.words, **dict(more[:room])})

    def grammar(self, language: Language) -> tuple[str, ...]:
        """All that may be said, as the recogniser is told."""
        if self.digits is None:
            return tuple(self.words)
        return tuple(dict.fromkeys((*self.words, *(number_words if self.numbers else digit_words)(language))))

    def meaning(self, text: str) -> str | None:
        """What was said means; None where it means nothing here."""
        if self.dictation:
            return " ".join(text.split()) or None
        wanted = plain(text)
        for word, meaning in self.words.items():
            if plain(word) == wanted:
                return meaning
        if self.digits is None:
            return None
        found = digits(text)
        if found is None and self.numbers and (value := number(text)) is not None:
            found = str(value)
        return found
