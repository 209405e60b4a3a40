"""Session descriptions (RFC 8866) and offer/answer (RFC 3264) for one audio stream: A-law, µ-law and telephone-event (RFC
4733)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any, Literal

Codec = Literal["PCMA", "PCMU"]
Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]

DTMF = "TELEPHONE-EVENT"
OUR_DTMF = 101
PREFER: tuple[Codec, ...] = ("PCMA", "PCMU")
_STATIC: dict[int, str] = {0: "PCMU/8000", 8: "PCMA/8000"}
_TYPES: dict[Codec, int] = {"PCMA": 8, "PCMU": 0}
_DIRECTIONS: tuple[Direction, ...] = ("sendrecv", "sendonly", "recvonly", "inactive")
_MIRROR: dict[Direction, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}
_MAX_LINES = 500


class SdpError(ValueError):
    """The description can't be read, or holds no audio that we can speak. Answer 488."""


@dataclass(frozen=True, slots=True)
class Media:
    """One m= section. formats: as written after the protocol. codecs: payload type → "NAME/RATE", upper case. host: of its
    own or the session's c=."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    host: str = ""
    codecs: Mapping[int, str] = field(default_factory=dict)
    ptime_ms: int = 20
    direction: Direction = "sendrecv"


@dataclass(frozen=True, slots=True)
class Session:
    """A session description: what offer/answer needs of it. session_id and version are those of its o= line."""

    session_id: int
    version: int
    media: tuple[Media, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """The negotiated audio: where our packets go and how they are coded. direction is seen from us; held: the peer has put
    us on hold (it offered sendonly or inactive, or the address 0.0.0.0)."""

    host: str
    port: int
    codec: Codec
    payload_type: int
    dtmf_payload_type: int | None
    ptime_ms: int = 20
    direction: Direction = "sendrecv"
    held: bool = False

    @property
    def sends(self) -> bool:
        """Whether we may send."""
        return self.direction in {"sendrecv", "sendonly"}

    @property
    def receives(self) -> bool:
        """Whether packets of the peer are to be expected."""
        return self.direction in {"sendrecv", "recvonly"}

    def to_json(self) -> dict[str, Any]:
        """A JSON object; from_json() takes it back."""
        return {
            "host": self.host,
            "port": self.port,
            "codec": self.codec,
            "payload_type": self.payload_type,
            "dtmf_payload_type": self.dtmf_payload_type,
            "ptime_ms": self.ptime_ms,
            "direction": self.direction,
            "held": self.held,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Stream:
        """The Stream that to_json() wrote."""
        return cls(**data)


def parse(data: bytes) -> Session:
    """Read a description. SdpError for what is none; unknown lines are passed over (RFC 8866 5)."""
    try:
        lines = data.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
        return _parse(lines)
    except (ValueError, IndexError) as error:
        raise SdpError(
            f"not a session description: {error}" if isinstance(error, SdpError) else "not a session description"
        ) from error


def _parse(lines: Sequence[str]) -> Session:
    if len(lines) > _MAX_LINES or not lines[0].startswith("v="):
        raise SdpError("no v= line" if len(lines) <= _MAX_LINES else "too long")
    session_id = version = 0
    host, direction, ptime_ms = "", _DIRECTIONS[0], 20
    media: list[Media] = []
    for line in lines:
        key, value = line[:2], line[2:].strip()
        if key == "o=":
            _, first, second, *_ = value.split()
            session_id, version = _natural(first), _natural(second)
        elif key == "m=":
            kind, port, protocol, *formats = value.split()
            media.append(
                Media(
                    kind,
                    _port(port),
                    protocol,
                    tuple(formats),
                    host=host,
                    codecs=_codecs(formats),
                    direction=direction,
                    ptime_ms=ptime_ms,
                )
            )
        elif key == "c=":
            connection = value.split()[2].partition("/")[0]
            if media:
                media[-1] = replace(media[-1], host=connection)
            else:
                host = connection
        elif key == "a=" and value in _DIRECTIONS:
            if media:
                media[-1] = replace(media[-1], direction=value)
            else:
                direction = value
        elif key == "a=" and value.startswith("ptime:"):
            ptime = _ptime(value)
            if media:
                media[-1] = replace(media[-1], ptime_ms=ptime)
            else:
                ptime_ms = ptime
        elif key == "a=" and value.startswith("rtpmap:") and media:
            payload_type, _, encoding = value[7:].strip().partition(" ")
            name, _, rate = encoding.strip().upper().partition("/")
            codecs = {**media[-1].codecs, int(payload_type): f"{name}/{rate.partition('/')[0]}"}
            media[-1] = replace(media[-1], codecs=codecs)
    return Session(session_id, version, tuple(media))


def _natural(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else 0


def _port(text: str) -> int:
    port = int(text.partition("/")[0])
    if not 0 <= port <= 65535:
        raise SdpError("port out of range")
    return port


def _ptime(value: str) -> int:
    ptime = round(float(value[6:]))
    return ptime if 10 <= ptime <= 200 else 20


def _codecs(formats: Sequence[str]) -> dict[int, str]:
    return {int(text): _STATIC[int(text)] for text in formats if text in {"0", "8"}}


def _audio(session: Session) -> int:
    """The index of the first m= section that we can take."""
    for index, media in enumerate(session.media):
        if media.kind == "audio" and media.port and media.protocol in {"RTP/AVP", "RTP/AVPF"} and _choose(media, PREFER):
            return index
    raise SdpError("no common codec")


def _choose(media: Media, prefer: Sequence[Codec]) -> tuple[Codec, int] | None:
    offered = [int(text) for text in media.formats if text.isascii() and text.isdigit() and int(text) < 128]
    for codec in prefer:
        for payload_type in offered:
            if media.codecs.get(payload_type) == f"{codec}/8000":
                return codec, payload_type
    return None


def _literal(host: str) -> None:
    """Names in c= (RFC 8866 5.7) are not looked up: whoever sends one is told so, instead of a call that nobody hears."""
    try:
        ip_address(host)
    except ValueError:
        raise SdpError("no IP address in c=") from None


def _stream(media: Media, prefer: Sequence[Codec]) -> Stream:
    chosen = _choose(media, prefer)
    if chosen is None:
        raise SdpError("no common codec")
    _literal(media.host)
    offered = {int(text) for text in media.formats if text.isascii() and text.isdigit() and int(text) < 128}
    dtmf = next((pt for pt, encoding in media.codecs.items() if pt in offered and encoding == f"{DTMF}/8000"), None)
    nowhere = media.host in {"0.0.0.0", "::"}  # the hold of RFC 2543, still sent by old devices
    direction: Direction = "inactive" if nowhere else _MIRROR[media.direction]
    return Stream(
        media.host,
        media.port,
        chosen[0],
        chosen[1],
        dtmf,
        ptime_ms=media.ptime_ms,
        direction=direction,
        held=nowhere or media.direction in {"sendonly", "inactive"},
    )


def build(
    *,
    host: str,
    session_id: int,
    version: int,
    media: Sequence[Media],
    name: str = "hotline",
) -> bytes:
    """Write a description whose address is `host` everywhere. A Media of port 0 is a refused or unused one."""
    net = "IP6" if ":" in host else "IP4"
    lines = ["v=0", f"o={name} {session_id} {version} IN {net} {host}", f"s={name}", f"c=IN {net} {host}", "t=0 0"]
    for one in media:
        lines.append(f"m={one.kind} {one.port} {one.protocol} {' '.join(one.formats)}")
        if one.port == 0:
            continue
        for payload_type, encoding in one.codecs.items():
            written = encoding.replace(DTMF, "telephone-event")
            lines.append(f"a=rtpmap:{payload_type} {written}")
            if encoding.startswith(DTMF):
                lines.append(f"a=fmtp:{payload_type} 0-15")
        lines += [f"a=ptime:{one.ptime_ms}", f"a={one.direction}"]
    return ("\r\n".join(lines) + "\r\n").encode()


def _ours(port: int, codecs: Mapping[int, str], direction: Direction, ptime_ms: int = 20) -> Media:
    return Media(
        "audio", port, "RTP/AVP", tuple(str(pt) for pt in codecs), codecs=codecs, direction=direction, ptime_ms=ptime_ms
    )  # fmt: skip


def offer(
    *, host: str, port: int, session_id: int, version: int, direction: Direction = "sendrecv", prefer: Sequence[Codec] = PREFER
) -> bytes:
    """Our offer of one audio stream at host:port. version rises by one with each changed description of a dialog (RFC 3264
    8)."""
    codecs = {_TYPES[codec]: f"{codec}/8000" for codec in prefer}
    codecs[OUR_DTMF] = f"{DTMF}/8000"
    return build(host=host, session_id=session_id, version=version, media=[_ours(port, codecs, direction)])


def answer(
    offer: bytes | Session,
    *,
    host: str,
    port: int,
    session_id: int,
    version: int,
    prefer: Sequence[Codec] = PREFER,
) -> tuple[bytes, Stream]:
    """Answer an offer: its first audio we can speak is taken, every other m= line is refused with port 0 in its place (RFC
    3264 6).

    The offer's payload types are kept. SdpError when there is no common codec: answer 488.
    """
    session = parse(offer) if isinstance(offer, bytes) else offer
    taken = _audio(session)
    stream = _stream(session.media[taken], prefer)
    codecs = {stream.payload_type: f"{stream.codec}/8000"}
    if stream.dtmf_payload_type is not None:
        codecs[stream.dtmf_payload_type] = f"{DTMF}/8000"
    media = [
        replace(_ours(port, codecs, stream.direction, stream.ptime_ms), protocol=one.protocol)
        if index == taken
        else Media(one.kind, 0, one.protocol, one.formats or ("0",))
        for index, one in enumerate(session.media)
    ]
    return build(host=host, session_id=session_id, version=version, media=media), stream


def accept(answer: bytes, prefer: Sequence[Codec] = PREFER) -> Stream:
    """The stream that an answer to our offer() agreed on. SdpError when the answer refuses the audio or can't be spoken."""
    session = parse(answer)
    if not session.media:
        raise SdpError("no media")
    first = session.media[0]
    if first.kind != "audio" or first.port == 0:
        raise SdpError("audio refused")
    chosen = [codec for codec in PREFER if codec in prefer]
    # The answerer's first format is what it will send: follow its order, not ours.
    order = [first.codecs.get(int(text), "") for text in first.formats if text.isascii() and text.isdigit()]
    chosen.sort(key=lambda codec: order.index(f"{codec}/8000") if f"{codec}/8000" in order else len(order))
    return _stream(first, chosen)
