"""Rules about words: no two choices are called the same, or sound alike to a recogniser; it knows all of them, and there are
keys beside them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ivr.flow.checks.sounds import alike
from ivr.flow.checks.survey import Survey
from ivr.flow.finding import Finding
from ivr.flow.hearing import HABITS, MOST_WORDS, plain
from ivr.flow.nodes.collect import Collect
from ivr.flow.nodes.dictation import Dictation
from ivr.flow.nodes.menu import Menu
from ivr.flow.parts import LANGUAGES, Language, words_in
from ivr.speech.phrases import near, tokens

WIDE = 5000
"""Of a larger vocabulary only words that begin with the same letter, or share a sign, are looked at: it may hold a million."""


def words(survey: Survey) -> Iterator[Finding]:
    """Each word means one thing. Synonyms of one choice may sound alike."""
    for name in survey.document.every_node:
        told: set[tuple[object, ...]] = set()
        for language in LANGUAGES:
            for finding in _meanings(survey, name, language):
                seen = (finding.key, finding.line, *finding.values.items())
                if seen not in told:
                    told.add(seen)
                    yield finding


def _meanings(survey: Survey, name: str, language: Language) -> Iterator[Finding]:
    node = survey.node(name)
    meant = {}
    if isinstance(node, Menu):
        keys = survey.document.habits
        known = {"human": keys.human, "back": keys.back, "again": keys.again}
        meant = {plain(word): key for habit, key in known.items() if key for word in HABITS[habit][language]}
    habits = dict(meant)
    for at, key, phrases in node.words_at():
        for word in words_in(phrases, language):
            same = plain(word)
            if same not in meant or same in habits:
                other = next((other for other in meant if meant[other] != key and other != same and alike(same, other)), None)
                if other is not None:
                    yield survey.at(name, at, "words_alike", word=word, key=key, other=other, other_key=meant[other])
                meant[same] = key
                habits.pop(same, None)
            elif meant[same] == key:
                yield survey.at(name, at, "word_twice.here", word=word)
            else:
                yield survey.at(name, at, "word_twice", word=word, one=meant[same], other=key)


def unknown(survey: Survey) -> Iterator[Finding]:
    """The installed model knows all words: what it doesn't know it would never hear."""
    for name, languages in survey.reached.items():
        for language in LANGUAGES:
            vocabulary = (survey.facts.vocabulary or {}).get(language)
            if language not in languages or vocabulary is None:
                continue
            for at, _, phrases in survey.node(name).words_at():
                for word in words_in(phrases, language):
                    if tokens(word, vocabulary) is None:
                        others = near(word, _candidates(word, vocabulary))
                        known = {"near": others} if others else {}
                        key = "word_unknown.near" if others else "word_unknown"
                        yield survey.at(name, at, key, word=word, language=language, **known)


def _candidates(word: str, vocabulary: Collection[str]) -> Collection[str]:
    if len(vocabulary) <= WIDE:
        return vocabulary
    if word[0] < "\u3400":
        return [other for other in vocabulary if other[0] == word[0].casefold()]
    return [other for other in vocabulary if abs(len(other) - len(word)) < 2 and not set(word).isdisjoint(other)]


def many(survey: Survey) -> Iterator[Finding]:
    """A recogniser can tell the words of one question apart."""
    for name, node in survey.document.every_node.items():
        for language in LANGUAGES:
            count = sum(len(words_in(phrases, language)) for _, _, phrases in node.words_at())
            if count > MOST_WORDS:
                yield survey.at(name, (), "many_words", count=count, limit=MOST_WORDS, language=language)
                break


def without_keys(survey: Survey) -> Iterator[Finding]:
    """Keys stand beside words everywhere."""
    for name, node in survey.document.every_node.items():
        if isinstance(node, Dictation) and node.skip is None:
            yield survey.at(name, ("skip",), "no_keys")


def secrets_said(survey: Survey) -> Iterator[Finding]:
    """What is secret is better keyed in: others may hear it said."""
    for name, node in survey.document.every_node.items():
        if isinstance(node, Collect) and node.secret and node.voiced:
            yield survey.at(name, ("by_voice",), "secret_said")
