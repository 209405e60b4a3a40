"""What makes a password good enough: its length, and that it is none of those that everybody tries first (NIST SP 800-63B,
5.1.1.2). No rules about kinds of characters: they make passwords short and alike."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Literal

MIN_LENGTH = 10
MAX_LENGTH = 128

Fault = Literal["too_short", "too_long", "common", "simple", "like_login"]

COMMON = frozenset((Path(__file__).parent / "common_passwords.txt").read_text(encoding="utf-8").split())
"""Long ones of the lists of leaked passwords, and what people here would think of; shorter ones are too short anyway."""


def normal(password: str) -> str:
    """The password as it is hashed: NFKC, so that every keyboard and input method writes the same (a full-width １ is a 1)."""
    return unicodedata.normalize("NFKC", password)


def fault(password: str, login: str) -> Fault | None:
    """What is wrong with a new password of this login name; None when nothing is."""
    password = normal(password)
    folded = password.casefold()
    if len(password) < MIN_LENGTH:
        return "too_short"
    if len(password) > MAX_LENGTH:
        return "too_long"
    if folded in COMMON:
        return "common"
    if len(set(folded)) < 5:
        return "simple"
    if len(login) >= 3 and login.casefold() in folded and len(folded) - len(login) < 6:
        return "like_login"
    return None
