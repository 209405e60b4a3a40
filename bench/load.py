"""The load client: SIPp makes the calls (client/*.xml), rtpbox (client/rtpbox.c) their RTP; /proc tells what a server spent."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.procs import Usage, busy_s, rss_mb, spent, tree

CLIENT = Path(__file__).parent / "client"
CALLER_PORT, AGENT_PORT, CALLER_MEDIA, AGENT_MEDIA = 5190, 5090, 20000, 9000
SETTLE_S = 4.0
"""After one hold time and this much more, as many calls begin as end."""


class LoadFailed(RuntimeError):
    """The client could not make its load; the text says why."""


@dataclass(frozen=True, slots=True)
class Level:
    """One steady load: `calls` at once, each held for `hold_s`, to the user parts in turn; with `digit_at_s` a key is sent so
    long after the first packet. `agents`: seats are rung at the agent port and answer after a second."""

    calls: int
    users: Sequence[str]
    hold_s: float
    window_s: float = 20.0
    digit_at_s: float | None = None
    agents: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """What was seen in the window. cpu_ms: CPU ms per call-second, by process. gap_ms: between the server's packets to callers
    (agents' in agent_gap_ms); own_late_ms: how late the client itself was, at worst. others_cores: what else ran."""

    calls: int
    cpu_ms: dict[str, float]
    gap_p99_ms: float
    agent_gap_p99_ms: float | None
    worst_gap_ms: float
    made: int
    failed: int
    packets_median: float
    rss_mb: float
    own_late_ms: float
    others_cores: float

    @property
    def cpu_ms_in_all(self) -> float:
        return sum(self.cpu_ms.values())


@dataclass(frozen=True, slots=True)
class SetUp:
    """A rate of calls without sound: CPU ms per call by process, INVITE to 200 in ms."""

    rate: float
    made: int
    failed: int
    repeated: int
    cpu_ms: dict[str, float]
    answer_p50_ms: float
    answer_p99_ms: float


@dataclass
class Client:
    """Against `target` (host:port) whose processes are `pid` and its descendants; sends from the address `ip`."""

    target: str
    pid: int
    ip: str = "127.0.0.1"
    rtpbox: Path = field(default_factory=lambda: Path("rtpbox"))

    def level(self, load: Level) -> Measured:
        """Make the load, look at one window of it, let the calls end. Raises LoadFailed."""
        with tempfile.TemporaryDirectory(prefix="load-") as name, contextlib.ExitStack() as stack:
            directory = Path(name)
            boxes = {}
            if load.agents:
                agent = stack.enter_context(self._sipp(directory, "agent", AGENT_PORT, AGENT_MEDIA, ["-d", "1000"]))
                boxes["agent"] = stack.enter_context(self._box(directory, "agent", AGENT_MEDIA, ["-k", "0.5"]))
            else:
                agent = None
            (directory / "caller.log").touch()
            skip = ["-d", str(load.digit_at_s), "-D", "1"] if load.digit_at_s is not None else ["-k", "2.0"]
            boxes["caller"] = stack.enter_context(self._box(directory, "caller", CALLER_MEDIA, skip))
            rate = load.calls / (load.hold_s + 0.02)
            options = [self.target, "-d", str(int(load.hold_s * 1000)), "-r", f"{rate:.3f}", "-m", "1000000"]
            options += ["-l", str(int(load.calls * 1.25) + 2), *self._users(directory, load.users)]
            caller = stack.enter_context(self._sipp(directory, "caller", CALLER_PORT, CALLER_MEDIA, options))
            time.sleep(load.hold_s + SETTLE_S)
            for box in boxes.values():
                box.send_signal(signal.SIGUSR1)
            clients = [process.pid for process in (caller, agent, *boxes.values()) if process is not None]
            before, busy, own, began = tree(self.pid), busy_s(), self._own(clients), time.monotonic()
            time.sleep(load.window_s)
            after, busy, own, took_s = tree(self.pid), busy_s() - busy, self._own(clients) - own, time.monotonic() - began
            for box in boxes.values():
                box.send_signal(signal.SIGUSR2)
            caller.send_signal(signal.SIGUSR1)  # no new calls; it ends when the last has
            with contextlib.suppress(subprocess.TimeoutExpired):
                caller.wait(load.hold_s + 15)
            seen = {who: json.loads((directory / f"{who}.json").read_text()) for who in boxes}
            counted = self._counted(directory, "caller")
        return self._measured(load, seen, counted, before, after, took_s, busy - own)

    def set_up(self, user: str, rate: float, seconds: float) -> SetUp:
        """Calls that are hung up as soon as they are answered. Raises LoadFailed."""
        with tempfile.TemporaryDirectory(prefix="load-") as name:
            directory = Path(name)
            count = int(rate * seconds)
            options = [self.target, "-d", "0", "-r", str(rate), "-m", str(count), "-l", "20000", "-trace_rtt", "-rtt_freq", "1"]
            before = tree(self.pid)
            sipp = self._sipp(directory, "caller", CALLER_PORT, CALLER_MEDIA - 100, [*options, *self._users(directory, [user])])
            with sipp as process, contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds + 60)
            time.sleep(1.5)  # what is still done after the last BYE is a call's cost too
            cpu = spent(before, tree(self.pid))
            counted = self._counted(directory, "caller")
            answers = sorted(
                float(row[1])
                for path in directory.glob("*rtt*")
                for row in csv.reader(path.open(), delimiter=";")
                if len(row) >= 3 and row[2].strip() == "invite"
            )
        made = counted["SuccessfulCall(C)"]
        if not answers:
            raise LoadFailed(f"no call of {count} was answered")
        return SetUp(
            rate,
            made,
            count - made,
            counted["Retransmissions(C)"],
            {part: 1000 * cpu_s / max(1, made) for part, cpu_s in cpu.items()},
            answers[len(answers) // 2],
            answers[int((len(answers) - 1) * 0.99)],
        )

    def held(self, user: str, calls: int) -> float:
        """Resident kB of all processes per call that is up and idle: `calls` of them against none."""
        with tempfile.TemporaryDirectory(prefix="load-") as name:
            directory = Path(name)
            options = [self.target, "-d", "20000", "-r", "100", "-m", str(calls), "-l", str(calls)]
            before = rss_mb(tree(self.pid).values())
            with self._sipp(
                directory, "caller", CALLER_PORT, CALLER_MEDIA, [*options, *self._users(directory, [user])]
            ) as sipp:
                time.sleep(calls / 100 + 5)
                during = rss_mb(tree(self.pid).values())
                sipp.wait(60)
            if self._counted(directory, "caller")["SuccessfulCall(C)"] < calls:
                raise LoadFailed("not all of the calls were held")
        return (during - before) * 1024 / calls

    def _users(self, directory: Path, users: Sequence[str]) -> list[str]:
        path = directory / "users.csv"
        path.write_text("SEQUENTIAL\n" + "".join(f"{user};\n" for user in users))
        return ["-inf", str(path)]

    @contextlib.contextmanager
    def _sipp(
        self, directory: Path, name: str, port: int, media_port: int, options: Sequence[str]
    ) -> Iterator[subprocess.Popen[bytes]]:
        command = [
            "sipp", *options, "-sf", str(CLIENT / f"{name}.xml"), "-i", self.ip, "-p", str(port), "-mi", self.ip,
            "-mp", str(media_port), "-key", "pt", "8", "-trace_logs", "-log_file", str(directory / f"{name}.log"),
            "-trace_err", "-error_file", str(directory / f"{name}.errors"), "-trace_stat",
            "-stf", str(directory / f"{name}.csv"), "-fd", "1", "-nostdin", "-recv_timeout", "20000",
        ]  # fmt: skip
        with (directory / f"{name}.out").open("wb") as out:
            process = subprocess.Popen(
                command, cwd=directory, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={**os.environ, "TERM": "dumb"}
            )
        with _ended(process):
            yield process

    @contextlib.contextmanager
    def _box(self, directory: Path, name: str, base: int, options: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
        command = [str(self.rtpbox), "-a", self.ip, "-b", str(base), "-n", "2500", "-c", str(directory / f"{name}.log")]
        process = subprocess.Popen(
            [*command, "-j", str(directory / f"{name}.json"), "-p", "8", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        with _ended(process):
            assert process.stdout is not None
            said = process.stdout.readline().decode()
            if said != "ready\n":  # "already in use" is not ready
                raise LoadFailed(f"rtpbox: {said.strip()} (it needs 2,500 free UDP ports from {base}, and as many descriptors)")
            yield process

    def _counted(self, directory: Path, name: str) -> dict[str, int]:
        with (directory / f"{name}.csv").open() as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
        keys = ("TotalCallCreated", "SuccessfulCall(C)", "FailedCall(C)", "Retransmissions(C)")
        return {key: int(last[key]) for key in keys}

    def _own(self, pids: Sequence[int]) -> float:
        return sum(usage.cpu_s for pid in pids for usage in tree(pid).values())

    def _measured(
        self,
        load: Level,
        seen: dict[str, dict[str, Any]],
        counted: dict[str, int],
        before: dict[int, Usage],
        after: dict[int, Usage],
        took_s: float,
        busy: float,
    ) -> Measured:
        caller, agent = seen["caller"], seen.get("agent")
        call_seconds = caller["live_mean"] * took_s
        if not call_seconds:
            raise LoadFailed("no call was up in the window")
        cpu = spent(before, after)
        return Measured(
            load.calls,
            {part: 1000 * cpu_s / call_seconds for part, cpu_s in cpu.items()},
            caller["gap_ms"]["p99"],
            agent["gap_ms"]["p99"] if agent else None,
            caller["gap_ms"]["max"],
            counted["TotalCallCreated"],
            counted["FailedCall(C)"],
            caller["call_rx"]["p50"],
            rss_mb(after.values()),
            caller["own_tick_late_ms"]["max"],
            (busy - sum(cpu.values())) / took_s,
        )


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """The process is gone afterwards."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
