"""What may be said where a recording belongs, and what it means there: the grammar of a menu's node, of a list of phrases, or
of the kind of thing that was said. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ivr.flow.events import Listen
from ivr.flow.hearing import DIGITS_PAUSE_S, Ears
from ivr.flow.model import Document
from ivr.flow.parts import Language
from ivr.flow.run import FlowRun
from ivr.speech.recogniser import Grammar
from ivr.speech.spoken import NO, YES, Spoken, digit_words, digits, number, number_words, yes_or_no

FOREIGN = "foreign"
"""The kind of what may not be said: it must be refused."""

Kind = Literal["digits", "number", "yes/no", "words", "foreign"]


@dataclass(frozen=True, slots=True)
class Ground:
    """Where recordings are heard. `meaning` of what was said or heard: what the caller gets for it, None for nothing; two
    phrases of one meaning are as good as each other. `unsure_below`: of what confidence on nobody asks back there, where that
    is its own; so much silence ends what is said, so much speech is too much."""

    name: str
    grammar: Grammar
    meaning: Callable[[str], str | None]
    unsure_below: float | None = None
    pause_s: float = 0.5
    max_s: float = 8.0


def plain(text: str) -> str:
    """Words without what makes no difference: spaces, capitals, punctuation."""
    return "".join(sign for sign in text.casefold() if sign.isalnum() or sign == "'")


def kind_of(text: str) -> Kind:
    """What kind of thing a recording's text is; "" is foreign speech."""
    if not plain(text):
        return "foreign"
    if digits(text) is not None:
        return "digits"
    if yes_or_no(text) is not None:
        return "yes/no"
    return "number" if number(text) is not None else "words"


def by_kind(texts: Iterable[str], language: Spoken) -> dict[Kind, Ground]:
    """Grounds for a set of which no menu is known: digits and numbers among all their words, yes and no among theirs, other
    phrases among all of them that the set has. Foreign speech is heard where the other phrases are, if there are any."""
    phrases = tuple(dict.fromkeys(text for text in texts if kind_of(text) == "words"))
    answers = tuple(dict.fromkeys((*YES[language], *NO[language])))
    grounds: dict[Kind, Ground] = {
        "digits": Ground("digits", Grammar(digit_words(language), repeat=True), digits, pause_s=DIGITS_PAUSE_S),
        "number": Ground("numbers", Grammar(number_words(language), repeat=True), _number, pause_s=DIGITS_PAUSE_S),
        "yes/no": Ground("yes/no", Grammar(answers), _yes_or_no),
    }
    if phrases:
        grounds["words"] = of_phrases("words", [(phrase,) for phrase in phrases])
    grounds["foreign"] = grounds["words"] if phrases else grounds["yes/no"]
    return grounds


def of_phrases(name: str, choices: Sequence[Sequence[str]]) -> Ground:
    """Where one of these may be said; phrases of one choice mean the same."""
    meanings = {plain(phrase): choice[0] for choice in choices for phrase in choice}
    return Ground(name, Grammar(tuple(phrase for choice in choices for phrase in choice)), _among(meanings))


def of_lines(name: str, text: str) -> Ground:
    """As of_phrases, from a file: a choice a line, its synonyms behind "|"; "#" begins a comment. Raises ValueError."""
    choices = []
    for line in text.splitlines():
        phrases = [phrase.strip() for phrase in line.partition("#")[0].split("|")]
        choices.append([phrase for phrase in phrases if phrase])
    choices = [choice for choice in choices if choice]
    if not choices:
        raise ValueError("no phrase stands in it")
    return of_phrases(name, choices)


def of_menu(document: Document, language: Language) -> dict[str, Ground]:
    """The nodes of a menu where something may be said in this language, habits (人工, 返回) among it, by their full names. Open
    dictation is none of them: nothing there is right or wrong."""
    found: dict[str, Ground] = {}
    for name in document.every_node:
        run = FlowRun(document.model_copy(update={"start": name, "language": language}), ears=Ears())
        asked = [action for action in run.start(0.0) if isinstance(action, Listen)]
        hearing = run.heard_now()
        if asked and hearing is not None and not hearing.dictation and (run.node, run.language) == (name, language):
            limits = (0.0 if hearing.settled else None, hearing.unsure_below, document.unsure_below)
            limit = next((limit for limit in limits if limit is not None), None)
            grammar = Grammar(asked[-1].words, asked[-1].repeat)
            found[name] = Ground(name, grammar, hearing.meaning, limit, hearing.pause_s, hearing.max_s)
    return found


def _among(meanings: Mapping[str, str]) -> Callable[[str], str | None]:
    return lambda text: meanings.get(plain(text))


def _number(text: str) -> str | None:
    value = number(text)
    return None if value is None else str(value)


def _yes_or_no(text: str) -> str | None:
    answer = yes_or_no(text)
    return None if answer is None else "yes" if answer else "no"
