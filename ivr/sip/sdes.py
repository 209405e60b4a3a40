"""Keys of SRTP in a session description (RFC 4568): the a=crypto lines that we read and write.

One key a direction, for the whole session: a line with a master key identifier, with several keys or with a parameter that
changes how packets are protected is passed over, as RFC 4568 5.1.2 has it for what is not supported.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field

from ivr.media.control import Suite

SUITES: tuple[Suite, ...] = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")
"""What is taken; our offers name the first."""

KEY_BYTES = 30
"""A master key of 128 bits and a salt of 112: 40 letters of base64."""

_LINE = re.compile(
    rf"crypto:(?P<tag>[0-9]{{1,9}}) +(?P<suite>{'|'.join(SUITES)}) +inline:(?P<key>[A-Za-z0-9+/]{{40}})"
    r"(?:\|(?:2\^)?[0-9]+)?"  # a lifetime: no call sees 2^31 packets
    r"(?: +(?:WSH=[0-9]+|-\S+))* *"  # what a receiver may ignore
)


@dataclass(frozen=True, slots=True)
class Crypto:
    """One a=crypto line. key: master key and salt in base64; no repr shows it."""

    tag: int
    suite: Suite
    key: str = field(repr=False)

    @property
    def attribute(self) -> str:
        """What follows "a=", key and all."""
        return f"crypto:{self.tag} {self.suite} inline:{self.key}"


def key(random: bytes) -> str:
    """A key of KEY_BYTES fresh random bytes, as a=crypto and media take it."""
    assert len(random) == KEY_BYTES
    return b64encode(random).decode()


def parse(attribute: str) -> Crypto | None:
    """Read what follows "a=": None for what is no crypto attribute, or none that we can use."""
    match = _LINE.fullmatch(attribute)
    if match is None:
        return None
    suite = next(suite for suite in SUITES if suite == match["suite"])
    return Crypto(int(match["tag"]), suite, match["key"])
