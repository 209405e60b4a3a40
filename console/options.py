"""What a console needs to know of its installation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ConsoleOptions:
    """Settings of the console. `language` is "zh" or "en": shown to who asks for neither.

    `trusted_hosts` are the names the console is reached by: as it has no login, a foreign page must not reach it by a name
    that leads here. `live_views` bounds the open live pages; each holds one thread of the server.
    """

    redis_url: str
    sql_url: str
    recordings_dir: Path
    language: str = "zh"
    time_zone: str = "Asia/Shanghai"
    trusted_hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    hotline_titles: Mapping[str, str] = field(default_factory=dict)
    queue_titles: Mapping[str, str] = field(default_factory=dict)
    live_views: int = 80
