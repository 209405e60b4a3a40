"""30,000 spoiled RTP and RTCP packets and 4,000 spoiled control lines into a real media process's worker, over real sockets: it
goes on, doesn't grow, and keeps no leg and no port."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from ivr.lines import wire
from ivr.media.control import Close, Command, Hello, List, Mix, Open, Play, Remote, Srtp, Stats, Stop, StopRecord
from ivr.media.loops import Choice, Loops, NotBuilt, choose
from ivr.media.wire import MEDIA
from ivr.media.worker import Worker
from tests.fuzz.mutation import SEED, mutate, resident_kb
from tests.ports import sound_ports

BURSTS, BURST = 600, 50
LINES = 4_000
KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
EPOCH = 7
BOUND_S = 30.0


class Engine:
    """Turns the worker by hand and speaks to it as an engine does."""

    def __init__(self, directory: Path, loops: Loops) -> None:
        path = directory / "media-1.sock"
        self.worker = Worker(
            path,
            hosts=("127.0.0.1",),
            ports=sound_ports(),
            dscp=46,
            rtp_timeout_s=30.0,
            orphan_s=60.0,
            min_free_bytes=2**62,
            loops=loops,
        )
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(path))
        self.sock.setblocking(False)
        self.heard = b""
        self.number = 0

    def close(self) -> None:
        self.sock.close()
        self.worker.close()

    def say(self, line: bytes) -> None:
        """Write it whole, turning the worker meanwhile."""
        while line:
            try:
                line = line[self.sock.send(line) :]
            except BlockingIOError:
                self.turn()

    def turn(self) -> None:
        self.worker._turn()
        with contextlib.suppress(BlockingIOError):
            self.heard = (self.heard + self.sock.recv(1 << 20))[-(1 << 22) :]

    def drain(self) -> int:
        """Have the legs take all packets that are there; returns how many."""
        ports, before = self.worker._ports, self.worker._counters.received
        polls = (ports.hurried, ports._patient, ports._reports)
        while ready := [found for poll in polls for found in poll.poll(0) if found[0] in ports._receivers]:
            ports.take(ready, self.worker._schedule.samples(time.monotonic()))
        return self.worker._counters.received - before

    def do(self, command: Command, epoch: int = EPOCH) -> dict[str, object]:
        """A command and its reply."""
        self.number += 1
        number = 10**9 + self.number
        self.say(MEDIA.encode_request(number, epoch, command))
        end = time.monotonic() + BOUND_S
        while (at := self.heard.find(b'{"re":%d,' % number)) < 0 or b"\n" not in self.heard[at:]:
            assert time.monotonic() < end, "no reply"
            self.turn()
        reply = json.loads(self.heard[at:].partition(b"\n")[0])
        assert "ok" in reply, reply
        return dict(reply["ok"])


@pytest.fixture(params=["python", "fast"])
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Engine]:
    wanted: Choice = request.param
    try:
        loops = choose(wanted)
    except NotBuilt as error:
        pytest.skip(str(error))
    monkeypatch.chdir(tmp_path)
    print(f"HOTLINE_FUZZ_SEED={SEED}")  # noqa: T201 - shown with a failure
    made = Engine(tmp_path, loops)
    try:
        made.do(Hello(0, ""))
        yield made
    finally:
        made.close()


@pytest.fixture
def peers() -> Iterator[list[socket.socket]]:
    """Sockets of three telephones and a stranger."""
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(4)]
        for peer in made:
            peer.bind(("127.0.0.1", 0))
        yield made


def remote(leg: str, port: int, **terms: object) -> Remote:
    return Remote(leg, "127.0.0.1", port, **({"codec": "PCMA", "payload_type": 8, "dtmf_payload_type": 101} | terms))  # type: ignore[arg-type]


def rtp(sequence: int, kind: int, payload: bytes, ssrc: int = 5) -> bytes:
    return struct.pack(">BBHII", 0x80, kind, sequence & 0xFFFF, sequence * 160 & 0xFFFFFFFF, ssrc) + payload


def reports(sequence: int) -> bytes:
    sender = struct.pack(">BBHIQIII", 0x81, 200, 12, 5, 2**40 + sequence, sequence * 160, sequence, sequence * 160)
    block = struct.pack(">IIIIII", 7, 1 << 24, sequence, 12, 34, 56)
    return sender + block + struct.pack(">BBHIBB", 0x81, 202, 3, 5, 1, 4) + b"name\0\0" + struct.pack(">BBHI", 0x81, 203, 1, 5)


def test_spoiled_packets(engine: Engine, peers: list[socket.socket]) -> None:
    random = Random(SEED)
    names = ("plain", "muxed", "secured")
    terms: list[dict[str, object]] = [{}, {"rtcp_mux": True, "tones": True, "comfort_noise": True, "hush_payload_type": 102}]
    terms.append({"srtp": Srtp("AES_CM_128_HMAC_SHA1_80", KEY, KEY)})
    ports: list[int] = []
    for name, peer, more in zip(names, peers, terms, strict=False):
        port = engine.do(Open(name, "call"))["port"]
        assert isinstance(port, int)
        ports.append(port)
        engine.do(remote(name, peer.getsockname()[1], **more))
    sizes: list[int] = []
    taken = 0
    for burst in range(BURSTS):
        if burst % 50 == 0:  # joined two and two, and all three
            hears = {"plain": ("muxed",), "muxed": ("plain",), "secured": ()} if burst % 100 else dict.fromkeys(names, names)
            engine.do(Mix(names, {leg: tuple(n for n in heard if n != leg) for leg, heard in hears.items()}))
        for number in range(burst * BURST, (burst + 1) * BURST):
            sound = random.randbytes(random.choice((80, 160, 160, 240, 480)))
            data = random.choice(
                (
                    rtp(number, 8, sound),
                    rtp(number, random.choice((0, 13, 101 | 0x80)), sound[: random.choice((1, 4, 160))], random.choice((5, 6))),
                    rtp(number, 101, struct.pack(">BBH", random.randrange(20), 0x8A, 800)),
                    reports(number),
                )
            )
            if random.random() < 0.7:
                data = mutate(random, data)
            leg = random.randrange(3)
            peer = peers[leg] if random.random() < 0.7 else peers[3]
            peer.sendto(data[:2000], ("127.0.0.1", ports[leg] + (random.random() < 0.3)))
        taken += engine.drain()
        engine.turn()
        if burst % 60 == 59:
            sizes.append(resident_kb())
    assert taken > BURSTS * BURST // 2  # the kernel keeps strangers from a port whose peer is certain
    stats = engine.do(Stats())
    assert min(int(str(stats[name])) for name in ("garbage", "strangers", "sent")) > 0
    for name in names:
        engine.do(Close(name))
    assert engine.worker._exchange.lines == {}
    assert len(engine.worker._ports) == 0
    # Half of the bursts are 15,000 packets: if each left 100 bytes, it would be 1.5 MB.
    assert sizes[-1] - sizes[len(sizes) // 2] < 1500, sizes


def test_spoiled_control_lines(engine: Engine) -> None:
    random = Random(SEED)
    commands: list[Command] = [
        Open("a", "call"),
        Open("b", "call", "127.0.0.1"),
        remote("a", 9, ptime_ms=30),
        remote("b", 9, srtp=Srtp("AES_CM_128_HMAC_SHA1_80", KEY, KEY)),
        Mix(("a", "b"), {"a": ("b",), "b": ("a",)}),
        Play("a", 1, ("nowhere.wav",), loop=True),
        Stop("a"),
        StopRecord("r"),
        Stats("a"),
        List(),
        Close("b"),
    ]
    corpus = [MEDIA.encode_request(number, EPOCH, command).strip() for number, command in enumerate(commands)]
    corpus += [wire.encode_ack(3).strip(), MEDIA.encode_request(1, EPOCH, Hello(0, "")).strip()]
    sizes: list[int] = []
    for number in range(LINES):
        if number % (LINES // 10) == 0:
            close_all(engine, EPOCH)
            sizes.append(resident_kb() - len(engine.heard) // 1024)
        line = random.choice(corpus)
        if number % 3:
            line = mutate(random, line, corpus)
            # At the end only: whoever names a higher epoch takes over, and the rest is refused.
            line = line if number > LINES * 0.9 else re.sub(rb'"epoch":\d+', b'"epoch":%d' % EPOCH, line)
        engine.say(line + b"\n")
        if number % 20 == 0:
            engine.turn()
    last = 2**64 - 1  # more than that is no number of a line
    engine.do(Hello(0, ""), epoch=last)
    assert engine.heard.count(b'"error"') > LINES // 10
    assert engine.heard.count(b'"ok"') > LINES // 10
    close_all(engine, last)
    assert engine.worker._exchange.lines == {}
    assert len(engine.worker._ports) == 0
    assert sizes[-1] - sizes[len(sizes) // 2] < 1000, sizes


def close_all(engine: Engine, epoch: int) -> None:
    """No leg is left."""
    legs = engine.do(List(), epoch=epoch)["legs"]
    assert isinstance(legs, dict)
    for leg in legs:
        engine.do(Close(leg), epoch=epoch)
