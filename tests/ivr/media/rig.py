"""A real media process, RTP peers over real sockets, and a way to look at what was heard."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import struct
import subprocess
import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ivr.lines.wire import Event
from ivr.media.client import MediaClient, MediaLost
from ivr.media.control import Close, Command, List, Message, Open, Remote, Snapshot, Stats
from ivr.media.g711 import SILENCE, Law, decode, encode
from tests.ports import sound_ports

BOUND_S = 60.0
PAYLOAD_TYPE: dict[Law, int] = {"PCMU": 0, "PCMA": 8}
DTMF = 101
_RUN = "import json,sys; from pathlib import Path; from ivr.media.worker import run; a=json.loads(sys.argv[1]); " + (
    "run(Path(a.pop('socket')), recordings_dir=Path(a.pop('recordings')), **a)"
)


def tone(hz: float, seconds: float, level: float = 0.25) -> npt.NDArray[np.int16]:
    """A sine at 8 kHz."""
    at = np.arange(int(seconds * 8000)) / 8000
    return (np.sin(2 * np.pi * hz * at) * level * 32767).astype(np.int16)


def words(seconds: float, level: float = 0.1) -> npt.NDArray[np.int16]:
    """Something like speech, in its loudness over time: syllables of 0.3 s with pauses of 0.2 s over a little noise."""
    spoken = tone(300, seconds, level).astype(np.float64)
    at = np.arange(len(spoken)) / 8000
    hiss = np.random.default_rng(1).normal(0, 20, len(spoken))
    return (np.where(at % 0.5 < 0.3, spoken, 0) + hiss).astype(np.int16)


def power(samples: npt.NDArray[np.int16], hz: float) -> float:
    """The part of the samples' energy that is a tone of `hz` (Goertzel's sum): 1.0 for nothing else."""
    values = samples.astype(np.float64)
    energy = float(np.sum(values**2))
    if energy == 0 or len(values) == 0:
        return 0.0
    turn = np.exp(-2j * np.pi * hz * np.arange(len(values)) / 8000)
    return float(2 * np.abs(np.sum(values * turn)) ** 2 / len(values) / energy)


def clearest(samples: npt.NDArray[np.int16], hz: float) -> float:
    """The part that a tone has in the 150 ms where it has most: a test that stalls tears holes elsewhere."""
    return max(power(samples[at : at + 1200], hz) for at in range(0, len(samples) - 1200, 400))


def snr_db(samples: npt.NDArray[np.int16], hz: float) -> float:
    """How much louder a tone is than all else."""
    share = power(samples, hz)
    return float(10 * np.log10(share / max(1e-9, 1 - share)))


def write_wav(path: Path, samples: npt.NDArray[np.int16], rate: int = 8000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def read_recording(path: Path) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """Both sides of a stereo A-law WAV."""
    sound = _read_alaw(path, 2)
    return decode("PCMA", sound[0::2]), decode("PCMA", sound[1::2])


def read_message(path: Path) -> npt.NDArray[np.int16]:
    """The sound of a mono A-law WAV."""
    return decode("PCMA", _read_alaw(path, 1))


def _read_alaw(path: Path, count: int) -> bytes:
    """Chunk by chunk as any reader would."""
    data = path.read_bytes()
    assert data[:4] == b"RIFF"
    assert data[8:12] == b"WAVE"
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    at, chunks = 12, {}
    while at < len(data):
        name, size = struct.unpack("<4sI", data[at : at + 8])
        chunks[name] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    kind, channels, rate, byte_rate, align, bits = struct.unpack("<HHIIHH", chunks[b"fmt "][:16])
    assert (kind, channels, rate, byte_rate, align, bits) == (6, count, 8000, 8000 * count, count, 8)
    assert struct.unpack("<I", chunks[b"fact"])[0] * count == len(chunks[b"data"])
    return chunks[b"data"]


class Peer:
    """The other end of a leg: sends what it is told in 20 ms packets, keeps all it gets."""

    def __init__(self, law: Law = "PCMA", ssrc: int = 0x1234) -> None:
        self.law = law
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.setblocking(False)
        self.port: int = self.sock.getsockname()[1]
        self.to = ("127.0.0.1", 0)
        self.packets: list[bytes] = []
        self.reports: list[bytes] = []
        self.voice: Callable[[int], bytes | None] = lambda _: SILENCE[self.law] * 160
        self.ssrc, self.sequence, self.timestamp = ssrc, 65530, 2**32 - 400

    def says(self, samples: npt.NDArray[np.int16]) -> None:
        """Say this over and over."""
        data = encode(self.law, samples)
        frames = [data[at : at + 160] for at in range(0, len(data) - 159, 160)]
        self.voice = lambda number: frames[number % len(frames)]

    def send(self, payload: bytes | None, payload_type: int | None = None, marker: int = 0) -> None:
        """One packet; None is a pause of 20 ms."""
        if payload is not None:
            kind = PAYLOAD_TYPE[self.law] if payload_type is None else payload_type
            self.sock.sendto(self.packet(payload, kind | marker), self.to)
            self.sequence = (self.sequence + 1) & 0xFFFF
        if payload_type is None:
            self.timestamp = (self.timestamp + (160 if payload is None else len(payload))) & 0xFFFFFFFF

    def packet(self, payload: bytes, second: int) -> bytes:
        return struct.pack(">BBHII", 0x80, second, self.sequence, self.timestamp, self.ssrc) + payload

    def press(self, digit: str, *, updates: int = 3, ends: int = 3) -> None:
        """A key as RFC 4733 packets, all at once."""
        code = "0123456789*#ABCD".index(digit)
        for number in range(1, updates + 1):
            self.send(struct.pack(">BBH", code, 10, number * 160), DTMF, 0x80 if number == 1 else 0)
        for _ in range(ends):
            self.send(struct.pack(">BBH", code, 0x80 | 10, 800), DTMF)
        self.timestamp = (self.timestamp + 960) & 0xFFFFFFFF

    def drain(self) -> None:
        try:
            while True:
                packet = self.sock.recv(2048)
                # Our port may be where RTCP for another peer goes.
                (self.reports if 192 <= packet[1] < 224 else self.packets).append(packet)
        except BlockingIOError:
            pass

    def heard(self, since: int = 0) -> npt.NDArray[np.int16]:
        """The sound of the packets from number `since` on."""
        return np.concatenate([decode(self.law, p[12:]) for p in self.packets[since:] if p[1] & 0x7F == PAYLOAD_TYPE[self.law]])

    def headers(self) -> list[tuple[int, int, int, int]]:
        """Second byte, sequence, timestamp, SSRC of what came."""
        return [struct.unpack(">BHII", packet[1:12]) for packet in self.packets]

    def close(self) -> None:
        self.sock.close()


class Rig:
    """A media process and an engine's client of it."""

    def __init__(self, directory: Path, **terms: Any) -> None:
        self.directory = directory
        self.path = directory / "media-7.sock"
        self.recordings = directory / "recordings"
        self.recordings.mkdir(exist_ok=True)
        self.terms = {
            "host": "127.0.0.1",
            "port_min": sound_ports()[0],
            "port_max": sound_ports()[1],
            "rtp_timeout_s": 30.0,
            "orphan_s": 30.0,
            "min_free_bytes": 0,
            "socket": str(self.path),
            "recordings": str(self.recordings),
        } | terms
        self.peers: list[Peer] = []
        self.clients: list[MediaClient] = []
        self.events: list[Event] = []
        self.lost = 0
        self.epoch = 0
        self.last_event = 0
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", _RUN, json.dumps(self.terms)], stdout=subprocess.DEVNULL)

    async def connect(self, epoch: int = 0, ack: int = 0, instance: str = "") -> tuple[MediaClient, Snapshot]:
        """A further client, of the next epoch if none is given; the newest is the one that `do` uses."""
        self.epoch = epoch or self.epoch + 1

        def lost() -> None:
            self.lost += 1

        client = MediaClient(self.path, on_event=self.events.append, on_lost=lost)
        end = time.monotonic() + BOUND_S
        while True:
            try:
                snapshot = await client.take_over(self.epoch, ack, instance)
                break
            except MediaLost:
                assert time.monotonic() < end
                await asyncio.sleep(0.02)
        self.clients.append(client)
        return client, snapshot

    async def do(self, command: Command) -> dict[str, Any]:
        return await self.clients[-1].request(command)

    async def leg(self, name: str, law: Law = "PCMA", *, dtmf: bool = True, call: str = "call") -> Peer:
        """A leg with a peer of its own."""
        peer = Peer(law, ssrc=len(self.peers) + 77)
        self.peers.append(peer)
        peer.to = ("127.0.0.1", (await self.do(Open(name, call)))["port"])
        await self.do(self.remote(name, peer, dtmf=dtmf))
        return peer

    def remote(self, name: str, peer: Peer, *, dtmf: bool = True, send: bool = True, receive: bool = True) -> Remote:
        kind = PAYLOAD_TYPE[peer.law]
        return Remote(name, "127.0.0.1", peer.port, peer.law, kind, DTMF if dtmf else None, 20, send, receive)

    async def talk(self, seconds: float, *peers: Peer) -> None:
        """Let the peers talk in step with the clock, and hear."""
        begin = time.monotonic()
        for number in range(int(seconds * 50)):
            for peer in peers:
                peer.send(peer.voice(number))
            await asyncio.sleep(max(0.0, begin + (number + 1) * 0.02 - time.monotonic()))
            for peer in self.peers:
                peer.drain()

    async def until(self, condition: Callable[[], bool], *talking: Peer) -> None:
        """Wait for something, within a generous bound."""
        end = time.monotonic() + BOUND_S
        while not condition():
            assert time.monotonic() < end, "it never came"
            await self.talk(0.02, *talking)

    async def event(self, kind: type[Message], number: int = 1) -> list[Any]:
        """Wait for the n-th event of a kind; returns all of that kind."""
        await self.until(lambda: len(self.of(kind)) >= number)
        return self.of(kind)

    def of(self, kind: type[Message]) -> list[Any]:
        return [event.message for event in self.events if isinstance(event.message, kind)]

    async def renew(self, directory: Path) -> None:
        """The same process for another test: no legs, no events, a client of a higher epoch."""
        self.directory, self.recordings = directory, directory / "recordings"
        self.recordings.mkdir()
        self.lost = 0
        self.events.clear()
        await self.connect(ack=self.last_event)

    async def leave(self) -> None:
        """Close what a test has opened here; the process stays. What it tells of that is not told to the next test."""
        for leg in (await self.do(List()))["legs"]:
            await self.do(Close(leg))
        while (await self.do(Stats()))["recordings"]:  # noqa: ASYNC110 - nobody signals it
            await asyncio.sleep(0.01)
        self.last_event = (await self.do(List()))["last_event"]
        self._disconnect()
        await asyncio.sleep(0)  # the transports' last callback

    async def cleared(self) -> None:
        """As it was when the test began."""
        await self.leave()
        shutil.rmtree(self.recordings)
        await self.renew(self.directory)

    def close(self) -> None:
        self._disconnect()
        self.process.kill()
        self.process.wait()

    def _disconnect(self) -> None:
        for client in self.clients:
            client.close()
        self.clients.clear()
        for peer in self.peers:
            peer.close()
        self.peers.clear()
