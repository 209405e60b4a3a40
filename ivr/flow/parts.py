"""The small pieces that nodes are made of: names, prompts, values, ways out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

NAME_PATTERN = r"^\w[\w.-]{0,63}$"
PROMPT_PATTERN = r"^[A-Za-z0-9_]{1,64}$"
KEY_PATTERN = r"^[0-9*#A-D]$"
WORD_PATTERN = r"^[^{}\[\]<>]+$"
VARIABLE_PATTERN = r"^[a-z][a-z0-9_]{0,31}$"

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
"""A node's name: letters of any script, digits, _ . and -, not beginning with a dot or dash."""
PromptName = Annotated[str, Field(pattern=PROMPT_PATTERN)]
"""A prompt's name: the file prompts/<language>/<name>.wav."""
Digit = Annotated[str, Field(pattern=KEY_PATTERN)]
"""One key of a telephone."""
Variable = Annotated[str, Field(pattern=VARIABLE_PATTERN)]
"""A variable's name."""
Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
Confidence = Annotated[float, Field(ge=0, le=1)]
"""How sure a recogniser is."""

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
"""Where a variable's value goes in a text: {order}."""

Path = tuple[str, ...]
"""Where in a node something stands, e.g. ("keys", "1", "to")."""


class Part(BaseModel):
    """A piece of a document; a field it doesn't know is an error, none is ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True, defer_build=True)


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from one node to another, for the checker. `to` None: to a person, or the end where there is none."""

    at: Path
    to: str | None
    silent: bool = False
    """Taken though the caller does nothing."""


def one_or_many(value: Any) -> Any:
    """For a field of several values in which one may stand alone."""
    return () if value is None else value if isinstance(value, list | tuple) else (value,)


def to_target(value: Any) -> Any:
    """For a field with a target and more, of which the target may stand alone."""
    return {"to": value} if isinstance(value, str) else value


def _template(text: str) -> str:
    for name in names_in(text):
        if not re.fullmatch(VARIABLE_PATTERN, name):
            raise PydanticCustomError("no_variable", "{{{name}}} is no variable", {"name": name})
    return text


def names_in(template: str) -> tuple[str, ...]:
    """The variables that a template holds."""
    return tuple(PLACEHOLDER.findall(template))


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template with values in their places; a variable without one is empty."""
    return PLACEHOLDER.sub(lambda found: values.get(found[1], ""), template)


Template = Annotated[str, Field(max_length=500), AfterValidator(_template)]
"""Text in which {variable} stands for its value."""
Spoken = Annotated[Template, Field(min_length=1)]

# Words

Word = Annotated[str, Field(min_length=1, max_length=40, pattern=WORD_PATTERN)]
_Several = Annotated[tuple[Word, ...], BeforeValidator(one_or_many)]


def _by_language(value: Any) -> Any:
    return value if isinstance(value, dict) else one_or_many(value)


Phrases = Annotated[tuple[Word, ...] | dict[Language, _Several], BeforeValidator(_by_language)]
"""What callers may say: the first is its name, the others are synonyms. For all languages, or by language: `{zh: …, en: …}`."""


PhrasesByLanguage = tuple[str, ...] | Mapping[Language, tuple[str, ...]]


def words_in(words: PhrasesByLanguage, language: Language) -> tuple[str, ...]:
    """The words that count while this language is spoken."""
    return words.get(language, ()) if isinstance(words, Mapping) else words


# Prompts


class Text(Part):
    """Words that are spoken by a synthetic voice: one text, or one for each language. {variable} stands for its value."""

    text: Spoken | Annotated[dict[Language, Spoken], Field(min_length=1)]
    """The words, or the words by language: `{zh: …, en: …}`."""

    def in_language(self, language: str) -> str:
        """The words for who hears that language; else what there is."""
        if isinstance(self.text, str):
            return self.text
        return next((text for known, text in self.text.items() if known == language), next(iter(self.text.values())))

    @property
    def templates(self) -> tuple[str, ...]:
        return (self.text,) if isinstance(self.text, str) else tuple(self.text.values())


ReadingKind = Literal[
    "number", "count", "digits", "phone", "order", "amount", "date", "weekday", "time", "duration", "wait", "ordinal", "percent"
]
"""How a value is read: see prompts.reading."""


class Read(Part):
    """A variable's value, read aloud: an amount of money, the digits of an order. A value that can't be read so is passed
    over."""

    read: Variable
    """The variable."""
    as_: ReadingKind = Field(default="digits", alias="as")
    """How it is read: 幺 for 1 in phone and order numbers, 元 in amounts, and so on."""


def _prompt_kind(value: Any) -> str:
    if isinstance(value, str):
        return "name"
    fields = value if isinstance(value, dict) else vars(value) if isinstance(value, BaseModel) else {}
    return "read" if "read" in fields else "text"


Prompt = Annotated[
    Annotated[PromptName, Tag("name")] | Annotated[Text, Tag("text")] | Annotated[Read, Tag("read")],
    Discriminator(_prompt_kind),
]
"""A recording by its name, a text, or a value."""
MaybePrompts = Annotated[tuple[Prompt, ...], BeforeValidator(one_or_many), Field(max_length=20)]
"""Nothing, one prompt, or several played one after the other."""
Prompts = Annotated[MaybePrompts, Field(min_length=1)]
"""One prompt, or several played one after the other."""


class Retry(Part):
    """What is said when the caller was not understood, and at the `limit`-th time where they go (default: to a person)."""

    prompt: MaybePrompts = ()
    to: Name | None = None
    limit: Annotated[int, Field(ge=1, le=10)] = 2


class NoInput(Retry):
    """Nothing came: the prompt and the question again, at the `limit`-th time to `to` (default: a person)."""

    prompt: MaybePrompts = ("no_input",)


class NoMatch(Retry):
    """A key without meaning: the prompt and the question again, at the `limit`-th time to `to` (default: a person)."""

    prompt: MaybePrompts = ("no_match",)


class Invalid(Retry):
    """What was keyed in can't be right: the prompt and the question again, at the `limit`-th time to `to` (default: a
    person)."""

    prompt: MaybePrompts = ("collect_invalid",)
