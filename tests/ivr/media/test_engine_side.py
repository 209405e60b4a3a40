"""Engines that repeat, die, are overtaken or stay away; processes and disks that fail; what becomes of legs and recordings."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from ivr.lines.client import Fenced
from ivr.media.client import MediaClient, MediaError, MediaLost
from ivr.media.control import (
    Close,
    Digit,
    List,
    Mix,
    Open,
    Play,
    Record,
    Recording,
    Stop,
    StopRecord,
)
from tests.ivr.media.rig import Rig, clearest, power, read_recording, tone
from tests.ports import free_ports


def both(one: str, two: str) -> Mix:
    return Mix((one, two), {one: (two,), two: (one,)})


async def test_commands_are_idempotent_and_unknown_legs_refused(rig: Rig) -> None:
    port = (await rig.do(Open("a", "call")))["port"]
    assert (await rig.do(Open("a", "call")))["port"] == port
    assert port % 2 == 0
    assert (await rig.do(Open("b", "call")))["port"] != port
    for command in (Stop("x"), both("a", "x"), Record("r", str(rig.recordings / "r.wav"), "a", "x"), Play("x", 1, ())):
        with pytest.raises(MediaError, match="no such leg: x"):
            await rig.do(command)
    peer = await rig.leg("b")
    for remote in (
        replace(rig.remote("b", peer), host="example.net"),
        replace(rig.remote("b", peer), port=70000),
        replace(rig.remote("b", peer), payload_type=200),
    ):
        with pytest.raises(MediaError):
            await rig.do(remote)
    await rig.do(Close("a"))
    await rig.do(Close("a"))
    snapshot = await rig.do(List())
    assert list(snapshot["legs"]) == ["b"]
    assert snapshot["legs"]["b"]["call"] == "call"


async def test_no_free_port_is_an_error_not_an_end(tmp_path: Path) -> None:
    port = free_ports(4)
    rig = Rig(tmp_path, port_min=port, port_max=port + 3)
    try:
        await rig.connect()
        taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with taken:
            taken.bind(("127.0.0.1", port + 2))
            assert (await rig.do(Open("a", "")))["port"] == port
            with pytest.raises(MediaError, match="no free port"):
                await rig.do(Open("b", ""))
        assert (await rig.do(Open("b", "")))["port"] == port + 2
        with pytest.raises(MediaError, match="no free port"):
            await rig.do(Open("c", ""))
        await rig.do(Close("a"))
        await rig.do(Open("c", ""))
    finally:
        rig.close()


async def test_an_engine_that_dies_is_followed_by_the_next_and_no_event_is_missed(own: Rig) -> None:
    caller, seat = await own.leg("caller"), await own.leg("seat")
    caller.says(tone(400, 1))
    await own.do(both("caller", "seat"))
    await own.do(Record("r", str(own.recordings / "r.wav"), "caller", "seat"))
    await own.talk(0.2, caller, seat)
    caller.press("1")
    await own.event(Digit)
    old = own.clients[0]
    old.close()
    caller.press("2")
    await own.talk(0.4, caller, seat)
    assert power(seat.heard()[-800:], 400) > 0.95
    client, snapshot = await own.connect(epoch=2, ack=1)
    assert list(snapshot.legs) == ["caller", "seat"]
    assert snapshot.legs["seat"].hears == ("caller",)
    assert [r.recording for r in snapshot.recordings] == ["r"]
    assert snapshot.last_event == 2
    await own.event(Digit, 2)
    assert [(e.seq, e.message.digit) for e in own.events if isinstance(e.message, Digit)] == [(1, "1"), (2, "2")]
    client.ack(2)
    with pytest.raises(Fenced):
        await old.take_over(1, 0)
    assert not old.connected
    # Another instance's numbers mean nothing here: all that is unacknowledged comes.
    caller.press("3")
    await own.event(Digit, 3)
    _, snapshot = await own.connect(epoch=2, ack=99, instance="another")
    await own.event(Digit, 4)
    assert own.events[-1].seq == 3
    assert (await own.do(StopRecord("r")))["frames"] > 3200


async def test_a_higher_epoch_takes_over_at_once(own: Rig) -> None:
    old = own.clients[0]
    await own.leg("a")
    await own.connect(epoch=5)
    await own.until(lambda: own.lost == 1)
    with pytest.raises(MediaLost):
        await old.request(List())
    old.send(List())
    with pytest.raises(Fenced):
        await old.take_over(4, 0)
    assert list((await own.do(List()))["legs"]) == ["a"]


async def test_what_engines_may_not_say_is_refused(rig: Rig) -> None:
    reader, writer = await asyncio.open_unix_connection(str(rig.path))
    for line in (b"what\n", b'{"do":"dance","id":1,"epoch":1}\n', b'{"do":"list","id":2,"epoch":1}\n'):
        writer.write(line)
        assert b'"error"' in await reader.readline()
    writer.write(b"x" * (1 << 20) + b"y" * 70000)
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()
    assert await rig.do(List())


async def test_without_an_engine_legs_go_after_a_while_and_recordings_are_finished(tmp_path: Path) -> None:
    rig = Rig(tmp_path, orphan_s=0.5)
    try:
        await rig.connect()
        caller, seat = await rig.leg("caller"), await rig.leg("seat")
        path = rig.recordings / "r.wav"
        await rig.do(Record("r", str(path), "caller", "seat"))
        rig.clients[0].close()
        await rig.until(path.exists, caller, seat)
        assert len(read_recording(path)[0]) > 1600
        _, snapshot = await rig.connect(epoch=2)
        assert not snapshot.legs
        assert [r.what for r in await rig.event(Recording)] == ["stopped"]
    finally:
        rig.close()


async def test_a_recording_ends_with_its_second_leg(rig: Rig) -> None:
    await rig.leg("caller")
    await rig.leg("seat")
    path = rig.recordings / "r.wav"
    await rig.do(Record("r", str(path), "caller", "seat"))
    await rig.do(Close("caller"))
    assert not path.exists()
    await rig.do(Close("seat"))
    (ended,) = await rig.event(Recording)
    assert ended == Recording("r", "stopped", str(path), len(read_recording(path)[0]) / 8000)


async def test_sigterm_finishes_recordings(own: Rig) -> None:
    caller, seat = await own.leg("caller"), await own.leg("seat")
    path = own.recordings / "r.wav"
    await own.do(Record("r", str(path), "caller", "seat"))
    await own.talk(0.3, caller, seat)
    own.process.send_signal(signal.SIGTERM)
    await own.until(lambda: own.process.poll() is not None)
    assert own.process.returncode == 0
    assert len(read_recording(path)[0]) >= 1600
    assert not own.path.exists()


async def test_kill_9_leaves_a_recording_that_the_next_process_makes_whole(own: Rig) -> None:
    caller, seat = await own.leg("caller"), await own.leg("seat")
    caller.says(tone(400, 1))
    seat.says(tone(1500, 1))
    path = own.recordings / "day" / "r.wav"
    await own.do(Record("r", str(path), "caller", "seat"))
    part = path.with_name("r.wav.media-7.part")
    await own.until(lambda: part.exists() and part.stat().st_size > 10_000, caller, seat)
    foreign = path.with_name("s.wav.media-8.part")
    foreign.write_bytes(b"another process's")
    own.process.kill()
    own.process.wait()
    assert not path.exists()
    await own.until(lambda: own.lost == 1)
    own.start()
    await own.until(path.exists)
    left, right = read_recording(path)
    assert clearest(left, 400) > 0.9
    assert clearest(right, 1500) > 0.9
    assert foreign.exists()
    _, snapshot = await own.connect(epoch=2, ack=7, instance="the one before")
    assert not snapshot.legs


async def test_a_full_disk_ends_recordings_and_no_calls(tmp_path: Path) -> None:
    rig = Rig(tmp_path, min_free_bytes=1 << 60)
    try:
        await rig.connect()
        caller, seat = await rig.leg("caller"), await rig.leg("seat")
        caller.says(tone(400, 1))
        await rig.do(both("caller", "seat"))
        await rig.do(Record("r", str(rig.recordings / "r.wav"), "caller", "seat"))
        assert [r.what for r in await rig.event(Recording)] == ["low_space"]
        await rig.talk(0.4, caller, seat)
        assert power(seat.heard()[-800:], 400) > 0.95
        assert not list(rig.recordings.iterdir())
    finally:
        rig.close()


async def test_a_recording_that_cannot_be_written_fails_alone(rig: Rig) -> None:
    await rig.leg("caller")
    await rig.leg("seat")
    (rig.recordings / "file").write_text("in the way")
    await rig.do(Record("r", str(rig.recordings / "file" / "r.wav"), "caller", "seat"))
    (failed,) = await rig.event(Recording)
    assert failed.what == "failed"
    await rig.do(Record("q", str(rig.recordings / "nul\0.wav"), "caller", "seat"))
    await rig.event(Recording, 2)
    await rig.do(Record("s", str(rig.recordings / "s.wav"), "caller", "seat"))
    assert (await rig.do(StopRecord("s")))["path"] == str(rig.recordings / "s.wav")
    await rig.do(Record("t", str(rig.recordings / "s.wav"), "caller", "seat"))
    assert (await rig.do(StopRecord("t")))["path"] == str(rig.recordings / "s-2.wav")


async def test_one_process_a_socket(rig: Rig) -> None:
    first = rig.process
    rig.start()
    try:
        assert rig.process.wait(20) == 1
    finally:
        rig.process = first
    assert await rig.do(List())


async def test_nobody_there(tmp_path: Path) -> None:
    lost = MediaClient(tmp_path / "media.sock", on_event=lambda _: None, on_lost=lambda: None)
    with pytest.raises(MediaLost):
        await lost.take_over(1, 0)
    with pytest.raises(MediaLost):
        await lost.request(List())
    lost.send(List())
    lost.ack(1)
    lost.close()
