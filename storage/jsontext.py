"""JSON as busy processes write and read it all day: commits of calls, lines between engine and media.

orjson does it in a fifth of the json module's time. It knows only what UTF-8 can say: half a character (a lone surrogate, as a
telephone's bytes and a foreign system's JSON may hold it) is written and read by json, as an escape.
"""

from __future__ import annotations

import json
from typing import Any

import orjson


def write(value: Any) -> str:
    """One line of JSON without blanks; NaN and infinities are null. Raises TypeError or ValueError for what JSON can't say."""
    return write_bytes(value).decode()


def write_bytes(value: Any) -> bytes:
    """The same in UTF-8."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def read(text: str | bytes) -> Any:
    """A value from its JSON; a whole number of more than 64 bits may become a float. Raises ValueError for what is no JSON."""
    try:
        return orjson.loads(text)
    except ValueError:
        try:
            return json.loads(text)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
