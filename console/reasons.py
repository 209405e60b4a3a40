"""Why a seat takes a break (小休), and what a talk was about (小结): lists of the settings, in two languages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """code: what is stored; zh, en: what people read."""

    code: str
    zh: str
    en: str = ""

    def title(self, language: str) -> str:
        """In "zh" or "en"; the other one where it isn't there."""
        return (self.en or self.zh) if language == "en" else self.zh


def title(reasons: tuple[Reason, ...], code: str, language: str) -> str:
    """The words for a code; the code itself where the settings no longer have it."""
    return next((reason.title(language) for reason in reasons if reason.code == code), code)
