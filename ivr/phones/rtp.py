"""RTP as a telephone speaks and hears it (RFC 3550, keys by RFC 4733): frames to send, packets kept, what they tell."""

from __future__ import annotations

import itertools
import math
import struct
from dataclasses import dataclass, field

import numpy as np

from ivr.phones.audio import RATE, Codec, Samples, decode, silence
from ivr.phones.message import PAYLOAD_TYPES

FRAME = 160
"""Samples in 20 ms."""
FRAME_S = FRAME / RATE
KEYS = "0123456789*#ABCD"
_CODECS = {number: codec for codec, number in PAYLOAD_TYPES.items()}


@dataclass(frozen=True, slots=True)
class Packet:
    """A received RTP packet."""

    at: float
    """Arrival on the clock of time.monotonic(), seconds."""
    sequence: int
    timestamp: int
    payload_type: int
    marker: bool
    ssrc: int
    payload: bytes

    @property
    def codec(self) -> Codec | None:
        """The codec of its sound, None for anything that is no G.711 sound."""
        return _CODECS.get(self.payload_type)


def unpack(data: bytes, at: float) -> Packet | None:
    """A datagram as an RTP packet; None when it is none."""
    if len(data) < 12 or data[0] >> 6 != 2:
        return None
    first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
    start = 12 + 4 * (first & 0x0F)
    if first & 0x10 and len(data) >= start + 4:
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    end = len(data) - data[-1] if first & 0x20 else len(data)
    return Packet(at, sequence, timestamp, second & 0x7F, bool(second & 0x80), ssrc, data[start:end])


def pack(kind: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, *, marker: bool) -> bytes:
    """An RTP packet; sequence and timestamp may run past their 16 and 32 bits."""
    second = kind | (0x80 if marker else 0)
    return struct.pack("!BBHII", 0x80, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + payload


def key_events(digit: str, duration_ms: int) -> list[bytes]:
    """The payloads of one key press, one each 20 ms: it grows, and its end is sent three times (RFC 4733 2.5.1)."""
    frames = max(2, duration_ms // 20)
    payloads = [struct.pack("!BBH", KEYS.index(digit), 10, n * FRAME) for n in range(1, frames)]
    return payloads + 3 * [struct.pack("!BBH", KEYS.index(digit), 0x80 | 10, frames * FRAME)]


@dataclass(slots=True)
class Player:
    """What is sent: samples once or in a loop, then silence."""

    samples: Samples = field(default_factory=lambda: silence(0.0))
    position: int = 0
    loop: bool = False

    def play(self, samples: Samples, *, loop: bool) -> None:
        """Send these from now on."""
        self.samples, self.position, self.loop = samples, 0, loop

    def frame(self) -> Samples:
        """The next 20 ms."""
        part = self.samples[self.position : self.position + FRAME]
        self.position += len(part)
        while self.loop and len(part) < FRAME and len(self.samples):
            self.position = min(FRAME - len(part), len(self.samples))
            part = np.concatenate([part, self.samples[: self.position]])
        return part if len(part) == FRAME else np.concatenate([part, np.zeros(FRAME - len(part), dtype=np.int16)])


@dataclass(slots=True)
class Heard:
    """All packets that came in a call."""

    packets: list[Packet] = field(default_factory=list)
    _keys: set[tuple[int, int]] = field(default_factory=set)

    def add(self, packet: Packet, dtmf_payload_type: int = 101) -> str:
        """Keep a packet; returns the key it begins, else "". All packets of a key bear one timestamp (RFC 4733 2.5.1.2)."""
        self.packets.append(packet)
        if packet.payload_type != dtmf_payload_type or len(packet.payload) < 4 or packet.payload[0] >= len(KEYS):
            return ""
        known = (packet.ssrc, packet.timestamp) in self._keys
        self._keys.add((packet.ssrc, packet.timestamp))
        return "" if known else KEYS[packet.payload[0]]

    def samples(self, since: float = -math.inf, until: float = math.inf) -> Samples:
        """The sound that arrived in this time, each packet at the place its timestamp gives it, silence where none came."""
        placed = self._placed(since, until)
        if not placed:
            return silence(0.0)
        heard = np.zeros(max(position + len(sound) for position, sound, _ in placed), dtype=np.int16)
        for position, sound, _ in placed:
            heard[position : position + len(sound)] = sound
        return heard

    def arrived(self, sample: int, since: float = -math.inf) -> float:
        """When that sample of samples(since) was there: after a stall many come at once. ValueError when nothing was heard."""
        placed = self._placed(since, math.inf)
        return max(packet.at for position, _, packet in placed if position <= max(0, sample))

    def _placed(self, since: float, until: float) -> list[tuple[int, Samples, Packet]]:
        """Each packet of sound, and at which sample it begins."""
        placed: list[tuple[int, Samples, Packet]] = []
        origin: Packet | None = None
        start = end = base = 0
        began_at = 0.0
        for packet in self.packets:
            codec = packet.codec
            if codec is None or not since <= packet.at <= until or not packet.payload:
                continue
            if origin is None:
                origin, began_at = packet, packet.at
            ahead = (packet.timestamp - origin.timestamp + 0x80000000) % 0x100000000 - 0x80000000
            position = base + ahead
            if (
                packet.ssrc != origin.ssrc or abs(position - end) > RATE
            ):  # another source or a jump: only the clock can tell its place
                origin, base = packet, max(end, round((packet.at - began_at) * RATE))
                position = base
            sound = decode(codec, packet.payload)
            placed.append((position, sound, packet))
            start, end = min(start, position), max(end, position + len(sound))
        return [(position - start, sound, packet) for position, sound, packet in placed]

    def gaps(self, over_s: float, begin: float | None, end: float) -> list[tuple[float, float]]:
        """(beginning, length) of each time over `over_s` without a packet, from `begin` (else the first packet) till `end`."""
        times = [packet.at for packet in self.packets if (begin is None or packet.at >= begin) and packet.at <= end]
        edges = [*([] if begin is None else [begin]), *sorted(times), end]
        return [(a, b - a) for a, b in itertools.pairwise(edges) if b - a > over_s]
