"""Speaking texts: only what changed, and never over somebody's own recording."""

from __future__ import annotations

import subprocess
import sys
import time
import wave
from pathlib import Path

import pytest

from prompts.build import WORDLESS, PromptError, build
from prompts.speech import Speaker, Voice
from prompts.synthesis import SpeechError

COMMON = {f"common/{name}" for name in WORDLESS}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    texts(tmp_path, "zh", '# a comment\nhello: 您好。\ndigit_1: 幺\nenglish: {text: "Press nine.", voice: en}\n')
    texts(tmp_path, "en", "hello: Hello.\n")
    return tmp_path


def texts(root: Path, language: str, text: str) -> None:
    (root / language).mkdir(exist_ok=True)
    (root / language / "texts.yaml").write_text(text, encoding="utf-8")


def names(root: Path, *, force: bool = False) -> set[str]:
    return {f"{built.language}/{built.name}" for built in build(root, force=force)}


def test_all_is_made_then_only_what_changed(root: Path) -> None:
    everything = {"zh/hello", "zh/digit_1", "zh/english", "en/hello", *COMMON}
    assert names(root) == everything
    assert names(root) == set()
    texts(root, "zh", "hello: 您好吗？\ndigit_1: 幺\n")
    assert names(root) == {"zh/hello"}
    assert not (root / "zh" / "english.wav").exists()
    (root / "en" / "hello.wav").unlink()
    assert names(root) == {"en/hello"}
    assert names(root, force=True) == everything - {"zh/english"}


def test_somebodys_own_recording_is_left_alone(root: Path) -> None:
    build(root)
    own = root / "zh" / "hello.wav"
    own.write_bytes(b"RIFF of my own")
    texts(root, "zh", "hello: 再见。\n")
    names(root)
    assert own.read_bytes() == b"RIFF of my own"
    assert names(root, force=True) == {"en/hello", *COMMON}
    texts(root, "zh", "other: 再见。\n")
    assert names(root) == {"zh/other"}
    assert own.exists()
    own.unlink()
    texts(root, "zh", "hello: 再见。\n")
    assert names(root) == {"zh/hello"}


def test_what_was_made_is_for_telephones_and_evenly_loud(root: Path) -> None:
    for built in build(root):
        with wave.open(str(built.path)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
            assert file.getnframes() / 8000 == built.seconds > 0.1
        if built.language != "common":
            assert -20.5 < built.level_db < -19.5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "texts.yaml"),
        ("- a", "names with their texts"),
        ("a: 1", "a: must have a text"),
        ("no: hello", "False: must have a text"),
        ("a: ' '", "a: must have a text"),
        ("a: {voice: en}", "a: must have a text"),
        ("a: {text: b, voice: fr}", "no voice 'fr'"),
    ],
)
def test_bad_texts_are_told_by_name(tmp_path: Path, text: str, words: str) -> None:
    texts(tmp_path, "zh", text)
    with pytest.raises(PromptError, match=r"texts\.yaml") as told:
        build(tmp_path)
    assert words in str(told.value)


def test_a_language_without_a_voice_is_told(tmp_path: Path) -> None:
    texts(tmp_path, "fr", "a: bonjour")
    with pytest.raises(PromptError, match="no voice 'fr'"):
        build(tmp_path)


def test_espeak_tells_what_it_cannot_do() -> None:
    speaker = Speaker()
    with pytest.raises(SpeechError, match="no voice"):
        speaker.speak("a", Voice("no-such-voice", 160, 50, 50))
    with pytest.raises(SpeechError, match="says nothing"):
        speaker.speak("。", Voice("cmn", 160, 50, 50))


SPEAK_AT_ONCE = """
from concurrent.futures import ThreadPoolExecutor
from prompts.speech import Speaker, Voice

TEXTS = ("一", "一二三四", "请在滴声后留言")

def spoken(text):  # speakers come and go while others speak
    return len(Speaker().speak(text, Voice("cmn", 160, 50, 50)))

alone = [spoken(text) for text in TEXTS]
with ThreadPoolExecutor(8) as threads:
    beside = list(threads.map(spoken, TEXTS * 40))
for length, expected in zip(beside, alone * 40):  # a few samples more or less are the library's own
    assert abs(length - expected) < expected / 10, (alone, beside)
"""


def test_speakers_that_come_and_go_in_many_threads_speak_all_of_it_and_nothing_of_each_other() -> None:
    ran = subprocess.run([sys.executable, "-c", SPEAK_AT_ONCE], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


SPEAK_TO_FILE = """
import sys
from prompts.speech import Speaker, Voice

sys.stdout.buffer.write(Speaker().speak("投诉 出示四十四", Voice("cmn+whisper", 160, 50, 50)).tobytes())
"""


def test_each_process_says_the_first_text_the_same() -> None:
    first = subprocess.run([sys.executable, "-c", SPEAK_TO_FILE], capture_output=True, check=True).stdout
    time.sleep(1.1)  # espeak-ng's own noises are drawn by the second of the day
    again = subprocess.run([sys.executable, "-c", SPEAK_TO_FILE], capture_output=True, check=True).stdout
    assert len(first) > 8000
    assert again == first
