"""[io] The engine's end of a control socket (asyncio)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import structlog

from ivr.lines import wire
from ivr.lines.wire import Command, ControlError, Event, Language, Reply

REPLY_TIMEOUT_S = 10.0
"""The longest wait for a reply."""

log = structlog.get_logger(__name__)


class LineError(Exception):
    """The process refused a command; the text is its own."""


class LineLost(LineError, ConnectionError):
    """The process can't be reached, does not answer, or went away before it answered."""


class LineLate(LineLost):
    """It is there, and did not answer in time."""


class Fenced(LineError):
    """A later engine has taken over this process: this one must exit."""


class LineClient:
    """One connection to one process. After `on_lost` call connect() again; what was sent in vain is not repeated."""

    def __init__(
        self, path: Path, language: Language, *, on_event: Callable[[Event], None], on_lost: Callable[[], None]
    ) -> None:
        """`on_event` is called on the loop for each event in its order; acknowledge it by ack() where the process keeps events.

        `on_lost` is called once when a connection that connect() returned from ends, but not after close().
        """
        self.language = language
        self.path = path
        self._on_event = on_event
        self._on_lost = on_lost
        self._link: _Link | None = None

    @property
    def connected(self) -> bool:
        """Whether commands can be sent."""
        return self._link is not None

    async def connect(self, epoch: int, hello: Command, timeout_s: float = REPLY_TIMEOUT_S) -> dict[str, Any]:
        """Connect and take over as the engine of `epoch` by the command `hello`. Returns its reply; events come after that.

        Raises Fenced; LineLost when the process isn't there, or does not answer within timeout_s.
        """
        self.close()
        loop = asyncio.get_running_loop()
        link = _Link(epoch, self)
        try:
            await loop.create_unix_connection(lambda: link, str(self.path))
        except OSError as error:
            raise LineLost(f"{self.path}: {error}") from error
        try:
            reply = await link.request(hello, timeout_s)
        except BaseException:
            link.drop()
            raise
        self._link = link
        loop.call_soon(link.release)
        return reply

    async def request(self, command: Command, timeout_s: float = REPLY_TIMEOUT_S) -> dict[str, Any]:
        """Send a command and wait for its reply's "ok". Raises LineError with the process's reason, Fenced, LineLost."""
        if self._link is None:
            raise LineLost(f"{self.path}: not connected")
        return await self._link.request(command, timeout_s)

    def send(self, command: Command) -> None:
        """Send a command without waiting; commands are carried out in the order sent. An error is logged.

        Without a connection it is dropped: the engine that connects again compares what is with what should be.
        """
        if self._link is not None:
            self._link.send(0, command)

    def ack(self, seq: int) -> None:
        """All events up to `seq` are dealt with: the process may forget them."""
        if self._link is not None:
            self._link.write(wire.encode_ack(seq))

    def close(self) -> None:
        """Drop the connection; the process waits for an engine. Outstanding requests raise LineLost."""
        if self._link is not None:
            link, self._link = self._link, None
            link.drop()

    def _event(self, event: Event) -> None:
        self._on_event(event)

    def _lost(self, link: _Link) -> None:
        if link is self._link:
            self._link = None
            self._on_lost()


class _Link(asyncio.Protocol):
    """One connection's lifetime. Events that come before connect() has returned are held back."""

    def __init__(self, epoch: int, client: LineClient) -> None:
        self._epoch = epoch
        self._client = client
        self._transport: asyncio.Transport | None = None
        self._number = 0
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._held: deque[Event] | None = deque()
        self._rest = b""
        self._unwritten: list[bytes] = []

    async def request(self, command: Command, timeout_s: float) -> dict[str, Any]:
        if self._transport is None:
            raise LineLost(f"{self._client.path}: connection lost")
        self._number += 1
        number, loop = self._number, asyncio.get_running_loop()
        future: asyncio.Future[dict[str, Any]] = loop.create_future()
        self._waiting[number] = future
        self.send(number, command)
        timer = loop.call_later(timeout_s, self._late, future, command, timeout_s)
        try:
            return await future
        finally:
            timer.cancel()
            self._waiting.pop(number, None)

    def _late(self, future: asyncio.Future[dict[str, Any]], command: Command, timeout_s: float) -> None:
        if not future.done():
            future.set_exception(LineLate(f"{self._client.path}: no reply to {command.do} in {timeout_s} s"))

    def send(self, number: int, command: Command) -> None:
        """Number 0: nobody waits for its reply."""
        self.write(self._client.language.encode_request(number, self._epoch, command))

    def write(self, line: bytes) -> None:
        """What is written in one turn of the loop goes out together."""
        if not self._unwritten:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unwritten.append(line)

    def _flush(self) -> None:
        lines, self._unwritten = self._unwritten, []
        if self._transport is not None:
            self._transport.write(b"".join(lines))

    def release(self) -> None:
        held, self._held = self._held, None
        for event in held or ():
            self._client._event(event)

    def drop(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._end()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own does not derive from it

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            try:
                answer = self._client.language.decode_answer(line)
            except ControlError as error:
                log.error("a process says what is not understood", path=str(self._client.path), error=str(error))
                continue
            if isinstance(answer, Reply):
                self._reply(answer)
            elif self._held is not None:
                self._held.append(answer)
            else:
                self._client._event(answer)
        if len(self._rest) > wire.MAX_LINE and self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
        self._client._lost(self)

    def _reply(self, reply: Reply) -> None:
        future = self._waiting.pop(reply.number, None)
        if future is None:
            if reply.error is not None:
                log.warning("a process refused a command", path=str(self._client.path), error=reply.error)
        elif not future.done():
            if reply.error is None:
                future.set_result(dict(reply.ok))
            else:
                future.set_exception(Fenced(reply.error) if reply.error == wire.FENCED else LineError(reply.error))

    def _end(self) -> None:
        self._transport = None
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(LineLost(f"{self._client.path}: connection lost"))
