"""How well keys are recognised in the sound (ivr/media/tones.py): generated presses after ITU-T Q.24, and false keys in speech.

    python bench/dtmf.py                           all tables; 320 presses a cell, 4 h of speech
    python bench/dtmf.py --presses 1600 --hours 12

A press counts when it is told exactly once and as what it is. Presses are of 40 ms with 40 ms of pause, -10 dBm0 a tone, begin
anywhere and in any phase; the tables say what differs. Speech is by espeak-ng: the texts of prompts/ and README*.md in 18
voices, at many speeds, pitches and levels, and the shipped prompts played slower and faster. There is no human voice in it.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

sys.path.insert(0, str(Path(__file__).parent.parent))

from ivr.media.g711 import ULAW_TO_ALAW, Law, encode
from ivr.media.tones import FREQUENCIES, KEYS, SOUND, ToneReceiver, hear
from prompts.build import read_texts
from prompts.sound import level_to, to_telephone
from prompts.speech import Speaker, Voice
from prompts.synthesis import SpeechError

ROOT = Path(__file__).parent.parent
RATE = 8000
FULL, FULL_DBM0 = 32256.0, 3.14
LEGS = 50
VARIANTS = [*(f"f{n}" for n in range(1, 6)), *(f"m{n}" for n in range(1, 9)), "croak", "whisper", "klatt", "klatt2", "klatt3"]

Sound = npt.NDArray[np.float64]


def power(dbm0: float) -> float:
    """The mean square of a tone of this level."""
    return float(10 ** ((dbm0 - FULL_DBM0) / 10) * FULL**2 / 2)


def presses(
    keys: str,
    rng: np.random.Generator,
    *,
    on_ms: float = 40,
    off_ms: float = 40,
    dbm0: float = -10,
    twist_db: float = 0,
    offset: float = 0,
    snr_db: float | None = None,
) -> Sound:
    """The keys one after the other, `dbm0` the low tone's level, `twist_db` how much stronger the high one is."""
    silence = [np.zeros(int(rng.integers(400, 1200))), np.zeros(2 * SOUND)]
    at = np.arange(round(on_ms * RATE / 1000))
    parts = []
    for key in keys:
        row, column = divmod(KEYS.index(key), 4)
        tones = zip((row, 4 + column), (dbm0, dbm0 + twist_db), rng.uniform(0, 2 * np.pi, 2), strict=True)
        parts.append(
            sum(
                np.sqrt(2 * power(level)) * np.sin(2 * np.pi * FREQUENCIES[tone] * (1 + offset) / RATE * at + phase)
                for tone, level, phase in tones
            )
        )
        parts.append(np.zeros(round(off_ms * RATE / 1000)))
    sound = np.concatenate([silence[0], *parts, silence[1]])
    if snr_db is not None:
        noise = (power(dbm0) + power(dbm0 + twist_db)) * 10 ** (-snr_db / 10)
        sound += rng.normal(0, np.sqrt(noise), len(sound))
    return sound


def coded(sound: Sound, law: Law = "PCMA") -> bytes:
    """The sound as a leg passes it on: A-law, though it came as `law`."""
    data = encode(law, np.clip(np.round(sound), -32768, 32767).astype(np.int16))
    return data if law == "PCMA" else data.translate(ULAW_TO_ALAW)


def heard(data: bytes) -> list[tuple[str, int]]:
    """The keys in A-law, with their ms."""
    receiver = ToneReceiver()
    return [
        key for at in range(0, len(data) - SOUND + 1, SOUND) for key in hear([receiver], [data[at : at + SOUND]])[0]
    ]  # fmt: skip


def recognised(count: int, law: Law = "PCMA", *, row: int = 1, lost_ms: int = 0, **terms: float | None) -> float:
    """Percent of `count` presses told rightly, each of `row` of the same key in a row; amid each `lost_ms` are lost."""
    rng = np.random.default_rng(1)
    right = 0
    for number in range(count):
        keys = KEYS[number % 16] * row
        data = bytearray(coded(presses(keys, rng, **terms), law))  # type: ignore[arg-type]
        if lost_ms:
            loud = np.flatnonzero(np.frombuffer(data, np.uint8) & 0x7F != 0x55)
            at = int(rng.integers(loud[0] + 400, loud[-1] - 400 - lost_ms * 8))
            data[at : at + lost_ms * 8] = b"\xd5" * (lost_ms * 8)
        right += [key for key, _ in heard(bytes(data))] == list(keys)
    return 100 * right / count


def table(title: str, name: str, values: Sequence[float], count: int, **terms: float | None) -> None:
    """A table's row for each law."""
    print(f"\n{title}\n")
    print(f"| {name} | " + " | ".join(f"{value:g}" for value in values) + " |")
    print("| --- |" + " --- |" * len(values))
    for law in ("PCMA", "PCMU"):
        cells = [recognised(count, law, **{**terms, name: value}) for value in values]  # type: ignore[arg-type]
        print(f"| {law}, % | " + " | ".join(f"{cell:.0f}" if cell in {0, 100} else f"{cell:.1f}" for cell in cells) + " |")


def sentences() -> dict[str, list[str]]:
    """What is spoken, by language."""
    found = {}
    for language, readme in (("zh", "README.zh-CN.md"), ("en", "README.md")):
        text = re.sub(r"```.*?```", "", (ROOT / readme).read_text(encoding="utf-8"), flags=re.DOTALL)
        plain = re.split(r"[。.!?\n]", re.sub(r"[#*`|>\[\]()_-]+", " ", text))
        prompts = [words for words, _ in read_texts(ROOT / "prompts" / language / "texts.yaml", language).values()]
        found[language] = prompts + [sentence.strip() for sentence in plain if len(sentence.strip()) > 8]
    return found


def spoken(hours: float) -> Iterator[Sound]:
    """Speech of so many hours."""
    rng, speaker, texts = np.random.default_rng(2), Speaker(), sentences()
    left = hours * 3600 * RATE
    while left > 0:
        for variant in VARIANTS:
            for language, name in (("zh", "cmn"), ("en", "en-us")):
                rate, pitch, spread = (int(rng.integers(low, high)) for low, high in ((120, 260), (10, 95), (10, 95)))
                text = ". ".join(rng.permutation(texts[language])[:12])
                try:
                    sound = speaker.speak(text, Voice(f"{name}+{variant}", rate, pitch, spread))
                except SpeechError:
                    continue
                sound = level_to(to_telephone(sound, speaker.rate), float(rng.uniform(-30, -12))) * 32767
                left -= len(sound)
                yield sound


def shipped() -> Iterator[Sound]:
    """The prompts of prompts/zh and prompts/en, and both from a third slower and lower to a third faster and higher."""
    sounds = []
    for path in sorted(ROOT.glob("prompts/[ze][hn]/*.wav")):
        with wave.open(str(path), "rb") as file:
            sounds.append(np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64))
    whole = np.concatenate(sounds)
    for percent in range(70, 134):
        yield soxr.resample(whole, RATE, RATE * 100 / percent)


def false_keys(title: str, sounds: Iterator[Sound]) -> None:
    """The keys told in what are none."""
    samples, keys, spent = 0, [], 0.0
    for sound in sounds:
        data = coded(np.concatenate([sound, np.zeros(SOUND * LEGS - len(sound) % (SOUND * LEGS))]))
        receivers = [ToneReceiver() for _ in range(LEGS)]
        each = len(data) // LEGS
        began = time.process_time()
        for at in range(0, each, SOUND):
            found = hear(receivers, [data[leg * each + at : leg * each + at + SOUND] for leg in range(LEGS)])
            keys += [key for told in found for key, _ in told]
        spent += time.process_time() - began
        samples += len(sound)
    hours = samples / RATE / 3600
    print(f"{title}: {hours:.2f} h, {len(keys)} false keys ({len(keys) / hours:.2f} an hour) {''.join(keys)}")
    print(f"  CPU of {LEGS} legs at once: {1000 * spent / (samples / RATE):.2f} ms a second of one leg's sound")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presses", type=int, default=320)
    parser.add_argument("--hours", type=float, default=4.0)
    arguments = parser.parse_args()
    count = arguments.presses
    offsets = (-0.04, -0.035, -0.03, -0.025, -0.02, -0.015, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04)
    table("White noise", "snr_db", (24, 18, 15, 12, 9, 6, 3), count)
    table("White noise, presses of 100 ms", "snr_db", (15, 12, 9, 6, 3), count, on_ms=100)
    table("Twist at 15 dB SNR: Q.24 asks for -8 to 4", "twist_db", (-12, -10, -9, -8, -4, 0, 4, 5, 6, 8), count, snr_db=15)
    table("Both frequencies off, 15 dB SNR: 1.5 % to be taken, 3.5 % not", "offset", offsets, count, snr_db=15)
    table("Both at once: -8 dB and off", "offset", (-0.015, 0.015), count, snr_db=15, twist_db=-8)
    table("Length, 20 dB SNR: 40 ms to be taken", "on_ms", (15, 20, 23, 25, 28, 30, 35, 40, 50), count, snr_db=20)
    table(
        "Pause between five of a key, 20 dB SNR: 40 ms to be taken", "off_ms", (20, 25, 30, 35, 40, 50), count, snr_db=20, row=5
    )
    table("Level of each tone, 15 dB SNR", "dbm0", (-42, -39, -36, -33, -30, -20, -10, -3, 0, 3), count, snr_db=15)
    table("Packet lost amid a press of 150 ms", "lost_ms", (10, 20, 30, 40), count, on_ms=150)
    print()
    false_keys("Shipped prompts at speeds of 70 to 133 %", shipped())
    false_keys("Spoken texts", spoken(arguments.hours))


if __name__ == "__main__":
    main()
