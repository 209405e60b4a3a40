"""What training does to its examples: the voice and its phones stay, whatever is done."""

from __future__ import annotations

import numpy as np
import pytest

from ivr.speech.tiny.corpus import Example
from ivr.speech.tiny.disturb import begun, by_another, disturbed, over
from ivr.speech.tiny.features import BANDS, Frames

VOICE_AT, ENDS_AT = 40, 90
DB = np.log(10) / 10
SEEDS = range(400)


def spoken(seed: int = 1, above_db: float = 25.0, room: float = 8.0) -> Frames:
    """A room, and a voice in it from VOICE_AT to ENDS_AT that has the lower half of the bands."""
    frames = np.random.default_rng(seed).normal(room, 0.1, (120, BANDS)).astype(np.float32)
    frames[VOICE_AT:ENDS_AT, : BANDS // 2] += np.float32(above_db * DB)
    return frames


def example(phones: int = 4) -> Example:
    return Example(spoken().astype(np.float16), np.arange(1, phones + 1, dtype=np.int32))


def power_db(frames: Frames) -> float:
    return float(np.log(np.mean(np.exp(frames.astype(np.float64)))) / DB)


def test_some_begin_as_their_voice_does_and_some_in_silence() -> None:
    given = example()
    random = np.random.default_rng(1)
    heard = [begun(given, random) for _ in range(2000)]
    assert all((one.phones == given.phones).all() for one in heard)
    later = [one for one in heard if len(one.frames) < len(given.frames)]
    silent = [one for one in heard if len(one.frames) == len(given.frames) and (one.frames != given.frames).any()]
    for one in later:
        assert (one.frames == given.frames[-len(one.frames) :]).all()
        assert VOICE_AT - 10 <= len(given.frames) - len(one.frames) <= VOICE_AT, "just before the voice, none of which is lost"
    for one in silent:
        changed = (one.frames != given.frames).any(axis=1)
        first = int(changed.sum())
        assert first <= VOICE_AT
        assert changed[:first].all(), "what is silent is all of the begin"
        assert np.ptp(one.frames[:first]) == 0
        assert one.frames[:first].max() < given.frames.min() - 20
    assert len({len(one.frames) for one in later}) > 5, "not always the same moment"
    assert 0.2 < len(later) / len(heard) < 0.3
    assert 0.05 < len(silent) / len(heard) < 0.15
    assert (given.frames == example().frames).all(), "what was given stays as it was"


def test_what_nobody_speaks_in_is_not_cut() -> None:
    given = example(phones=0)
    assert all(begun(given, np.random.default_rng(seed)) is given for seed in SEEDS)


def test_what_would_be_too_short_for_its_phones_is_not_cut() -> None:
    given = example(phones=38)
    assert given.usable
    heard = [begun(given, np.random.default_rng(seed)) for seed in SEEDS]
    assert {len(one.frames) for one in heard} == {len(given.frames)}


def test_another_head_speaks_as_long_and_loud_enough() -> None:
    given = spoken()
    heard = [by_another(given, np.random.default_rng(seed)) for seed in SEEDS]
    assert {(one.shape, one.dtype.name) for one in heard} == {(given.shape, "float32")}
    assert len({one.tobytes() for one in heard}) > len(SEEDS) / 2
    for one in heard:
        assert one[VOICE_AT:ENDS_AT].mean() > one[:VOICE_AT].mean() + 2, "the voice is where it was"
    soft = [by_another(spoken(room=0.0), np.random.default_rng(seed)) for seed in SEEDS]
    assert min(map(power_db, soft)) > 17.4 / DB - 0.1, "one who speaks softly is made louder than who is left out"


def test_somebody_else_behind_is_9_to_21_db_softer() -> None:
    given, others = spoken(2), spoken(3)
    for seed in SEEDS:
        mixed = over(given, others[:70], np.random.default_rng(seed))
        assert mixed.shape == given.shape
        assert (mixed >= given).all(), "powers add up"
        added = np.log(np.exp(mixed.astype(np.float64)) - np.exp(given.astype(np.float64)) + 1e-9)
        assert 8.5 < power_db(given) - power_db(added) < 21.5


@pytest.mark.parametrize("frames", [20, 521])
def test_a_handset_and_hidden_parts_leave_most_as_it_was(frames: int) -> None:
    given = np.random.default_rng(1).normal(0, 1, (frames, BANDS)).astype(np.float32)
    hidden = []
    for seed in SEEDS:
        seen = disturbed(given, np.random.default_rng(seed))
        assert seen.shape == given.shape
        kept = seen != 0
        hidden.append(1 - kept.mean())
        handset = (seen - given)[kept]
        assert np.abs(handset).max() < 1.5
    assert max(hidden) <= 1 - (1 - 5 / BANDS) * (1 - 5 / frames) + 1e-6, "five bands and five frames at most"
    assert 0.4 < np.mean([share > 0 for share in hidden]) < 0.65
