"""SRTP and SRTCP around a leg (RFC 3711): what it sends is protected, what comes in is proven before the leg sees it.

A leg without keys has nothing of this. libsrtp keeps the rollover counters and refuses replayed packets.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from struct import Struct
from typing import Protocol

from pylibsrtp import Error, Policy, Session

from ivr.media.control import Srtp, Suite
from ivr.media.outgoing import Address, Receive
from ivr.media.packet import Buffers, Counters
from ivr.media.rtp import HEADER_SIZE, SEQUENCE, VERSION

MAX_ROUNDS = 64
"""A peer's sequence numbers are taken to have wrapped around so many times at most: in 23 hours of packets of 20 ms."""

MAX_STREAMS = 64
"""libsrtp keeps something of each SSRC that it has heard. A peer that changes its own more often is heard anew."""

_PROFILES: dict[Suite, int] = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}
_RTCP_TYPES = range(192, 224)  # of the second byte, where RTP and RTCP share a port (RFC 5761 4)
_PROBE = Struct(">BBHI4sI")
_THIRDS = (0x5555, 0x5555, 0x5556)  # libsrtp takes a step of half the numbers or more for one back


class Sockets(Protocol):
    """What sends for a leg (ports.Pair)."""

    def send(self, packet: memoryview, to: Address) -> object: ...

    def send_report(self, packet: bytes, to: Address, *, mux: bool) -> None: ...


def _session(suite: Suite, key: str, ssrc_type: int) -> Session:
    return Session(Policy(key=b64decode(key), ssrc_type=ssrc_type, srtp_profile=_PROFILES[suite]))


class Search:
    """Finds how often a peer's sequence numbers have wrapped around, which no packet says (RFC 3711 3.3.1).

    Whoever comes to a running stream, as a media process does that takes over a call, can't read it otherwise. The peer's key
    is ours too: packets made with it move libsrtp's counter on, by one round for each packet that can't be read.
    """

    def __init__(self, srtp: Srtp, packet: bytes) -> None:
        """`packet` is the first that can't be read without."""
        self.session = _session(srtp.suite, srtp.remote, Policy.SSRC_ANY_INBOUND)
        self._peer = _session(srtp.suite, srtp.remote, Policy.SSRC_ANY_OUTBOUND)
        self._sequence = ((packet[2] << 8 | packet[3]) - 1) & SEQUENCE
        self._ssrc = packet[8:12]
        self._rounds = 0
        self._probe()

    def fits(self, packet: bytes) -> bool:
        """Whether it can go on with this packet: of the same stream, and there are rounds left to try."""
        return packet[8:12] == self._ssrc and self._rounds < MAX_ROUNDS

    def unprotect(self, packet: bytes) -> bytes:
        """Suppose one round more, and read the packet by that. Raises Error."""
        for step in _THIRDS:
            self._sequence = (self._sequence + step) & SEQUENCE
            self._probe()
        self._rounds += 1
        return self.session.unprotect(packet)

    def _probe(self) -> None:
        probe = _PROBE.pack(VERSION, 0, self._sequence, 0, self._ssrc, 0)
        self.session.unprotect(self._peer.protect(probe))


class Shield:
    """Between a leg and its sockets."""

    def __init__(
        self,
        srtp: Srtp,
        sockets: Sockets,
        receive: Receive,
        receive_report: Receive,
        *,
        buffers: Buffers,
        counters: Counters,
    ) -> None:
        """`receive` and `receive_report` are the leg's: they find a proven packet in the buffer."""
        self._sockets = sockets
        self._receive = receive
        self._receive_report = receive_report
        self._buffers = buffers
        self._counters = counters
        self._srtp = srtp
        self._outbound = _session(srtp.suite, srtp.local, Policy.SSRC_ANY_OUTBOUND)
        self._inbound = _session(srtp.suite, srtp.remote, Policy.SSRC_ANY_INBOUND)
        self._proven = False
        self._ssrc = b""
        self._changes = 0
        self._search: Search | None = None
        self._suspect = b""  # the SSRC of the last packet that could not be read: a search costs more than one such is worth

    def rekey(self, srtp: Srtp) -> None:
        """The outcome of another negotiation: a direction whose key stays goes on as it was."""
        before, self._srtp = self._srtp, srtp
        if (before.suite, before.local) != (srtp.suite, srtp.local):
            self._outbound = _session(srtp.suite, srtp.local, Policy.SSRC_ANY_OUTBOUND)
        if (before.suite, before.remote) != (srtp.suite, srtp.remote):
            self._listen_anew()

    def _listen_anew(self) -> None:
        self._inbound = _session(self._srtp.suite, self._srtp.remote, Policy.SSRC_ANY_INBOUND)
        self._proven, self._changes, self._search = False, 0, None

    def send(self, packet: memoryview, to: Address) -> object:
        """Send RTP. Raises OSError, also for a number sent before: it can't be protected twice."""
        try:
            protected = self._outbound.protect(bytes(packet))
        except (Error, ValueError) as error:
            raise OSError(str(error)) from error
        return self._sockets.send(memoryview(protected), to)

    def send_report(self, packet: bytes, to: Address, *, mux: bool) -> None:
        """Send RTCP."""
        self._sockets.send_report(self._outbound.protect_rtcp(packet), to, mux=mux)

    def receive(self, size: int, source: Address, now: int) -> None:
        """What came to the RTP port lies in the buffer: it is proven and passed on, or counted as garbage."""
        unprotect = self._unprotect_report if self._buffers.packet[1] in _RTCP_TYPES else self._unprotect
        self._take(size, unprotect, self._receive, source, now)

    def receive_report(self, size: int, source: Address, now: int) -> None:
        """What came to the RTCP port."""
        self._take(size, self._unprotect_report, self._receive_report, source, now)

    def _take(self, size: int, unprotect: Callable[[bytes], bytes], receive: Receive, source: Address, now: int) -> None:
        packet = self._buffers.packet
        try:
            plain = unprotect(bytes(packet[:size]))
        except (Error, ValueError):  # not the peer's, or a replay; or too long
            self._counters.garbage += 1
            return
        packet[: len(plain)] = plain
        receive(len(plain), source, now)

    def _unprotect(self, packet: bytes) -> bytes:
        try:
            plain = self._inbound.unprotect(packet)
        except Error:
            again, self._suspect = packet[8:12] == self._suspect, packet[8:12]
            if self._proven or not again or len(packet) <= HEADER_SIZE:
                raise
            plain = self._search_for(packet)
        self._proven, self._search = True, None
        self._count(packet[8:12])
        return plain

    def _unprotect_report(self, packet: bytes) -> bytes:
        plain = self._inbound.unprotect_rtcp(packet)
        self._count(packet[4:8])
        return plain

    def _count(self, ssrc: bytes) -> None:
        if ssrc != self._ssrc:
            self._ssrc = ssrc
            self._changes += 1
            if self._changes > MAX_STREAMS:
                self._listen_anew()

    def _search_for(self, packet: bytes) -> bytes:
        """Nothing was ever read: perhaps the stream is older than a round of its numbers. Raises Error."""
        if self._search is None or not self._search.fits(packet):
            self._search = Search(self._srtp, packet)
        plain = self._search.unprotect(packet)
        self._inbound = self._search.session
        return plain
