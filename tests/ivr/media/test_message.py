"""Recordings of one leg that end by themselves: a caller's message."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ivr.media.control import Close, Digit, Message, Record, RecordingState, StopRecord
from ivr.media.control import Recording as Notice
from ivr.media.g711 import SILENCE, Law, encode
from ivr.media.leg import Leg
from ivr.media.outgoing import Outgoing
from ivr.media.packet import Buffers, Counters
from ivr.media.recordings import GROUPS, Recordings
from ivr.media.reports import Reports
from tests.ivr.media.rig import Rig, power, read_message, tone, words

S = 8000


class Shelf:
    """Keeps what it is given, and how much of it was wanted in the end."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, str, int]] = []
        self.data = b""
        self.finished: list[tuple[str, int | None]] = []

    def open(self, name: str, path: str, channels: int) -> None:
        self.opened.append((name, path, channels))

    def write(self, name: str, data: bytes, skipped: int) -> bool:
        self.data += data
        return True

    def finish(self, name: str, keep: int | None) -> None:
        self.finished.append((name, keep))


class Desk:
    """A leg, and recordings of it on a clock of the test's own."""

    def __init__(self) -> None:
        self.disk, self.reports, self.answers = Shelf(), list[Message](), list[Any]()
        self.recordings = Recordings(self.disk, report=self.reports.append, answer=lambda *told: self.answers.append(told))
        buffers, counters = Buffers(), Counters()
        out = Outgoing(
            ssrc=1, sequence=1, timestamp=1, send=lambda *_: None, moved=lambda: None, buffers=buffers, counters=counters
        )
        self.leg = Leg(
            "a",
            "c",
            out=out,
            reports=Reports(1, "us", lambda: 0.0),
            arrived=lambda: 0.0,
            report=self.reports.append,
            buffers=buffers,
            counters=counters,
        )
        self.now = self.tick = 0

    def start(self, *, max_s: float = 0.0, silence_s: float = 0.0) -> str:
        order = Record("m", "/m.wav", "a", max_s=max_s, silence_s=silence_s)
        return self.recordings.start(order, {"a": self.leg}, self.now)

    def hear(self, sound: bytes | None, seconds: float = 0.0) -> None:
        """Sound in packets, or nothing for so long; the house is kept every 100 ms."""
        for at in range(0, int(seconds * S) if sound is None else len(sound), 160):
            self.now += 160
            if sound is not None:
                for line in self.leg.timelines:
                    line.place(self.now - 160, sound[at : at + 160], self.now)
            if self.now % (S // 10) == 0:
                self.tick += 1
                self.recordings.take(self.tick % GROUPS, self.now)


def test_silence_ends_it_and_is_cut_off() -> None:
    desk = Desk()
    assert desk.start(silence_s=3.0) == "/m.wav"
    assert desk.disk.opened == [("m", "/m.wav", 1)]
    desk.hear(encode("PCMA", words(2.0)))
    desk.hear(None, 2.5)
    desk.hear(encode("PCMA", words(2.0)))
    assert not desk.disk.finished, "a pause is no end"
    desk.hear(None, 5.0)
    [(name, keep)] = desk.disk.finished
    assert name == "m"
    assert keep is not None
    assert keep / S == pytest.approx(6.3 + 0.5, abs=0.2), "the last word, and a little more"
    assert not desk.leg.timelines
    desk.recordings.ended("m", "finished", "/m.wav", keep, "/m.wav")
    assert desk.reports == [Notice("m", "silence", "/m.wav", keep / S)]
    assert desk.recordings.stop("m", "late", desk.now) == {"frames": keep, "gaps": 0, "path": "/m.wav"}


def test_comfort_noise_is_silence_however_loud() -> None:
    desk = Desk()
    desk.start(silence_s=3.0)
    desk.hear(encode("PCMA", words(2.0)))
    desk.leg.timelines[0].noise(30)
    desk.hear(None, 4.5)
    assert len(desk.disk.finished) == 1
    assert len(set(desk.disk.data[-S:])) > 10, "it was recorded as the noise that it is"


def test_nobody_spoke_at_all() -> None:
    desk = Desk()
    desk.start(silence_s=2.0)
    desk.hear(None, 4.0)
    assert desk.disk.finished == [("m", 0)]


def test_the_limit_ends_it_to_the_sample() -> None:
    desk = Desk()
    desk.start(max_s=2.5)
    desk.hear(encode("PCMA", tone(300, 6.0)))
    assert desk.disk.finished == [("m", None)]
    assert len(desk.disk.data) == 2.5 * S
    assert desk.start(max_s=2.5) == "/m.wav", "while the file is being finished"
    desk.recordings.ended("m", "finished", "/m-2.wav", 20000, "/m-2.wav")
    assert desk.reports == [Notice("m", "limit", "/m-2.wav", 2.5)]
    assert desk.start(max_s=2.5) == "/m.wav", "nor does it begin anew once it is over"
    assert len(desk.disk.opened) == 1
    assert len(desk.recordings) == 0


def test_a_key_at_the_moment_of_the_limit_is_answered_and_the_end_is_told() -> None:
    desk = Desk()
    desk.start(max_s=1.0)
    desk.hear(encode("PCMA", tone(300, 2.3)))
    assert desk.recordings.stop("m", "token", desk.now) is None
    desk.recordings.ended("m", "finished", "/m.wav", S, "/m.wav")
    assert desk.answers == [("token", {"frames": S, "gaps": 0, "path": "/m.wav"}, None)]
    assert desk.reports == [Notice("m", "limit", "/m.wav", 1.0)]


@pytest.mark.parametrize("law", ["PCMA", "PCMU"])
async def test_a_message_is_kept_and_a_key_ends_it(rig: Rig, law: Law) -> None:
    peer = await rig.leg("a", law)
    path = rig.recordings / "2026" / "m.wav"
    order = Record(f"key-{law}", str(path), "a", max_s=60.0, silence_s=5.0)
    assert await rig.do(order) == {"path": str(path)}
    assert await rig.do(order) == {"path": str(path)}
    peer.says(words(1.0, 0.25))
    await rig.talk(1.0, peer)
    _, snapshot = await rig.connect(ack=rig.last_event)
    assert snapshot.recordings == (RecordingState(f"key-{law}", str(path), "a", ""),)
    peer.press("#")
    await rig.event(Digit)
    reply = await rig.do(StopRecord(f"key-{law}"))
    sound = read_message(path)
    assert reply == {"frames": len(sound), "gaps": 0, "path": str(path)}
    assert len(sound) > S // 2
    begun = int(np.argmax(np.abs(sound) > 500))  # silent until the first packet has come
    assert power(sound[begun : begun + 2000], 300) > 0.9
    assert list(path.parent.iterdir()) == [path]
    assert not rig.of(Notice)


async def test_a_caller_who_falls_silent(rig: Rig) -> None:
    peer = await rig.leg("a")
    path = rig.recordings / "m.wav"
    await rig.do(Record("silent", str(path), "a", max_s=60.0, silence_s=1.5))
    peer.says(words(1.0))
    await rig.talk(1.5, peer)
    peer.voice = lambda _: SILENCE["PCMA"] * 160
    await rig.until(lambda: bool(rig.of(Notice)), peer)
    sound = read_message(path)
    assert rig.of(Notice) == [Notice("silent", "silence", str(path), len(sound) / S)]
    assert len(sound) < 2.8 * S
    assert np.abs(sound[-3000:]).max() < 500 < np.abs(sound[:S]).max()
    # The engine didn't hear of it: it is told again, and what it orders again doesn't begin anew.
    await rig.connect(ack=rig.last_event)
    assert len(await rig.event(Notice, 2)) == 2
    assert await rig.do(Record("silent", str(path), "a", max_s=60.0, silence_s=1.5)) == {"path": str(path)}
    assert await rig.do(StopRecord("silent")) == {"frames": len(sound), "gaps": 0, "path": str(path)}
    assert [each.name for each in path.parent.iterdir()] == ["m.wav"]


async def test_a_caller_who_hangs_up_leaves_what_was_said(rig: Rig) -> None:
    peer = await rig.leg("a")
    path = rig.recordings / "m.wav"
    await rig.do(Record("gone", str(path), "a", silence_s=6.0))
    peer.says(words(1.0))
    await rig.talk(1.2, peer)
    await rig.do(Close("a"))
    (notice,) = await rig.event(Notice)
    assert notice == Notice("gone", "stopped", str(path), len(read_message(path)) / S)
    assert notice.seconds > 0.5


async def test_kill_9_leaves_a_message_that_can_be_played(own: Rig) -> None:
    peer = await own.leg("a")
    peer.says(words(1.0))
    path = own.recordings / "m.wav"
    await own.do(Record("m", str(path), "a", max_s=60.0, silence_s=5.0))
    part = path.with_name("m.wav.media-7.part")
    await own.until(lambda: part.exists() and part.stat().st_size > 10_000, peer)
    own.process.kill()
    own.process.wait()
    await own.until(lambda: own.lost == 1)
    own.start()
    await own.until(path.exists)
    assert power(read_message(path)[:4000], 300) > 0.5
