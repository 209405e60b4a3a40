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
from dataclasses import replace
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError, model_validator

from ivr.calendarsettings import Calendar
from ivr.codesettings import Codes
from ivr.consolesettings import Console
from ivr.desksettings import Desks
from ivr.dialplan import Callee, DialPlan, Refused
from ivr.gatewaysettings import TOKEN_VARIABLE, Gateway, Twilio, derived
from ivr.lookup import Lookup
from ivr.sections import (
    LISTENER_FILES,
    MAIN,
    Callers,
    Followup,
    Guard,
    Hotline,
    Media,
    Name,
    OtherListener,
    Queue,
    Seat,
    Section,
    Sip,
    Trunk,
    Voice,
)
from ivr.sip.listener import Listener
from ivr.speechsettings import Speech

SAMPLE = Path(__file__).parent / "sample.toml"
"""The settings used where no hotline.toml is found: the sample hotline of `hotline serve`."""


LONGEST_RUN_DIR = 85
"""Bytes; a unix socket's path holds 107 on Linux, 103 on macOS."""


class ConfigError(ValueError):
    """A setting is missing or wrong; the text names the file and each key."""


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
    followup: Followup = Followup()
    desks: Desks = Desks()
    codes: Codes = Codes()
    guard: Guard = Guard()
    callers: Callers = Callers()
    calendars: tuple[Calendar, ...] = ()
    voice: Voice = Voice()
    speech: Speech = Speech()
    listeners: tuple[OtherListener, ...] = ()
    trunks: tuple[Trunk, ...] = ()
    hotlines: tuple[Hotline, ...] = ()
    queues: tuple[Queue, ...] = ()
    seats: tuple[Seat, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    gateway: Gateway = Gateway()
    twilio: Twilio | None = None

    @model_validator(mode="before")
    @classmethod
    def _gateway_trunk(cls, values: Any) -> Any:
        """Twilio's callers come by a trunk, which needs not be written twice: it is one more listener and trunk."""
        if not isinstance(values, dict) or values.get("twilio") is None:
            return values
        try:
            found = derived(Gateway.model_validate(values.get("gateway", {})), Twilio.model_validate(values["twilio"]))
        except ValidationError:
            return values  # the fields' own validation tells what is wrong, by its name
        listener, trunk = found
        return {
            **values,
            "listeners": [*values.get("listeners", ()), listener],
            "trunks": [*values.get("trunks", ()), trunk],
        }

    @model_validator(mode="after")
    def _references(self) -> Settings:
        for kind, names in (
            ("listeners", [MAIN, *(one.name for one in self.listeners)]),
            ("calendars", [calendar.name for calendar in self.calendars]),
            ("trunks", [t.name for t in self.trunks]),
            ("hotlines", [h.name for h in self.hotlines]),
            ("queues", [q.name for q in self.queues]),
            ("seats", [s.number for s in self.seats]),
            ("lookups", [one.name for one in self.lookups]),
        ):
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"{kind}: {name!r} stands there twice")
        hotlines = {h.name for h in self.hotlines}
        queues = {q.name for q in self.queues}
        listeners = {MAIN, *(one.name for one in self.listeners)}
        for trunk in self.trunks:
            if trunk.listener not in listeners:
                raise ValueError(f"trunks.{trunk.name}.listener: there is no listener {trunk.listener!r}")
            for number, hotline in trunk.numbers.items():
                if hotline not in hotlines:
                    raise ValueError(f"trunks.{trunk.name}.numbers.{number}: there is no hotline {hotline!r}")
        for seat in self.seats:
            for queue in seat.queues:
                if queue not in queues:
                    raise ValueError(f"seats.{seat.number}.queues: there is no queue {queue!r}")
        for i, one in enumerate(self.trunks):
            for two in self.trunks[i + 1 :]:
                if (one.own_listener or two.own_listener) and one.listener != two.listener:
                    continue
                for a in one.ip_networks:
                    for b in two.ip_networks:
                        accounts = one.registers and two.registers and one.username != two.username
                        if a.version == b.version and a.overlaps(b) and not accounts:
                            raise ValueError(f"trunks.{one.name} and trunks.{two.name} share addresses: {a} and {b}")
        return self

    @property
    def prompts(self) -> Path:
        """This hotline's own prompts, <language>/<name>.wav, laid over the packaged ones."""
        return self.data_dir / "prompts"

    @model_validator(mode="after")
    def _places(self) -> Settings:
        """Each listener has a place of its own, and an address that peers can be told."""
        taken: dict[tuple[bool, str, int], str] = {}
        for listener in self.all_listeners:
            where = "sip" if not listener.name else f"listeners.{listener.name}"
            other = taken.setdefault((listener.reliable, listener.host, listener.port), where)
            if other != where:
                raise ValueError(f"{where}.port: {listener.host}:{listener.port} is taken by {other}")
            for key, told, bound in (
                ("advertised_host", listener.advertised_host, listener.host),
                ("media_advertised_host", listener.media_advertised_host, listener.media_bind),
            ):
                if ip_address(bound).is_unspecified and (not told or listener.local_networks):
                    raise ValueError(f"{where}.{key}: {bound} is no address that peers can be told; name one")
        return self

    @property
    def all_listeners(self) -> tuple[Listener, ...]:
        """The listeners as the user agent sees them, [sip]'s first."""
        return tuple(one.listener(self.media.host) for one in (self.sip, *self.listeners))

    @model_validator(mode="after")
    def _calls_out(self) -> Settings:
        """What is to go out can go out, and numbers inside mean one thing."""
        plans = {trunk.name: trunk.plan for trunk in self.trunks}
        known = {number for plan in plans.values() for number in plan.caller_ids}
        shown = {queue.name: queue.caller_id for queue in self.queues}
        for queue in self.queues:
            if queue.caller_id and queue.caller_id not in known:
                raise ValueError(f"queues.{queue.name}.caller_id: no trunk has {queue.caller_id!r} among its caller_ids")
        for seat in self.seats:
            if seat.trunk and seat.trunk not in plans:
                raise ValueError(f"seats.{seat.number}.trunk: there is no trunk {seat.trunk!r}")
            own = next((shown.get(queue, "") for queue in seat.queues), "")  # its own calls follow its first queue
            if seat.trunk and own and own not in plans[seat.trunk].caller_ids:
                raise ValueError(f"seats.{seat.number}.trunk: its calls show {own!r}, none of {seat.trunk}'s caller_ids")
            if not seat.phone:
                continue
            if not seat.trunk or seat.contact:
                raise ValueError(f"seats.{seat.number}.phone: it needs a trunk, and no contact beside it")
            way = plans[seat.trunk].outgoing(seat.phone)
            if isinstance(way, Refused):
                raise ValueError(f"seats.{seat.number}.phone: {seat.phone} may not go out through {seat.trunk}: {way.why}")
        inside = [seat.number for seat in self.seats] + [queue.number for queue in self.queues if queue.number]
        inside += {number for trunk in self.trunks for number in trunk.numbers}
        inside += self.codes.numbers
        for number in inside:
            if inside.count(number) > 1:
                raise ValueError(f"{number!r} is the number of more than one of seats, queues, hotlines and codes")
        return self

    @property
    def dial_plan(self) -> DialPlan:
        """What every number leads to."""
        return DialPlan(
            {seat.number: self._called_at(seat) for seat in self.seats},
            {number: hotline for trunk in self.trunks for number, hotline in trunk.numbers.items()},
            {queue.number: queue.name for queue in self.queues if queue.number},
            tuple(trunk.plan for trunk in self.trunks),
            self.codes.rating,
        )

    def _called_at(self, seat: Seat) -> Callee:
        """How a seat is called: at its registered telephone, or at a mobile."""
        if not seat.phone:
            return Callee(seat.number)
        way = next(trunk.plan.outgoing(seat.phone) for trunk in self.trunks if trunk.name == seat.trunk)
        assert isinstance(way, Callee), "checked at start"
        return replace(way, seat=seat.number, confirm=True)

    @cached_property
    def recordings(self) -> Path:
        return self.recordings_dir or self.data_dir / "recordings"

    @property
    def run_dir(self) -> Path:
        """Control sockets of this node: in data_dir, or in a short directory of the temp dir, or of /tmp, where a socket's
        path would be too long."""
        inside = self.data_dir / "run"
        if len(os.fsencode(inside)) <= LONGEST_RUN_DIR:
            return inside
        digest = hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:16]
        temporary = Path(tempfile.gettempdir()) / f"hotline-{os.getuid()}-{digest}"
        return temporary if len(os.fsencode(temporary)) <= LONGEST_RUN_DIR else Path("/tmp") / temporary.name

    @property
    def gateway_sign(self) -> Path:
        """The socket by which the engine sees that the gateway lives (lifesign.py)."""
        return self.run_dir / "gateway.sock"

    @property
    def link_file(self) -> Path:
        """Where the console leaves the link that creates the first administrator, for `serve` to show."""
        return self.run_dir / "first-link"

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

    @property
    def all_calendars(self) -> tuple[Calendar, ...]:
        """The calendars, among them one named "default"."""
        default = () if any(one.name == "default" for one in self.calendars) else (Calendar(),)
        return (*default, *self.calendars)

    def calendar(self, name: str) -> Calendar:
        return next(one for one in self.all_calendars if one.name == name)

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
    if "hours" in values:
        raise ConfigError(
            f'{path}: hours: this table is now [[calendars]] with name = "default": docs/menus.md, "Working hours"'
        )
    if isinstance(values.get("twilio"), dict) and "auth_token" in values["twilio"]:
        raise ConfigError(f"{path}: twilio.auth_token: it stands in no settings file: {TOKEN_VARIABLE}, or auth_token_file")
    if "twilio" not in values:  # a token that lies about in the environment makes no account
        environ = {name: text for name, text in environ.items() if name != TOKEN_VARIABLE}
    _merge(values, _from_environment(environ))
    _merge(values, overrides)
    for hotline in values.get("hotlines", []):
        if isinstance(hotline, dict) and isinstance(hotline.get("menu"), str):
            hotline["menu"] = _menu_path(hotline["menu"], path.parent)
    for listener in values.get("listeners", []):
        if isinstance(listener, dict):
            for key in LISTENER_FILES & listener.keys():
                listener[key] = path.parent / str(listener[key])
    for lookup in values.get("lookups", []):
        if isinstance(lookup, dict) and "secret_file" in lookup:
            lookup["secret_file"] = path.parent / str(lookup["secret_file"])
    twilio = values.get("twilio")
    if isinstance(twilio, dict) and "auth_token_file" in twilio:
        twilio["auth_token_file"] = path.parent / str(twilio["auth_token_file"])
    voice = values.get("voice")
    if isinstance(voice, dict) and isinstance(voice.get("models"), dict):
        voice["models"] = {language: path.parent / str(model) for language, model in voice["models"].items()}
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(str(p) for p in e['loc']) or 'file'}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{path}: {faults}") from error
    return settings.model_copy(update={"data_dir": settings.data_dir.absolute()})


def _menu_path(text: str, beside: Path) -> Path:
    here = beside / text
    return here if here.exists() else Path(__file__).parent.parent / "prompts" / "menus" / text


_IN_ENVIRONMENT = {"sip", "media", "console", "followup", "desks", "guard", "callers", "voice", "speech", "gateway", "twilio"}
_SECTIONS = {name: field for name, field in Settings.model_fields.items() if name in _IN_ENVIRONMENT}


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
