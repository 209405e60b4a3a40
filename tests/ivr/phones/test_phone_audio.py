"""What measures everything else must itself be right: G.711 against a second implementation, tones, and likeness."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from ivr.phones import audio
from ivr.phones.audio import Codec, Samples

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

CODECS: tuple[Codec, ...] = ("PCMA", "PCMU")
EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)


def speech(seed: int, seconds: float = 3.0) -> Samples:
    """Noise in syllables of uneven loudness: nothing like any other seed's."""
    chance = np.random.default_rng(seed)
    loudness = np.repeat(chance.uniform(0.0, 1.0, round(seconds * 5)), audio.RATE // 5)
    return np.asarray(loudness * chance.normal(0, 4000, len(loudness)), dtype=np.int16)


def test_g711_is_that_of_the_standard() -> None:
    linear = EVERY_SAMPLE.tobytes()
    assert audio.encode("PCMA", EVERY_SAMPLE) == audioop.lin2alaw(linear, 2)
    assert audio.encode("PCMU", EVERY_SAMPLE) == audioop.lin2ulaw(linear, 2)
    assert audio.decode("PCMA", bytes(range(256))).tobytes() == audioop.alaw2lin(bytes(range(256)), 2)
    assert audio.decode("PCMU", bytes(range(256))).tobytes() == audioop.ulaw2lin(bytes(range(256)), 2)


@pytest.mark.parametrize("codec", CODECS)
def test_a_tone_survives_g711_with_its_level(codec: Codec) -> None:
    clean = audio.tone(440, 1.0, level=0.5)
    heard = audio.decode(codec, audio.encode(codec, clean))
    assert audio.snr(heard, 440) > 35
    assert audio.tone_level(heard, 440) == pytest.approx(-6.02, abs=0.1)
    assert audio.tone_share(heard, 440) > 0.99
    assert audio.tone_share(heard, 600) < 0.01
    assert audio.tone_level(heard, 600) < -40


def test_silence_is_no_tone() -> None:
    for nothing in (audio.silence(1.0), audio.silence(0.0)):
        assert audio.tone_share(nothing, 440) == 0.0
        assert audio.tone_level(nothing, 440) == -120.0
        assert audio.loudness(nothing) == -120.0
        assert audio.similarity(nothing, audio.tone(440, 1.0)) == 0.0
        assert audio.similarity(audio.tone(440, 1.0), nothing) == 0.0


def test_the_wrong_law_is_noticed() -> None:
    confused = audio.decode("PCMA", audio.encode("PCMU", audio.tone(440, 1.0)))
    assert audio.snr(confused, 440) < 10


def test_keys_have_their_two_tones() -> None:
    five = audio.dtmf_tone("5", 0.2)
    assert audio.tone_share(five, 770) == pytest.approx(0.5, abs=0.05)
    assert audio.tone_share(five, 1336) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("codec", CODECS)
def test_what_was_played_is_found_wherever_it_begins(codec: Codec) -> None:
    wanted = speech(1)
    line = np.concatenate([audio.silence(1.3), speech(2, 2.0), wanted // 4, speech(3, 2.0)])
    heard = audio.decode(codec, audio.encode(codec, line))
    assert audio.similarity(heard, wanted) > 0.95
    assert audio.similarity(heard.tobytes(), wanted.tobytes()) > 0.95


def test_what_was_not_played_is_not_found() -> None:
    heard = np.concatenate([speech(seed) for seed in range(2, 8)])
    assert audio.similarity(heard, speech(1)) < 0.3


def test_a_part_scores_its_part_and_a_slip_costs_little() -> None:
    wanted = speech(1, 4.0)
    assert 0.3 < audio.similarity(wanted[: len(wanted) // 2], wanted) < 0.7
    slipped = np.concatenate([wanted[:16000], wanted[16160:]])
    assert audio.similarity(slipped, wanted) > 0.8


def halting(sound: Samples, stops: int) -> Samples:
    """What arrives of it where the machine that plays it stands still so often for a quarter of a second, and goes on."""
    parts = np.array_split(sound, stops + 1)
    return np.concatenate([part for each in parts for part in (each, audio.silence(0.25))])


@pytest.mark.parametrize(("seconds", "stops"), [(0.5, 1), (1.0, 1), (2.2, 1), (2.2, 4), (4.0, 5), (10.0, 3)])
def test_what_stood_still_and_went_on_was_played(seconds: float, stops: int) -> None:
    wanted = speech(1, seconds)
    heard = np.concatenate([speech(2), halting(wanted, stops), speech(3)])
    assert audio.similarity(heard, wanted) > (0.8 if seconds > 0.5 else 0.7)
    assert audio.similarity(halting(speech(4, seconds), stops), wanted) < 0.3


def test_parts_in_another_order_were_not_played() -> None:
    first, second = speech(1), speech(2)
    said = np.concatenate([second, first])
    assert audio.similarity(said, np.concatenate([first, second])) < 0.7


def test_wave_files_come_back_whole(subtests: pytest.Subtests) -> None:
    left, right = audio.tone(440, 0.5), audio.tone(600, 0.5)
    wave = audio.read_wav(audio.write_wav(left, right))
    assert (wave.rate, wave.format, wave.seconds) == (8000, 1, 0.5)
    assert np.array_equal(wave.channels[0], left)
    assert np.array_equal(wave.channels[1], right)
    for tag, codec in ((6, CODECS[0]), (7, CODECS[1])):
        with subtests.test(codec=codec):
            body = bytes(
                np.column_stack([np.frombuffer(audio.encode(codec, side), np.uint8) for side in (left, right)]).tobytes()
            )
            layout = tag.to_bytes(2, "little") + (2).to_bytes(2, "little") + (8000).to_bytes(4, "little")
            layout += (
                (16000).to_bytes(4, "little")
                + (2).to_bytes(2, "little")
                + (8).to_bytes(2, "little")
                + (0).to_bytes(2, "little")
            )
            chunks = b"fmt " + len(layout).to_bytes(4, "little") + layout + b"fact" + (4).to_bytes(4, "little") + bytes(4)
            data = b"RIFF" + bytes(4) + b"WAVE" + chunks + b"data" + len(body).to_bytes(4, "little") + body + b"odd"
            wave = audio.read_wav(data)
            assert (wave.format, wave.seconds) == (tag, 0.5)
            assert audio.snr(wave.channels[0], 440) > 35
            assert audio.snr(wave.channels[1], 600) > 35


@pytest.mark.parametrize("data", [b"", b"RIFF....WAVE", b"RIFF....WAVEfmt \x02\0\0\0\1\0", b"RIFF....WAVEdata\0\0\0\0"])
def test_what_is_no_wave_file_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a WAV file"):
        audio.read_wav(data)
    eight_bit = bytearray(audio.write_wav(audio.tone(440, 0.1)))
    eight_bit[34] = 8
    with pytest.raises(ValueError, match="8 bits"):
        audio.read_wav(bytes(eight_bit))
