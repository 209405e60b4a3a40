"""Session descriptions (RFC 8866) and offer/answer (RFC 3264) for one audio stream: A-law, µ-law and telephone-event (RFC
4733)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from ivr.media.control import Srtp
from ivr.sip import sdes
from ivr.sip.sdes import Crypto
from ivr.sip.uri import is_ip

Codec = Literal["PCMA", "PCMU"]
Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]

DTMF = "TELEPHONE-EVENT"
OUR_DTMF = 101
HUSH = "X-HUSH"
"""Packets that say: what was sent before, and isn't heard yet, is not to be heard (media.outgoing). The gateway takes them, and
nobody else."""
OUR_HUSH = 102
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
_PROTOCOLS = {"RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF"}
_MAX_LINES = 500
_NOISE = 13  # RFC 3389


class SdpError(ValueError):
    """The description can't be read, or holds no audio that we can speak. Answer 488."""


@dataclass(frozen=True, slots=True)
class Media:
    """One m= section. formats: as written after the protocol. codecs: payload type → "NAME/RATE", upper case. host: of its
    own or the session's c=. rtcp_port: 0 when a=rtcp (RFC 3605) names none."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    host: str = ""
    codecs: Mapping[int, str] = field(default_factory=dict)
    ptime_ms: int = 20
    direction: Direction = "sendrecv"
    crypto: tuple[Crypto, ...] = ()
    max_ptime_ms: int = 200
    rtcp_port: int = 0
    rtcp_mux: bool = False

    @property
    def secure(self) -> bool:
        """Whether packets are protected by the very protocol."""
        return self.protocol.startswith("RTP/SAVP")


@dataclass(frozen=True, slots=True)
class Session:
    """A session description: what offer/answer needs of it. session_id and version are those of its o= line."""

    session_id: int
    version: int
    media: tuple[Media, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """The negotiated audio: where our packets go and how they are coded. direction is seen from us; held: the peer has put
    us on hold (it offered sendonly or inactive, or the address 0.0.0.0). rtcp_mux: RTCP shares RTP's port (RFC 5761);
    comfort_noise: payload type 13 may come and go (RFC 3389); hush_payload_type: the peer takes HUSH by it."""

    host: str
    port: int
    codec: Codec
    payload_type: int
    dtmf_payload_type: int | None
    ptime_ms: int = 20
    direction: Direction = "sendrecv"
    held: bool = False
    srtp: Srtp | None = None
    rtcp_port: int = 0
    rtcp_mux: bool = False
    comfort_noise: bool = False
    hush_payload_type: int | None = None

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
            "srtp": asdict(self.srtp) if self.srtp else None,
            "rtcp_port": self.rtcp_port,
            "rtcp_mux": self.rtcp_mux,
            "comfort_noise": self.comfort_noise,
            "hush_payload_type": self.hush_payload_type,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Stream:
        """The Stream that to_json() wrote."""
        srtp = data.get("srtp")
        return cls(**{**data, "srtp": Srtp(**srtp) if srtp else None})


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
    media: list[dict[str, Any]] = []
    for line in lines:
        key, value = line[:2], line[2:].strip()
        if key == "o=":
            _, first, second, *_ = value.split()
            session_id, version = _natural(first), _natural(second)
        elif key == "m=":
            kind, port, protocol, *formats = value.split()
            media.append(
                {
                    "kind": kind,
                    "port": _port(port),
                    "protocol": protocol,
                    "formats": tuple(formats),
                    "host": host,
                    "codecs": _codecs(formats),
                    "direction": direction,
                    "ptime_ms": ptime_ms,
                }
            )
        elif key == "c=":
            connection = value.split()[2].partition("/")[0]
            if media:
                media[-1]["host"] = connection
            else:
                host = connection
        elif key == "a=" and value in _DIRECTIONS:
            if media:
                media[-1]["direction"] = value
            else:
                direction = value
        elif key == "a=" and value.startswith("ptime:"):
            ptime = _ptime(value)
            if media:
                media[-1]["ptime_ms"] = ptime
            else:
                ptime_ms = ptime
        elif key == "a=" and value.startswith("maxptime:") and media:
            media[-1]["max_ptime_ms"] = max(10, int(value[9:]))
        elif key == "a=" and value.startswith("rtcp:") and media:
            media[-1]["rtcp_port"] = _port(value[5:].split()[0])
        elif key == "a=" and value == "rtcp-mux" and media:
            media[-1]["rtcp_mux"] = True
        elif key == "a=" and value.startswith("rtpmap:") and media:
            payload_type, _, encoding = value[7:].strip().partition(" ")
            name, _, rate = encoding.strip().upper().partition("/")
            media[-1]["codecs"][int(payload_type)] = f"{name}/{rate.partition('/')[0]}"
        elif key == "a=" and media and (crypto := sdes.parse(value)):
            media[-1]["crypto"] = (*media[-1].get("crypto", ()), crypto)
    return Session(session_id, version, tuple(Media(**fields) for fields in media))


def _natural(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else 0


def _port(text: str) -> int:
    port = int(text.partition("/")[0])
    if not 0 <= port <= 65535:
        raise SdpError("port out of range")
    return port


def _ptime(value: str) -> int:
    ptime = float(value[6:])
    return round(ptime) if 10 <= ptime <= 200 else 20


def _codecs(formats: Sequence[str]) -> dict[int, str]:
    return {int(text): _STATIC[int(text)] for text in formats if text in {"0", "8"}}


def _audio(session: Session, secured: bool, required: bool) -> int:
    """The index of the m= section to take: the first that we can speak, protected before plain."""
    found = [
        (not (secured and media.crypto), index)
        for index, media in enumerate(session.media)
        if media.kind == "audio" and media.port and media.protocol in _PROTOCOLS and _choose(media, PREFER)
        if (secured and media.crypto) or not (media.secure or required)
    ]
    if not found:
        raise SdpError("no common codec or protection")
    return min(found)[1]


def _choose(media: Media, prefer: Sequence[Codec]) -> tuple[Codec, int] | None:
    offered = [int(text) for text in media.formats if text.isascii() and text.isdigit() and int(text) < 128]
    for codec in prefer:
        for payload_type in offered:
            if media.codecs.get(payload_type) == f"{codec}/8000":
                return codec, payload_type
    return None


def _literal(host: str) -> None:
    """Names in c= (RFC 8866 5.7) are not looked up: whoever sends one is told so, instead of a call that nobody hears."""
    if not is_ip(host):
        raise SdpError("no IP address in c=")


def _stream(media: Media, prefer: Sequence[Codec], srtp: Srtp | None) -> Stream:
    chosen = _choose(media, prefer)
    if chosen is None:
        raise SdpError("no common codec")
    _literal(media.host)
    offered = {int(text) for text in media.formats if text.isascii() and text.isdigit() and int(text) < 128}
    named = {encoding: pt for pt, encoding in reversed([*media.codecs.items()]) if pt in offered}
    nowhere = media.host in {"0.0.0.0", "::"}  # the hold of RFC 2543, still sent by old devices
    direction: Direction = "inactive" if nowhere else _MIRROR[media.direction]
    return Stream(
        media.host,
        media.port,
        chosen[0],
        chosen[1],
        named.get(f"{DTMF}/8000"),
        ptime_ms=min(media.ptime_ms, media.max_ptime_ms),
        direction=direction,
        held=nowhere or media.direction in {"sendonly", "inactive"},
        srtp=srtp,
        rtcp_port=media.rtcp_port,
        rtcp_mux=media.rtcp_mux,
        comfort_noise=str(_NOISE) in media.formats,
        hush_payload_type=named.get(f"{HUSH}/8000"),
    )


def _srtp(theirs: Sequence[Crypto], key: str) -> Srtp | None:
    return Srtp(theirs[0].suite, key, theirs[0].key) if theirs else None


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
        lines += [f"a={crypto.attribute}" for crypto in one.crypto]
        lines += ["a=rtcp-mux"] if one.rtcp_mux else []
        lines += [f"a=ptime:{one.ptime_ms}", f"a={one.direction}"]
    return ("\r\n".join(lines) + "\r\n").encode()


def _ours(
    port: int,
    codecs: Mapping[int, str],
    direction: Direction,
    ptime_ms: int = 20,
    *,
    protocol: str = "RTP/AVP",
    crypto: tuple[Crypto, ...] = (),
    rtcp_mux: bool = False,
) -> Media:
    return Media(
        "audio",
        port,
        protocol,
        tuple(str(pt) for pt in codecs),
        codecs=codecs,
        direction=direction,
        ptime_ms=ptime_ms,
        crypto=crypto,
        rtcp_mux=rtcp_mux,
    )


def offer(
    *,
    host: str,
    port: int,
    session_id: int,
    version: int,
    direction: Direction = "sendrecv",
    prefer: Sequence[Codec] = PREFER,
    srtp_key: str = "",
    srtp_required: bool = False,
    hush: bool = False,
) -> bytes:
    """Our offer of one audio stream at host:port. version rises by one with each changed description of a dialog (RFC 3264
    8). `srtp_key` (sdes.key) offers SRTP, by RTP/SAVP where `srtp_required`, else as telephones do that can also do without: a
    key beside RTP/AVP. `hush`: we take HUSH."""
    codecs = {_TYPES[codec]: f"{codec}/8000" for codec in prefer}
    codecs |= {_NOISE: "CN/8000", OUR_DTMF: f"{DTMF}/8000"}
    if hush:
        codecs[OUR_HUSH] = f"{HUSH}/8000"
    protocol = "RTP/SAVP" if srtp_key and srtp_required else "RTP/AVP"
    crypto = (Crypto(1, sdes.SUITES[0], srtp_key),) if srtp_key else ()
    ours = _ours(port, codecs, direction, protocol=protocol, crypto=crypto)
    return build(host=host, session_id=session_id, version=version, media=[ours])


def answer(
    offer: bytes | Session,
    *,
    host: str,
    port: int,
    session_id: int,
    version: int,
    prefer: Sequence[Codec] = PREFER,
    srtp_key: str = "",
    srtp_required: bool = False,
    hush: bool = False,
) -> tuple[bytes, Stream]:
    """Answer an offer: its first audio we can speak is taken, every other m= line is refused with port 0 in its place (RFC
    3264 6).

    The offer's payload types are kept. With `srtp_key` an offer of SRTP is taken, by its first suite that we know; without, or
    where the peer offers none though it is `srtp_required`, there is nothing in common. SdpError for that: answer 488. `hush`:
    we take HUSH, which need not have been offered (RFC 3264 6.1).
    """
    session = parse(offer) if isinstance(offer, bytes) else offer
    taken = _audio(session, srtp_key != "", srtp_required)
    theirs = session.media[taken].crypto[:1] if srtp_key else ()
    stream = _stream(session.media[taken], prefer, _srtp(theirs, srtp_key))
    crypto = tuple(replace(each, key=srtp_key) for each in theirs)
    codecs = {stream.payload_type: f"{stream.codec}/8000"}
    if stream.dtmf_payload_type is not None:
        codecs[stream.dtmf_payload_type] = f"{DTMF}/8000"
    if stream.comfort_noise:
        codecs[_NOISE] = "CN/8000"
    if hush and OUR_HUSH not in codecs:
        codecs[OUR_HUSH] = f"{HUSH}/8000"
    media = [
        _ours(port, codecs, stream.direction, stream.ptime_ms, protocol=one.protocol, crypto=crypto, rtcp_mux=one.rtcp_mux)
        if index == taken
        else Media(one.kind, 0, one.protocol, one.formats or ("0",))
        for index, one in enumerate(session.media)
    ]
    return build(host=host, session_id=session_id, version=version, media=media), stream


def accept(answer: bytes, prefer: Sequence[Codec] = PREFER, *, srtp_key: str = "", srtp_required: bool = False) -> Stream:
    """The stream that an answer to our offer() of the same key agreed on. SdpError when the answer refuses the audio, can't be
    spoken, or leaves unprotected what must not be."""
    # The first, unless we have sent an answer of ours again, which keeps what it refused.
    first = next((media for media in parse(answer).media if media.kind == "audio" and media.port), None)
    if first is None:
        raise SdpError("audio refused")
    chosen = [codec for codec in PREFER if codec in prefer]
    # The answerer's first format is what it will send: follow its order, not ours.
    order = [first.codecs.get(int(text), "") for text in first.formats if text.isascii() and text.isdigit()]
    chosen.sort(key=lambda codec: order.index(f"{codec}/8000") if f"{codec}/8000" in order else len(order))
    theirs = first.crypto[:1] if srtp_key else ()
    if not theirs and (first.secure or srtp_required):
        raise SdpError("no common protection")
    return replace(_stream(first, chosen, _srtp(theirs, srtp_key)), rtcp_mux=False)  # we don't offer it
