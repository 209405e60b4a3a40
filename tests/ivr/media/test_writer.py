"""The thread that writes recordings, the sound files, and repairs: with real files."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ivr.media import wav, writer
from ivr.media.control import Message, Record, Recording
from ivr.media.leg import Leg
from ivr.media.outgoing import Outgoing
from ivr.media.packet import Buffers, Counters
from ivr.media.recordings import Recordings
from ivr.media.reports import Reports
from ivr.media.writer import Outcome, Writer, repair_leftovers
from tests.ivr.media.rig import read_message, read_recording


def finish(found: Writer) -> list[Outcome]:
    found.close()
    return found.outcomes()


def test_a_file_is_a_part_until_it_is_complete(tmp_path: Path) -> None:
    told = threading.Event()
    disk = Writer("w", min_free_bytes=0, notify=told.set)
    path = tmp_path / "day" / "a.wav"
    disk.open("a", str(path), 2)
    assert disk.write("a", b"\xd5\x55" * 60, 40)
    disk.finish("a", None)
    assert told.wait(10)
    assert disk.outcomes() == [Outcome("a", "finished", str(path), 100, str(path))]
    assert disk.pending == 0
    disk.finish("a", None)
    assert finish(disk) == []
    left, right = read_recording(path)
    assert list(left) == [8] * 100
    assert list(right) == [8] * 40 + [-8] * 60


def test_a_file_is_cut_to_what_is_kept(tmp_path: Path) -> None:
    disk = Writer("w", min_free_bytes=0, notify=lambda: None)
    for name, keep in (("a", 30), ("b", 500), ("c", 0)):
        disk.open(name, str(tmp_path / f"{name}.wav"), 1)
        disk.write(name, b"\x55" * 60, 20)
        disk.finish(name, keep)
    assert [outcome.frames for outcome in finish(disk)] == [30, 80, 0]
    assert list(read_message(tmp_path / "a.wav")) == [8] * 20 + [-8] * 10
    assert len(read_message(tmp_path / "b.wav")) == 80
    assert len(read_message(tmp_path / "c.wav")) == 0


def test_what_the_disk_cannot_keep_up_with_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MAX_PENDING", 1000)
    gate = threading.Event()
    disk = Writer("w", min_free_bytes=0, notify=lambda: None)

    def hang() -> None:
        gate.wait(20)

    disk._orders.put(hang)
    disk.open("a", str(tmp_path / "a.wav"), 2)
    assert disk.write("a", bytes(800), 0)
    assert not disk.write("a", bytes(800), 0)
    gate.set()
    disk.finish("a", None)
    (outcome,) = finish(disk)
    assert outcome.frames == 400


def test_a_recording_over_a_slow_disk_keeps_its_time() -> None:
    class Slow:
        full = False
        data = b""

        def open(self, name: str, path: str, channels: int) -> None:
            pass

        def write(self, name: str, data: bytes, skipped: int) -> bool:
            self.data += b"" if self.full else b"\xd5" * 2 * skipped + data
            return not self.full

        def finish(self, name: str, keep: int | None) -> None:
            assert keep is None

    disk, reports = Slow(), list[Message]()
    answers: list[Any] = []
    recordings = Recordings(disk, report=reports.append, answer=lambda *answer: answers.append(answer))
    buffers, counters = Buffers(), Counters()
    legs = {}
    for name in ("a", "b"):
        out = Outgoing(
            ssrc=1, sequence=1, timestamp=1, send=lambda *_: None, moved=lambda: None, buffers=buffers, counters=counters
        )
        told = Reports(1, "us", lambda: 0.0)
        legs[name] = Leg(
            name, "c", out=out, reports=told, arrived=lambda: 0.0, report=reports.append, buffers=buffers, counters=counters
        )
    order = Record("r", "/r.wav", "a", "b")
    assert recordings.start(order, legs, 0) == recordings.start(order, legs, 5) == "/r.wav"
    for second in range(1, 7):
        legs["a"].timelines[0].place(second * 8000, bytes([second]) * 160, second * 8000)
        disk.full = second in (2, 3, 5)
        recordings.take(1, second * 8000 + 1600)
    disk.full = False
    assert recordings.stop("r", "token", 60000) is None
    assert len(disk.data) == 2 * 60000
    for second in (1, 4, 6):  # what could be stored lies where it belongs
        assert disk.data[0::2].index(bytes([second]) * 160) == second * 8000 - 160
    assert reports == [Recording("r", "gap", "the disk is too slow")] * 2
    assert recordings.gaps == 2
    recordings.ended("r", "finished", "/r.wav", 60000, "/r.wav")
    recordings.ended("r", "finished", "/r.wav", 60000, "/r.wav")
    assert answers == [("token", {"frames": 60000, "gaps": 2, "path": "/r.wav"}, None)]
    assert len(recordings) == 0


def test_space_that_runs_out_ends_the_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SPACE_EVERY_S", 0.01)
    disk = Writer("w", min_free_bytes=0, notify=lambda: None)
    disk.open("a", str(tmp_path / "a.wav"), 2)
    disk.write("a", bytes(400), 0)
    disk._orders.put(lambda: setattr(disk, "_min_free", 1 << 60))
    end = time.monotonic() + 10
    while not (outcomes := disk.outcomes()):
        assert time.monotonic() < end
        time.sleep(0.01)
    assert [(o.what, o.frames) for o in outcomes] == [("low_space", 200)]
    disk.write("a", bytes(400), 0)
    disk.open("b", str(tmp_path / "b.wav"), 2)
    assert [o.what for o in finish(disk)] == ["low_space"]
    read_recording(tmp_path / "a.wav")


def test_leftovers_are_repaired_and_only_our_own_old_ones(tmp_path: Path) -> None:
    def leave(name: str, data: bytes, age_s: float = 100) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (time.time() - age_s,) * 2)
        return path

    leave("x/a.wav.w.part", wav.header(0, 2) + bytes(401))
    (tmp_path / "b.wav").write_text("there already")
    leave("b.wav.w.part", wav.header(0, 2) + bytes(100))
    leave("m.wav.w.part", wav.header(0, 1) + bytes(77))
    kept = [
        leave("c.wav.other.part", wav.header(0, 2)),
        leave("d.wav.w.part", wav.header(0, 2), age_s=-50),
        leave("e.wav.w.part", b"not a recording"),
        leave("f.wav", b""),
    ]
    assert repair_leftovers(tmp_path, "w", time.time()) == [tmp_path / "b-2.wav", tmp_path / "m.wav", tmp_path / "x" / "a.wav"]
    assert len(read_recording(tmp_path / "x" / "a.wav")[0]) == 200
    assert len(read_recording(tmp_path / "b-2.wav")[1]) == 50
    assert len(read_message(tmp_path / "m.wav")) == 77
    assert all(path.exists() for path in kept)
