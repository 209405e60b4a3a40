"""The list of Vosk's models, as the vendor publishes it: a JSON array, an object a model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

LIST_URL = "https://alphacephei.com/vosk/models/model-list.json"
LANGUAGES = {"zh": "cn", "en": "en-us"}
"""A menu's language and how the list writes it."""
MAX_LIST_BYTES = 4 << 20

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SPOKEN = re.compile(r"vosk-model-(?:small-)?(cn|en)(?=[-.]|$)")


class BadList(ValueError):
    """What was served is no list of models."""


class Unknown(ValueError):
    """No model of that name or language is in the list; the text says what there is."""


def _folder_name(name: str) -> str:
    if not _PLAIN_NAME.fullmatch(name):
        raise ValueError("it must be a plain name")
    return name


class Listed(BaseModel):
    """One model of the list. size and md5 are those of the zip behind url; obsolete is written as text there."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)

    name: Annotated[str, AfterValidator(_folder_name)]
    lang: str
    lang_text: str = ""
    type: str = ""
    """small, big (its graph is fixed: it takes no grammars), big-lgraph, spk (knows speakers, not words) …"""
    url: str
    md5: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{32}$")]
    size: Annotated[int, Field(gt=0)]
    version: str = ""
    obsolete: Literal["true", "false"] = "false"

    @property
    def language(self) -> str:
        """The menu language it serves, zh or en; "" for others."""
        return next((ours for ours, theirs in LANGUAGES.items() if self.lang.split("-")[0] == theirs.split("-")[0]), "")


_READER = TypeAdapter(list[dict[str, object]])


def parse(data: bytes) -> tuple[Listed, ...]:
    """The models of a list. Entries of another shape, as a newer list may have, are left out; BadList where none is left."""
    try:
        entries = _READER.validate_json(data)
    except ValidationError as error:
        raise BadList(f"it is no list of models: {error.errors()[0]['msg']}") from error
    found = []
    for entry in entries:
        try:
            found.append(Listed.model_validate(entry))
        except ValidationError:
            continue
    if not found:
        raise BadList("no entry of it has name, lang, url, size and md5")
    return tuple(found)


def usable(models: Sequence[Listed]) -> list[Listed]:
    """Those that can hear menus in Chinese or English."""
    return [one for one in models if one.language and one.obsolete == "false" and one.type not in {"spk", "big"}]


def choose(models: Sequence[Listed], wanted: str) -> Listed:
    """The model that `fetch WANTED` means: by name, or for zh and en the newest small one. Raises Unknown."""
    if wanted in LANGUAGES:
        small = [one for one in models if one.lang == LANGUAGES[wanted] and one.type == "small" and one.obsolete == "false"]
        if not small:
            raise Unknown(f"the list has no small model for {wanted} ({LANGUAGES[wanted]})")
        return max(small, key=lambda one: (one.name == f"vosk-model-small-{one.lang}-{one.version}", _version(one)))
    for one in models:
        if one.name == wanted:
            if one.type == "spk":
                raise Unknown(f"{wanted} tells speakers apart, it recognises no words")
            if one.type == "big":
                raise Unknown(f"{wanted} has a fixed graph: it can't be told a menu's words. Take a small or big-lgraph one")
            return one
    ours = ", ".join(one.name for one in usable(models))
    raise Unknown(f"the list has no model {wanted!r}; for Chinese and English it has: {ours or 'none'}")


def languages_of(name: str) -> tuple[str, ...]:
    """The menu languages that a model serves, told by its name as the vendor writes them; () where the name doesn't tell."""
    spoken = _SPOKEN.match(name)
    return () if spoken is None else ({"cn": "zh", "en": "en"}[spoken[1]],)


def _version(one: Listed) -> tuple[int, ...]:
    text = one.version or one.name.rpartition("-")[2]
    return tuple(int(part) for part in re.findall(r"\d+", text))
