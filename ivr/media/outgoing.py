"""What one leg hears: a play, a relayed voice, a mix or silence, as one continuous RTP stream (RFC 3550 5.1).

SSRC, sequence numbers and timestamps go on whatever the source. Frames made here bear the time of the local clock; a relayed
stream keeps its own steps, so that its losses and pauses stay visible, and is laid where the outgoing one stands at its begin.
`now` and `clock` are positions of the process's clock in samples (schedule.Schedule).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ivr.media.control import Remote
from ivr.media.g711 import ALAW_TO_ULAW, SILENCE, ULAW_TO_ALAW, Law
from ivr.media.jitter import Jitter
from ivr.media.mix import mix
from ivr.media.packet import FULL_SIZE, Buffers, Counters
from ivr.media.rtcp import Sender, ntp
from ivr.media.rtp import (
    FRAMES,
    HEADER,
    HEADER_SIZE,
    MARKER,
    PTIMES_MS,
    SAMPLE_RATE,
    SEQUENCE,
    TICK_SAMPLES,
    TIMESTAMP,
    sequence_step,
    timestamp_step,
)

Address: TypeAlias = tuple[str, int]
Receive: TypeAlias = Callable[[int, Address, int], None]
"""receive(size, source, now): a packet lies in the buffer."""
Send: TypeAlias = Callable[[memoryview, Address], object]
"""Passes a packet to the system; raises OSError when it is not taken, which loses the packet, as RTP may be lost."""

_EARLY, _LATE = 4000, 12000  # samples a relayed stream may be ahead of and behind the local clock; drift gets there in hours
_LOST = 200  # a step of more sequence numbers is no loss but another stream
_NEVER = -1

COMFORT_NOISE = 13
"""Payload type (RFC 3389)."""


class Outgoing:
    """The stream to one peer. The Exchange sets who is heard."""

    __slots__ = (
        "_buffers",
        "_clock_shift",
        "_counters",
        "_end",
        "_from_sequence",
        "_from_timestamp",
        "_full_size",
        "_hush_type",
        "_marker",
        "_moved",
        "_noise_type",
        "_octets_more",
        "_pack",
        "_quiet",
        "_relaying",
        "_sequence",
        "_sequence_shift",
        "_timestamp_shift",
        "audio_type",
        "dtmf_type",
        "law",
        "loop",
        "remote",
        "samples",
        "send",
        "sent",
        "sound",
        "sound_at",
        "ssrc",
        "ticking",
        "voices",
    )

    def __init__(
        self,
        *,
        ssrc: int,
        sequence: int,
        timestamp: int,
        send: Send,
        moved: Callable[[], None],
        buffers: Buffers,
        counters: Counters,
    ) -> None:
        """`ssrc`, `sequence` and `timestamp` are random. `moved` is called when a relayed packet comes while the leg is
        ticking, so that no more silence is sent in its place."""
        self.send = send
        self._moved = moved
        self._buffers = buffers
        self._counters = counters
        self.remote: Address | None = None
        """Where to send; None: nowhere."""
        self.law: Law = "PCMA"
        self.audio_type = 0
        self.dtmf_type: int | None = None
        self._noise_type: int | None = None
        self._hush_type: int | None = None
        self.samples = TICK_SAMPLES
        """Length of the frames made here: send_frame() is called so often."""
        self._full_size = FULL_SIZE  # of such a packet
        self._pack = FRAMES[TICK_SAMPLES].pack_into
        self._quiet = SILENCE["PCMA"] * TICK_SAMPLES
        self.ticking = False
        """Whether send_frame() is called for it."""
        self.voices: tuple[Jitter, ...] = ()
        """What the mix is made of."""
        self.sound: bytes | None = None
        """What plays, coded by `law`."""
        self.sound_at = 0
        self.loop = False
        self.sent = 0
        """Packets sent to the peer."""
        self._octets_more = 0  # of their payloads, than `samples` each
        self.ssrc = ssrc
        self._sequence = sequence
        self._clock_shift = self._end = timestamp  # _end: after the last sample sent
        self._marker = MARKER
        self._relaying = False  # the next four hold
        self._from_sequence = self._from_timestamp = _NEVER  # what the source should send next
        self._sequence_shift = self._timestamp_shift = 0

    def agree(self, remote: Remote) -> None:
        """What is sent from now on."""
        self.law = remote.codec
        self.audio_type, self.dtmf_type = remote.payload_type, remote.dtmf_payload_type
        self._noise_type = COMFORT_NOISE if remote.comfort_noise else None
        self._hush_type = remote.hush_payload_type
        before = self.samples
        self.samples = max((ms for ms in PTIMES_MS if ms <= remote.ptime_ms), default=PTIMES_MS[0]) * SAMPLE_RATE // 1000
        self._full_size = HEADER_SIZE + self.samples
        self._octets_more += self.sent * (before - self.samples)
        self._pack = FRAMES[self.samples].pack_into
        self._quiet = SILENCE[self.law] * self.samples

    def sender(self, clock: int, seconds: float) -> Sender | None:
        """What a report says of the stream (RFC 3550 6.4.1), `seconds` after 1970; None as long as nothing was sent."""
        if not self.sent:
            return None
        timestamp = self._from_timestamp + self._timestamp_shift if self._relaying else clock + self._clock_shift
        octets = self.sent * self.samples + self._octets_more
        return Sender(ntp(seconds), timestamp & TIMESTAMP, self.sent, octets)

    # Relay

    def relay(self, sequence: int, timestamp: int, size: int, now: int) -> None:
        """Send on the packet of `size` bytes in the buffer."""
        to = self.remote
        if to is None:
            return
        buffers = self._buffers
        marker = buffers.marker
        if sequence == self._from_sequence and timestamp == self._from_timestamp:
            self._from_sequence = (sequence + 1) & SEQUENCE
            self._from_timestamp = (timestamp + size - HEADER_SIZE) & TIMESTAMP
        elif self._out_of_step(sequence, timestamp, size - HEADER_SIZE, now):
            marker = MARKER
        packet, views, law = buffers.packet, buffers.views, buffers.law
        if law != self.law:
            table = ALAW_TO_ULAW if law == "PCMA" else ULAW_TO_ALAW
            buffers.other[HEADER_SIZE:size] = packet[HEADER_SIZE:size].translate(table)
            packet, views = buffers.other, buffers.other_views
        HEADER.pack_into(
            packet,
            1,
            self.audio_type | marker,
            (sequence + self._sequence_shift) & SEQUENCE,
            (timestamp + self._timestamp_shift) & TIMESTAMP,
            self.ssrc,
        )
        self.sent += 1
        if size != self._full_size:
            self._octets_more += size - self._full_size
        try:
            self.send(views[size], to)
        except OSError:
            self._counters.unsent += 1

    def relay_event(self, sequence: int, timestamp: int, event: bytearray, now: int) -> None:
        """Send on a telephone-event (RFC 4733), or, to a peer that takes none, hide that there was a packet."""
        self._relay_aside(sequence, timestamp, event, self.dtmf_type, now)

    def relay_noise(self, sequence: int, timestamp: int, noise: bytearray, now: int) -> None:
        """Send on comfort noise (RFC 3389), or, to a peer that takes none, hide that there was a packet."""
        self._relay_aside(sequence, timestamp, noise, self._noise_type, now)

    def _relay_aside(self, sequence: int, timestamp: int, payload: bytearray, kind: int | None, now: int) -> None:
        if self.remote is None:
            return
        buffers = self._buffers
        step = sequence_step(sequence, self._from_sequence)
        if not self._relaying or not -_LOST < step < _LOST:
            self._anchor(sequence, timestamp, now)
            step = 0
        if step >= 0:
            self._from_sequence = (sequence + 1) & SEQUENCE
        if kind is None:
            self._sequence_shift -= 1
            return
        size = HEADER_SIZE + len(payload)
        buffers.other[HEADER_SIZE:size] = payload
        HEADER.pack_into(
            buffers.other,
            1,
            kind | buffers.marker,
            (sequence + self._sequence_shift) & SEQUENCE,
            (timestamp + self._timestamp_shift) & TIMESTAMP,
            self.ssrc,
        )
        self.sent += 1
        self._octets_more += size - self._full_size
        try:
            self.send(buffers.other_views[size], self.remote)
        except OSError:
            self._counters.unsent += 1

    def _out_of_step(self, sequence: int, timestamp: int, count: int, now: int) -> bool:
        """A packet that doesn't simply follow: after a loss or pause, late, or of another stream. Whether it was laid anew."""
        step = sequence_step(sequence, self._from_sequence)
        ahead = timestamp_step(timestamp + self._timestamp_shift, now + self._clock_shift)
        anew = not (self._relaying and -_LOST < step < _LOST and -_LATE < ahead < _EARLY)
        if anew:
            self._anchor(sequence, timestamp, now)
        if anew or step >= 0:
            self._from_sequence = (sequence + 1) & SEQUENCE
            self._from_timestamp = (timestamp + count) & TIMESTAMP
        return anew

    def _anchor(self, sequence: int, timestamp: int, now: int) -> None:
        """Lay the source's stream so that this packet is the next, in number and in time."""
        self.leave_relay()
        local = (now + self._clock_shift) & TIMESTAMP
        begin = local if timestamp_step(local, self._end) > 0 else self._end
        self._sequence_shift = self._sequence - sequence
        self._timestamp_shift = begin - timestamp
        self._from_sequence, self._from_timestamp = sequence, timestamp
        self._relaying = True
        if self.ticking:
            self._moved()

    def leave_relay(self) -> None:
        """What is sent next does not continue the relayed stream."""
        if self._relaying:
            self._sequence = (self._from_sequence + self._sequence_shift) & SEQUENCE
            self._end = (self._from_timestamp + self._timestamp_shift) & TIMESTAMP
            self._relaying = False
            self._from_sequence = self._from_timestamp = _NEVER

    @property
    def sequence(self) -> int:
        """The next packet's number: another one when anything was sent."""
        return (self._from_sequence + self._sequence_shift) & SEQUENCE if self._relaying else self._sequence

    # Frames of our own

    def send_frame(self, clock: int) -> bool:
        """The tick of this leg's slot: play, mix or silence go out. Returns whether the play had already ended."""
        sound, count = self.sound, self.samples
        ended = False
        if sound is None:
            frame = mix([voice.read(clock, count) for voice in self.voices], self.law) if self.voices else self._quiet
        else:
            at = self.sound_at
            frame = sound[at : at + count]
            self.sound_at = at + count
            if len(frame) < count:
                frame, ended = self._at_end(sound, frame)
        to = self.remote
        if to is None:
            self._marker = MARKER
            return ended
        buffers = self._buffers
        timestamp = (clock + self._clock_shift) & TIMESTAMP
        if timestamp != self._end:
            timestamp = self._rejoin(timestamp)
        sequence = self._sequence
        self._pack(buffers.other, 1, self.audio_type | self._marker, sequence, timestamp, self.ssrc, frame)
        self._end = (timestamp + count) & TIMESTAMP
        self._sequence = (sequence + 1) & SEQUENCE
        self._marker = 0
        self.sent += 1
        try:
            self.send(buffers.other_views[self._full_size], to)
        except OSError:
            self._counters.unsent += 1
        return ended

    def hush(self) -> None:
        """What plays is broken off: a peer that holds what it got, and wants to know, is told to throw it away, by a packet
        without a sample between that sound and the next."""
        to = self.remote
        if self._hush_type is None or to is None:
            return
        buffers = self._buffers
        HEADER.pack_into(buffers.other, 1, self._hush_type, self._sequence, self._end, self.ssrc)
        self._sequence = (self._sequence + 1) & SEQUENCE
        self.sent += 1
        self._octets_more -= self.samples
        try:
            self.send(buffers.other_views[HEADER_SIZE], to)
        except OSError:
            self._counters.unsent += 1

    def _at_end(self, sound: bytes, rest: bytes) -> tuple[bytes, bool]:
        """The frame of which the play gives only `rest`, and whether it gives nothing."""
        count = self.samples
        if not self.loop or not sound:
            return rest + self._quiet[len(rest) :], not rest
        while len(rest) < count:
            self.sound_at = count - len(rest)
            rest += sound[: self.sound_at]
        return rest, False

    def _rejoin(self, timestamp: int) -> int:
        """There was a pause, or the relayed stream stands ahead of the local clock: no sample's time is sent twice."""
        self._marker = MARKER
        ahead = timestamp_step(self._end, timestamp)
        if ahead <= 0:
            return timestamp
        self._clock_shift += ahead
        return self._end
