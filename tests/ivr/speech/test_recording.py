"""Recordings in the forms that people have them, and those that are none."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ivr.media.g711 import encode
from ivr.media.wav import header
from ivr.phones.audio import tone_share
from ivr.speech.evalset import BadSet, find, language_of, listen
from ivr.speech.recording import BadRecording, read

Samples = NDArray[np.int16]


def tone(hz: float, rate: int = 8000, seconds: float = 1.0) -> Samples:
    return np.round(8000 * np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate)).astype(np.int16)


def wav(body: bytes, *, rate: int = 8000, channels: int = 1, width: int = 2) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(body)
    return buffer.getvalue()


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100, 48000])
def test_any_rate_becomes_a_telephones(rate: int) -> None:
    found = read(wav(tone(440, rate).tobytes(), rate=rate))
    assert found.rate_hz == rate
    assert found.seconds == pytest.approx(1.0, abs=0.01)
    assert tone_share(found.samples, 440) > 0.99


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_any_width_is_the_same_sound(width: int) -> None:
    samples = tone(440)
    body = {
        1: ((samples >> 8) + 128).astype(np.uint8).tobytes(),
        2: samples.tobytes(),
        3: b"".join(b"\0" + int(s).to_bytes(2, "little", signed=True) for s in samples),
        4: (samples.astype("<i4") << 16).tobytes(),
    }[width]
    found = read(wav(body, width=width)).samples
    assert np.abs(found.astype(int) - samples).max() <= (256 if width == 1 else 0)


def test_our_own_recordings_of_two_sides() -> None:
    left, right = encode("PCMA", tone(440)), encode("PCMA", tone(700))
    data = header(8000, 2) + np.column_stack([np.frombuffer(left, np.uint8), np.frombuffer(right, np.uint8)]).tobytes()
    assert tone_share(read(data, "left").samples, 440) > 0.99
    assert tone_share(read(data, "right").samples, 700) > 0.99
    with pytest.raises(BadRecording, match="2 channels: say which one is the caller's"):
        read(data)
    assert tone_share(read(header(8000, 1) + left).samples, 440) > 0.99


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no WAV"),
        (b"RIFF\0\0\0\0WAVE", "fmt or data is missing"),
        (b"RIFF\0\0\0\0WAVEdata\x02\0\0\0ab", "fmt or data is missing"),
        (wav(tone(440).tobytes())[:5000], "cut off: 4956 of 16000 bytes"),
        (wav(tone(440)[:100].tobytes()), "shorter than 0.1 s"),
        (wav(bytes(2 * 8000 * 61)), "longer than 60 s"),
        (wav(bytes(16000)), "silent"),
        (wav(tone(440).tobytes(), rate=4000), "4000 samples a second"),
        (wav(tone(440).tobytes(), channels=4), "4 channels"),
        (wav(tone(440).tobytes()).replace(b"\x01\x00\x01\x00", b"\x02\x00\x01\x00"), "WAV format 2"),
    ],
    ids=["empty", "no chunks", "no fmt", "cut", "short", "long", "silent", "rate", "channels", "format"],
)
def test_what_is_no_recording(data: bytes, why: str) -> None:
    with pytest.raises(BadRecording, match=why):
        read(data)


def test_more_channels_than_two_have_no_left(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(tone(440).tobytes(), channels=4))
    (tmp_path / "a.txt").write_text("订单\n", encoding="utf-8")
    (item,) = find(tmp_path)
    with pytest.raises(BadRecording, match=r"a\.wav: 4 channels; 1 or 2 are taken"):
        listen(item, "left")


def test_a_folder_of_recordings(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for name, text in (("b.wav", "订单"), ("below/a.WAV", "")):
        (tmp_path / name).write_bytes(b"")
        (tmp_path / name).with_suffix(".txt").write_text(text, encoding="utf-8-sig")
    found = find(tmp_path)
    assert [(item.path.name, item.text) for item in found] == [("b.wav", "订单"), ("a.WAV", "")]
    assert language_of(found) == "zh"
    (tmp_path / "b.txt").write_text("订单\n退货\n", encoding="utf-8")
    with pytest.raises(BadSet, match=r"b\.txt: one line"):
        find(tmp_path)
    (tmp_path / "b.txt").write_bytes("订单".encode("gbk"))
    with pytest.raises(BadSet, match=r"b\.txt: 'utf-8' codec"):
        find(tmp_path)
    (tmp_path / "b.txt").unlink()
    with pytest.raises(BadSet, match=r"b\.wav: b\.txt with what is said is missing"):
        find(tmp_path)


def test_a_table_of_recordings(tmp_path: Path) -> None:
    table = tmp_path / "manifest.tsv"
    table.write_text("file\ttext\tclass\tnode\na.wav\torders\tgoods\tmain\nb.wav\tanything\tforeign\n", encoding="utf-8")
    for found in (find(tmp_path), find(table)):
        assert [(item.path, item.text, item.kind, item.node) for item in found] == [
            (tmp_path / "a.wav", "orders", "goods", "main"),
            (tmp_path / "b.wav", "", "foreign", ""),
        ]
        assert language_of(found) == "en"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a.wav\torders\n", ":1: its first line must name"),
        ("file\ttext\tcolour\n", ":1: its first line must name"),
        ("", ":1: its first line must name"),
        ("file\ttext\na.wav\torders\tx\ty\n", ":2: too many columns"),
        ("file\ttext\na.wav\torders\n\torders\n", ":3: no file is named"),
    ],
)
def test_what_is_no_table(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "manifest.tsv").write_text(text, encoding="utf-8")
    with pytest.raises(BadSet) as refused:
        find(tmp_path)
    assert why in str(refused.value)


def test_what_is_no_set(tmp_path: Path) -> None:
    with pytest.raises(BadSet, match="neither a WAV nor"):
        find(tmp_path)
    with pytest.raises(BadSet, match="no such folder"):
        find(tmp_path / "nothing")


@pytest.mark.parametrize(("texts", "why"), [(["139", ""], "don't tell"), (["订单", "orders"], "two languages")])
def test_a_language_that_is_not_told(tmp_path: Path, texts: list[str], why: str) -> None:
    rows = "".join(f"{n}.wav\t{text}\n" for n, text in enumerate(texts))
    (tmp_path / "manifest.tsv").write_text("file\ttext\n" + rows, encoding="utf-8")
    with pytest.raises(BadSet, match=why):
        language_of(find(tmp_path))


@given(st.data())
def test_a_changed_file_is_read_or_refused(data: st.DataObject) -> None:
    whole = bytearray(wav(tone(440, seconds=0.2).tobytes()))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, 47))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        found = read(cut, data.draw(st.sampled_from(["mono", "left", "right"])))
    except BadRecording:
        return
    assert found.samples.dtype == np.int16
    assert found.seconds <= 60.1
