"""What a console needs to know of its installation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from console.proxies import Network
from console.reasons import Reason
from console.sessionlimits import Limits
from followup.calendar import Calendar
from followup.windows import Window
from ivr.flow.check import Facts
from ivr.flow.simulate import Texts
from prompts.voicecache import VoiceCache


@dataclass(frozen=True, slots=True)
class Workshop:
    """What menus and prompts are made with. `prompts`: the folder of the hotline's own prompts; `voice` speaks texts; `facts`:
    what menus are held against now; `texts`: the words of prompts as they are now."""

    prompts: Path
    voice: VoiceCache
    facts: Callable[[], Facts]
    texts: Callable[[], Texts]


@dataclass(frozen=True, slots=True)
class Trunk:
    """A trunk as the settings have it, without what is secret. server: where calls go out, "" for one that only brings calls;
    numbers: landing numbers to hotlines; ping_s: 0 where it is not asked whether it lives."""

    name: str
    listener: str
    server: str = ""
    registers: bool = False
    ping_s: float = 0.0
    numbers: Mapping[str, str] = field(default_factory=dict)
    networks: tuple[str, ...] = ()
    caller_ids: tuple[str, ...] = ()
    allow_prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueSetting:
    """A queue as the settings have it: times in seconds (routing.limits.QUEUE_S) and music."""

    name: str
    terms: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SeatSetting:
    """A seat as the settings have it."""

    number: str
    name: str
    queues: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConsoleOptions:
    """Settings of the console. `language` is "zh" or "en": shown to who asks for neither.

    `url` is where people reach it, for links. `trusted_hosts` are the names it is reached by: a foreign page must not reach it
    by another name that leads here. `trusted_proxies` are believed whom they speak for, and that it came by TLS; with
    `tls_only` nobody else but this machine gets pages; with `plain_http` they go beyond it in the clear. `link_file` gets the
    link that creates the first administrator. `live_views` bounds the open live pages; each holds one thread of the server.
    `in_time_s`: answered within so many seconds counts for the service level of calls that no queue's own goal judges.
    `seats`: agent numbers and names.
    The reasons are what seats choose from, none: they aren't asked; while somebody writes, a wrap-up goes on for
    `wrap_up_renew_s`, at most `wrap_up_max_s` in all.
    `calendars`, `trunks`, `queues` and `seat_settings`: as the settings have them; `music`: prompts there are in each language.
    `node`, `run_dir`: whose processes it can see for itself (storage/signs.py).
    Without a `workshop` there are no pages of menus and prompts.
    """

    redis_url: str
    sql_url: str
    recordings_dir: Path
    language: str = "zh"
    time_zone: str = "Asia/Shanghai"
    url: str = "http://127.0.0.1:8080/"
    trusted_hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    trusted_proxies: tuple[Network, ...] = ()
    tls_only: bool = False
    plain_http: bool = False
    limits: Limits = field(default_factory=Limits)
    link_file: Path | None = None
    node: str = ""
    run_dir: Path | None = None
    hotline_titles: Mapping[str, str] = field(default_factory=dict)
    queue_titles: Mapping[str, str] = field(default_factory=dict)
    seats: Mapping[str, str] = field(default_factory=dict)
    live_views: int = 200
    window: Window = field(default_factory=Window)
    in_time_s: float = 20.0
    break_reasons: tuple[Reason, ...] = ()
    wrap_up_reasons: tuple[Reason, ...] = ()
    wrap_up_renew_s: float = 30.0
    wrap_up_max_s: float = 300.0
    calendars: tuple[Calendar, ...] = (Calendar(),)
    trunks: tuple[Trunk, ...] = ()
    queues: tuple[QueueSetting, ...] = ()
    seat_settings: tuple[SeatSetting, ...] = ()
    music: tuple[str, ...] = ()
    workshop: Workshop | None = None
