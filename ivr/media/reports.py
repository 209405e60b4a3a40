"""What a leg and its peer tell each other of their streams, every few seconds (RFC 3550 6)."""

from __future__ import annotations

from collections.abc import Callable

from ivr.media.arrivals import Arrivals
from ivr.media.rtcp import Block, Report, Sender, build, ntp, parse
from ivr.media.rtp import SAMPLE_RATE

INTERVAL_S = 5.0
"""The mean time between two reports (RFC 3550 6.2)."""

_COMPENSATION = 1.21828  # e - 3/2 (RFC 3550 6.3.1)
_MAX_RTT = 10 << 16  # 65536ths of a second; a longer one is a peer's mistake


class Reports:
    """Both directions' reports of one leg."""

    __slots__ = (
        "_cname",
        "_last",
        "_last_at",
        "_rtt_count",
        "_rtt_sum",
        "_ssrc",
        "arrived",
        "remote_jitter_ms",
        "remote_lost",
    )

    def __init__(self, ssrc: int, cname: str, arrived: Callable[[], float]) -> None:
        """`ssrc` is our own; `arrived()` tells when the packet that came to the RTCP port last had come."""
        self._ssrc = ssrc
        self._cname = cname
        self.arrived = arrived
        self._last = self._last_at = 0  # the peer's last sender report: its moment, and ours when it came
        self._rtt_sum = self._rtt_count = 0
        self.remote_lost: int | None = None
        """Packets that the peer missed."""
        self.remote_jitter_ms: float | None = None

    def interval_s(self, random_16: int) -> float:
        """The time to the next report (RFC 3550 6.3.1), made from 16 random bits."""
        return INTERVAL_S * (0.5 + random_16 / 65536) / _COMPENSATION

    @property
    def rtt_ms(self) -> float | None:
        """The mean round trip, without the peer's own delay (RFC 3550 6.4.1)."""
        return round(self._rtt_sum * 1000 / 65536 / self._rtt_count, 2) if self._rtt_count else None

    def take(self, data: bytes, ssrc: int, arrived_s: float) -> bool:
        """Read a compound of the peer whose stream is `ssrc` (negative: not heard yet), that came `arrived_s` after 1970.

        Returns whether it was one."""
        report = parse(data)
        if report is None or (ssrc >= 0 and report.ssrc != ssrc):
            return False
        now = _moment(arrived_s)
        if report.sender is not None:
            self._last, self._last_at = report.sender.moment, now
        for block in report.blocks:
            if block.ssrc == self._ssrc:
                self.remote_lost = block.lost
                self.remote_jitter_ms = round(block.jitter * 1000 / SAMPLE_RATE, 2)
                rtt = (now - block.last - block.delay) & 0xFFFFFFFF
                if block.last and rtt < _MAX_RTT:
                    self._rtt_sum += rtt
                    self._rtt_count += 1
        return True

    def make(self, sender: Sender | None, arrivals: Arrivals, seconds: float, *, bye: bool) -> bytes:
        """Our compound at `seconds` since 1970: on what we send, and on the peer's stream when one is heard."""
        blocks: tuple[Block, ...] = ()
        if arrivals.ssrc >= 0:
            delay = (_moment(seconds) - self._last_at) & 0xFFFFFFFF if self._last else 0
            fraction, lost = arrivals.fraction_lost(), arrivals.stream_lost
            blocks = (Block(arrivals.ssrc, fraction, lost, arrivals.highest, int(arrivals.jitter), self._last, delay),)
        return build(Report(self._ssrc, sender, blocks, self._cname, bye))


def _moment(seconds: float) -> int:
    """The middle 32 bits of an NTP time."""
    return ntp(seconds) >> 16 & 0xFFFFFFFF
