"""Runs SIPp (Debian: sip-tester) with the scenarios of tests/interop/sipp, all written for this project.

    result = await run("caller", ("127.0.0.1", 5060), calls=50, rate=10, service="4001", key="1", hold_s=8)
    assert result.ok, result.errors

| scenario | what its callers do |
| --- | --- |
| caller | dial, send a tone, press `key` by SIP INFO after `before_key_s`, hold for `hold_s`, hang up |
| caller_rfc4733 | the same with the key as RFC 4733 events and no tone; SIPp needs raw sockets (root or CAP_NET_RAW) |
| patient | as caller, but wait until the other side hangs up |
| gives_up | dial, hear ringing, cancel after `hold_s` |
| setup | INVITE, ACK, BYE without sound: calls per second |
| seat | is called: rings for `hold_s`, answers, sends a tone, waits for the BYE; `target` is not called |
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import shutil
import socket
import struct
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from ivr.phones import audio
from ivr.phones.rtp import FRAME_S, key_events, pack

SCENARIOS = Path(__file__).parent / "sipp"
SIPP = shutil.which("sipp")


@dataclass(frozen=True, slots=True)
class Result:
    """What SIPp counted."""

    successful: int
    failed: int
    exit_status: int
    """0: all calls went as written; 1: some failed; others: SIPp itself had trouble; negative: killed, it took too long."""
    answer_s: tuple[float, ...]
    """Seconds from each INVITE to its 200, to about a millisecond."""
    errors: str
    """The last lines of its error log: unexpected messages, time-outs."""

    @property
    def ok(self) -> bool:
        """True when at least one call was made and none failed."""
        return self.exit_status == 0 and self.failed == 0 and self.successful > 0


async def run(
    scenario: str,
    target: tuple[str, int],
    *,
    calls: int = 1,
    rate: float = 10.0,
    service: str = "4001",
    key: str = "1",
    before_key_s: float = 1.0,
    hold_s: float = 2.0,
    first_caller: int = 13900000000,
    limit: int | None = None,
    timeout_s: float = 120.0,
) -> Result:
    """Let `calls` callers call, `rate` new ones a second, no more than `limit` at a time; returns when all are done."""
    async with start(
        scenario, target, calls=calls, rate=rate, service=service, key=key, before_key_s=before_key_s, hold_s=hold_s,
        first_caller=first_caller, limit=limit,
    ) as sipp:  # fmt: skip
        return await sipp.finished(timeout_s)


@dataclass(slots=True)
class Sipp:
    """A running SIPp."""

    process: asyncio.subprocess.Process
    directory: Path
    address: tuple[str, int]
    """Where it takes SIP: dial this to reach the scenario `seat`."""

    async def finished(self, timeout_s: float = 120.0) -> Result:
        """Wait for its end; after `timeout_s` it is killed."""
        try:
            async with asyncio.timeout(timeout_s):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
        return self._result()

    def _result(self) -> Result:
        counts = {"SuccessfulCall(C)": 0, "FailedCall(C)": 0}
        with contextlib.suppress(FileNotFoundError), (self.directory / "stat.csv").open(newline="") as lines:
            for row in csv.DictReader(lines, delimiter=";"):
                counts = {name: int(row[name]) for name in counts}
        answers: list[float] = []
        for path in self.directory.glob("*_rtt.csv"):
            with path.open(newline="") as lines:
                answers += [
                    float(row[1]) / 1000 for row in csv.reader(lines, delimiter=";") if len(row) > 2 and row[2] == "answer"
                ]
        log = self.directory / "errors.log"
        errors = "\n".join(log.read_text(errors="replace").splitlines()[-40:]) if log.exists() else ""
        status = self.process.returncode if self.process.returncode is not None else -1
        return Result(counts["SuccessfulCall(C)"], counts["FailedCall(C)"], status, tuple(answers), errors)


@contextlib.asynccontextmanager
async def start(
    scenario: str,
    target: tuple[str, int],
    *,
    calls: int = 1,
    rate: float = 10.0,
    service: str = "4001",
    key: str = "1",
    before_key_s: float = 1.0,
    hold_s: float = 2.0,
    first_caller: int = 13900000000,
    limit: int | None = None,
) -> AsyncIterator[Sipp]:
    """A SIPp that runs while the block does. FileNotFoundError if it isn't installed."""
    if SIPP is None:
        raise FileNotFoundError("sipp is not on the PATH")
    host = "127.0.0.1"
    with tempfile.TemporaryDirectory(prefix="sipp-") as name:
        directory = Path(name)
        (directory / "tone.alaw").write_bytes(audio.encode("PCMA", audio.tone(440, 2.0)))
        (directory / "key.pcap").write_bytes(key_pcap(key))
        text = (SCENARIOS / f"{scenario}.xml").read_text()
        (directory / "scenario.xml").write_text(text)  # SIPp looks for media files beside it
        rows = [str(first_caller + n) for n in range(calls)]
        (directory / "callers.csv").write_text("SEQUENTIAL\n" + "\n".join(rows) + "\n")
        port, media = free_port(host), free_port(host, even=True)
        command = [
            SIPP, "-sf", "scenario.xml", "-inf", "callers.csv", "-s", service, "-key", "key", key,
            "-i", host, "-mi", host, "-p", str(port), "-mp", str(media), "-m", str(calls), "-l", str(limit or calls),
            "-r", str(max(1, round(rate * 10))), "-rp", "10000", "-d", str(round(hold_s * 1000)), "-nostdin",
            "-trace_stat", "-stf", "stat.csv", "-fd", "1", "-trace_rtt", "-rtt_freq", "1",
            "-trace_err", "-error_file", "errors.log",
        ]  # fmt: skip
        if '"before_key"' in text:
            command += ["-set", "before_key", str(round(before_key_s * 1000))]
        if scenario != "seat":
            command.append(f"{target[0]}:{target[1]}")
        nothing = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(*command, cwd=directory, stdin=nothing, stdout=nothing, stderr=nothing)
        try:
            await _bound(port, process)
            yield Sipp(process, directory, (host, port))
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _bound(port: int, process: asyncio.subprocess.Process) -> None:
    """Wait until SIPp has its port: a call to it would be lost before."""
    async with asyncio.timeout(10):
        while process.returncode is None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    return
            await asyncio.sleep(0.02)


def free_port(host: str, *, even: bool = False) -> int:
    """A UDP port that nobody uses now; `even` for RTP."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
            port = int(probe.getsockname()[1])
        if not even or (port % 2 == 0 and port < 60000):
            return port


def key_pcap(key: str, duration_ms: int = 160) -> bytes:
    """A capture file with one key press as RFC 4733 events of payload type 101: IPv4 and UDP headers that SIPp replaces."""
    records = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    for n, payload in enumerate(key_events(key, duration_ms)):
        rtp = pack(101, 1 + n, 160, 0x4B455931, payload, marker=n == 0)
        udp = struct.pack("!HHHH", 6000, 6000, 8 + len(rtp), 0) + rtp
        ip = (
            struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), n, 0, 64, 17, 0, b"\x7f\x00\x00\x01", b"\x7f\x00\x00\x01")
            + udp
        )
        frame = bytes(12) + b"\x08\x00" + ip
        microseconds = round(n * FRAME_S * 1e6)
        records.append(
            struct.pack("<IIII", microseconds // 1_000_000, microseconds % 1_000_000, len(frame), len(frame)) + frame
        )
    return b"".join(records)
