"""Runs SIPp (Debian: sip-tester) with the scenarios of tests/interop/sipp, all written for this project, or with its own.

    result = await run("caller", ("127.0.0.1", 5060), calls=50, rate=10, service="4001", key="1", hold_s=8)
    assert result.ok, result.errors

The scenarios of load and kill tests; those of single RFCs say what they do in their first lines:

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
import re
import shutil
import socket
import struct
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ivr.phones import audio
from ivr.phones.rtp import FRAME_S, key_events, pack
from tests.interop.parts import expand
from tests.interop.program import bound
from tests.ports import free_port, free_ports

SCENARIOS = Path(__file__).parent / "sipp"
SIPP = shutil.which("sipp")
TRACES = (
    "-nostdin", "-trace_stat", "-stf", "stat.csv", "-fd", "1", "-trace_err", "-error_file", "errors.log",
    "-trace_msg", "-message_file", "messages.log",
)  # fmt: skip
KINDS = {"u1": socket.SOCK_DGRAM, "t1": socket.SOCK_STREAM}


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
    """The last lines of its error log (unexpected messages, time-outs), and the last messages of the wire."""

    @property
    def ok(self) -> bool:
        """True when at least one call was made and none failed."""
        return self.exit_status == 0 and self.failed == 0 and self.successful > 0

    @property
    def why(self) -> str:
        """Why it is not ok: what SIPp waited for and what came, then all that it wrote."""
        found = re.search(r"while expecting '[^']*'.*?received '[^\r\n]*", self.errors) or re.search(
            r"(?:Failed|Aborting|timeout|did not match)[^\r\n]*", self.errors
        )
        summary = found[0] if found else "it took too long" if self.exit_status < 0 else f"exit status {self.exit_status}"
        return f"{summary}\n{self.errors}"


async def own(name: str, target: tuple[str, int], *arguments: str, timeout_s: float = 60.0) -> Result:
    """Run one of SIPp's own scenarios (`sipp -sn`)."""
    async with start_own(name, target, *arguments) as sipp:
        return await sipp.finished(timeout_s)


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
    host: str = "127.0.0.1",
    port: int = 0,
    transport: str = "u1",
    password: str = "",
    values: Mapping[str, str] | None = None,
    timeout_s: float = 120.0,
) -> Result:
    """Let `calls` callers call, `rate` new ones a second, no more than `limit` at a time; returns when all are done."""
    async with start(
        scenario, target, calls=calls, rate=rate, service=service, key=key, before_key_s=before_key_s, hold_s=hold_s,
        first_caller=first_caller, limit=limit, host=host, port=port, transport=transport, password=password, values=values,
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
        if self.process.returncode and (wire := self.directory / "messages.log").exists():
            errors += "\n" + "\n".join(wire.read_text(errors="replace").splitlines()[-120:])
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
    host: str = "127.0.0.1",
    port: int = 0,
    transport: str = "u1",
    password: str = "",
    values: Mapping[str, str] | None = None,
) -> AsyncIterator[Sipp]:
    """A SIPp that runs while the block does; a scenario that begins by receiving is one that is called, at `host` and `port`.

    transport: u1 UDP, t1 TCP. password: of the account `service`. values: the scenario's own keywords. FileNotFoundError if
    SIPp isn't installed.
    """
    if SIPP is None:
        raise FileNotFoundError("sipp is not on the PATH")
    with tempfile.TemporaryDirectory(prefix="sipp-") as name:
        directory = Path(name)
        (directory / "tone.alaw").write_bytes(audio.encode("PCMA", audio.tone(440, 2.0)))
        (directory / "key.pcap").write_bytes(key_pcap(key))
        text = expand((SCENARIOS / f"{scenario}.xml").read_text())
        # A variable that is set from outside is a text, and no pause.
        keywords = {"before_key": str(round(before_key_s * 1000))}
        for keyword, value in {**keywords, **(values or {})}.items():
            text = text.replace(f"[{keyword}]", value)
        called = 0 <= text.find("<recv request") < text.find("<send")
        (directory / "scenario.xml").write_text(text)  # SIPp looks for media files beside it
        rows = [str(first_caller + n) for n in range(calls)]
        (directory / "callers.csv").write_text("SEQUENTIAL\n" + "\n".join(rows) + "\n")
        port, media = port or free_port(host=host), free_ports(4, host=host)  # sound and video, each with RTCP
        command = [
            SIPP, "-sf", "scenario.xml", "-inf", "callers.csv", "-s", service, "-key", "key", key,
            "-i", host, "-mi", host, "-p", str(port), "-mp", str(media), "-m", str(calls), "-l", str(limit or calls),
            "-r", str(max(1, round(rate * 10))), "-rp", "10000", "-d", str(round(hold_s * 1000)), "-t", transport,
            "-ap", password, *TRACES, "-trace_rtt", "-rtt_freq", "1",
        ]  # fmt: skip
        server = f"[{target[0]}]:{target[1]}" if ":" in target[0] else f"{target[0]}:{target[1]}"
        command += ["-auth_uri", server] if called else [server]
        async with _running(command, directory) as process:
            if called or transport == "u1":
                await bound((host, port), KINDS[transport], process)
            yield Sipp(process, directory, (host, port))


@contextlib.asynccontextmanager
async def start_own(name: str, target: tuple[str, int], *arguments: str) -> AsyncIterator[Sipp]:
    """One of SIPp's own scenarios, running while the block does."""
    if SIPP is None:
        raise FileNotFoundError("sipp is not on the PATH")
    with tempfile.TemporaryDirectory(prefix="sipp-") as directory:
        (Path(directory) / "pcap").symlink_to("/usr/share/sip-tester")  # where Debian keeps the captures of uac_pcap
        port, media = free_port(host=target[0]), free_ports(4, host=target[0])
        command = [SIPP, "-sn", name, "-i", target[0], "-p", str(port), "-mp", str(media), *TRACES, *arguments]
        async with _running([*command, f"{target[0]}:{target[1]}"], Path(directory)) as process:
            yield Sipp(process, Path(directory), (target[0], port))


@contextlib.asynccontextmanager
async def _running(command: list[str], directory: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    nothing = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, cwd=directory, stdin=nothing, stdout=nothing, stderr=nothing)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


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
