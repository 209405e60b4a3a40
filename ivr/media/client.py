"""[io] The engine's end of the control socket (asyncio)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import structlog

from ivr.media import wire
from ivr.media.control import Command, Event, Hello, Snapshot
from ivr.media.wire import ControlError, Reply

REPLY_TIMEOUT_S = 10.0
"""The longest wait for a reply: finishing a recording waits for the disk."""

log = structlog.get_logger(__name__)


class MediaError(Exception):
    """Media refused a command; the text is its own."""


class MediaLost(MediaError, ConnectionError):
    """The media process can't be reached, does not answer, or went away before it answered."""


class Fenced(MediaError):
    """A later engine has taken over this media process: this one must exit."""


class MediaClient:
    """One connection to one media process. After `on_lost` call connect() again; what was sent in vain is not repeated."""

    def __init__(self, path: Path, *, on_event: Callable[[Event], None], on_lost: Callable[[], None]) -> None:
        """`on_event` is called on the loop for each event in its order; acknowledge it by ack() when it is dealt with.

        `on_lost` is called once when a connection that connect() returned from ends, but not after close().
        """
        self.path = path
        self._on_event = on_event
        self._on_lost = on_lost
        self._link: _Link | None = None

    @property
    def connected(self) -> bool:
        """Whether commands can be sent."""
        return self._link is not None

    async def connect(self, epoch: int, ack: int, instance: str = "") -> Snapshot:
        """Connect and take over as the engine of `epoch`; events above `ack` come again, the first after this has returned.

        `instance` is the Snapshot.instance that `ack` belongs to. Raises Fenced; MediaLost when media isn't there.
        """
        self.close()
        loop = asyncio.get_running_loop()
        link = _Link(epoch, self)
        try:
            await loop.create_unix_connection(lambda: link, str(self.path))
        except OSError as error:
            raise MediaLost(f"{self.path}: {error}") from error
        try:
            snapshot = wire.snapshot_from_json(await link.request(Hello(ack, instance)))
        except BaseException:
            link.drop()
            raise
        self._link = link
        loop.call_soon(link.release)
        return snapshot

    async def request(self, command: Command) -> dict[str, Any]:
        """Send a command and wait for its reply's "ok". Raises MediaError with media's reason, Fenced, MediaLost."""
        if self._link is None:
            raise MediaLost(f"{self.path}: not connected")
        return await self._link.request(command)

    def send(self, command: Command) -> None:
        """Send a command without waiting; commands are carried out in the order sent. An error is logged.

        Without a connection it is dropped: the engine that connects again compares the snapshot with what should be.
        """
        if self._link is not None:
            self._link.send(command, None)

    def ack(self, seq: int) -> None:
        """All events up to `seq` are dealt with: media may forget them."""
        if self._link is not None:
            self._link.write(wire.encode_ack(seq))

    def close(self) -> None:
        """Drop the connection; media keeps its legs and waits for an engine. Outstanding requests raise MediaLost."""
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

    def __init__(self, epoch: int, client: MediaClient) -> None:
        self._epoch = epoch
        self._client = client
        self._transport: asyncio.Transport | None = None
        self._number = 0
        self._waiting: dict[int, tuple[Command, asyncio.Future[dict[str, Any]] | None]] = {}
        self._held: deque[Event] | None = deque()
        self._rest = b""
        self._unwritten: list[bytes] = []

    async def request(self, command: Command) -> dict[str, Any]:
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        number = self.send(command, future)
        try:
            return await asyncio.wait_for(future, REPLY_TIMEOUT_S)
        except TimeoutError:
            raise MediaLost(f"{self._client.path}: no reply to {command.do} in {REPLY_TIMEOUT_S} s") from None
        finally:
            self._waiting.pop(number, None)

    def send(self, command: Command, future: asyncio.Future[dict[str, Any]] | None) -> int:
        self._number += 1
        if self._transport is None:
            if future is not None:
                future.set_exception(MediaLost(f"{self._client.path}: connection lost"))
            return self._number
        self._waiting[self._number] = (command, future)
        self.write(wire.encode_request(self._number, self._epoch, command))
        return self._number

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
                answer = wire.decode_answer(line)
            except ControlError as error:
                log.error("media says what is not understood", error=str(error))
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
        command, future = self._waiting.pop(reply.number, (None, None))
        if future is None:
            if reply.error is not None:
                name = command.do if command is not None else ""
                log.warning("media refused a command", command=name, leg=getattr(command, "leg", ""), error=reply.error)
        elif not future.done():
            if reply.error is None:
                future.set_result(dict(reply.ok))
            else:
                future.set_exception(Fenced(reply.error) if reply.error == wire.FENCED else MediaError(reply.error))

    def _end(self) -> None:
        self._transport = None
        waiting, self._waiting = self._waiting, {}
        for _, future in waiting.values():
            if future is not None and not future.done():
                future.set_exception(MediaLost(f"{self._client.path}: connection lost"))
