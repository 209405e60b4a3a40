"""What a finding says, and how its places are filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ivr.flow.parts import Language

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Message:
    """One kind of finding: how grave it is, what is wrong and what helps. {places} are filled from the finding's values."""

    severity: Severity
    message: Mapping[Language, str]
    remedy: Mapping[Language, str]


def rendered(template: str, values: Mapping[str, object], language: Language) -> str:
    """A message with its values; several are joined as the language joins them, and the document itself has no name."""
    said: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, tuple):
            nothing = "无" if language == "zh" else "none"
            said[name] = ("、" if language == "zh" else ", ").join(value) or nothing
        elif name == "field" and value == "":
            said[name] = "整个文档" if language == "zh" else "The document"
        else:
            said[name] = value
    return template.format_map(said)


def error(en: str, zh: str, remedy_en: str = "", remedy_zh: str = "") -> Message:
    """What keeps a menu from being published."""
    return Message("error", {"en": en, "zh": zh}, {"en": remedy_en, "zh": remedy_zh})


def warning(en: str, zh: str, remedy_en: str, remedy_zh: str) -> Message:
    """What doesn't."""
    return Message("warning", {"en": en, "zh": zh}, {"en": remedy_en, "zh": remedy_zh})
