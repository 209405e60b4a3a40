"""A recording as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from console.waveform import BARS, FULL, seconds_of, waveform
from ivr.phones import audio
from tests.console.sound import RATE, speech, write_recording

CALLER, SEAT = ((1.0, 3.0), (3.2, 5.0), (9.0, 10.0)), ((5.5, 8.0),)


def test_who_speaks_when(tmp_path: Path) -> None:
    path = tmp_path / "r.wav"
    write_recording(path, speech(12.0, CALLER), speech(12.0, SEAT, 240.0))
    drawn = waveform(path)
    assert drawn is not None
    assert drawn.seconds == seconds_of(path) == 12.0
    caller, seat = drawn.sides
    assert np.allclose(caller.speech, ((1.0, 5.0), (9.0, 10.0)), atol=0.15), "a breath is no pause"
    assert np.allclose(seat.speech, SEAT, atol=0.15)
    for side, loud, quiet in ((caller, 2.0, 7.0), (seat, 7.0, 2.0)):
        at = len(side.bars) / 12
        assert side.bars[round(loud * at)] > 60
        assert side.bars[round(quiet * at)] < 40
        assert 0 <= min(side.bars) <= max(side.bars) <= FULL


def test_a_long_one_has_no_more_bars_than_are_drawn_and_is_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "r.wav"
    sound = speech(200.0, ((0.5, 1.0), (170.0, 171.5)))
    write_recording(path, sound, sound)
    drawn = waveform(path)
    assert drawn is not None
    assert [len(side.bars) for side in drawn.sides] == [BARS, BARS]
    assert np.allclose(drawn.sides[1].speech, ((0.5, 1.0), (170.0, 171.5)), atol=0.15)


def test_a_file_that_grew_is_drawn_anew(tmp_path: Path) -> None:
    path = tmp_path / "r.wav"
    for seconds in (1.0, 2.5):
        write_recording(path, speech(seconds, ()))
        drawn = waveform(path)
        assert drawn is not None
        assert (drawn.seconds, len(drawn.sides), drawn.sides[0].speech) == (seconds, 1, ())


def test_silence_noise_and_what_is_odd(tmp_path: Path) -> None:
    path = tmp_path / "r.wav"
    write_recording(path, np.zeros(0, dtype=np.int16), np.zeros(0, dtype=np.int16))
    empty = waveform(path)
    assert empty is not None
    assert (empty.seconds, empty.sides[0].bars) == (0.0, ())
    loud = np.random.default_rng(2).normal(0, 1500, 4 * RATE).astype(np.int16)
    write_recording(path, loud, loud)
    noisy = waveform(path)
    assert noisy is not None
    assert noisy.sides[0].speech == (), "a steady noise is nobody's voice"
    path.write_bytes(path.read_bytes()[:-1])  # half a frame
    assert waveform(path) is not None


@pytest.mark.parametrize("content", [b"", b"RIFF", audio.write_wav(audio.tone(440, 0.1))])
def test_what_is_no_recording_of_ours_has_no_picture(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "r.wav"
    path.write_bytes(content)
    assert waveform(path) is None
    assert seconds_of(path) == 0.0
