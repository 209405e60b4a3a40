"""`hotline prompts …`: recordings taken in, texts spoken, everything listed."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from ivr.cli import app
from prompts.sound import wav_bytes


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hotline.toml of nothing but its data_dir."""
    file = tmp_path / "hotline.toml"
    file.write_text(f'data_dir = "{tmp_path / "var"}"\n', encoding="utf-8")
    monkeypatch.setenv("HOTLINE_CONFIG", str(file))
    return tmp_path


def hotline(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["prompts", *arguments])


def test_a_recording_is_taken_in_and_listed(installation: Path) -> None:
    file = installation / "mine.wav"
    file.write_bytes(wav_bytes(np.clip(np.sin(np.arange(16000) * 0.3) * 2, -1, 1)))
    result = hotline("import", str(file), "--name", "welcome", "--language", "zh")
    assert result.exit_code == 0, result.output
    assert f"{file}: wav pcm_s16le, 8000 Hz, mono, 2.0 s" in result.stdout
    assert "overdriven" in result.stderr
    assert (installation / "var" / "prompts" / "zh" / "welcome.wav").exists()
    lines = hotline("list", "--language", "zh").stdout.splitlines()
    (welcome,) = [line for line in lines if line.split()[1] == "welcome"]
    assert "own recording" in welcome
    assert "欢迎致电" in welcome
    (digit,) = [line for line in lines if line.split()[1] == "digit_1"]
    assert digit.split()[2:] == [digit.split()[2], "s", "packaged", "幺"]


@pytest.mark.parametrize(
    ("content", "arguments", "why"),
    [
        (b"no sound", ["--name", "a"], "mine.wav: it is no sound file"),
        (None, ["--name", "a"], "No such file"),
        (wav_bytes(np.sin(np.arange(16000) * 0.3)), ["--name", "a/b"], "name 'a/b'"),
        (wav_bytes(np.sin(np.arange(16000) * 0.3)), ["--name", "a", "--max-s", "1"], "longer than 1 s"),
    ],
    ids=["no sound", "no file", "bad name", "too long"],
)
def test_what_cannot_be_taken_in_is_told(installation: Path, content: bytes | None, arguments: list[str], why: str) -> None:
    file = installation / "mine.wav"
    if content is not None:
        file.write_bytes(content)
    result = hotline("import", str(file), *arguments)
    assert result.exit_code == 2
    assert why in result.stderr
    assert str(file) in result.stderr
    assert not (installation / "var" / "prompts").exists()


def test_a_text_is_said(installation: Path) -> None:
    result = hotline("say", "您好。")
    assert result.exit_code == 0, result.output
    kept = Path(result.stdout.strip())
    assert kept.parent == installation / "var" / "voice"
    assert hotline("say", "您好。", "--out", str(installation / "a.wav")).stdout.strip() == str(installation / "a.wav")
    assert (installation / "a.wav").read_bytes() == kept.read_bytes()
    with wave.open(io.BytesIO(kept.read_bytes())) as file:
        assert file.getnframes() > 4000
    result = hotline("say", "bonjour", "--language", "fr")
    assert (result.exit_code, result.stderr) == (2, "espeak has no voice for 'fr'; it has en, zh\n")


def test_texts_of_its_own_are_spoken(installation: Path) -> None:
    folder = installation / "var" / "prompts" / "zh"
    folder.mkdir(parents=True)
    (folder / "texts.yaml").write_text("offer: 今天打折。\n", encoding="utf-8")
    result = hotline("build")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{folder / 'offer.wav'}  ")
    assert result.stdout.count("\n") == 1, "the packaged ones are as they were"
    (line,) = [line for line in hotline("list").stdout.splitlines() if " offer " in line]
    assert "synthesised" in line
    (folder / "texts.yaml").write_text("offer: 1\n", encoding="utf-8")
    result = hotline("build")
    assert result.exit_code == 2
    assert "offer: must have a text" in result.stderr
