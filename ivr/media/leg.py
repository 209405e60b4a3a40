"""One leg: the stream that comes in is checked, recorded, searched for keys and relayed; what goes out is in Outgoing.

Code here runs per packet: it works in the process's one packet buffer (packet.Buffers), keeps no packet, and makes no objects
but numbers. `now` is the position of the process's clock in samples (schedule.Schedule.samples).
"""

from __future__ import annotations

from collections.abc import Callable

from ivr.media.control import Digit, Message, Remote
from ivr.media.dtmf import DigitReceiver
from ivr.media.g711 import STATIC_PAYLOAD_TYPES, ULAW_TO_ALAW, Law
from ivr.media.outgoing import Address, Outgoing
from ivr.media.packet import FULL_SIZE, Buffers, Counters
from ivr.media.rtp import HEADER_SIZE, MARKER, MAX_PAYLOAD, MAX_SIZE, NUMBERS, SAMPLE_RATE, SEQUENCE, VERSION, payload_span
from ivr.media.timeline import Timeline

PROBATION = 3
"""A source other than the signalled one is believed after so many packets in sequence (RFC 3550 A.1)."""

COMFORT_NOISE = 13
"""RFC 3389: no sound for us, but a sign of life."""

_NEVER = -1


class Leg:
    """A local port and the peer that talks to it. The Exchange says what is done with what comes in."""

    __slots__ = (
        "_buffers",
        "_candidate",
        "_candidate_run",
        "_candidate_sequence",
        "_counters",
        "_quick_type",
        "_report",
        "_ssrc",
        "call",
        "digits",
        "law",
        "listeners",
        "name",
        "out",
        "port",
        "received",
        "signalled",
        "source",
        "timelines",
    )

    def __init__(
        self,
        name: str,
        call: str,
        *,
        port: int,
        out: Outgoing,
        report: Callable[[Message], None],
        buffers: Buffers,
        counters: Counters,
    ) -> None:
        self.name = name
        self.call = call
        self.port = port
        self.out = out
        self._report = report
        self._buffers = buffers
        self._counters = counters
        self.signalled: Remote | None = None
        """The peer as negotiated."""
        self.law: Law = "PCMA"
        self._quick_type = _NEVER  # the payload type that needs no second look
        self.source: Address | None = None
        """Whom to believe; None: not learnt yet."""
        self._candidate: Address | None = None
        self._candidate_sequence = self._candidate_run = 0
        self.received = 0
        """Packets from the peer, each a sign of life."""
        self._ssrc = _NEVER
        self.digits = DigitReceiver()
        self.timelines: tuple[Timeline, ...] = ()
        """Where what is heard is kept for recordings and mixes."""
        self.listeners: tuple[Outgoing, ...] = ()
        """To whom it is relayed on arrival."""

    def set_remote(self, remote: Remote) -> None:
        """The outcome of a negotiation. The learnt source is kept as long as the peer names the same address."""
        before, out = self.signalled, self.out
        self.signalled = remote
        self.law = out.law = remote.codec
        out.audio_type = remote.payload_type
        out.dtmf_type = remote.dtmf_payload_type
        self._quick_type = remote.payload_type if remote.receive else _NEVER
        if before is None or (before.host, before.port) != (remote.host, remote.port):
            self.forget_source()
        wanted = remote.send and remote.port != 0 and remote.host not in {"0.0.0.0", "::"}  # RFC 3264 8.4: an old way to hold
        out.remote = (self.source or (remote.host, remote.port)) if wanted else None

    def forget_source(self) -> None:
        """Learn anew who talks (symmetric RTP, RFC 4961); until then sending goes on to where it went."""
        self.source = self._candidate = None
        self._candidate_run = 0

    def _learn(self, packet: bytearray, size: int, source: Address) -> bool:
        """Whether to take a packet from elsewhere than the known source."""
        signalled = self.signalled
        if self.source is not None or signalled is None:
            self._counters.strangers += 1
            return False
        kind = packet[1] & 0x7F
        known = kind in {signalled.payload_type, signalled.dtmf_payload_type, COMFORT_NOISE} or kind in STATIC_PAYLOAD_TYPES
        if not known or payload_span(packet, size) == (0, 0):
            self._counters.garbage += 1
            return False
        if source != (signalled.host, signalled.port):
            sequence = packet[2] << 8 | packet[3]
            follows = source == self._candidate and sequence == (self._candidate_sequence + 1) & SEQUENCE
            self._candidate_run = self._candidate_run + 1 if follows else 1
            self._candidate, self._candidate_sequence = source, sequence
            if self._candidate_run < PROBATION:
                return False
        self.source = source
        if self.out.remote is not None:
            self.out.remote = source
        return True

    def receive(self, size: int, source: Address, now: int) -> None:
        """A datagram of `size` bytes lies in the packet buffer. Whatever it holds, nothing is raised and nothing grows."""
        buffers = self._buffers
        packet = buffers.packet
        if source != self.source and not self._learn(packet, size, source):
            return
        self.received += 1
        second = packet[1]
        buffers.law = self.law
        if second & 0x7F != self._quick_type or packet[0] != VERSION or not HEADER_SIZE < size <= MAX_SIZE:
            size = self._second_look(packet, size, now)
            if not size:
                return
        buffers.marker = second & MARKER
        sequence, timestamp, ssrc = NUMBERS.unpack_from(packet, 2)
        if ssrc != self._ssrc:
            self._new_stream(ssrc)
        if self.timelines:
            payload: memoryview | bytes = buffers.full if size == FULL_SIZE else buffers.views[size][HEADER_SIZE:]
            if buffers.law == "PCMU":
                payload = bytes(payload).translate(ULAW_TO_ALAW)
            for timeline in self.timelines:
                timeline.place(timestamp, payload, now)
        for listener in self.listeners:
            listener.relay(sequence, timestamp, size, now)

    def _second_look(self, packet: bytearray, size: int, now: int) -> int:
        """No plain packet of the negotiated codec: the size of the plain one made of it in place, or 0 when all is done."""
        begin, end = payload_span(packet, size)
        if not begin or end - begin > MAX_PAYLOAD:
            self.received -= 1
            self._counters.garbage += 1
            return 0
        signalled = self.signalled
        if signalled is None or not signalled.receive:
            return 0
        kind = packet[1] & 0x7F
        if kind == signalled.dtmf_payload_type:
            self._telephone_event(packet, begin, end, now)
            return 0
        if kind != self._quick_type:
            if kind not in STATIC_PAYLOAD_TYPES:
                self._counters.garbage += kind != COMFORT_NOISE
                return 0
            self._buffers.law = STATIC_PAYLOAD_TYPES[kind]  # a peer may use any codec of its offer
        if begin != HEADER_SIZE:
            packet[HEADER_SIZE : HEADER_SIZE + end - begin] = packet[begin:end]
        packet[0] = VERSION
        return HEADER_SIZE + end - begin

    def _telephone_event(self, packet: bytearray, begin: int, end: int, now: int) -> None:
        if end - begin < 4:
            self._counters.garbage += 1
            return
        sequence, timestamp, ssrc = NUMBERS.unpack_from(packet, 2)
        if ssrc != self._ssrc:
            self._new_stream(ssrc)
        self._buffers.marker = packet[1] & MARKER
        event = packet[begin : begin + 4]
        self._let_go(self.digits.receive(timestamp, event[0], event[1], event[2] << 8 | event[3], now / SAMPLE_RATE))
        for listener in self.listeners:
            listener.relay_event(sequence, timestamp, event, now)

    def tick_digits(self, now: int) -> None:
        """Report a key whose end was lost; to be called while `digits.pressed`."""
        self._let_go(self.digits.tick(now / SAMPLE_RATE))

    def _let_go(self, keys: list[tuple[str, int]]) -> None:
        for key, duration_ms in keys:
            self._report(Digit(self.name, key, duration_ms))

    def _new_stream(self, ssrc: int) -> None:
        self._ssrc = ssrc
        self.digits.restart()
        for timeline in self.timelines:
            timeline.restart()
        for listener in self.listeners:
            listener.leave_relay()
