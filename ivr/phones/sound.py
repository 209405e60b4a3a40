"""[io] One RTP socket of a telephone: sends a tone, a recording or silence; keeps each packet and its arrival time."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ivr.phones.audio import encode
from ivr.phones.message import Sound
from ivr.phones.rtp import FRAME, FRAME_S, KEYS, Heard, Player, key_events, pack, unpack
from ivr.phones.wire import PhoneError

SO_TIMESTAMPNS = 35 if hasattr(socket, "SO_PEERCRED") else None
"""Linux stamps arriving datagrams itself, so that a busy test process doesn't look like a gap in the sound."""


@dataclass(slots=True)
class _Press:
    digit: str
    payloads: list[bytes]
    done: asyncio.Future[None]
    timestamp: int | None = None


@dataclass(slots=True)
class RtpEnd:
    """The sound side of a call. `open()` binds a free port; `close()` ends all, what was heard stays."""

    host: str
    on_digit: Callable[[str], None]
    port: int = 0
    target: Sound | None = None
    sending: bool = False
    """False while this side holds the call: no packet leaves then."""
    heard: Heard = field(default_factory=Heard)
    player: Player = field(default_factory=Player)
    bad_datagrams: int = 0
    sent_at: list[float] = field(default_factory=list)
    """When each packet was sent, by time.monotonic()."""
    opened_at: float = 0.0
    closed_at: float | None = None
    _socket: socket.socket | None = None
    _task: asyncio.Task[None] | None = None
    _presses: list[_Press] = field(default_factory=list)

    def open(self) -> None:
        """Bind and begin to listen and send."""
        self._socket = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        if SO_TIMESTAMPNS is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.bind((self.host, 0))
        self.port = self._socket.getsockname()[1]
        self.opened_at = time.monotonic()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._socket.fileno(), self._readable)
        self._task = loop.create_task(self._send_all(self._socket))

    def close(self) -> None:
        """Stop; a second call does nothing."""
        if self._socket is None or self._task is None:
            return
        self._readable()
        self.closed_at = time.monotonic()
        self._task.get_loop().remove_reader(self._socket.fileno())
        self._task.cancel()
        self._socket.close()
        self._socket = None
        for press in self._presses:
            if not press.done.done():
                press.done.set_exception(PhoneError(f"the call ended before the key {press.digit} was sent"))

    def press(self, digit: str, duration_ms: int) -> asyncio.Future[None]:
        """Send a key as RFC 4733 events behind those already waiting; the future is done when its last packet went out."""
        if len(digit) != 1 or digit not in KEYS:
            raise ValueError(f"{digit!r} is no telephone key")
        if self._socket is None:
            raise PhoneError(f"the call ended before the key {digit} was sent")
        press = _Press(digit, key_events(digit, duration_ms), asyncio.get_running_loop().create_future())
        self._presses.append(press)
        return press.done

    def gaps(self, over_s: float, since: float | None, until: float | None) -> list[tuple[float, float]]:
        """As Heard.gaps; `until` defaults to the call's end or now, and a call that heard nothing counts from its start."""
        begin = since if since is not None or self.heard.packets else self.opened_at
        end = until if until is not None else self.closed_at
        return self.heard.gaps(over_s, begin, end if end is not None else time.monotonic())

    def _readable(self) -> None:
        while self._socket is not None:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(2048, 64)
            except BlockingIOError:
                return
            except OSError:  # an ICMP "port unreachable" for what was sent: the other side is away, nothing was received
                continue
            packet = unpack(data, _arrival(ancillary))
            if packet is None:
                self.bad_datagrams += 1
                continue
            dtmf = self.target.dtmf_payload_type if self.target is not None else None
            digit = self.heard.add(packet, 101 if dtmf is None else dtmf)
            if digit:
                self.on_digit(digit)

    async def _send_all(self, out: socket.socket) -> None:
        sequence, timestamp, ssrc = secrets.randbelow(1 << 16), secrets.randbelow(1 << 32), secrets.randbelow(1 << 32)
        due, pausing = time.monotonic(), True
        while True:
            frame, target = self.player.frame(), self.target
            if target is not None and self.sending and target.listens:
                if self._presses and target.dtmf_payload_type is not None:
                    data = self._event(self._presses[0], target.dtmf_payload_type, sequence, timestamp, ssrc)
                else:
                    data = pack(target.payload_type, sequence, timestamp, ssrc, encode(target.codec, frame), marker=pausing)
                with contextlib.suppress(OSError):  # nobody listens there just now: a telephone goes on talking
                    out.sendto(data, (target.host, target.port))
                sequence += 1
                self.sent_at.append(time.monotonic())
                pausing = False
            else:
                pausing = True
            timestamp += FRAME
            due += FRAME_S
            late = time.monotonic() - due
            if late > 0.2:  # the machine stood still: the lost time is left out, not sent in one burst
                due += int(late / FRAME_S) * FRAME_S
                timestamp += int(late / FRAME_S) * FRAME
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _event(self, press: _Press, kind: int, sequence: int, timestamp: int, ssrc: int) -> bytes:
        first = press.timestamp is None
        press.timestamp = timestamp if press.timestamp is None else press.timestamp
        payload = press.payloads.pop(0)
        if not press.payloads:
            self._presses.pop(0)
            if not press.done.done():
                press.done.set_result(None)
        return pack(kind, sequence, press.timestamp, ssrc, payload, marker=first)


def _arrival(ancillary: list[tuple[int, int, bytes]]) -> float:
    now = time.monotonic()
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS and len(data) >= 16:
            seconds, nanoseconds = struct.unpack_from("qq", data)
            age: float = time.time() - seconds - nanoseconds / 1e9
            return now - max(0.0, age)
    return now
