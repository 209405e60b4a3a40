"""What engine and media say to each other over a unix stream socket: one JSON object a line (ivr/lines/wire.py).

    engine → media   {"id": 7, "epoch": 3, "do": "open", "leg": "…", "call": "…"}      a command (0: only its error is told)
                     {"ack": 41}                                                        events up to 41 are safe with the engine
    media → engine   {"re": 7, "ok": {"port": 20004}}   or   {"re": 7, "error": "…"}    its reply, by id
                     {"ev": 42, "type": "digit", "leg": "…", "digit": "1", …}           an event, numbered without gaps

Commands are idempotent: the engine may repeat any of them after a lost connection. A command whose epoch is lower than one the
process has seen is answered with the error "fenced".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

Codec: TypeAlias = Literal["PCMA", "PCMU"]
Suite: TypeAlias = Literal["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"]
"""How SRTP protects packets (RFC 4568 6.2)."""
Key: TypeAlias = str
"""16 bytes of key and 14 of salt in base64 (RFC 4568 6.1)."""
Trouble: TypeAlias = Literal["gap", "failed", "stopped", "low_space", "silence", "limit"]

MAX_RECORD_S = 24 * 3600

# Commands


@dataclass(frozen=True, slots=True)
class Hello:
    """First command of a connection: take over as the engine. Events above `ack` are replayed after the reply.

    `instance` is the media process that `ack` belongs to; another process counts its events anew, so the number is then
    taken as 0. Reply: a Snapshot.
    """

    do: ClassVar[str] = "hello"
    ack: int
    instance: str = ""


@dataclass(frozen=True, slots=True)
class Open:
    """Give the leg sockets. Reply {"port": int}, the local RTP port; RTCP has the next one. The same leg gets the same again.

    `host` is the address to bind, one of those the process may use; "" is the first of them.
    """

    do: ClassVar[str] = "open"
    leg: str
    call: str
    host: str = ""


@dataclass(frozen=True, slots=True)
class Srtp:
    """The keys of a protected stream (RFC 3711): ours, for what we send, and the peer's. No repr shows them."""

    suite: Suite
    local: Key = field(repr=False)
    remote: Key = field(repr=False)


@dataclass(frozen=True, slots=True)
class Remote:
    """The peer's side of the negotiated stream; the real source address is learnt anew from its first good packets.

    `host` is an IP address. `send`: the peer wants to hear; `receive`: the peer will talk, so its silence is reported.
    `ptime_ms` is the peer's wish (RFC 8866 6.4): what is made here goes out in packets of 10, 20, 30, 40 or 60 ms, the longest
    of these that is not longer; a relay keeps its source's size. RTCP goes to `rtcp_port` (0: the one after `port`), or to
    `port` itself when `rtcp_mux` (RFC 5761) was agreed. `comfort_noise`: the peer takes payload type 13 (RFC 3389);
    `hush_payload_type`: and by this one to be told that a play was broken off.
    `srtp` protects both directions; said again with the same keys, the streams go on. `tones`: the peer's keys are tones in the
    sound; they are looked for while nobody hears the leg.
    """

    do: ClassVar[str] = "remote"
    leg: str
    host: str
    port: int
    codec: Codec
    payload_type: int
    dtmf_payload_type: int | None = None
    ptime_ms: int = 20
    send: bool = True
    receive: bool = True
    rtcp_port: int = 0
    rtcp_mux: bool = False
    comfort_noise: bool = False
    hush_payload_type: int | None = None
    srtp: Srtp | None = None
    tones: bool = False


@dataclass(frozen=True, slots=True)
class Play:
    """Play WAV files (8 kHz mono 16 bit) one after the other, in place of what plays; repeated for ever with `loop`.

    The event Played(leg, play, …) comes once unless the play is replaced or stopped.
    """

    do: ClassVar[str] = "play"
    leg: str
    play: int
    files: tuple[str, ...]
    loop: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """End the leg's play, if any."""

    do: ClassVar[str] = "stop"
    leg: str


@dataclass(frozen=True, slots=True)
class Mix:
    """Who hears whom from now on, for each of `legs`; one that `hears` does not name hears its own play or silence.

    A leg that plays while mixed hears the play first, then the mix: an announcement is a Play after the Mix.
    """

    do: ClassVar[str] = "mix"
    legs: tuple[str, ...]
    hears: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Record:
    """Record what is heard from two legs into a stereo A-law WAV, or from `left` alone (`right` is "") into one of one channel,
    until StopRecord or until its legs are closed.

    It ends by itself after `max_s` seconds, and when nobody has spoken for `silence_s` (0: never; SpeechMeter tells how that is
    measured, once a second); with `silence_s` the file ends soon after the last words however the recording ended, and is empty
    when there were none. One that has ended by itself doesn't begin anew when it is ordered again.
    `path` is absolute; while it runs the file bears another name (wav.part_path). Reply {"path": str}.
    """

    do: ClassVar[str] = "record"
    recording: str
    path: str
    left: str
    right: str = ""
    max_s: float = 0.0
    silence_s: float = 0.0

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if not (0 <= self.max_s <= MAX_RECORD_S and 0 <= self.silence_s <= MAX_RECORD_S):
            raise ValueError(f"max_s and silence_s are 0 to {MAX_RECORD_S}")

    @property
    def legs(self) -> tuple[str, ...]:
        """Who is recorded, a channel each."""
        return (self.left, self.right) if self.right else (self.left,)


@dataclass(frozen=True, slots=True)
class StopRecord:
    """Finish the recording. Reply {"frames": samples a side, "gaps": int, "path": str} once the file has its final name.

    An unknown recording is answered with frames 0 and an empty path.
    """

    do: ClassVar[str] = "stop_record"
    recording: str


@dataclass(frozen=True, slots=True)
class Hear:
    """Send what the leg says, for this turn, to the datagram socket at the absolute path `socket` (speech/frames.py), until
    Unhear, another Hear, the leg's close, or the engine's end. What does not get there at once is dropped."""

    do: ClassVar[str] = "hear"
    leg: str
    turn: int
    socket: str

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if not 0 <= self.turn < 1 << 64:
            raise ValueError("turn is a number of 64 bits")


@dataclass(frozen=True, slots=True)
class Unhear:
    """End that, if it is still this turn that hears. Reply {"frames": int, "dropped": int}; an unknown leg is fine."""

    do: ClassVar[str] = "unhear"
    leg: str
    turn: int


@dataclass(frozen=True, slots=True)
class Close:
    """Free the leg's port; the leg leaves all mixes. An unknown leg is fine."""

    do: ClassVar[str] = "close"
    leg: str


@dataclass(frozen=True, slots=True)
class List:
    """Reply: the same snapshot as Hello's."""

    do: ClassVar[str] = "list"


@dataclass(frozen=True, slots=True)
class Stats:
    """Reply: counters since the process started, {name: number}; of a `leg`, its Quality as it is now, without the names."""

    do: ClassVar[str] = "stats"
    leg: str = ""


Command: TypeAlias = Hello | Open | Remote | Play | Stop | Mix | Record | StopRecord | Hear | Unhear | Close | List | Stats

# Events


@dataclass(frozen=True, slots=True)
class Digit:
    """A key was pressed (RFC 4733, or a tone in the sound), reported once, at its end: "0"-"9", "*", "#", "A"-"D"."""

    type: ClassVar[str] = "digit"
    leg: str
    digit: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Played:
    """A play came to its end. `finished` is False when a file of it could not be read."""

    type: ClassVar[str] = "played"
    leg: str
    play: int
    finished: bool


@dataclass(frozen=True, slots=True)
class Silent:
    """Nothing was received for so long though the peer should talk. Comes once until something is heard again."""

    type: ClassVar[str] = "silent"
    leg: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Recording:
    """Trouble with, or the end of, a recording.

    gap: the disk is too slow, silence takes the place of frames; failed: it has ended because the file can't be written;
    stopped: it has ended without a StopRecord (its legs closed, or the engine stayed away); silence, limit: it has ended by
    itself, because nobody spoke any more or after max_s; low_space: it has ended, or not begun, because the disk is full up to
    the reserve. Where the file is complete (stopped, silence, limit) `detail` is its path, and `seconds` its length.
    """

    type: ClassVar[str] = "recording"
    recording: str
    what: Trouble
    detail: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Quality:
    """How a leg's stream was, told once at the close of one that lived a second or longer (RFC 3550 6.4).

    `sent` and `received` packets; `lost`, `duplicates` and `reordered` of those that the peer sent; `jitter_ms` between their
    arrivals. What the peer's reports say is None as long as there was none: the round trip, and `remote_lost` and
    `remote_jitter_ms` of what it got from us. `lost` can't be below 0, `remote_lost` can (the peer counts duplicates as gain).
    """

    type: ClassVar[str] = "quality"
    leg: str
    call: str
    sent: int
    received: int
    lost: int
    duplicates: int
    reordered: int
    jitter_ms: float
    rtt_ms: float | None = None
    remote_lost: int | None = None
    remote_jitter_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Unheard:
    """Of a turn's `frames` so many did not get to the speech process: it is too slow, or gone. Told at the turn's end."""

    type: ClassVar[str] = "unheard"
    leg: str
    turn: int
    frames: int
    dropped: int


Message: TypeAlias = Digit | Played | Silent | Recording | Quality | Unheard


# The snapshot


@dataclass(frozen=True, slots=True)
class LegState:
    """A leg as media holds it: `remote` is where it sends to ("" when nowhere), `heard_s` how long ago it heard anything."""

    call: str
    port: int
    remote: str
    codec: str
    playing: int | None
    hears: tuple[str, ...]
    heard_s: float


@dataclass(frozen=True, slots=True)
class RecordingState:
    """A running recording; `right` is "" where it is one leg's."""

    recording: str
    path: str
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that media holds. `instance` is new with each start of the process: another one means that all legs are gone."""

    instance: str
    legs: Mapping[str, LegState]
    recordings: tuple[RecordingState, ...]
    last_event: int
