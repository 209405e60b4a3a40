"""The tables of hotline.toml, each with its keys, their meanings and defaults (config.py reads them)."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from ivr.dialplan import NumberFormat, TrunkPlan
from ivr.sip.guard import Policy
from ivr.sip.listener import Listener
from ivr.sip.locating import Place
from ivr.sip.uri import parse_uri
from storage.hours import parse_spans


def _network(text: str) -> str:
    ip_network(text)
    return text


def as_ip(text: str) -> str:
    """An IP address as it is written here. Raises ValueError."""
    return str(ip_address(text))


def _fixed_contact(text: str) -> str:
    if text and parse_uri(text).address is None:
        raise ValueError("the host of a seat's fixed contact must be an IP address")
    return text


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Number = Annotated[str, Field(pattern=r"^[0-9*#+]{1,20}$")]
Called = Annotated[str, Field(pattern=r"^[A-Za-z0-9*#+._-]{1,64}$")]
"""The user part of a called address: mostly a landing number, a name where a PBX calls by names."""
Network = Annotated[str, AfterValidator(_network)]
Port = Annotated[int, Field(ge=1, le=65535)]
Ip = Annotated[str, AfterValidator(as_ip)]
MaybeIp = Annotated[str, AfterValidator(lambda text: text and as_ip(text))]
Server = Annotated[str, AfterValidator(lambda text: text and str(Place.parse(text)))]
Dscp = Annotated[int, Field(ge=0, le=63)]
MAIN = "main"
"""The listener that [sip] describes."""


class Section(BaseModel):
    """A table of hotline.toml; a key it doesn't know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)  # what isn't used costs no time at start


class Listening(Section):
    """Where SIP is listened to, and the addresses that peers are told of it. All hosts are IP addresses."""

    host: Ip = "127.0.0.1"
    port: Port = 5060
    advertised_host: MaybeIp = ""
    """Written into Via and Contact, of a host behind 1:1 NAT; empty means `host`."""
    media_advertised_host: MaybeIp = ""
    """Written into SDP; empty means `advertised_host` where that is given, else where RTP is bound."""
    local_networks: tuple[Network, ...] = ()
    """Peers there reach us without the NAT: they are told the bound addresses."""

    def listener(self, media_host: str) -> Listener:
        """As the user agent sees it. media_host: where RTP is bound unless this table says another."""
        return Listener(
            self.host,
            self.port,
            advertised_host=self.advertised_host,
            media_bind=media_host,
            media_advertised_host=self.media_advertised_host or self.advertised_host,
            local_networks=tuple(ip_network(text) for text in self.local_networks),
        )


class Sip(Listening):
    """The first listener, "main" (UDP), and how this node names itself."""

    dscp: Dscp = 24
    """Of the signalling; 24 is CS3."""
    dns_servers: tuple[Server, ...] = ()
    """Who is asked for the names of trunks' servers; empty means the system's servers."""
    max_connections: int = Field(default=2000, ge=1)
    max_connections_per_host: int = Field(default=200, ge=1)
    """TCP and TLS connections of each listener."""
    realm: str = "hotline"
    sha256: bool = False
    """Offer telephones the digest by SHA-256 before that by MD5 (RFC 8760). Some try the first offer only, and can't register
    then."""
    session_expires_s: int = Field(default=1800, ge=90, le=86400)
    """A call that nobody refreshes for so long is over, at peers that know session timers (RFC 4028)."""
    min_se_s: int = Field(default=90, ge=90, le=86400)
    """Peers that want calls refreshed more often are refused (422)."""
    max_calls: int = Field(default=500, ge=1)
    """Live calls on this node above which new ones are answered 503."""
    max_call_rate: float = Field(default=0.0, ge=0)
    """New calls a second above which further ones are answered 503; 0: any number."""


LISTENER_FILES = {"certificate", "private_key", "ca"}


class OtherListener(Listening):
    """One more listener. A `transport` of tls needs `certificate` and `private_key` (PEM files)."""

    name: Name
    transport: Literal["udp", "tcp", "tls"] = "udp"
    media_host: MaybeIp = ""
    """Where RTP of its calls is bound; empty means `[media] host`."""
    certificate: Path | None = None
    private_key: Path | None = None
    srtp: Literal["", "off", "optional", "required"] = ""
    """Whether RTP of its calls is encrypted (RFC 4568); empty means required on tls and off elsewhere."""
    ca: Path | None = None
    """Who signs the certificates of servers that we connect to; none means the system's authorities."""
    verify: bool = True
    """Whether servers that we connect to must prove their names."""

    def listener(self, media_host: str) -> Listener:
        """As the user agent sees it."""
        srtp = self.srtp or ("required" if self.transport == "tls" else "off")
        found = super().listener(self.media_host or media_host)
        return replace(found, name=self.name, transport=self.transport, srtp=srtp)

    @model_validator(mode="after")
    def _certificates(self) -> OtherListener:
        for key in sorted(LISTENER_FILES):
            file = getattr(self, key)
            if file is not None and not file.is_file():
                raise ValueError(f"listeners.{self.name}.{key}: there is no file {file}")
            if file is None and key != "ca" and self.transport == "tls":
                raise ValueError(f"listeners.{self.name}.{key}: needed for tls")
        return self


class Media(Section):
    """The media processes and the UDP ports they share out among themselves."""

    host: Ip = "127.0.0.1"
    port_min: Port = 20000
    port_max: Port = 24999
    dscp: Dscp = 46
    """Of RTP; 46 is EF."""
    processes: int = Field(default=1, ge=1, le=64)
    rtp_timeout_s: float = Field(default=30.0, gt=0)
    """A leg that hears nothing for so long while it should is reported and its call ended."""
    orphan_s: float = Field(default=60.0, gt=0)
    """How long legs are kept, relayed and recorded while no engine is connected."""

    min_free_mb: int = Field(default=1024, ge=0)
    """Below so much free disk nothing more is recorded; calls go on."""
    loops: Literal["auto", "python", "fast"] = "auto"
    """Whether packets pass in C ("fast") or in Python; "auto": in C where that was built. Both do the same, C for less CPU."""

    @model_validator(mode="after")
    def _enough_ports(self) -> Media:
        if self.port_max - self.port_min < 2 * self.processes:
            raise ValueError(f"media.port_min {self.port_min} to media.port_max {self.port_max} is too small a range")
        return self


class Trunk(Section):
    """Where calls come from: told by source address; landing numbers (落地号码) are mapped to hotlines. And where they go out:
    servers are written host, host:port or, for SRV records, as a name alone."""

    name: Name
    listener: Name = MAIN
    """The listener that we speak to this trunk by."""
    own_listener: bool = False
    """Whether nobody else comes by that listener, and the trunk by no other: it may share addresses with other trunks then."""
    networks: tuple[Network, ...] = ()
    """Where the operator's calls come from, beside the addresses of the servers named here."""
    proxy: Server = ""
    """Where calls go out; empty means `registrar`."""
    registrar: Server = ""
    """Where we register; empty means `proxy`."""
    outbound_proxy: Server = ""
    """Stands before both: everything is sent there, with a Route."""
    domain: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]*$")] = ""
    """Of our address of record and of the numbers called; empty means the registrar's or proxy's host."""
    registers: bool = Field(default=False, alias="register")
    username: Annotated[str, Field(pattern=r"^[A-Za-z0-9*#+._-]{0,64}$")] = ""
    """User part of the address of record, mostly the number (IMPU)."""
    auth_username: str = ""
    """User of the digest, where it is another (IMPI)."""
    password: SecretStr = SecretStr("")
    expires_s: int = Field(default=3600, ge=60, le=86400)
    user_phone: bool = False
    """Whether our URIs bear user=phone."""
    called_from: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]*$")] = ""
    """The header whose number was dialled ("To", "P-Called-Party-ID"); empty means the Request-URI."""
    large_over_tcp: bool = False
    """Requests above 1300 bytes go by a tcp listener on the same host (RFC 3261 18.1.1); only for a trunk that takes TCP."""
    takes_register: bool = False
    """Its REGISTERs are answered 200 and nothing is bound: for a PBX that calls only where it could register. Its address says
    who it is all the same."""
    ping_s: float = Field(default=30.0, ge=0, le=3600)
    """Each of its addresses is sent OPTIONS so often; 0 for never."""
    in_band_dtmf: Literal["auto", "always", "never"] = "auto"
    """Whether keys are looked for in callers' sound: auto, where the trunk agreed on no telephone-event (RFC 4733)."""
    early_media: bool = False
    """Whether its callers hear a menu's first announcements before the answer (183), where it passes them on: the answer comes
    at the first node that listens, a queue, or a notice; a menu that ends before that refuses the call."""
    limit_callers: bool = True
    """Whether `[callers] max_calls` counts its calls; not where a PBX shows one number for all its callers."""
    numbers: dict[Called, Name]
    home_area_code: Annotated[str, Field(pattern=r"^0\d{2,3}$")] | None = None
    """The trunk's own area code (0471): local callers arrive without it."""
    caller_ids: tuple[Called, ...] = ()
    """Numbers that calls out may show, the usual one first; none: no calls out."""
    number_format: NumberFormat = "national"
    """How this trunk wants called numbers (ivr/dialplan.py)."""
    allow_prefixes: tuple[Annotated[str, Field(pattern=r"^\+?[0-9]{1,15}$")], ...] = ()
    """Numbers that begin so may be called through this trunk; none: nothing goes out. Premium numbers and abroad need a prefix
    of their own ("96", "+852")."""

    @property
    def plan(self) -> TrunkPlan:
        return TrunkPlan(self.name, self.caller_ids, self.number_format, self.allow_prefixes, self.home_area_code)

    @property
    def ip_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(ip_network(text) for text in self.networks)

    @property
    def first_hop(self) -> Place:
        """Where calls are sent."""
        return Place.parse(self.outbound_proxy or self.proxy or self.registrar)

    @property
    def registrar_hop(self) -> Place:
        """Where REGISTER is sent."""
        return Place.parse(self.outbound_proxy or self.registrar or self.proxy)

    @property
    def own_domain(self) -> str:
        """ "" for a trunk that only brings calls."""
        server = self.registrar or self.proxy
        return self.domain or (Place.parse(server).bare_host if server else "")

    @model_validator(mode="after")
    def _whole(self) -> Trunk:
        where = f"trunks.{self.name}"
        servers = self.registrar or self.proxy
        if not servers and not self.networks:
            raise ValueError(f"{where}.networks: needed where neither proxy nor registrar is named")
        if not servers and (self.registers or self.outbound_proxy):
            raise ValueError(f"{where}.registrar: needed for {'register' if self.registers else 'outbound_proxy'}")
        if self.own_listener and self.listener == MAIN:
            raise ValueError(f"{where}.own_listener: it needs a listener of [[listeners]]")
        if self.registers and not self.username:
            raise ValueError(f"{where}.username: needed for register")
        return self


class Hotline(Section):
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,59}$")]
    title: str = ""
    menu: Path | None = None
    """YAML of the menu that is published where nothing is yet (docs/menus.md); relative paths are looked for beside
    hotline.toml, then in the packaged prompts/menus/."""


class Queue(Section):
    name: Name
    title: str = ""
    ring_timeout_s: float = Field(default=20.0, gt=0)
    time_limit_s: float = Field(default=600.0, gt=0)
    """The longest wait; then a goodbye is played and a return call is owed."""
    wrap_up_s: float = Field(default=15.0, ge=0)
    set_aside_s: float = Field(default=60.0, gt=0)
    """How long a seat that did not answer or refused gets no further call."""
    in_time_s: float | None = Field(default=None, gt=0)
    """Answered within so many seconds counts for the service level; left out: as `[followup] in_time_s`."""
    record: bool = True
    music: str = "music"
    number: Number | None = None
    """What a seat dials or transfers a caller to, to put the caller in line here."""
    caller_id: Called | Literal[""] = ""
    """What its seats' calls out show; one of the trunk's caller_ids, empty for the first."""


class Seat(Section):
    """An agent's telephone and agent number (工号)."""

    number: Annotated[str, Field(pattern=r"^\d{1,8}$")]
    name: str = ""
    password: SecretStr
    queues: tuple[Name, ...]
    contact: Annotated[str, AfterValidator(_fixed_contact)] = ""
    """SIP URI of a telephone that does not register (a desk telephone with a fixed address); its host is an IP address."""
    phone: Number | Literal[""] = ""
    """Number of a mobile that is this seat's telephone, dialled through `trunk`; whoever answers there has to press 1."""
    trunk: Name | Literal[""] = ""
    """What this seat's calls out go through; empty for the first trunk that lets a number out."""
    may_record: bool = False
    """Whether it may record what all callers hear (`[codes] record`)."""

    @property
    def fixed(self) -> bool:
        """Whether it is dialled without being registered."""
        return bool(self.contact or self.phone)


class Voice(Section):
    """Who speaks texts that nobody recorded (docs/prompts.md)."""

    engine: Literal["espeak", "piper", "sherpa"] = "espeak"
    models: dict[str, Path] = {}
    """By language, for piper (an .onnx file) and sherpa (a folder); relative paths are looked for beside hotline.toml."""
    cache_mb: int = Field(default=200, ge=1)
    """What was said is kept in data_dir/voice; what was not used for longest goes first."""

    @model_validator(mode="after")
    def _models(self) -> Voice:
        if self.engine != "espeak" and not self.models:
            raise ValueError(f"voice.models: needed for {self.engine}")
        for language, path in self.models.items():
            if not path.exists():
                raise ValueError(f"voice.models.{language}: there is no {path}")
        return self


class Followup(Section):
    gave_up_after_s: float = Field(default=5.0, ge=0)
    """A caller who hung up waiting after so long is owed a return call (回电)."""
    due_working_hours: float = Field(default=2.0, gt=0)
    quiet_hours: tuple[str, ...] = ("12:00-14:00", "21:00-08:00")
    """When customers rest, every day: no next try is set then, and its beginning is warned of."""
    retry_minutes: tuple[Annotated[float, Field(gt=0, le=7 * 1440)], ...] = Field(default=(30.0, 120.0, 240.0), min_length=1)
    """How long after the first, second, … try without an answer the next one is; the last holds for all that follow."""
    in_time_s: float = Field(default=20.0, gt=0)
    """Answered within so many seconds counts for the service level (服务水平) of queues that don't say otherwise."""

    @model_validator(mode="after")
    def _hours(self) -> Followup:
        parse_spans(self.quiet_hours)
        return self


class Guard(Section):
    """When a stranger's address is banned (ivr/sip/guard.py): what it may do within window_s, and for how long it is banned."""

    max_failures: int = Field(default=30, ge=1)
    """Wrong passwords; as many more for each telephone that is registered from that address."""
    max_names: int = Field(default=20, ge=1)
    """Different numbers or accounts asked for that don't exist here."""
    max_garbage: int = Field(default=300, ge=1)
    """Datagrams that are no SIP or concern nobody here."""
    window_s: float = Field(default=300.0, gt=0)
    ban_s: float = Field(default=600.0, gt=0)
    """The first ban; each one that follows is twice as long."""
    ban_max_s: float = Field(default=86400.0, gt=0)
    exempt: tuple[Network, ...] = ()
    """Networks that are never banned. Trunks and registered telephones need not stand here."""

    @property
    def policy(self) -> Policy:
        exempt = tuple(ip_network(text) for text in self.exempt)
        return Policy(**{**self.model_dump(), "exempt": exempt})


class Callers(Section):
    """Who is turned away before the answer: numbers on the block list, and those that call too often."""

    status: Literal[486, 603] = 603
    """What they are told: 603 Decline, or 486 Busy Here."""
    max_calls: int = Field(default=30, ge=0)
    """Calls of one number within window_s on this node that are let in; 0: any number. A trunk can be left out
    (limit_callers)."""
    unlimited: tuple[Annotated[str, Field(pattern=r"^\+?[0-9]{3,20}$")], ...] = ()
    """Numbers that max_calls doesn't count: a PBX that shows one for all its callers."""
    window_s: float = Field(default=60.0, gt=0)
