"""What menus are made with in tests."""

from __future__ import annotations

from pathlib import Path

from console.options import Workshop
from ivr.flow.check import Facts
from ivr.rehearsal import texts_of
from prompts import PATH
from prompts.catalogue import available, lengths
from prompts.engines import Espeak
from prompts.voicecache import VoiceCache


def workshop(directory: Path) -> Workshop:
    """What menus are made with, as `hotline console` has it; with a queue `service` and two seats."""
    own = directory / "prompts"
    return Workshop(
        own,
        VoiceCache(directory / "voice", Espeak(), 10 << 20),
        lambda: Facts(available(PATH, own), ["service"], ["service"], lengths(PATH, own), seats=["1026", "1027"]),
        lambda: texts_of(PATH, own),
    )
