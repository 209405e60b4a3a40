"""[io] A leg's two sockets, and when the kernel says that a packet came."""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
import time

from ivr.media.outgoing import Address, Receive, Send

_SIOCGSTAMPNS = 0x8907  # Linux: when the packet that was taken last had come, by CLOCK_REALTIME (socket(7))
_TIMESPEC = struct.Struct("@ll")
_NO_TIME = bytes(_TIMESPEC.size)


class Pair:
    """A leg's sockets: RTP on an even port, RTCP on the next one (RFC 3550 11)."""

    __slots__ = ("connected", "descriptor", "host", "hurried", "peer", "port", "receive", "rtcp", "rtp", "send")

    def __init__(self, host: str, port: int, rtp: socket.socket, rtcp: socket.socket) -> None:
        self.host = host
        self.port = port
        self.rtp = rtp
        self.rtcp = rtcp
        self.descriptor = rtp.fileno()
        """RTP's; -1 once it is closed."""
        self.hurried = False
        self.peer: Address | None = None
        """From whom alone RTP is wanted; None: from anybody."""
        self.connected = False
        """Whether the kernel sees to that: then it need not be told the address, nor tell it, with each packet."""
        self.receive: Receive = _nobody
        self.send: Send = self.to_any
        """Sends RTP, raising OSError. Another one after lock()."""

    def to_any(self, packet: memoryview, to: Address) -> object:
        """Send to whomever."""
        return self.rtp.sendto(packet, to)

    def to_peer(self, packet: memoryview, _to: Address) -> object:
        """Send to the one peer."""
        return self.rtp.send(packet)

    def send_report(self, packet: bytes, to: Address, *, mux: bool) -> None:
        """Send RTCP, from the RTP port when both share it (RFC 5761); what the system refuses is lost, as reports may be."""
        with contextlib.suppress(OSError):
            (self.rtp if mux else self.rtcp).sendto(packet, to)

    def arrived(self) -> float:
        """When the RTP packet taken last had come, in seconds since 1970."""
        return _arrived(self.rtp)

    def report_arrived(self) -> float:
        """When the RTCP packet taken last had come, in seconds since 1970."""
        return _arrived(self.rtcp)

    def close(self) -> None:
        """Close both."""
        self.descriptor = -1
        self.rtp.close()
        self.rtcp.close()


def _nobody(_size: int, _source: Address, _now: int) -> None:
    """Where packets go before anybody attends to them."""


def _arrived(sock: socket.socket) -> float:
    try:
        seconds, nanoseconds = _TIMESPEC.unpack(fcntl.ioctl(sock, _SIOCGSTAMPNS, _NO_TIME))
    except OSError:  # the first time it is asked for, or not there: now, then
        return time.time()
    return float(seconds + nanoseconds / 1e9)
