"""Settings of one installation: hotline.toml, then HOTLINE_* variables over it; a wrong key or value fails at start, by its
name.

Top-level scalars of a table are reached from the environment as HOTLINE_<TABLE>_<KEY>: HOTLINE_SIP_PORT=5070,
HOTLINE_CONSOLE_PORT=8081, HOTLINE_REDIS_URL=redis://…, HOTLINE_SQL_URL=…, HOTLINE_DATA_DIR=…. Lists (trunks, hotlines,
queues, seats) live in the file only.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import tomllib
from collections.abc import Mapping
from datetime import date, time
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

SAMPLE = Path(__file__).parent / "sample.toml"
"""The settings used where no hotline.toml is found: the sample hotline of `hotline serve`."""


LONGEST_RUN_DIR = 85
"""Bytes; a unix socket's path holds 107 on Linux, 103 on macOS."""


class ConfigError(ValueError):
    """A setting is missing or wrong; the text names the file and each key."""


def _network(text: str) -> str:
    ip_network(text)
    return text


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Number = Annotated[str, Field(pattern=r"^[0-9*#+]{1,20}$")]
Network = Annotated[str, AfterValidator(_network)]
Port = Annotated[int, Field(ge=1, le=65535)]


class Section(BaseModel):
    """A table of hotline.toml; a key it doesn't know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Sip(Section):
    """The SIP listener (UDP) and how this node names itself."""

    host: str = "127.0.0.1"
    port: Port = 5060
    advertised_host: str = ""
    """Address written into Via, Contact and SDP; empty means `host`."""
    realm: str = "hotline"
    max_calls: int = Field(default=500, ge=1)
    """Live calls on this node above which new ones are answered 503."""

    @property
    def public_host(self) -> str:
        return self.advertised_host or self.host


class Media(Section):
    """The media processes and the UDP ports they share out among themselves."""

    host: str = "127.0.0.1"
    port_min: Port = 20000
    port_max: Port = 24999
    processes: int = Field(default=1, ge=1, le=64)
    rtp_timeout_s: float = Field(default=30.0, gt=0)
    """A leg that hears nothing for so long while it should is reported and its call ended."""
    orphan_s: float = Field(default=60.0, gt=0)
    """How long legs are kept, relayed and recorded while no engine is connected."""

    min_free_mb: int = Field(default=1024, ge=0)
    """Below so much free disk nothing more is recorded; calls go on."""

    @model_validator(mode="after")
    def _enough_ports(self) -> Media:
        if self.port_max - self.port_min < 2 * self.processes:
            raise ValueError(f"media.port_min {self.port_min} to media.port_max {self.port_max} is too small a range")
        return self


class Console(Section):
    host: Literal["127.0.0.1", "::1", "localhost"] = "127.0.0.1"
    """Loopback only: the console has no login yet."""
    port: Port = 8080
    language: Literal["zh", "en"] = "zh"


class Trunk(Section):
    """Where calls come from: told by source address; landing numbers (落地号码) are mapped to hotlines."""

    name: Name
    networks: tuple[Network, ...]
    numbers: dict[Number, Name]
    home_area_code: Annotated[str, Field(pattern=r"^0\d{2,3}$")] | None = None
    """The trunk's own area code (0471): local callers arrive without it."""

    @property
    def ip_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(ip_network(text) for text in self.networks)


class Hotline(Section):
    name: Name
    title: str = ""
    menu: Path
    """YAML of the menu; relative paths are looked for beside hotline.toml, then in the packaged prompts/menus/."""


class Queue(Section):
    name: Name
    title: str = ""
    ring_timeout_s: float = Field(default=20.0, gt=0)
    time_limit_s: float = Field(default=600.0, gt=0)
    """The longest wait; then a goodbye is played and a return call is owed."""
    wrap_up_s: float = Field(default=15.0, ge=0)
    set_aside_s: float = Field(default=60.0, gt=0)
    """How long a seat that did not answer or refused gets no further call."""
    record: bool = True
    music: str = "music"


class Seat(Section):
    """An agent's telephone and agent number (工号)."""

    number: Annotated[str, Field(pattern=r"^\d{1,8}$")]
    name: str = ""
    password: SecretStr
    queues: tuple[Name, ...]


class Codes(Section):
    """What a seat dials to change its own status."""

    sign_on: Number = "*81"
    sign_off: Number = "*80"
    take_break: Number = "*82"
    back: Number = "*83"


class Hours(Section):
    """Working hours of a plain week, Chinese statutory holidays and make-up workdays, and an overlay of single days."""

    time_zone: str = "Asia/Shanghai"
    open: time = time(9, 0)
    close: time = time(18, 0)
    workdays: tuple[Annotated[int, Field(ge=1, le=7)], ...] = (1, 2, 3, 4, 5)
    """ISO weekdays, 1 is Monday."""
    country: str = "CN"
    days_off: tuple[date, ...] = ()
    extra_workdays: tuple[date, ...] = ()

    @model_validator(mode="after")
    def _order(self) -> Hours:
        if self.open >= self.close:
            raise ValueError(f"hours.open {self.open} must be before hours.close {self.close}")
        return self


class Followup(Section):
    gave_up_after_s: float = Field(default=5.0, ge=0)
    """A caller who hung up waiting after so long is owed a return call (回电)."""
    due_working_hours: float = Field(default=2.0, gt=0)


class Settings(Section):
    """The whole file. `load()` reads, merges and checks it."""

    node: Name = "node1"
    data_dir: Path = Path("var")
    redis_url: str = ""
    """redis:// or unix://; empty: only `hotline serve` runs, with a Redis of its own in data_dir."""
    sql_url: str = ""
    """SQLAlchemy URL; empty: SQLite in data_dir."""
    recordings_dir: Path | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    sip: Sip = Sip()
    media: Media = Media()
    console: Console = Console()
    hours: Hours = Hours()
    followup: Followup = Followup()
    codes: Codes = Codes()
    trunks: tuple[Trunk, ...] = ()
    hotlines: tuple[Hotline, ...] = ()
    queues: tuple[Queue, ...] = ()
    seats: tuple[Seat, ...] = ()

    @model_validator(mode="after")
    def _references(self) -> Settings:
        for kind, names in (
            ("trunks", [t.name for t in self.trunks]),
            ("hotlines", [h.name for h in self.hotlines]),
            ("queues", [q.name for q in self.queues]),
            ("seats", [s.number for s in self.seats]),
        ):
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"{kind}: {name!r} stands there twice")
        hotlines = {h.name for h in self.hotlines}
        queues = {q.name for q in self.queues}
        for trunk in self.trunks:
            for number, hotline in trunk.numbers.items():
                if hotline not in hotlines:
                    raise ValueError(f"trunks.{trunk.name}.numbers.{number}: there is no hotline {hotline!r}")
        for seat in self.seats:
            for queue in seat.queues:
                if queue not in queues:
                    raise ValueError(f"seats.{seat.number}.queues: there is no queue {queue!r}")
        for i, one in enumerate(self.trunks):
            for two in self.trunks[i + 1 :]:
                for a in one.ip_networks:
                    for b in two.ip_networks:
                        if a.version == b.version and a.overlaps(b):
                            raise ValueError(f"trunks.{one.name} and trunks.{two.name} share addresses: {a} and {b}")
        return self

    @property
    def recordings(self) -> Path:
        return self.recordings_dir or self.data_dir / "recordings"

    @property
    def run_dir(self) -> Path:
        """Control sockets of this node: in data_dir, or in a short directory of the temp dir where a socket's path would be
        too long."""
        inside = self.data_dir / "run"
        if len(os.fsencode(inside)) <= LONGEST_RUN_DIR:
            return inside
        digest = hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"hotline-{os.getuid()}-{digest}"

    def make_directories(self) -> None:
        """Make what the processes write to. Raises ConfigError for one that is somebody else's."""
        for directory in (self.data_dir, self.recordings):
            directory.mkdir(parents=True, exist_ok=True)
        self.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.run_dir.stat().st_uid != os.getuid():
            raise ConfigError(f"data_dir: {self.run_dir} belongs to another user")

    @property
    def database_url(self) -> str:
        return self.sql_url or f"sqlite:///{self.data_dir / 'hotline.db'}"

    def queue(self, name: str) -> Queue:
        return next(q for q in self.queues if q.name == name)


def find_file() -> Path:
    """hotline.toml named by HOTLINE_CONFIG, else in the working directory, else the packaged sample."""
    named = os.environ.get("HOTLINE_CONFIG")
    if named:
        return Path(named)
    here = Path("hotline.toml")
    return here if here.exists() else SAMPLE


def load(path: Path | None = None, environ: Mapping[str, str] = os.environ, **overrides: Any) -> Settings:
    """Read the settings. `overrides` are top-level values that win over all (the demo's ports).

    Raises ConfigError with the file and the key of every fault.
    """
    path = path or find_file()
    try:
        with path.open("rb") as file:
            values: dict[str, Any] = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    _merge(values, _from_environment(environ))
    _merge(values, overrides)
    for hotline in values.get("hotlines", []):
        if isinstance(hotline, dict) and isinstance(hotline.get("menu"), str):
            hotline["menu"] = _menu_path(hotline["menu"], path.parent)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(str(p) for p in e['loc']) or 'file'}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{path}: {faults}") from error
    return settings.model_copy(update={"data_dir": settings.data_dir.absolute()})


def _menu_path(text: str, beside: Path) -> Path:
    here = beside / text
    return here if here.exists() else Path(__file__).parent.parent / "prompts" / "menus" / text


_SECTIONS = {name: field for name, field in Settings.model_fields.items() if name in {"sip", "media", "console", "followup"}}


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for variable, text in environ.items():
        if not variable.startswith("HOTLINE_") or variable == "HOTLINE_CONFIG" or text == "":
            continue
        key = variable.removeprefix("HOTLINE_").lower()
        section, _, rest = key.partition("_")
        if section in _SECTIONS and rest:
            values.setdefault(section, {})[rest] = text
        elif key in Settings.model_fields:
            values[key] = text
        else:
            raise ConfigError(f"{variable}: no such setting")
    return values


def _merge(values: dict[str, Any], over: Mapping[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(values.get(key), dict):
            _merge(values[key], value)
        else:
            values[key] = value
