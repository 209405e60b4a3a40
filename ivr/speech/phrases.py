"""Phrases of a menu as words of a model, and back: what can be said with a model, and what is near that can't."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence

from ivr.flow.checks.sounds import alike
from ivr.speech.recogniser import Guess, Heard

UNKNOWN = "[unk]"
"""The model's word for all that is none of a grammar's others."""

LONGEST = 12
"""Hanzi of the longest word that is looked for."""

MAX_NEAR = 3

TOLD = 3
"""Alternatives of an utterance."""

_PIECES = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+|[a-z][a-z'-]*|[0-9]+", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\s,.!?，。！？、·]*")


def tokens(phrase: str, knows: Container[str]) -> tuple[str, ...] | None:
    """The phrase as words of the model, in small letters: Latin ones as they are, Chinese by the longest that leave no rest.

    None when the phrase, or a sign in it, can't be said with this model.
    """
    found: list[str] = []
    at = 0
    for piece in _PIECES.finditer(phrase):
        words = _split(piece.group().lower(), knows)
        if words is None or not _SEPARATORS.fullmatch(phrase, at, piece.start()):
            return None
        found += words
        at = piece.end()
    return tuple(found) if found and _SEPARATORS.fullmatch(phrase, at) else None


def _split(piece: str, knows: Container[str]) -> tuple[str, ...] | None:
    if piece in knows:
        return (piece,)
    if piece[0] < "\u3400":
        return None
    hopeless: set[int] = set()  # places from which no words lead to the end

    def rest(at: int) -> tuple[str, ...] | None:
        if at == len(piece):
            return ()
        for end in range(min(len(piece), at + LONGEST), at, -1):
            if end not in hopeless and piece[at:end] in knows and (more := rest(end)) is not None:
                return (piece[at:end], *more)
        hopeless.add(at)
        return None

    return rest(0)


def near(word: str, known: Iterable[str]) -> tuple[str, ...]:
    """Words of `known` that sound, or are written, about like this one: three at most."""
    shared = [other for other in known if other != word and (alike(word, other) or _resembles(word, other))]
    return tuple(sorted(shared, key=lambda other: (not alike(word, other), abs(len(other) - len(word)), other))[:MAX_NEAR])


def _resembles(word: str, other: str) -> bool:
    """Whether one stands in the other, or they share half of their signs or more, as 查订单 and 查询订单 do."""
    if word[0] < "\u3400" or other[0] < "\u3400":
        return word.casefold().startswith(other.casefold()) or other.casefold().startswith(word.casefold())
    common = len([sign for sign in word if sign in other])
    return common >= 2 and common * 2 >= max(len(word), len(other))


def spellings(phrases: Iterable[str], knows: Container[str]) -> dict[tuple[str, ...], str]:
    """How those of the phrases that can be said are said, and how each is written. The first of two that sound the same."""
    found: dict[tuple[str, ...], str] = {}
    for phrase in phrases:
        words = tokens(phrase, knows)
        if words is not None:
            found.setdefault(words, phrase)
    return found


def every_pair(count: int) -> list[int]:
    """The numbers from 0 in a row in which each stands once before each, itself too (Hierholzer's circuit)."""
    ways = [list(range(count)) for _ in range(count)]
    path, row = [0], list[int]()
    while path:
        if ways[path[-1]]:
            path.append(ways[path[-1]].pop())
        else:
            row.append(path.pop())
    return row


def final(said: Sequence[str], spelt: Mapping[tuple[str, ...], str]) -> bool:
    """Whether these words are a phrase with which no longer one begins: more words could only make it none at all."""
    words = tuple(said)
    return words in spelt and not any(len(other) > len(words) and other[: len(words)] == words for other in spelt)


def written(said: Sequence[str], spelt: Mapping[tuple[str, ...], str]) -> str | None:
    """The phrase as it is written that was said among words that are none (我要查 订单): None when there is none, or several
    different ones. The same phrase said twice is that phrase."""
    words = tuple(said)
    if words in spelt:
        return spelt[words]
    parts: list[tuple[str, ...]] = [()]
    for word in words:
        if word == UNKNOWN:
            parts.append(())
        else:
            parts[-1] = (*parts[-1], word)
    found = {_repeated(part, spelt) for part in parts if part}
    return found.pop() if len(found) == 1 else None


def _repeated(words: tuple[str, ...], spelt: Mapping[tuple[str, ...], str]) -> str | None:
    for length in range(1, len(words) + 1):
        if len(words) % length == 0 and words == words[:length] * (len(words) // length) and words[:length] in spelt:
            return spelt[words[:length]]
    return None


def weigh(readings: Iterable[tuple[tuple[str, ...], float]], spelt: Mapping[tuple[str, ...], str], *, repeat: bool) -> Heard:
    """What the readings of an utterance, and their probabilities, come to: those that mean the same count together.

    Without `spelt` it is dictation. With `repeat` the words of all phrases are told, unless something unknown stands between.
    """
    shares: dict[str, float] = {}
    for words, share in readings:
        if words:
            text = (_series(words) if repeat else written(words, spelt)) or ""
            shares[text] = shares.get(text, 0.0) + share
    guesses = [Guess(text, min(1.0, round(share, 3))) for text, share in sorted(shares.items(), key=lambda each: -each[1])]
    if not guesses:
        return Heard()
    others = tuple(guess for guess in guesses[1:] if guess.text)[:TOLD]
    return Heard(guesses[0].text, guesses[0].confidence, others, unknown=not guesses[0].text)


def _series(words: tuple[str, ...]) -> str:
    known = " ".join(words).removeprefix(UNKNOWN).removesuffix(UNKNOWN).strip()
    return "" if UNKNOWN in known.split() else known
