"""Recordings made into prompts: every common format, evened, trimmed, bounded; bad files told by name."""

from __future__ import annotations

import functools
import io
import struct
import wave

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompts.importing import MAX_BYTES, Imported, ImportFailed, convert
from prompts.sound import Sound, active_level_db, frame_levels_db


def speech(seconds: float, rate: int, amplitude: float = 0.3) -> Sound:
    """What swells and fades three times a second, as speech does."""
    time = np.arange(round(seconds * rate)) / rate
    sound: Sound = amplitude * np.sin(2 * np.pi * 440 * time) * (1 + np.sin(2 * np.pi * 3 * time)) / 2
    return sound


def encoded(container: str, codec: str, rate: int, layout: str = "mono", sound: Sound | None = None) -> bytes:
    """A file as FFmpeg writes it."""
    sound = speech(1.0, rate) if sound is None else sound
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, options={"strict": "experimental"})
        assert isinstance(stream, av.AudioStream)
        stream.layout = layout
        if codec == "wmav2":
            stream.bit_rate = 64_000
        planes = np.repeat(sound[None].astype(np.float32), 1 if layout == "mono" else 2, axis=0)
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        resampler = av.AudioResampler(stream.format, layout, rate, frame_size=stream.codec_context.frame_size or 2048)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def pcm(sound: Sound, rate: int = 16000) -> bytes:
    """A WAV of 16 bits."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def heard(imported: Imported) -> Sound:
    with wave.open(io.BytesIO(imported.wav)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64) / 32768


FORMATS = [
    ("wav", "pcm_u8", 8000, "mono"),
    ("wav", "pcm_s16le", 44100, "stereo"),
    ("wav", "pcm_s24le", 48000, "mono"),
    ("wav", "pcm_s32le", 48000, "mono"),
    ("wav", "pcm_f32le", 96000, "stereo"),
    ("wav", "pcm_alaw", 8000, "mono"),
    ("wav", "pcm_mulaw", 8000, "mono"),
    ("wav", "adpcm_ms", 22050, "mono"),
    ("aiff", "pcm_s16be", 44100, "mono"),
    ("mp3", "libmp3lame", 44100, "stereo"),
    ("ogg", "libopus", 48000, "mono"),
    ("ogg", "vorbis", 44100, "stereo"),
    ("asf", "wmav2", 44100, "mono"),
    ("flac", "flac", 44100, "stereo"),
    ("ipod", "aac", 44100, "stereo"),
    ("adts", "aac", 44100, "mono"),
    ("amr", "libopencore_amrnb", 8000, "mono"),
    ("webm", "libopus", 48000, "mono"),
]


@pytest.mark.parametrize(("container", "codec", "rate", "layout"), FORMATS, ids=str)
def test_any_common_format_becomes_a_prompt(container: str, codec: str, rate: int, layout: str) -> None:
    imported = convert(encoded(container, codec, rate, layout), "recording")
    sound, report = heard(imported), imported.report
    spectrum = np.abs(np.fft.rfft(sound))
    assert np.fft.rfftfreq(len(sound), 1 / 8000)[spectrum.argmax()] == pytest.approx(440, abs=5)
    assert active_level_db(sound) == pytest.approx(-20, abs=0.5)
    assert (report.rate, report.channels) == (rate, 1 if layout == "mono" else 2)
    assert 0.9 < report.recorded_s < 1.2
    assert report.seconds == pytest.approx(len(sound) / 8000, abs=0.01)
    assert report.recorded_level_db == pytest.approx(-17.5, abs=2.5), "stereo is no louder than mono"
    assert report.warnings == ()


def test_soft_and_loud_recordings_come_out_alike() -> None:
    for amplitude in (0.02, 0.9):
        assert active_level_db(heard(convert(pcm(speech(1, 16000, amplitude)), "a"))) == pytest.approx(-20, abs=0.5)


def test_silence_at_both_ends_is_cut_off() -> None:
    quiet = np.zeros(3 * 16000)
    imported = convert(pcm(np.concatenate([quiet, speech(1, 16000), quiet])), "a")
    assert imported.report.recorded_s == 7
    assert imported.report.seconds == pytest.approx(1.1, abs=0.1)
    assert frame_levels_db(heard(imported))[5:8].max() > -40


def test_warnings() -> None:
    (clipped,) = convert(pcm(speech(1, 16000, 3.0)), "a").report.warnings
    assert "overdriven" in str(clipped)
    assert convert(pcm(speech(1, 16000, 1.0)), "a").report.warnings == ()
    (long,) = convert(pcm(speech(31, 8000), 8000), "a").report.warnings
    assert "31 s are long" in str(long)
    (soft,) = convert(pcm(speech(1, 16000, 0.004)), "a").report.warnings
    assert "very soft" in str(soft)


def test_a_recording_too_long_is_refused_however_small_its_file() -> None:
    small = encoded("flac", "flac", 8000, sound=np.zeros(8000 * 600))
    assert len(small) < 1 << 18
    with pytest.raises(ImportFailed, match=r"^long\.flac: it is longer than 120 s$"):
        convert(small, "long.flac")
    with pytest.raises(ImportFailed, match=r"longer than 0\.5 s"):
        convert(pcm(speech(1, 16000)), "a", max_s=0.5)


def header(rate: int, channels: int, data: bytes) -> bytes:
    """A WAV of 16 bits that says so of itself."""
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + len(data))
        + b"WAVEfmt \x10\0\0\0"
        + form
        + b"data"
        + struct.pack("<I", len(data))
        + data
    )


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no sound file"),
        (b"hello, hello\n" * 100, "no sound file"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 500, "no sound file"),
        (b"#EXTM3U\nfile:///etc/passwd\n", "no sound file"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "no sound file"),
        (pcm(np.zeros(16000)), "nothing can be heard"),
        (pcm(np.zeros(0)), "no sound"),
        (pcm(speech(0.05, 16000)), "no sound in it"),
        (header(1_000_000, 1, b"\1\2" * 9000), "1000000 samples a second"),
        (header(8000, 60, b"\1\2" * 9000), "60 channels"),
        (bytes(MAX_BYTES + 1), "larger than 64 MB"),
    ],
    ids=["empty", "text", "picture", "playlist", "concat", "silence", "no samples", "too short", "rate", "channels", "huge"],
)
def test_bad_files_are_told_by_name(data: bytes, why: str) -> None:
    with pytest.raises(ImportFailed, match=why) as told:
        convert(data, "my/file.wav")
    assert str(told.value).startswith("my/file.wav: ")


def test_a_file_of_single_samples_is_not_decoded_for_hours() -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as output:
        stream = output.add_stream("pcm_s16le", rate=8000)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        for number in range(3000):
            frame = av.AudioFrame.from_ndarray(np.full((1, 1), 999, np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = 8000, number
            output.mux(stream.encode(frame))
    with pytest.raises(ImportFailed, match="too many pieces"):
        convert(buffer.getvalue(), "a.mka")


def test_titles_in_another_encoding_don_t_matter() -> None:
    wav = pcm(speech(1, 16000))
    title = "提示音".encode("gbk")
    info = b"INFOINAM" + struct.pack("<I", len(title)) + title
    tagged = wav + b"LIST" + struct.pack("<I", len(info)) + info
    assert convert(tagged, "a").report.seconds > 0.9


@functools.cache
def written(container: str, codec: str, rate: int, layout: str) -> bytes:
    """A file of this format."""
    return encoded(container, codec, rate, layout)


@settings(deadline=None)
@given(
    st.sampled_from(FORMATS).map(lambda form: written(*form)),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8),
    st.floats(0.1, 1),
)
def test_damaged_files_become_prompts_or_are_told(document: bytes, changes: list[tuple[int, int]], share: float) -> None:
    damaged = bytearray(document)
    for at, value in changes:
        damaged[at] = value
    try:
        imported = convert(bytes(damaged[: round(len(damaged) * share)]), "a")
    except ImportFailed as error:
        told = str(error)
    else:
        told = f"a: {len(heard(imported))} samples"
    assert told.startswith("a: ")
