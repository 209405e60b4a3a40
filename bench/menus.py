"""How soon callers hear a menu that was published: `python bench/menus.py [TIMES] [CALLS]`.

The whole site (bench/site.py); CALLS of the load client walk through menus meanwhile, as in `make bench`. TIMES versions of
another hotline's menu are saved and published by a supervisor's program over `/api/v1`. Told is the time from before the
request to publish until the engine has the version for each new call, which it logs in the moment in which that is so.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.live import whole_site
from bench.load import SETTLE_S, Level
from console import accounts, sessions
from console.changes import SYSTEM
from console.roles import Role
from storage.sql import open_database
from tests.console.wire import employ

HOTLINE = "plain"
HOLD_S = 13.5
EVERY_S = 0.5
PATIENCE_S = 30.0
SEATS = 1
COLUMNS = "publishing | times | calls | in effect ms p50 | p95 (to reach 1000) | worst | missed | others"


@dataclass(frozen=True, slots=True)
class Measured:
    """Times in ms, sorted. missed: not in effect within PATIENCE_S; others: cores this run did not use, 0 without calls."""

    times: int
    calls: int
    late_ms: list[float]
    missed: int
    others: float


class Supervisor:
    """A program that works by a supervisor's token."""

    def __init__(self, sql_url: str, http: int) -> None:
        employ(sql_url, "editor", Role.SUPERVISOR)
        database = open_database(sql_url)
        key = sessions.make_token(database, accounts.find(database, "editor"), "bench", SYSTEM, time.time())
        database.dispose()
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._revision = 0
        self._menu = f"http://127.0.0.1:{http}/api/v1/menus/{HOTLINE}"

    def save(self, source: str) -> None:
        """As the draft."""
        self._revision = int(self._ask("PUT", "/draft", {"source": source, "revision": self._revision})["revision"])

    def publish(self) -> None:
        """The draft."""
        self._ask("POST", "/publish", {"revision": self._revision, "note": "bench"})

    def source(self) -> str:
        """What was published first."""
        return str(self._ask("GET", "/versions/1")["source"])

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._menu + path, data, self._headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return dict(json.load(answer))


async def measure(times: int, calls: int) -> Measured:
    """Start the site, have the calls made, publish."""
    async with whole_site(SEATS) as (directory, client, http):
        editor = await asyncio.to_thread(Supervisor, f"sqlite:///{directory}/var/hotline.db", http)
        source = await asyncio.to_thread(editor.source)
        window_s = times * (EVERY_S + 0.5)
        load = Level(calls, ["ivr"], HOLD_S, window_s=window_s, digit_at_s=8.3)
        making = asyncio.create_task(asyncio.to_thread(client.level, load)) if calls else None
        await asyncio.sleep(HOLD_S + SETTLE_S if calls else 1.0)
        log, late_s = directory / "var" / "log" / "engine.log", []
        for turn in range(times):
            await asyncio.to_thread(editor.save, f"{source.rstrip()}\n# {turn}\n")
            read, began = log.stat().st_size, time.monotonic()
            publishing = asyncio.create_task(asyncio.to_thread(editor.publish))
            took = await _until_in_use(log, read, began)
            await publishing
            late_s += [took] if took is not None else []
            await asyncio.sleep(EVERY_S)
        others = (await making).others_cores if making else 0.0
    return Measured(times, calls, sorted(1000 * took for took in late_s), times - len(late_s), others)


async def _until_in_use(log: Path, read: int, began: float) -> float | None:
    """Seconds until the engine's log has the line behind the byte `read`; None: not within PATIENCE_S."""
    with log.open(encoding="utf-8") as file:
        file.seek(read)
        said = ""
        while "menus are published" not in said:
            if time.monotonic() - began > PATIENCE_S:
                return None
            await asyncio.sleep(0.002)
            said += file.read()
        return time.monotonic() - began


def row(seen: Measured) -> str:
    """A row of COLUMNS."""
    if len(seen.late_ms) < 2:
        return f"menus-{seen.calls} | {seen.times} | {seen.calls} | nothing came | | | {seen.missed} | {seen.others:.1f}"
    cuts = statistics.quantiles(seen.late_ms, n=20, method="inclusive")
    return (
        f"menus-{seen.calls} | {seen.times} | {seen.calls} | {cuts[9]:.0f} | {cuts[18]:.0f} | {seen.late_ms[-1]:.0f} "
        f"| {seen.missed} of {seen.times} | {seen.others:.1f}"
    )


def main() -> None:
    """The command: [TIMES] [CALLS]."""
    times, calls = [*map(int, sys.argv[1:]), *(20, 200)[len(sys.argv) - 1 :]]
    print(f"| {COLUMNS} |\n|" + " --- |" * (COLUMNS.count("|") + 1), flush=True)
    print(f"| {row(asyncio.run(measure(times, calls)))} |", flush=True)


if __name__ == "__main__":
    main()
