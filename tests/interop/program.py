"""Runs a peer's program beside a test."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

START_S = 60.0
"""A bound for a program's start."""
LISTENS = "0A"
"""The state of a TCP socket (proc_pid_net(5))."""


@dataclass(slots=True)
class Program:
    """A running program."""

    process: asyncio.subprocess.Process
    log: Path

    @property
    def said(self) -> str:
        """All that it wrote."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def last_words(self) -> str:
        """Its exit status, if it has ended, and the end of what it wrote."""
        return f"exit status {self.process.returncode}\n" + "\n".join(self.said.splitlines()[-60:])

    async def until_said(self, text: str, timeout_s: float = START_S, times: int = 1) -> None:
        """Until it has written this, so many times; AssertionError with its last words when it never does."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self.said.count(text) < times and self.process.returncode is None:  # noqa: ASYNC110 - a file tells nobody
                    await asyncio.sleep(0.05)
        if self.said.count(text) < times:
            raise AssertionError(f"{self.log.stem} never said {text!r} {times} times\n{self.last_words}")

    async def tell(self, line: str) -> None:
        """Write a line to one that is led."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        await self.process.stdin.drain()


@contextlib.asynccontextmanager
async def program(
    *command: str,
    log: Path,
    listens: tuple[str, int] | None = None,
    environment: Mapping[str, str] | None = None,
    led: bool = False,
) -> AsyncIterator[Program]:
    """A program that runs while the block does, from when it has the UDP port it listens on; its words go to `log`. led: it
    reads what it is told."""
    stdin = asyncio.subprocess.PIPE if led else asyncio.subprocess.DEVNULL
    with log.open("w") as output:
        process = await asyncio.create_subprocess_exec(*command, stdin=stdin, stdout=output, stderr=output, env=environment)
    running = Program(process, log)
    try:
        if listens is not None:
            await bound(listens, socket.SOCK_DGRAM, process)
            assert process.returncode is None, f"{command[0]} ended with {process.returncode}\n{running.said}"
        yield running
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(5):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def bound(address: tuple[str, int], kind: socket.SocketKind, process: asyncio.subprocess.Process) -> None:
    """Wait until somebody has this port (TCP: listens there): a message to it would be lost before. Whoever tried by binding
    it would keep it, for a moment, from the program that is to have it."""
    async with asyncio.timeout(START_S):
        while process.returncode is None and not _has(address[1], kind):  # noqa: ASYNC110 - nobody signals it
            await asyncio.sleep(0.02)


def _has(port: int, kind: socket.SocketKind) -> bool:
    """Whether the kernel knows a socket there (proc_pid_net(5)), at whichever address."""
    name = "udp" if kind is socket.SOCK_DGRAM else "tcp"
    tables = (path.read_text(encoding="ascii") for one in (name, f"{name}6") if (path := Path("/proc/net") / one).exists())
    rows = (line.split() for table in tables for line in table.splitlines()[1:])
    return any(row[1].endswith(f":{port:04X}") and (name == "udp" or row[3] == LISTENS) for row in rows)
