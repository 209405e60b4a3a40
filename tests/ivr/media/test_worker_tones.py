"""The media process searches the sound of legs for keys: where it is asked to, and never a key twice."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle

import numpy as np

from bench.dtmf import coded, presses
from ivr.media.control import Digit, Mix, Play
from tests.ivr.media.rig import Peer, Rig, tone, write_wav


async def leg(rig: Rig, name: str, keys: str, *, dtmf: bool = False, tones: bool = True) -> Peer:
    """A leg whose peer says these keys over and over."""
    peer = await rig.leg(name, dtmf=dtmf)
    await rig.do(replace(rig.remote(name, peer, dtmf=dtmf), tones=tones))
    data = coded(presses(keys, np.random.default_rng(1), on_ms=70, off_ms=70))
    frames = cycle([data[at : at + 160] for at in range(0, len(data) - 159, 160)])
    peer.voice = lambda _: next(frames)
    return peer


def told(rig: Rig, name: str) -> str:
    return "".join(digit.digit for digit in rig.of(Digit) if digit.leg == name)


async def test_keys_in_the_sound_are_told_while_a_prompt_plays_and_only_where_asked_for(rig: Rig) -> None:
    prompt = write_wav(rig.directory / "prompt.wav", tone(440, 5.0))
    one, two = await leg(rig, "a", "27#"), await leg(rig, "b", "4", tones=False)
    await rig.do(Play("a", 1, (str(prompt),)))
    await rig.until(lambda: "27#27#" in told(rig, "a"), one, two)
    assert told(rig, "b") == ""


async def test_nobodys_keys_are_told_while_somebody_hears_them(rig: Rig) -> None:
    one, two = await leg(rig, "a", "1"), await rig.leg("b")
    await rig.until(lambda: told(rig, "a") != "", one, two)
    await rig.do(Mix(("a", "b"), {"a": ("b",), "b": ("a",)}))
    before = len(told(rig, "a"))
    await rig.talk(1.5, one, two)
    assert len(told(rig, "a")) == before
    await rig.do(Mix(("a", "b"), {}))
    await rig.until(lambda: len(told(rig, "a")) > before, one, two)


async def test_a_peer_that_sends_events_too_presses_each_key_once(rig: Rig) -> None:
    """From its first event on, the sound is not believed."""
    one, other = await leg(rig, "a", "3", dtmf=True), await leg(rig, "b", "3")
    one.press("8")
    await rig.event(Digit)
    await rig.until(lambda: len(told(rig, "b")) >= 3, one, other)
    assert told(rig, "a") == "8"
