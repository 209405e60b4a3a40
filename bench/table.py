"""`make bench`: starts the site (bench/serve.sh), drives it with the load client, prints what a live call costs as a table.

    python bench/table.py                        all workloads, about 12 minutes
    python bench/table.py ivr-400 set-up         some of them (their names are the table's first column)

Needs sipp (Debian: sip-tester) and a C compiler for the client's RTP half; the site needs neither. CPU is that of all our
processes: engine, media, scribe, console, Redis, serve. On a busy machine only figures of one run are comparable; `others`
tells how many cores the rest of the machine used meanwhile, `late` how late the client itself was at worst.
"""

from __future__ import annotations

import contextlib
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.load import Client, Level, LoadFailed, Measured

HERE = Path(__file__).parent
SEATS = [f"q{index}" for index in range(600)]

LEVELS: dict[str, tuple[Level, str]] = {
    **{f"ivr-{calls}": (Level(calls, ["ivr"], 13.5, digit_at_s=8.3), "1.6") for calls in (10, 50, 100, 200, 400, 800)},
    **{f"queue-{calls}": (Level(calls, SEATS, 21.0, agents=True), "3.0") for calls in (100, 200)},
    "one-queue-50": (Level(50, ["all"], 21.0, agents=True), "3.0"),
}
"""By name: the load, and the CPU ms per call-second to reach."""

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
    wanted = sys.argv[1:] or [*LEVELS, "set-up", "idle"]
    if unknown := set(wanted) - {*LEVELS, "set-up", "idle"}:
        raise SystemExit(f"no such workload: {', '.join(sorted(unknown))}; there are {', '.join([*LEVELS, 'set-up', 'idle'])}")
    for tool in ("sipp", "cc"):
        if shutil.which(tool) is None:
            raise SystemExit(f"make bench needs {tool}. On Debian: apt-get install sip-tester gcc libc6-dev")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000), hard))
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


@contextlib.contextmanager
def site() -> Iterator[tuple[str, int]]:
    """The running site: its address and process id."""
    port = next(port for port in range(5460, 5560) if _is_free(port))
    process = subprocess.Popen([str(HERE / "serve.sh"), str(port)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        ready = re.fullmatch(r"ready pid (\d+)\n", process.stdout.readline())
        if ready is None:
            raise SystemExit("the site did not come up")
        yield f"127.0.0.1:{port}", int(ready[1])
    finally:
        process.terminate()
        process.wait()


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, contextlib.suppress(OSError):
        sock.bind(("127.0.0.1", port))
        return True
    return False


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


def _set_up(client: Client, rate: int) -> str:
    seen = client.set_up("plain", rate, 10)
    parts = " | ".join(f"{seen.cpu_ms.get(part, 0.0):.2f}" for part in PARTS)
    return (
        f"{rate} | {sum(seen.cpu_ms.values()):.2f} (5.0, engine 2.5) | {parts} | {seen.failed} of {seen.failed + seen.made} "
        f"| {seen.repeated} | {seen.answer_p50_ms:.0f}, {seen.answer_p99_ms:.0f}"
    )


if __name__ == "__main__":
    main()
