"""The company's own systems that menus ask: their table in hotline.toml, and what of their answers menus keep. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from ivr.sections import Section

MAX_VALUE = 200
"""Characters of a value; menus speak it."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{text!r} is no http or https address")
    if parts.username or parts.password:
        raise ValueError("a password doesn't belong in the address: name secret_env or secret_file")
    return text


HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]
HeaderValue = Annotated[str, Field(pattern=r"^[ -~]{0,1000}$")]


class Lookup(Section):
    """A system that menus ask by this name (`kind: lookup`). What a menu sends goes as JSON (POST) or in the query (GET); the
    answer is JSON. Redirections are not followed."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    url: Annotated[str, AfterValidator(_url)]
    method: Literal["GET", "POST"] = "POST"
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    secret_header: HeaderName | None = None
    """The header that carries a secret; its whole value ("Bearer …") stands in a variable of the environment or a file."""
    secret_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    secret_file: Path | None = None
    timeout_s: float = Field(default=5.0, gt=0, le=15)
    """Menus may wait for less."""
    max_answer_bytes: int = Field(default=65536, ge=1, le=1_000_000)
    max_parallel: int = Field(default=20, ge=1, le=200)
    """So many questions are on their way at once; more wait within their time."""

    @model_validator(mode="after")
    def _secret(self) -> Lookup:
        sources = [key for key in ("secret_env", "secret_file") if getattr(self, key) is not None]
        if (self.secret_header is None) != (not sources) or len(sources) > 1:
            raise ValueError(f"lookups.{self.name}.secret_header: it needs secret_env or secret_file, and they need it")
        return self


def kept(answer: bytes, places: Mapping[str, str]) -> dict[str, str]:
    """The values at these places ("order.status", "items.0.name"), by the variables' names. What isn't there, or is no single
    value, is "". Numbers are as they were written ("123.50"), true and false are yes and no.

    Raises ValueError where the answer is no JSON.
    """
    try:
        document = json.loads(answer, parse_float=str, parse_int=str, parse_constant=str)
    except RecursionError:
        raise ValueError("nested too deep") from None
    return {variable: _text(_at(document, place)) for variable, place in places.items()}


def _at(document: object, place: str) -> object:
    found = document
    for step in place.split("."):
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and step.isascii() and step.isdigit() and len(step) < 7 and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _CONTROL.sub(" ", value).strip()[:MAX_VALUE] if isinstance(value, str) else ""
