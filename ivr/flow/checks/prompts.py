"""Rules about what is said: it is there in every language spoken, and nobody listens for long."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ivr.flow.checks.survey import Survey
from ivr.flow.finding import Finding
from ivr.flow.nodes.language import LanguageChoice
from ivr.flow.nodes.menu import Menu
from ivr.flow.parts import PLACEHOLDER, Path, Prompt, Read, Text

LONGEST_S = 30.0
MOST_OPTIONS = 6
HANZI_PER_S, WORDS_PER_S = 4.5, 2.6
"""How fast voices on the telephone speak."""
VALUE_S = 3.0
"""About so long it takes to read a value."""
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9'.-]*")
_HANZI = re.compile(r"[\u3400-\u9fff]")


def missing_prompts(survey: Survey) -> Iterator[Finding]:
    """Every recording is there in the languages in which callers come to it."""
    there = survey.facts.prompts
    for name, languages in survey.reached.items():
        for at, prompts in survey.node(name).prompts_at():
            for language in languages:
                for prompt in (each for place, each in enumerate(prompts) if each not in prompts[:place]):
                    if isinstance(prompt, Text):
                        yield from _missing_text(survey, name, at, prompt, language)
                    elif isinstance(prompt, str) and there is not None and prompt not in there.get(language, ()):
                        yield _missing_recording(survey, name, at, prompt, language, there)


def _missing_recording(survey: Survey, name: str, at: Path, prompt: str, language: str, there: Mapping[str, object]) -> Finding:
    others = [other for other in there if prompt in (survey.facts.prompts or {}).get(other, ())]
    if others:
        return survey.at(name, at, "missing_prompt.elsewhere", prompt=prompt, language=language, other=others[0])
    return survey.at(name, at, "missing_prompt", prompt=prompt, language=language)


def _missing_text(survey: Survey, name: str, at: Path, prompt: Text, language: str) -> Iterator[Finding]:
    """A text in one language is for that language; one without a language is for all."""
    if isinstance(prompt.text, dict) and language not in prompt.text:
        yield survey.at(name, at, "missing_text", language=language, other=next(iter(prompt.text)))


def missing_languages(survey: Survey) -> Iterator[Finding]:
    """A language that is spoken or offered has prompts."""
    there = survey.facts.prompts
    if there is None:
        return
    if not there.get(survey.document.language):
        yield survey.found(("language",), "no_language", language=survey.document.language)
    for name, node in survey.document.every_node.items():
        if node.language is not None and not there.get(node.language):
            yield survey.at(name, ("language",), "no_language", language=node.language)
        for key, language in node.keys.items() if isinstance(node, LanguageChoice) else ():
            if not there.get(language):
                yield survey.at(name, ("keys", key), "no_language", language=language)


def long_prompts(survey: Survey) -> Iterator[Finding]:
    """Nobody has to listen for more than half a minute at once."""
    for name, languages in survey.reached.items():
        for at, prompts in survey.node(name).prompts_at():
            for language in languages:
                seconds = sum(_seconds(survey, prompt, language) for prompt in prompts)
                if seconds > LONGEST_S and at != ("music",):
                    yield survey.at(name, at, "long", seconds=round(seconds), limit=round(LONGEST_S), language=language)
                    break


def _seconds(survey: Survey, prompt: Prompt, language: str) -> float:
    if isinstance(prompt, str):
        return (survey.facts.lengths or {}).get(language, {}).get(prompt, 0.0)
    return VALUE_S if isinstance(prompt, Read) else spoken_s(prompt.in_language(language))


def spoken_s(text: str) -> float:
    """About how long it takes to say a text, in seconds: Chinese by its characters, English by its words."""
    bare, values = PLACEHOLDER.subn(" ", text)
    return len(_HANZI.findall(bare)) / HANZI_PER_S + len(_WORD.findall(bare)) / WORDS_PER_S + values * VALUE_S


def many_options(survey: Survey) -> Iterator[Finding]:
    """Callers can keep a menu's options in mind; the keys that mean the same everywhere don't count."""
    habits = survey.document.habits
    everywhere = {habits.human, habits.back, habits.again}
    for name, node in survey.document.every_node.items():
        options = [key for key in node.keys if key not in everywhere] if isinstance(node, Menu) else ()
        if len(options) > MOST_OPTIONS:
            yield survey.at(name, ("keys",), "many_options", count=len(options), limit=MOST_OPTIONS)
