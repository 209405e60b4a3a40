"""RTCP packets: compound reports built and read (RFC 3550 6). Whatever comes, reading raises nothing."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct, pack

SENDER_REPORT, RECEIVER_REPORT, SOURCE_DESCRIPTION, BYE = 200, 201, 202, 203

MAX_SIZE = 1500
"""Bytes of the longest compound that is looked at."""

_NTP_EPOCH = 2208988800  # 1970 in seconds since 1900
_CNAME = 1
_HEAD = Struct(">BBHI")  # version, padding and count; type; length in words less one; SSRC
_SENDER = Struct(">IIIII")  # NTP, RTP timestamp, packets, octets
_BLOCK = Struct(">IIIIII")
_LOST_MIN, _LOST_MAX = -(1 << 23), (1 << 23) - 1


@dataclass(frozen=True, slots=True)
class Sender:
    """What a sender reports of its stream: `ntp` is the 64-bit time of `timestamp`."""

    ntp: int
    timestamp: int
    packets: int
    octets: int

    @property
    def moment(self) -> int:
        """The middle of `ntp`, by which a Block names this report: 65536ths of a second."""
        return self.ntp >> 16 & 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Block:
    """What a receiver reports of the stream `ssrc`: `fraction` lost in 256ths, `jitter` in samples, `delay` in 65536ths of a
    second since it got the report of the moment `last`."""

    ssrc: int
    fraction: int
    lost: int
    highest: int
    jitter: int
    last: int
    delay: int


@dataclass(frozen=True, slots=True)
class Report:
    """A compound: who reports, on what it sends, on what it receives; `bye`: it ends here."""

    ssrc: int
    sender: Sender | None
    blocks: tuple[Block, ...]
    cname: str = ""
    bye: bool = False


def ntp(seconds: float) -> int:
    """Seconds since 1970 as a 64-bit NTP time (RFC 3550 4)."""
    return (int((seconds + _NTP_EPOCH) * (1 << 32))) & 0xFFFFFFFFFFFFFFFF


def build(report: Report) -> bytes:
    """The bytes of a compound of up to 31 blocks: SR or RR, SDES, BYE."""
    count, sender = len(report.blocks), report.sender
    kind = RECEIVER_REPORT if sender is None else SENDER_REPORT
    words = 1 + (0 if sender is None else 5) + 6 * count
    parts = [_HEAD.pack(0x80 | count, kind, words, report.ssrc)]
    if sender is not None:
        high, low = sender.ntp >> 32, sender.ntp & 0xFFFFFFFF
        octets = sender.octets & 0xFFFFFFFF
        parts.append(_SENDER.pack(high, low, sender.timestamp, sender.packets & 0xFFFFFFFF, octets))
    for block in report.blocks:
        lost = min(max(block.lost, _LOST_MIN), _LOST_MAX) & 0xFFFFFF
        numbers = (block.highest & 0xFFFFFFFF, block.jitter & 0xFFFFFFFF, block.last, min(block.delay, 0xFFFFFFFF))
        parts.append(_BLOCK.pack(block.ssrc, block.fraction << 24 | lost, *numbers))
    item = pack(">BB", _CNAME, len(report.cname)) + report.cname.encode("ascii")
    item += bytes(4 - len(item) % 4)  # one zero byte at least ends the list
    parts.append(_HEAD.pack(0x81, SOURCE_DESCRIPTION, 1 + len(item) // 4, report.ssrc) + item)
    if report.bye:
        parts.append(_HEAD.pack(0x81, BYE, 1, report.ssrc))
    return b"".join(parts)


def parse(data: bytes) -> Report | None:
    """Read a compound; None when it is none (RFC 3550 A.2). Unknown packets in it are passed over."""
    if not 8 <= len(data) <= MAX_SIZE or data[0] & 0xE0 != 0x80 or data[1] not in {SENDER_REPORT, RECEIVER_REPORT}:
        return None
    ssrc = int.from_bytes(data[4:8], "big")
    sender: Sender | None = None
    blocks: list[Block] = []
    cname, bye, at = "", False, 0
    while at < len(data):
        if len(data) - at < 4 or data[at] & 0xC0 != 0x80:
            return None
        count, kind = data[at] & 0x1F, data[at + 1]
        end = at + 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
        if end > len(data):
            return None
        body = data[at + 4 : end]
        if kind in {SENDER_REPORT, RECEIVER_REPORT}:
            begin = 24 if kind == SENDER_REPORT else 4
            if len(body) < begin + _BLOCK.size * count:
                return None
            if kind == SENDER_REPORT:
                high, low, timestamp, packets, octets = _SENDER.unpack_from(body, 4)
                sender = Sender(high << 32 | low, timestamp, packets, octets)
            blocks += [_block(body, begin + _BLOCK.size * number) for number in range(count)]
        elif kind == SOURCE_DESCRIPTION:
            cname = cname or _cname(body)
        elif kind == BYE:
            bye = True
        at = end
    return Report(ssrc, sender, tuple(blocks), cname, bye)


def _block(body: bytes, at: int) -> Block:
    ssrc, lost, highest, jitter, last, delay = _BLOCK.unpack_from(body, at)
    signed = (lost & 0xFFFFFF) - ((lost & 0x800000) << 1)
    return Block(ssrc, lost >> 24, signed, highest, jitter, last, delay)


def _cname(body: bytes) -> str:
    """The first item of a description's first chunk, where RFC 3550 6.5 puts the name."""
    if len(body) < 6 or body[4] != _CNAME:
        return ""
    return body[6 : 6 + body[5]].decode("utf-8", "replace")
