"""The loops in Python and in C do the same, packet by packet: to the peers, to the recording, and to all that is remembered."""

from __future__ import annotations

import random
import select
import socket
import struct
import sys
from collections.abc import Iterator
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest

from ivr.media.control import Record, Remote
from ivr.media.hearing import Hearings
from ivr.media.leg import Leg
from ivr.media.line import Line
from ivr.media.loops import PYTHON, Loops, NotBuilt, choose
from ivr.media.outgoing import Address, Outgoing
from ivr.media.packet import Buffers, Counters
from ivr.media.pair import Pair
from ivr.media.ports import Ports
from ivr.media.recording import Recording
from ivr.media.reports import Reports
from ivr.media.schedule import Schedule
from ivr.media.timeline import Timeline

NAMES = ("a", "b", "c")
LAWS = ("PCMA", "PCMU", "PCMA")


class World:
    """Three legs on real sockets: a and b hear each other and are recorded, c hears a and plays."""

    def __init__(self, loops: Loops, host: str) -> None:
        self.loops = loops
        self.host = host
        self.buffers, self.counters = Buffers(), Counters()
        self.ports = Ports([host], 28000, 28099, dscp=0, buffers=self.buffers, counters=self.counters, loops=loops)
        self.peers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]  # the last one is a stranger
        self.lines: list[Line] = []
        self.pairs: list[Pair] = []
        self.moved = 0
        for number, peer in enumerate(self.peers):
            peer.bind((host, 28100 + number))
            peer.setblocking(False)
        for number, name in enumerate(NAMES):
            self.lines.append(self.line(number, name))
        self.sides = [Timeline(0), Timeline(0)]
        for line, side in zip(self.lines, self.sides, strict=False):
            line.leg.timelines = (side,)
        self.hear()
        self.frames: list[tuple[str, bytes]] = []
        self.hearings = Hearings(self, lambda message: self.frames.append(("told", repr(message).encode())))

    def send(self, path: str, datagram: bytes) -> bool:
        """A heard leg's frame; every tenth finds the socket full."""
        self.frames.append((path, datagram))
        return len(self.frames) % 10 != 0

    def line(self, number: int, name: str) -> Line:
        def moved() -> None:
            self.moved += 1

        pair = self.ports.open("")
        self.pairs.append(pair)
        out = Outgoing(
            ssrc=77 + number,
            sequence=65530,
            timestamp=2**32 - 1000,
            send=pair.send,
            moved=moved,
            buffers=self.buffers,
            counters=self.counters,
        )
        leg = Leg(
            name,
            "call",
            out=out,
            reports=Reports(7, "us", lambda: 0.0),
            arrived=lambda: self.counters.received * 0.02,
            report=lambda message: None,
            buffers=self.buffers,
            counters=self.counters,
        )
        line = Line(leg, pair, 0.0)
        self.ports.attach(pair, leg.receive, leg.receive_report)
        self.agree(line, number, LAWS[number])
        return line

    def agree(self, line: Line, number: int, law: Any, *, send: bool = True, receive: bool = True) -> None:
        kind = 8 if law == "PCMA" else 0
        line.leg.set_remote(Remote(line.leg.name, self.host, 28100 + number, law, kind, 101, 20, send=send, receive=receive))

    def hear(self) -> None:
        a, b, c = (line.leg for line in self.lines)
        a.listeners, b.listeners = (b.out, c.out), (a.out,)

    def lock(self, number: int, now: int) -> None:
        self.have(number, self.lines[number].leg.certain, now)

    def have(self, number: int, peer: Address | None, now: int) -> None:
        self.ports.lock(self.pairs[number], peer, now)
        self.lines[number].take_send()

    def close(self) -> None:
        self.ports.shut()
        for peer in self.peers:
            peer.close()

    def seen(self) -> list[Any]:
        """All that anybody may notice."""
        heard: list[Any] = []
        for peer in self.peers:
            while True:
                try:
                    heard.append(peer.recv(4096))
                except BlockingIOError:
                    break
        parts = [part for line in self.lines for part in (line.leg, line.leg.arrivals, line.leg.out)]
        kept = (int, float, str, bytes, bytearray, tuple)
        found = [{name: value for name in part.__slots__ if isinstance(value := getattr(part, name), kept)} for part in parts]
        for values in found:
            values.pop("timelines", None)
            values.pop("listeners", None)
        sides = [[getattr(side, name) for name in side.__slots__] for side in self.sides]
        frames, self.frames[:] = list(self.frames), []
        counted = {name: getattr(self.counters, name) for name in Counters.__slots__ if name != "quick"}
        return [
            heard,
            found,
            [[bytes(v) if isinstance(v, bytearray) else v for v in side] for side in sides],
            counted,
            frames,
            self.moved,
        ]

    def take(self, now: int) -> None:
        self.ports.drain(now, rounds=4)


@pytest.fixture(scope="module")
def fast() -> Loops:
    try:
        return choose("fast")
    except NotBuilt as error:
        pytest.skip(str(error))


@pytest.fixture
def worlds(fast: Loops) -> Iterator[list[World]]:
    made = [World(PYTHON, "127.0.28.1"), World(fast, "127.0.28.2")]
    yield made
    for world in made:
        world.close()


def rtp(second: int, sequence: int, timestamp: int, ssrc: int, payload: bytes) -> bytes:
    return struct.pack(">BBHII", 0x80, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + payload


def talk(worlds: list[World], source: int, leg: int, packet: bytes, now: int) -> None:
    for world in worlds:
        world.peers[source].sendto(packet, (world.host, world.lines[leg].pair.port))
        world.take(now)


def same(worlds: list[World]) -> list[Any]:
    """What both have seen; the host is the only difference there may be."""
    python, fast = (world.seen() for world in worlds)
    for found in (python[1], fast[1]):
        for values in found:
            for name, value in values.items():
                if isinstance(value, tuple) and value and value[0] in {world.host for world in worlds}:
                    values[name] = value[1]
    assert python == fast
    return python


@pytest.mark.parametrize("locked", [True, False])
def test_a_talk_and_a_play_pass_in_c_alone(worlds: list[World], locked: bool) -> None:
    for line in (line for world in worlds for line in world.lines):
        line.leg.out.sound, line.leg.out.loop = (bytes(range(256)) * 50, True) if line.leg.name == "c" else (None, False)
    for number in range(200):
        now = 160 * (number + 1)
        for world in worlds if number == 50 else ():
            world.lines[0].leg.listeners = world.lines[0].leg.listeners[:1]
        for leg, kind in ((0, 8), (1, 0)):
            payload = random.Random(number).randbytes(160)
            talk(worlds, leg, leg, rtp(kind, 65500 + number, 2**32 - 8000 + number * 160, 5 + leg, payload), now)
        for world in worlds:
            if locked and number == 0:
                for leg in (0, 1, 2):
                    world.lock(leg, now)
            if number >= 50:
                assert world.loops.send_frames(world.lines[2:], now) == []
            if number % 50 == 49:
                for side in world.sides:
                    side.take(now - 1600, now)
        heard = same(worlds)[0]
        assert len(heard) == 3
    assert worlds[0].counters.quick == 0
    assert worlds[1].counters.received == 400
    # The first packet of a stream, the one after the numbers' wrap, and where the listener's stream begins are Python's.
    assert worlds[1].counters.quick >= 390


def test_a_talk_is_recorded_on_timelines_that_the_c_loops_serve() -> None:
    recording = Recording(Record("r", "/r.wav", "a", "b"), start=0, group=0)
    assert [type(side) for side in recording.sides] == [Timeline, Timeline]


PACKETS = ["next"] * 12 + ["late", "twice", "lost", "jump", "other", "wild", "empty", "head", "noise"]
DEEDS = ["frames"] * 6 + ["lock"] * 3
DEEDS += ["free", "hold", "talk", "talk", "law", "play", "stop", "take", "leave", "quiet", "unheard", "elsewhere"]
DEEDS += ["listen", "listen", "listen", "deaf", "late"]


@pytest.mark.parametrize("seed", range(15))
def test_whatever_comes_both_do_the_same(worlds: list[World], seed: int) -> None:
    dice = random.Random(seed)
    state = [(dice.choice((100, 65500)), 2**32 - 8000, 5 + leg) for leg in range(3)]
    for number in range(250):
        now, leg = 80 * (number + 1), dice.randrange(3)
        if dice.random() < 0.2:
            what = dice.choice(DEEDS)
            for world in worlds:
                do(world, what, leg, now)
        else:
            talk(worlds, 3 if dice.random() < 0.03 else leg, leg, spoken(dice, worlds[0].lines[leg].leg, leg, state), now)
        same(worlds)
    assert worlds[1].counters.quick > 0


def spoken(dice: random.Random, to: Leg, leg: int, state: list[tuple[int, int, int]]) -> bytes:
    """A packet to a leg, more often than not the one that follows."""
    kind = dice.choice(PACKETS)
    size = dice.choice((160, 160, 160, 160, 80, 240, 1, 1600, 1601))
    sequence, timestamp, ssrc = state[leg]
    if kind == "lost":
        sequence, timestamp = sequence + 3, timestamp + 480
    elif kind == "jump":
        sequence, timestamp = sequence + 5000, timestamp + 10**7
    usual = 0 if to.law == "PCMU" else 8
    second = usual if dice.random() < 0.9 else dice.choice((0, 8, 13, 101, 0x88, 0x80, 99))
    if kind == "noise":  # and what follows it follows what was before
        state[leg] = (sequence + 1, timestamp, ssrc)
        return rtp(13, sequence, timestamp, ssrc, b"\x40")
    shown = sequence - 2 if kind == "late" else sequence - 1 if kind == "twice" else sequence
    packet = rtp(second, shown, timestamp, ssrc + 10 * (kind == "other"), dice.randbytes(size))
    if kind == "wild":
        packet = (wild := dice.randbytes(dice.randrange(15))) + packet[len(wild) :]
    elif kind == "head":
        packet = bytes([dice.choice((0, 0x90, 0xA0, 0x81, 0xC0))]) + packet[1:]
    elif kind == "empty":
        packet = packet[: dice.randrange(14)]
    if kind in {"next", "lost", "jump"}:
        state[leg] = (sequence + 1, timestamp + size, ssrc)
    return packet


def do(world: World, what: str, leg: int, now: int) -> None:
    """What commands and the clock do."""
    line = world.lines[leg]
    out = line.leg.out
    match what:
        case "frames":
            ended = world.loops.send_frames(world.lines, now // 160 * 160)
            for each in ended:
                each.leg.out.sound = None
        case "lock":
            world.lock(leg, now)
        case "free":
            world.have(leg, None, now)
        case "hold" | "talk":
            world.agree(line, leg, line.leg.law, send=what == "talk", receive=what == "talk")
        case "elsewhere":
            assert line.leg.signalled is not None
            line.leg.set_remote(replace(line.leg.signalled, port=28110))
            line.leg.set_remote(replace(line.leg.signalled, port=28100 + leg))
        case "law":
            world.agree(line, leg, "PCMU" if line.leg.law == "PCMA" else "PCMA")
        case "play":
            out.sound, out.sound_at, out.loop = bytes(range(200)) * 4, 0, leg == 1
        case "stop":
            out.sound = None
        case "take":
            for side in world.sides:
                side.take(now - 400, now)
        case "leave":
            out.leave_relay()
        case "listen":
            world.hearings.begin(line.leg, now, f"/{leg}", now)
        case "deaf":
            world.hearings.end(line.leg)
        case "late":
            world.hearings.tick(now)
        case "quiet":
            line.leg.quiet = not line.leg.quiet
        case "unheard":
            listeners = line.leg.listeners
            world.hear()
            line.leg.listeners = () if listeners else line.leg.listeners


def test_what_is_taken_is_checked(fast: Loops) -> None:
    packet, counters = bytearray(2048), Counters()
    take: Any = fast.take
    for ready, takers in (([7], {}), ([()], {}), ([(7, 1)], {7: 3}), ([(7, 1)], {7: (1, 2)}), ([("7", 1)], {"7": (1, 2, 3)})):
        with pytest.raises(TypeError):
            take(ready, takers, packet, 0, counters)
    assert take([(7, 1)], {}, packet, 0, counters) == [7]
    send_frames: Any = fast.send_frames
    with pytest.raises(TypeError):
        send_frames([3], 0)
    with pytest.raises(OverflowError):
        send_frames([], 2**70)
    fast_module = pytest.importorskip("ivr.media._fast")
    with pytest.raises(ValueError, match="classes"):
        fast_module.learn((Leg,), bytes(256), bytes(256))
    with pytest.raises((TypeError, AttributeError)):
        fast_module.learn((Timeline,) * 8, bytes(256), bytes(256))
    take_slots: Any = fast.take_slots
    schedule: Any
    with select.epoll() as poll:
        for schedule in (7, Schedule.__new__(Schedule), Schedule(0)):  # none, one without slots, one that has a whole number
            with pytest.raises(TypeError):
                take_slots(poll, schedule, {}, packet, counters)
        with pytest.raises(TypeError):
            take_slots("7", Schedule(0.0), {}, packet, counters)


def test_slot_by_slot_until_more_is_to_be_done_than_to_take(loops: Loops) -> None:
    world = World(loops, "127.0.28.3")
    woken, wake = socket.socketpair()
    try:
        for number, (leg, pair) in enumerate(zip((0, 1), world.pairs, strict=False)):
            world.ports.hurry(pair, True)
            world.peers[leg].sendto(rtp(8 - 8 * leg, 7, 7, 5 + number, bytes(160)), (world.host, pair.port))
        world.ports.hurried.register(woken, select.EPOLLIN)
        schedule = Schedule(monotonic())
        schedule.number = 5
        assert world.ports.take_slots(schedule) == []
        assert monotonic() >= schedule.deadline
        assert world.counters.received == 2
        assert [line.leg.arrivals.next for line in world.lines] == [8, 8, -1]

        schedule.number = 10**9  # nothing is due while anybody lives
        world.peers[0].sendto(rtp(8, 8, 167, 5, bytes(160)), (world.host, world.pairs[0].port))
        wake.send(b"1")
        assert world.ports.take_slots(schedule) == [woken.fileno()]
        assert world.counters.received == 3
    finally:
        woken.close()
        wake.close()
        world.close()


def test_the_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose("python") is PYTHON
    monkeypatch.setitem(sys.modules, "ivr.media._fast", None)
    monkeypatch.delattr("ivr.media._fast", raising=False)
    assert choose("auto") is PYTHON
    with pytest.raises(NotBuilt, match="not built here"):
        choose("fast")
