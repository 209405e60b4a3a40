"""The site that the load client calls: `python bench/site.py PORT` runs the whole hotline in the foreground on 127.0.0.1:PORT.

It prints `ready pid N` when it takes calls; all its processes are N's children. SIGTERM or Ctrl-C ends it. Called user parts:

    ivr         answers, plays 8 s, takes a key, plays 4 s, waits for the caller's BYE
    q0 … q599   answers, puts the caller into a queue with one seat, joins and records them
    all         the same with one queue that all 600 seats serve
    plain       answers and waits for the caller's BYE

The seats' telephones are all at 127.0.0.1:5090 (BENCH_AGENT=host:port for another place); nothing registers and nobody
proves who he is. Data goes to a directory under /tmp that is removed at the end, or to BENCH_DIR, which stays.
BENCH_MEDIA is the number of media processes, BENCH_SEATS that of seats and of their queues (600).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from ivr.config import load
from ivr.nursery import Nursery
from ivr.serve import Supervisor
from routing.store import Store
from storage.journal import Journal
from storage.redis import connect

QUEUES = int(os.environ.get("BENCH_SEATS", "600"))
RATE = 8000

MENUS = {
    "ivr": """
start: ask
human: person
nodes:
  ask: {kind: menu, prompt: eight_seconds, timeout_s: 60, keys: {"1": told}, no_input: {limit: 10}}
  told: {kind: say, prompt: four_seconds, then: wait}
  wait: {kind: menu, prompt: nothing, timeout_s: 60, keys: {"1": person}, no_input: {prompt: nothing, limit: 10}}
  person: {kind: say, prompt: nothing, notice: true, then: queue}
  queue: {kind: queue, queue: q0}
""",
    "plain": """
start: wait
human: person
nodes:
  wait: {kind: menu, prompt: nothing, timeout_s: 60, keys: {"1": person}, no_input: {prompt: nothing, limit: 10}}
  person: {kind: say, prompt: nothing, notice: true, then: queue}
  queue: {kind: queue, queue: q0}
""",
    "queue": """
start: notice
nodes:
  notice: {kind: say, prompt: nothing, notice: true, then: person}
  person: {kind: queue, queue: %s}
""",
}


def main() -> None:
    """See the module."""
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        raise SystemExit("usage: bench/site.py PORT")
    port = int(sys.argv[1])
    nursery = Nursery.fork()  # before anything that would have to be tidied up
    with _directory() as directory:
        _write(directory, port)
        os.environ["HOTLINE_CONFIG"] = str(directory / "hotline.toml")
        supervisor = Supervisor(load(), say=lambda _: None, nursery=nursery)

        def ready() -> None:
            asyncio.run(_sign_on(supervisor))
            print(f"ready pid {os.getpid()}", flush=True)

        try:
            supervisor.run(ready)
        finally:
            supervisor.stop()


@contextlib.contextmanager
def _directory() -> Iterator[Path]:
    named = os.environ.get("BENCH_DIR")
    if named:
        Path(named).mkdir(parents=True, exist_ok=True)
        yield Path(named)
        return
    made = Path(tempfile.mkdtemp(prefix="hotline-bench-", dir="/tmp"))
    try:
        yield made
    finally:
        shutil.rmtree(made)


def _write(directory: Path, port: int) -> None:
    """Settings, menus and prompts."""
    agent = os.environ.get("BENCH_AGENT", "127.0.0.1:5090")
    queues = [f"q{index}" for index in range(QUEUES)] + ["all"]
    numbers = ["ivr", "plain", *queues]
    lines = [
        f'data_dir = "{directory}/var"',
        f"[sip]\nport = {port}\nmax_calls = 5000\nmax_call_rate = 2000",
        f"[console]\nport = {_console_port(port)}",
        f"[media]\nport_min = 43000\nport_max = 64999\nprocesses = {os.environ.get('BENCH_MEDIA', '1')}",
        '[[trunks]]\nname = "load"\nnetworks = ["127.0.0.0/8"]',
        "numbers = { " + ", ".join(f"{number} = '{number}'" for number in numbers) + " }",
    ]
    for number in numbers:
        menu = directory / f"{number}.yaml"
        menu.write_text(MENUS.get(number) or MENUS["queue"] % number, encoding="utf-8")
        lines.append(f'[[hotlines]]\nname = "{number}"\nmenu = "{menu}"')
    lines += [f'[[queues]]\nname = "{queue}"\nwrap_up_s = 0' for queue in queues]
    lines += [
        f'[[seats]]\nnumber = "{1000 + index}"\npassword = "none"\ncontact = "sip:seat{index}@{agent}"\n'
        f'queues = ["q{index}", "all"]'
        for index in range(QUEUES)
    ]
    (directory / "hotline.toml").write_text("\n".join(lines), encoding="utf-8")
    for name, seconds in (("eight_seconds", 8.0), ("four_seconds", 4.0), ("nothing", 0.02)):
        _tone(directory / "var" / "prompts" / "zh" / f"{name}.wav", seconds)


def _console_port(port: int) -> int:
    return port + 3000 if port < 60000 else port - 3000


def _tone(path: Path, seconds: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = 8000 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())


async def _sign_on(supervisor: Supervisor) -> None:
    """All seats are ready."""
    redis = connect(supervisor.redis_url)
    try:
        store = Store(redis, node="bench", journal=Journal(supervisor.settings.data_dir / "journal-bench"))
        for seat in supervisor.settings.seats:
            await store.set_status(seat.number, "ready")
    finally:
        await redis.aclose()


if __name__ == "__main__":
    main()
