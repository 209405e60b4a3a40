"""The `[codes]` of the settings: what seats dial that calls nobody."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ivr.sections import Number, Section


class Recordable(Section):
    """A prompt that seats may record: its number comes after the code (`*77` and 1)."""

    number: Annotated[str, Field(pattern=r"^\d{1,4}$")]
    prompt: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,64}$")]
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] = "zh"


class Codes(Section):
    """What a seat dials to change its own status or to record a prompt, and what it transfers a caller to."""

    sign_on: Number = "*81"
    sign_off: Number = "*80"
    take_break: Number = "*82"
    back: Number = "*83"
    rating: Number = "*90"
    """The rating of its service, where the menu has one (after_talk)."""
    record: Number = "*77"
    """Before the number of one of `prompts`, for seats that `may_record`."""
    prompts: tuple[Recordable, ...] = ()

    @property
    def numbers(self) -> list[str]:
        """All that can be dialled."""
        recordings = [self.record + prompt.number for prompt in self.prompts]
        return [self.sign_on, self.sign_off, self.take_break, self.back, self.rating, *recordings]
