"""`make bench`: starts the site (bench/serve.sh), drives it with the load client, prints what a live call costs as a table.

    python bench/table.py                        all workloads, about 14 minutes
    python bench/table.py ivr-400 set-up         some of them (their names are the table's first column)

Needs sipp (Debian: sip-tester) and a C compiler for the client's RTP half; the site needs neither, nor does gateway-50, which
has no site. CPU is that of all our processes: engine, media, scribe, console, Redis, serve. On a busy machine only figures of
one run are comparable; `others` tells how many cores the rest of the machine used meanwhile, `late` how late the client itself
was at worst.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.gateway import COLUMNS as GATEWAY_COLUMNS
from bench.gateway import measure, row
from bench.live import COLUMNS as LIVE_COLUMNS
from bench.live import Measured as LiveMeasured
from bench.live import measure as measure_live
from bench.live import row as live_row
from bench.load import Client, Level, LoadFailed, Measured
from bench.menus import COLUMNS as MENU_COLUMNS
from bench.menus import measure as measure_menus
from bench.menus import row as menus_row
from bench.running import site
from bench.seats import measure as measure_seats

HERE = Path(__file__).parent
SEATS = [f"q{index}" for index in range(600)]

LEVELS: dict[str, tuple[Level, str]] = {
    **{f"ivr-{calls}": (Level(calls, ["ivr"], 13.5, digit_at_s=8.3), "1.6") for calls in (10, 50, 100, 200, 400, 800)},
    **{f"queue-{calls}": (Level(calls, SEATS, 21.0, agents=True), "3.0") for calls in (100, 200)},
    "one-queue-50": (Level(50, ["all"], 21.0, agents=True), "3.0"),
}
"""By name: the load, and the CPU ms per call-second to reach."""

GATEWAY = "gateway-50"
"""Streams of Twilio's, by themselves (bench/gateway.py)."""
LIVE = "live-200"
"""Live pages beside calls, on a site of their own (bench/live.py)."""
DESKS = "seats-200"
"""The same for the pages of 200 seats (bench/seats.py)."""
MENUS = "menus-200"
"""Menus published beside calls (bench/menus.py)."""
PARTS = ("engine", "media", "scribe", "redis")
LEVEL_COLUMNS = " | ".join(
    (
        "workload", "calls", "CPU ms per call-s (to reach)", *PARTS, "p99 gap ms callers, seats", "worst", "failed",
        "packets per call", "RSS MB", "late ms", "others",
    )
)  # fmt: skip
SET_UP_COLUMNS = " | ".join(
    ("set-up, calls/s", "CPU ms per call (to reach)", *PARTS, "failed", "repeated", "INVITE to 200 ms p50, p99")
)


def main() -> None:
    """See the module."""
    known = [*LEVELS, "set-up", "idle", GATEWAY, LIVE, DESKS, MENUS]
    wanted = sys.argv[1:] or known
    if unknown := set(wanted) - {*known}:
        raise SystemExit(f"no such workload: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000), hard))
    if set(wanted) - {GATEWAY, LIVE, DESKS, MENUS}:
        _on_the_site(wanted)
    if GATEWAY in wanted:
        print()
        _head(GATEWAY_COLUMNS)
        _tell(GATEWAY, lambda: row(uvloop.run(measure(50, 20))))
    for name, measured in ((LIVE, measure_live), (DESKS, measure_seats)):
        if name in wanted:
            print()
            _head(f"live pages | {LIVE_COLUMNS}")
            _tell(name, partial(_live, name, measured))
    if MENUS in wanted:
        print()
        _head(MENU_COLUMNS)
        _tell(MENUS, lambda: menus_row(uvloop.run(measure_menus(20, 200))))


def _on_the_site(wanted: Sequence[str]) -> None:
    """What the load client measures on one site."""
    for tool in ("sipp", "cc"):
        if shutil.which(tool) is None:
            raise SystemExit(f"make bench needs {tool}. On Debian: apt-get install sip-tester gcc libc6-dev")
    with tempfile.TemporaryDirectory(prefix="bench-") as name, site() as (target, pid):
        rtpbox = Path(name) / "rtpbox"
        subprocess.run(["cc", "-O2", "-o", str(rtpbox), str(HERE / "client" / "rtpbox.c")], check=True)
        client = Client(target, pid, rtpbox=rtpbox)
        _head(LEVEL_COLUMNS)
        for workload in wanted:
            if workload in LEVELS:
                _tell(workload, partial(_level, client, workload))
        if "set-up" in wanted:
            print()
            _head(SET_UP_COLUMNS)
            for rate in (50, 100, 200, 300):
                _tell(f"set-up at {rate}", partial(_set_up, client, rate))
        if "idle" in wanted:
            print()
            _head("idle calls | kB per call, all processes (to reach)")
            _tell("idle", lambda: f"1000 | {client.held('plain', 1000):.0f} (150)")


def _head(columns: str) -> None:
    print(f"| {columns} |")
    print("|" + " --- |" * (columns.count("|") + 1), flush=True)


def _tell(name: str, measure: Callable[[], str]) -> None:
    try:
        print(f"| {measure()} |", flush=True)
    except LoadFailed as error:
        print(f"| {name} | could not be measured: {error} |", flush=True)


def _level(client: Client, workload: str) -> str:
    load, reach = LEVELS[workload]
    seen: Measured = client.level(load)
    parts = " | ".join(f"{seen.cpu_ms.get(part, 0.0):.2f}" for part in PARTS)
    gaps = f"{seen.gap_p99_ms:.1f}" + (f", {seen.agent_gap_p99_ms:.1f}" if seen.agent_gap_p99_ms is not None else "")
    return (
        f"{workload} | {seen.calls} | {seen.cpu_ms_in_all:.2f} ({reach}) | {parts} | {gaps} | {seen.worst_gap_ms:.0f} "
        f"| {seen.failed} of {seen.made} | {seen.packets_median:.0f} "
        f"| {seen.rss_mb:.0f} | {seen.own_late_ms:.0f} | {seen.others_cores:.1f}"
    )


def _live(name: str, measured: Callable[[int, int, int], Coroutine[Any, Any, LiveMeasured]]) -> str:
    return f"{name} | {live_row(uvloop.run(measured(200, 50, 20)))}"


def _set_up(client: Client, rate: int) -> str:
    seen = client.set_up("plain", rate, 10)
    parts = " | ".join(f"{seen.cpu_ms.get(part, 0.0):.2f}" for part in PARTS)
    return (
        f"{rate} | {sum(seen.cpu_ms.values()):.2f} (5.0, engine 2.5) | {parts} | {seen.failed} of {seen.failed + seen.made} "
        f"| {seen.repeated} | {seen.answer_p50_ms:.0f}, {seen.answer_p99_ms:.0f}"
    )


if __name__ == "__main__":
    main()
