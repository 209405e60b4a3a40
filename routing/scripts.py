"""[io] The Lua scripts of this room: each file of lua/ behind the functions of lua/common.lua, known to Redis by its SHA-1."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path

PREFIX = "{hotline}:"
"""Start of every key; the braces are a hash tag (Redis Cluster)."""

_DIRECTORY = Path(__file__).parent / "lua"
_COMMON = (_DIRECTORY / "common.lua").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Script:
    """A script's whole text and the name EVALSHA calls it by."""

    text: str
    sha: str


def load(name: str) -> Script:
    """The script in lua/<name>.lua."""
    text = _COMMON + (_DIRECTORY / f"{name}.lua").read_text(encoding="utf-8")
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())
