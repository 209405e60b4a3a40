"""`make bench`: what hearing callers costs, and how soon they are answered, with the built-in model.

    python bench/speech.py                     all three tables, about two minutes
    python bench/speech.py decoding windows    some of them: decoding, windows, calls

decoding   Vosk alone: CPU seconds for a second of speech, and so how many streams a core decodes
windows    callers of 10 s with 2 s of speech, in one utterance or in some: our pipeline against a plain loop that decodes all
           sound as it comes. Each is heard both ways in turn, again and again; of each way its least CPU for it counts
calls      real calls to the whole site on one core, all speaking at once: from a word's first sample to the prompt's last
           packet (barge-in), and from its last sample to the next prompt's first packet, with the wait for silence and the
           decoding that followed it apart. Callers are on another core
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import vosk

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.callers import VOICES, line, word
from ivr.listen import free_port
from ivr.media.g711 import encode
from ivr.phones import audio
from ivr.phones.scripted import Call, PhoneError, ScriptedPhone
from ivr.speech.control import Open
from ivr.speech.decoding import Decoding, Partial, Result
from ivr.speech.frames import Frame
from ivr.speech.kaldi import Vosk
from ivr.speech.listening import Do, Listening, Tell
from ivr.speech.phrases import every_pair
from ivr.speech.recogniser import Grammar, Recogniser
from ivr.speech.rehearing import AtOnce
from ivr.speech.tiny import MODEL, UNKNOWN
from ivr.speech.voice import VoiceDetector
from prompts.speech import Voice

RATE = 8000
WORDS = ("订单", "退款", "人工服务", "物流", "发票", "投诉", "维修进度")
DIGITS = tuple("零一二三四五六七八九幺")
HEARINGS = 8
CALLERS, ROUNDS = 10, 10
CORE_OF_SITE, CORE_OF_CALLERS = 0, 1

Samples = npt.NDArray[np.int16]


def main() -> None:
    """See the module."""
    tables: dict[str, Callable[[], None]] = {"decoding": decoding, "windows": windows, "calls": lambda: asyncio.run(calls())}
    wanted = sys.argv[1:] or list(tables)
    if unknown := set(wanted) - set(tables):
        raise SystemExit(f"no such table: {', '.join(sorted(unknown))}; there are {', '.join(tables)}")
    for number, name in enumerate(wanted):
        print("" if not number else "\n", end="")
        tables[name]()


# Vosk alone


def decoding() -> None:
    """RTF by kind of grammar."""
    recogniser = Vosk(MODEL)
    print("| what may be said | CPU s for 1 s of speech | streams a core |\n| --- | --- | --- |", flush=True)
    for name, grammar, texts in (
        ("7 words of a menu", Grammar(WORDS), WORDS),
        ("digits in a row", Grammar(DIGITS, repeat=True), ("一二三四", "五六七八九零", "一三八零零一三八零零零")),
        ("anything", Grammar(), ("查询订单", "我要退款", "人工服务")),
    ):
        spoken = [word(text, voice).tobytes() for text in texts for voice in VOICES] * 3
        begin = time.process_time()
        for samples in spoken:
            turn = recogniser.turn(grammar)
            for at in range(0, len(samples), 1600):
                turn.hear(samples[at : at + 1600])
                turn.partial()
            turn.result()
        share = (time.process_time() - begin) / (sum(map(len, spoken)) / 2 / RATE)
        print(f"| {name} | {share:.3f} | {1 / share:.0f} |", flush=True)


# The same windows, both ways


@dataclass(frozen=True)
class Window:
    """10 s of a caller with about 2 s of speech: one utterance after the other, what each is, and what may be said."""

    texts: list[str]
    sound: Samples
    speech_s: float
    grammar: Grammar

    @staticmethod
    def of_words(number: int) -> Window:
        """Words a second apart, a turn each: the number-th, and those others with which it is nearest to 2 s."""
        first, *others = (WORDS[(number + step) % len(WORDS)] for step in range(len(WORDS)))
        voice = VOICES[number % len(VOICES)]
        sets = ((first, *more) for count in range(len(WORDS)) for more in combinations(others, count))
        texts = min(sets, key=lambda texts: abs(sum(len(word(text, voice)) for text in texts) - 2 * RATE))
        return Window._of(texts, voice, Grammar(WORDS))

    @staticmethod
    def of_digits(number: int) -> Window:
        """One string of different digits: as many as are nearest to 2 s."""
        voice, digits = VOICES[number % len(VOICES)], "".join(DIGITS[number % len(DIGITS) :] + DIGITS[: number % len(DIGITS)])
        strings = (digits[: count + 1] for count in range(len(digits)))
        text = min(strings, key=lambda text: abs(len(word(text, voice)) - 2 * RATE))
        return Window._of((text,), voice, Grammar(DIGITS, repeat=True))

    @staticmethod
    def _of(texts: tuple[str, ...], voice: Voice, grammar: Grammar) -> Window:
        spoken = [word(text, voice) for text in texts]
        parts = [part for each in spoken for part in (each, 1.0)]
        return Window([*texts], line(2.0, *parts, 8.0)[: 10 * RATE], sum(map(len, spoken)) / RATE, grammar)

    def understood(self, heard: list[str]) -> int:
        """How many of its texts are among these."""
        together = {text.replace(" ", "") for text in heard}
        return sum(text in together for text in self.texts)


def windows() -> None:
    """CPU of a window, plainly and by the pipeline."""
    recogniser, model = Vosk(MODEL), vosk.Model(str(MODEL))
    print(f"| 10 s windows, {HEARINGS} times each | speech s | CPU ms a second: decoded as it comes | our pipeline "
          "| times (to reach: 3) | understood, of |\n| --- | --- | --- | --- | --- | --- |", flush=True)  # fmt: skip
    kinds: tuple[tuple[str, Callable[[int], Window]], ...] = (
        ("one string of digits", Window.of_digits),
        ("two to four words, a turn each", Window.of_words),
    )
    for name, make in kinds:
        made = [make(number) for number in range(20)]
        spent, right = [0.0, 0.0], [0, 0]
        for one in made:
            ways = (
                partial(plainly, model, one.grammar, one.sound.tobytes()),
                partial(by_pipeline, recogniser, one.grammar, encode("PCMA", one.sound)),
            )
            least = [math.inf] * len(ways)
            for _ in range(HEARINGS):
                for way, hear in enumerate(ways):
                    begin = time.process_time()
                    heard = hear()
                    least[way] = min(least[way], time.process_time() - begin)
                    right[way] += one.understood(heard)
            spent = [all_of + each for all_of, each in zip(spent, least, strict=True)]
        plain, ours = (each / len(made) / 10 * 1000 for each in spent)
        speech_s = sum(one.speech_s for one in made) / len(made)
        of = sum(len(one.texts) for one in made) * HEARINGS
        print(f"| {name} | {speech_s:.1f} | {plain:.2f} | {ours:.2f} | {plain / ours:.2f} "
              f"| {right[0]}, {right[1]} of {of} |", flush=True)  # fmt: skip


def plainly(model: vosk.Model, grammar: Grammar, data: bytes) -> list[str]:
    """As vosk-server does: all is decoded, linear 16 bit, in pieces of 200 ms, with partial results."""
    said = [*grammar.phrases]
    if grammar.repeat:
        said.insert(0, " ".join(said[number] for number in every_pair(len(said))))
    engine = vosk.KaldiRecognizer(model, RATE, json.dumps([*said, UNKNOWN], ensure_ascii=False))
    results = []
    for at in range(0, len(data), 3200):
        if engine.AcceptWaveform(data[at : at + 3200]):
            results.append(engine.Result())
        else:
            engine.PartialResult()
    return [json.loads(result)["text"] for result in (*results, engine.FinalResult())]


def by_pipeline(recogniser: Recogniser, grammar: Grammar, data: bytes) -> list[str]:
    """Frame by frame as media sends them, A-law; a turn that has had its result is followed by another."""
    said: list[str] = []
    at = number = 0
    while at < len(data):
        number += 1
        turn = _Turn(recogniser, grammar, number)
        while at < len(data) and not turn.listening.over:
            turn.frame(data[at : at + 160], at)
            at += 160
        said += turn.said
    return said


class _Turn:
    """A turn of the speech process's parts, without its process."""

    def __init__(self, recogniser: Recogniser, grammar: Grammar, number: int) -> None:
        self.said: list[str] = []
        self._now = 0.0
        self._frames = 0
        self.listening = Listening(Open(number, "", "zh", grammar.phrases, repeat=grammar.repeat), VoiceDetector(), 0.0)
        self._decoding = Decoding(recogniser, grammar, AtOnce(), self._told)

    def frame(self, sound: bytes, position: int) -> None:
        self._now += 0.02
        self._do(self.listening.frame(Frame(self.listening.order.turn, self._frames, position, sound), self._now))
        self._frames += 1

    def _told(self, outcome: object) -> None:
        if isinstance(outcome, Partial):
            self._do(self.listening.partial(self._now, complete=outcome.complete))
        elif isinstance(outcome, Result):
            self._do(self.listening.result(outcome.number, outcome.heard, self._now))

    def _do(self, wanted: list[Do]) -> None:
        for each in wanted:
            if isinstance(each, Tell):
                self.said.append(getattr(each.message, "text", ""))
            else:
                self._decoding.put(each)


# Real calls

MENU = """
start: notice
human: person
max_visits: 500
nodes:
  notice: {kind: say, prompt: digit_0, notice: true, then: ask}
  ask:
    kind: menu
    prompt: question
    timeout_s: 60
    keys:
      "1": {to: told, words: [订单]}
      "2": {to: bye, words: [退款]}
      "3": {to: bye, words: [物流]}
      "4": {to: bye, words: [发票]}
  told: {kind: say, prompt: answer, then: ask}
  bye: {kind: hangup}
  person: {kind: queue, queue: service}
"""
TOML = """
data_dir = "{place}/var"
[sip]
port = {sip}
[console]
port = {console}
[media]
port_min = 26000
port_max = 26999
[speech]
enabled = "on"
[[trunks]]
name = "local"
networks = ["127.0.0.0/8"]
limit_callers = false
numbers = {{ "4001" = "spoken" }}
[[hotlines]]
name = "spoken"
menu = "{place}/menu.yaml"
[[queues]]
name = "service"
"""
LOUD = 1000
"""Above this is a prompt; below, what is between prompts."""


async def calls() -> None:
    """All callers say a word at the same moment, again and again."""
    if len(os.sched_getaffinity(0)) < 2:
        raise SystemExit("two cores are needed: one for the site, one for its callers")
    os.sched_setaffinity(0, {CORE_OF_CALLERS})
    with tempfile.TemporaryDirectory(prefix="bench-speech-") as name:
        async with site(Path(name)) as (server, place):
            hushed, answered, unanswered = await rounds(server)
            heard = [line for line in (place / "var/log/engine.log").read_text().splitlines() if '"event": "heard"' in line]
    told = [json.loads(line) for line in heard]
    print(f"| {CALLERS} callers at once, {ROUNDS} times; the site on one core | p50 ms | p95 ms | to reach |")
    print("| --- | --- | --- | --- |")
    for title, values, reach in (
        ("first sample → last packet of the prompt (barge-in)", hushed, "p95 200"),
        ("last sample → first packet of the next prompt", answered, "p95 700"),
        ("of which silence waited for", [each["waited_ms"] for each in told], ""),
        ("of which decoding after that", [each["decoded_ms"] for each in told], ""),
    ):
        p50, p95 = np.percentile(values, [50, 95])
        print(f"| {title} | {p50:.0f} | {p95:.0f} | {reach} |")
    print(f"\n{len(answered)} answered, {unanswered} not within 10 s", flush=True)


async def rounds(server: tuple[str, int]) -> tuple[list[float], list[float], int]:
    """Milliseconds of each word: until the prompt was hushed, and until the next one began; how many words had no answer."""
    hushed: list[float] = []
    answered: list[float] = []
    unanswered = 0
    spoken = [word("订单", voice) for voice in VOICES]
    phones = [await ScriptedPhone(server=server, user=f"0471461{number:04}").start() for number in range(CALLERS)]
    callers = [await phone.dial("4001") for phone in phones]
    for caller in callers:
        await caller.wait_answered(30)
    for _ in range(ROUNDS):
        await asyncio.gather(*(caller.wait_tone(440, 30) for caller in callers))
        await asyncio.sleep(1.0)
        marks = []
        for number, caller in enumerate(callers):
            caller.send_samples(spoken[number % len(spoken)])
            marks.append(len(caller.sound.sent_at))
        for number, (caller, mark) in enumerate(zip(callers, marks, strict=True)):
            first = caller.sound.sent_at
            try:
                await caller.wait_tone(620, 10)
            except PhoneError as error:
                print(error, file=sys.stderr)
                unanswered += 1
                continue
            begin, end = first[mark], first[mark + (len(spoken[number % len(spoken)]) - 1) // 160]
            stopped, began = prompts_around(caller, begin)
            hushed.append((stopped - begin) * 1000)
            answered.append((began - end) * 1000)
    for phone in phones:
        await phone.close()
    return hushed, answered, unanswered


def prompts_around(caller: Call, begin: float) -> tuple[float, float]:
    """When the last packet of what was heard at `begin` came, and the first of what followed."""
    later = [packet for packet in caller.heard if packet.at >= begin]
    loud = [int(np.abs(audio.decode("PCMA", packet.payload).astype(int)).max()) > LOUD for packet in later]
    quiet = loud.index(False)
    return later[max(0, quiet - 1)].at, later[loud.index(True, quiet)].at


@contextlib.asynccontextmanager
async def site(place: Path) -> AsyncIterator[tuple[tuple[str, int], Path]]:
    """The whole hotline on one core."""
    sip, console = free_port(socket.SOCK_DGRAM, "127.0.0.1"), free_port(socket.SOCK_STREAM, "127.0.0.1")
    (place / "hotline.toml").write_text(TOML.format(place=place, sip=sip, console=console))
    (place / "menu.yaml").write_text(MENU)
    prompts = place / "var" / "prompts" / "zh"
    prompts.mkdir(parents=True)
    for name, hz, seconds in (("question", 440, 30.0), ("answer", 620, 1.0)):
        _write(prompts / f"{name}.wav", audio.tone(hz, seconds))
    output = place / "serve.log"
    with output.open("w") as file:
        process = subprocess.Popen(  # noqa: ASYNC220 - it outlives this line
            ["taskset", "-c", str(CORE_OF_SITE), sys.executable, "-u", "-m", "ivr.cli", "serve"],
            env=os.environ | {"HOTLINE_CONFIG": str(place / "hotline.toml")}, stdout=file, stderr=file,
        )  # fmt: skip
    try:
        for line in _lines(place / "var/log/engine.log", output, process):
            if "speech process connected" in line and re.search("^ready", output.read_text(), re.MULTILINE):
                break
            await asyncio.sleep(0.2)
        yield ("127.0.0.1", sip), place
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _lines(log: Path, output: Path, process: subprocess.Popen[bytes]) -> Iterator[str]:
    """The log as it is, again and again."""
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        yield log.read_text() if log.exists() else ""
    raise SystemExit(f"the site did not come up\n{output.read_text()}")


def _write(path: Path, samples: Samples) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


if __name__ == "__main__":
    main()
