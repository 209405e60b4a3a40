"""[speech] of hotline.toml: which model hears callers, and when."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ivr.sections import Section
from ivr.speech.modellist import LANGUAGES, LIST_URL


class Speech(Section):
    """What callers say, beside keys (docs/speech.md)."""

    enabled: Literal["auto", "on", "off"] = "auto"
    """auto: with a model that passed `hotline speech eval` in the caller's language, and with the built-in one in the demo."""
    model: str = ""
    """ "tiny" (built in), a name of `hotline speech list`, or a folder; empty: what `hotline speech use` chose, else tiny."""
    models: dict[str, str] = Field(default_factory=dict)
    """By language, over `model`."""
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    """How many recognise; each uses all cores when it has to."""
    turns: Annotated[int, Field(ge=1, le=500)] = 32
    """Callers that each of them hears at once; whoever comes on top goes on by keys."""
    unsure_below: Annotated[float, Field(ge=0, le=1)] = 0.6
    """Words of less confidence are asked about."""
    list_url: str = LIST_URL
    """Where `hotline speech fetch` finds its list; on a mirror the zips lie beside it."""

    @model_validator(mode="after")
    def _languages(self) -> Speech:
        for language in self.models:
            if language not in LANGUAGES:
                raise ValueError(f"speech.models.{language}: languages are {' and '.join(LANGUAGES)}")
        return self
