"""What a heard leg says goes to the speech process's socket: in order, whole, and never waited for."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.media.client import MediaError
from ivr.media.control import Close, Hear, Play, Record, Stats, StopRecord, Unhear, Unheard
from ivr.media.g711 import decode
from ivr.media.hearing import PATIENCE, Hearing
from ivr.media.rtp import TIMESTAMP
from ivr.speech import frames
from ivr.speech.frames import Frame
from tests.ivr.media.rig import Rig, power, read_message, tone, write_wav
from tests.stalls import again_where_late

QUEUE = int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text())
BEGIN = TIMESTAMP - 400  # timestamps wrap soon


class Sink:
    """Keeps what was sent; `full`: how many are refused next."""

    def __init__(self) -> None:
        self.got: list[Frame] = []
        self.full = 0

    def send(self, path: str, datagram: bytes) -> bool:
        assert path == "/s"
        self.full -= 1
        frame = frames.read(datagram)
        assert frame is not None
        if self.full < 0:
            self.got.append(frame)
        return self.full < 0


def sound(number: int, size: int = 160) -> bytes:
    return bytes([number % 251 + 1]) * size


def place(hearing: Hearing, number: int, now: int | None = None) -> None:
    """The packet of that number; it arrives in its time unless `now` is said."""
    hearing.place((BEGIN + number * 160) & TIMESTAMP, memoryview(sound(number)), (number + 1) * 160 if now is None else now)


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def hearing(sink: Sink) -> Hearing:
    return Hearing(2**40, "/s", sink, 0)


def test_what_simply_follows_leaves_at_once(hearing: Hearing, sink: Sink) -> None:
    for number in range(10):
        place(hearing, number)
        assert sink.got[-1] == Frame(2**40, number, number * 160, sound(number))


def test_what_comes_in_another_order_leaves_in_the_right_one(hearing: Hearing, sink: Sink) -> None:
    for number in (0, 2, 3, 1, 4):
        place(hearing, number, 800)
    assert [frame.sound[0] for frame in sink.got] == [1, 2, 3, 4, 5]
    assert [frame.position for frame in sink.got] == [640 + 160 * number for number in range(5)]


def test_what_is_lost_is_waited_for_a_while_and_then_left_out(hearing: Hearing, sink: Sink) -> None:
    place(hearing, 0)
    for number in (2, 3, 4, 5):
        place(hearing, number)
    assert [(frame.number, frame.position) for frame in sink.got] == [(0, 0), (1, 320), (2, 480), (3, 640), (4, 800)]
    place(hearing, 1, 1200)  # too late now
    assert len(sink.got) == 5


def test_what_is_held_leaves_though_nothing_follows(hearing: Hearing, sink: Sink) -> None:
    place(hearing, 0)
    place(hearing, 2)
    hearing.tick(480 + PATIENCE - 1)
    assert len(sink.got) == 1
    hearing.tick(480 + PATIENCE)
    assert [frame.position for frame in sink.got] == [0, 320]


def test_a_pause_is_no_loss(hearing: Hearing, sink: Sink) -> None:
    """Silence suppression: nothing is sent, then sound at once."""
    place(hearing, 0)
    hearing.noise(60)
    place(hearing, 40)
    assert [frame.position for frame in sink.got] == [0, 6400]


def test_another_source_is_laid_by_its_arrival(hearing: Hearing, sink: Sink) -> None:
    place(hearing, 0)
    place(hearing, 2)
    hearing.restart()
    hearing.place(77, sound(9), 1600)
    assert [(frame.position, frame.sound[0]) for frame in sink.got] == [(0, 1), (320, 3), (1440, 10)]
    hearing.place(77 + 10**8, sound(9), 8000)  # and a jump of the timestamps
    assert sink.got[-1].position == 7840
    hearing.place(5, sound(9), 8001)  # never back in time
    assert sink.got[-1].position == 8000


def test_frames_that_find_the_socket_full_are_counted_and_missing(hearing: Hearing, sink: Sink) -> None:
    for number in range(10):
        sink.full = 3 if number == 4 else sink.full
        place(hearing, number)
    assert [frame.number for frame in sink.got] == [0, 1, 2, 3, 7, 8, 9]
    assert hearing.dropped == 3
    assert hearing.number == 10


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_positions_rise_and_sound_is_where_it_belongs(seed: int) -> None:
    dice, sink = random.Random(seed), Sink()
    hearing = Hearing(1, "/s", sink, 0)
    order = sorted(range(200), key=lambda number: number + dice.random() * dice.choice((1, 4)))
    for now, number in enumerate(order):
        if dice.random() < 0.9:
            place(hearing, number, (now + 1) * 160)
        hearing.tick((now + 1) * 160)
    hearing.restart()
    base = sink.got[0].position - (sink.got[0].sound[0] - 1) * 160
    ends = 0
    for count, frame in enumerate(sink.got):
        assert frame.number == count
        assert frame.position >= ends
        ends = frame.position + len(frame.sound)
        assert (frame.position - base) // 160 % 251 == frame.sound[0] - 1
    assert len(sink.got) > 150


@pytest.mark.parametrize("datagram", [b"", bytes(16), bytes(16 + 1601)])
def test_what_is_no_frame(datagram: bytes) -> None:
    assert frames.read(datagram) is None


# With a real media process


class Ear:
    """A speech process's socket."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        self.sock.setblocking(False)
        self.got: list[Frame] = []

    async def cleared(self) -> None:
        """As if nothing had come."""
        self.drain()
        self.got = []

    def drain(self) -> None:
        try:
            while True:
                frame = frames.read(self.sock.recv(4096))
                assert frame is not None
                self.got.append(frame)
        except BlockingIOError:
            pass

    def count(self, turn: int) -> int:
        self.drain()
        return sum(frame.turn == turn for frame in self.got)


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    found = Ear(tmp_path / "s")
    yield found
    found.sock.close()


@pytest.mark.parametrize("law", ["PCMA", "PCMU"])
@again_where_late
async def test_a_leg_is_heard_from_hear_to_unhear_and_goes_on_as_before(rig: Rig, ear: Ear, law: str) -> None:
    peer = await rig.leg("a", "PCMU" if law == "PCMU" else "PCMA")
    peer.says(tone(300, 1.0))
    await rig.do(Record("a-1", str(rig.directory / "a.wav"), "a"))
    await rig.do(Play("a", 1, (str(write_wav(rig.directory / "p.wav", tone(500, 5.0))),)))
    await rig.until(lambda: len(peer.packets) > 10, peer)
    assert ear.count(7) == 0
    await rig.do(Hear("a", 7, ear.path))
    await rig.do(Hear("a", 7, ear.path))
    await rig.until(lambda: ear.count(7) >= 50, peer)
    assert (await rig.do(Stats()))["heard"] == 1
    assert await rig.do(Unhear("a", 6)) == {"frames": 0, "dropped": 0}, "an older turn's end"
    reply = await rig.do(Unhear("a", 7))
    assert reply == {"frames": ear.count(7), "dropped": 0}
    heard = b"".join(frame.sound for frame in ear.got)
    assert power(decode("PCMA", heard), 300) > 0.98
    assert [frame.number for frame in ear.got] == list(range(len(ear.got)))
    assert [frame.position for frame in ear.got] == [ear.got[0].position + 160 * frame.number for frame in ear.got]
    await rig.talk(0.3, peer)
    assert ear.count(7) == reply["frames"]
    assert (await rig.do(Stats()))["heard"] == 0
    assert power(peer.heard(20), 500) > 0.9, "the prompt was not disturbed"
    await rig.do(StopRecord("a-1"))
    assert power(read_message(rig.directory / "a.wav")[4000:-4000], 300) > 0.95


@again_where_late
async def test_a_full_socket_costs_frames_and_nothing_else(rig: Rig, ear: Ear) -> None:
    peer, other = await rig.leg("a"), await rig.leg("b")
    peer.says(tone(300, 1.0))
    await rig.do(Hear("a", 1, ear.path))
    await rig.do(Play("b", 1, (str(write_wav(rig.directory / "p.wav", tone(500, 5.0))),)))
    await rig.talk(0.5 + QUEUE * 0.02, peer, other)
    reply = await rig.do(Unhear("a", 1))
    assert reply["dropped"] > 0
    assert ear.count(1) == reply["frames"] - reply["dropped"]
    (told,) = await rig.event(Unheard)
    assert told == Unheard("a", 1, reply["frames"], reply["dropped"])
    assert power(other.heard(5), 500) > 0.9


async def test_nobody_there_is_no_harm_and_who_comes_is_heard_from_then_on(rig: Rig, tmp_path: Path) -> None:
    peer = await rig.leg("a")
    await rig.do(Hear("a", 1, str(tmp_path / "s")))
    await rig.talk(0.2, peer)
    ear = Ear(tmp_path / "s")
    try:
        await rig.until(lambda: ear.count(1) >= 3, peer)
        assert ear.got[0].number > 0
    finally:
        ear.sock.close()


async def test_a_leg_that_is_closed_is_heard_no_more(rig: Rig, ear: Ear) -> None:
    peer = await rig.leg("a")
    await rig.do(Hear("a", 1, ear.path))
    await rig.until(lambda: ear.count(1) > 0, peer)
    await rig.do(Hear("a", 2, ear.path))
    await rig.until(lambda: ear.count(2) > 0, peer)
    assert ear.got[-1].turn == 2
    await rig.do(Close("a"))
    assert (await rig.do(Stats()))["heard"] == 0
    assert await rig.do(Unhear("a", 2)) == {"frames": 0, "dropped": 0}
    with pytest.raises(MediaError, match="no such leg"):
        await rig.do(Hear("a", 3, ear.path))
