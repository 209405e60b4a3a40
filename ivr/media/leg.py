"""One leg: the stream that comes in is checked, recorded, searched for keys and relayed; what goes out is in Outgoing.

Code here runs per packet: it works in the process's one packet buffer (packet.Buffers), keeps no packet, and makes no objects
but numbers. `now` is the position of the process's clock in samples (schedule.Schedule.samples).

Whom to believe. The signalled address at its first good packet; another one (symmetric RTP, RFC 4961) after PROBATION packets
of a negotiated type in sequence. From then on packets from elsewhere are dropped, whatever they hold, with three exceptions,
each after such a run too: the signalled address outranks another that was learnt; a source silent for some time may go on
elsewhere with the same SSRC, which only who has heard it knows; and a negotiation that names another address, or ends a hold,
begins anew. A held or silent peer can't be replaced by another stream. Strangers don't even get here while `certain`.
"""

from __future__ import annotations

from collections.abc import Callable

from ivr.media.arrivals import Arrivals, Verdict
from ivr.media.control import Digit, Message, Remote
from ivr.media.dtmf import DigitReceiver
from ivr.media.g711 import STATIC_PAYLOAD_TYPES, ULAW_TO_ALAW, Law
from ivr.media.outgoing import COMFORT_NOISE, Address, Outgoing
from ivr.media.packet import FULL_SIZE, Buffers, Counters
from ivr.media.reports import Reports
from ivr.media.rtp import HEADER_SIZE, MARKER, MAX_PAYLOAD, MAX_SIZE, NUMBERS, SAMPLE_RATE, SEQUENCE, VERSION, payload_span
from ivr.media.timeline import Voice

PROBATION = 3
"""A source other than the signalled one is believed after so many packets in sequence (RFC 3550 A.1)."""

_NEVER = -1
_SAMPLED = 31  # two of 32 packets, which follow each other, are asked when they came: enough for the jitter
_RTCP_TYPES = range(192, 224)  # second byte, where RTP and RTCP share a port (RFC 5761 4)


class Leg:
    """The peer that talks to a local port. The Exchange says what is done with what comes in."""

    __slots__ = (
        "_arrived",
        "_buffers",
        "_candidate",
        "_candidate_run",
        "_candidate_sequence",
        "_counters",
        "_quick_type",
        "_report",
        "_report_source",
        "arrivals",
        "call",
        "digits",
        "law",
        "listeners",
        "name",
        "out",
        "quiet",
        "reports",
        "signalled",
        "source",
        "timelines",
    )

    def __init__(
        self,
        name: str,
        call: str,
        *,
        out: Outgoing,
        reports: Reports,
        arrived: Callable[[], float],
        report: Callable[[Message], None],
        buffers: Buffers,
        counters: Counters,
    ) -> None:
        """`arrived()` tells when the packet taken last had come, in seconds since 1970."""
        self.name = name
        self.call = call
        self.out = out
        self.reports = reports
        self._arrived = arrived
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
        self._report_source: Address | None = None
        self.quiet = False
        """Whether nothing has come for so long that the peer may have moved."""
        self.arrivals = Arrivals()
        self.digits = DigitReceiver()
        self.timelines: tuple[Voice, ...] = ()
        """Where what is heard is kept for recordings and mixes."""
        self.listeners: tuple[Outgoing, ...] = ()
        """To whom it is relayed on arrival."""

    def set_remote(self, remote: Remote) -> None:
        """The outcome of a negotiation. The learnt source is kept as long as the peer names the same address."""
        before, out = self.signalled, self.out
        self.signalled = remote
        self.law = remote.codec
        out.agree(remote)
        self._quick_type = remote.payload_type if remote.receive else _NEVER
        moved = before is None or (before.host, before.port) != (remote.host, remote.port)
        if moved or (self.quiet and remote.receive and before is not None and not before.receive):
            self._forget_source()
        wanted = remote.send and remote.port != 0 and remote.host not in {"0.0.0.0", "::"}  # RFC 3264 8.4: an old way to hold
        out.remote = (self.source or (remote.host, remote.port)) if wanted else None

    def _forget_source(self) -> None:
        """Learn anew who talks; until then sending goes on to where it went."""
        self.source = self._candidate = self._report_source = None
        self._candidate_run = 0
        self.arrivals.forget()

    @property
    def certain(self) -> Address | None:
        """Whom alone to listen to: a source that talks from where it said; None: another one might be believed yet."""
        signalled = self.signalled
        at_home = signalled is not None and self.source == (signalled.host, signalled.port)
        return self.source if at_home and not self.quiet else None

    @property
    def report_to(self) -> Address | None:
        """Where RTCP goes: whence the peer's came, or next to its RTP; None: nowhere."""
        remote = self.signalled
        if remote is None or remote.port == 0 or remote.host in {"0.0.0.0", "::"}:
            return None
        if self._report_source is not None:
            return self._report_source
        signalled = (remote.host, remote.port)
        host, port = self.source or signalled
        if not remote.rtcp_mux:
            port = remote.rtcp_port if remote.rtcp_port and (host, port) == signalled else port + 1
        return (host, port) if port <= 0xFFFF else None

    def _learn(self, packet: bytearray, size: int, source: Address) -> bool:
        """Whether to take a packet from elsewhere than the known source."""
        signalled = self.signalled
        if signalled is None:
            self._counters.strangers += 1
            return False
        kind = packet[1] & 0x7F
        known = kind in {signalled.payload_type, signalled.dtmf_payload_type, COMFORT_NOISE} or kind in STATIC_PAYLOAD_TYPES
        if not known or payload_span(packet, size) == (0, 0):
            self._counters.garbage += 1
            return False
        at_home = source == (signalled.host, signalled.port)
        same = int.from_bytes(packet[8:12], "big") == self.arrivals.ssrc
        if self.source is not None and not at_home and not (self.quiet and same):
            self._counters.strangers += 1
            return False
        if (self.source is not None or not at_home) and not self._proven(packet[2] << 8 | packet[3], source):
            return False
        if self.source is not None and not same:
            self.arrivals.forget()
        self.source, self._report_source = source, None
        if self.out.remote is not None:
            self.out.remote = source
        return True

    def _proven(self, sequence: int, source: Address) -> bool:
        """Whether the packet is the last of PROBATION in sequence."""
        follows = source == self._candidate and sequence == (self._candidate_sequence + 1) & SEQUENCE
        self._candidate_run = self._candidate_run + 1 if follows else 1
        self._candidate, self._candidate_sequence = source, sequence
        return self._candidate_run >= PROBATION

    def receive(self, size: int, source: Address, now: int) -> None:
        """A datagram of `size` bytes lies in the packet buffer. Whatever it holds, nothing is raised and nothing grows."""
        buffers = self._buffers
        packet = buffers.packet
        if source != self.source and not self._learn(packet, size, source):
            return
        second = packet[1]
        buffers.law, buffers.marker = self.law, second & MARKER
        if second & 0x7F != self._quick_type or packet[0] != VERSION or not HEADER_SIZE < size <= MAX_SIZE:
            size = self._second_look(packet, size, now)
            if not size:
                return
            sequence, timestamp, _ = NUMBERS.unpack_from(packet, 2)
        else:
            sequence, timestamp, ssrc = NUMBERS.unpack_from(packet, 2)
            arrivals = self.arrivals
            if sequence == arrivals.next and ssrc == arrivals.ssrc:
                arrivals.next = sequence + 1
            elif not self._judge(sequence, ssrc, now):
                return
        if sequence & _SAMPLED < 2:
            self.timed(sequence, timestamp)
        if self.timelines:
            payload: memoryview | bytes = buffers.full if size == FULL_SIZE else buffers.views[size][HEADER_SIZE:]
            if buffers.law == "PCMU":
                payload = bytes(payload).translate(ULAW_TO_ALAW)
            for timeline in self.timelines:
                timeline.place(timestamp, payload, now)
        for listener in self.listeners:
            listener.relay(sequence, timestamp, size, now)

    def timed(self, sequence: int, timestamp: int) -> None:
        """The packet taken last is one of those that tell the jitter."""
        self.arrivals.timed(timestamp, self._arrived(), again=sequence & 1 == 1)

    def _second_look(self, packet: bytearray, size: int, now: int) -> int:
        """No plain packet of the negotiated codec: the size of the plain one made of it in place, or 0 when all is done."""
        signalled = self.signalled
        begin, end = payload_span(packet, size)
        rtcp = packet[1] in _RTCP_TYPES
        if rtcp and signalled is not None and signalled.rtcp_mux:
            self._take_report(size, self._arrived())
            return 0
        if rtcp or not begin or end - begin > MAX_PAYLOAD:
            self._counters.garbage += 1
            return 0
        if begin != HEADER_SIZE:
            packet[HEADER_SIZE : HEADER_SIZE + end - begin] = packet[begin:end]
        packet[0] = VERSION
        size = HEADER_SIZE + end - begin
        sequence, timestamp, ssrc = NUMBERS.unpack_from(packet, 2)
        return size if self._judge(sequence, ssrc, now) and self._is_voice(sequence, timestamp, size, now) else 0

    def _judge(self, sequence: int, ssrc: int, now: int) -> bool:
        """Whether a packet is to be used. Duplicates end here: they are neither relayed nor kept."""
        verdict = self.arrivals.judge(sequence, ssrc, now)
        if verdict is Verdict.NEW:
            self.digits.restart()
            for timeline in self.timelines:
                timeline.restart()
            for listener in self.listeners:
                listener.leave_relay()
        return verdict is not Verdict.DROP

    def _is_voice(self, sequence: int, timestamp: int, size: int, now: int) -> bool:
        """Deal with what is no sound of the negotiated codec; True when it is sound after all."""
        signalled, packet = self.signalled, self._buffers.packet
        if signalled is None or not signalled.receive:
            return False
        kind = packet[1] & 0x7F
        if kind == signalled.dtmf_payload_type:
            self._telephone_event(sequence, timestamp, size, now)
        elif kind == COMFORT_NOISE:
            for timeline in self.timelines:
                timeline.noise(packet[HEADER_SIZE] & 0x7F)
            for listener in self.listeners:
                listener.relay_noise(sequence, timestamp, packet[HEADER_SIZE:size], now)
        elif kind == self._quick_type:
            return True
        elif kind in STATIC_PAYLOAD_TYPES:
            self._buffers.law = STATIC_PAYLOAD_TYPES[kind]  # a peer may use any codec of its offer
            return True
        else:
            self._counters.garbage += 1
        return False

    def _telephone_event(self, sequence: int, timestamp: int, size: int, now: int) -> None:
        if size < HEADER_SIZE + 4:
            self._counters.garbage += 1
            return
        event = self._buffers.packet[HEADER_SIZE : HEADER_SIZE + 4]
        self.let_go(self.digits.receive(timestamp, event[0], event[1], event[2] << 8 | event[3], now / SAMPLE_RATE))
        for listener in self.listeners:
            listener.relay_event(sequence, timestamp, event, now)

    def tick_digits(self, now: int) -> None:
        """Report a key whose end was lost; to be called while `digits.pressed`."""
        self.let_go(self.digits.tick(now / SAMPLE_RATE))

    def let_go(self, keys: list[tuple[str, int]]) -> None:
        """Report keys that the peer has pressed, with their ms."""
        for key, duration_ms in keys:
            self._report(Digit(self.name, key, duration_ms))

    def receive_report(self, size: int, source: Address, _now: int) -> None:
        """What came to the RTCP port lies in the packet buffer; taken from the host that talks, of its stream only."""
        signalled = self.signalled
        if signalled is None or source[0] != (self.source[0] if self.source is not None else signalled.host):
            self._counters.strangers += 1
        elif self._take_report(size, self.reports.arrived()):
            self._report_source = source

    def _take_report(self, size: int, arrived_s: float) -> bool:
        taken = self.reports.take(bytes(self._buffers.packet[:size]), self.arrivals.ssrc, arrived_s)
        self._counters.garbage += not taken
        return taken
