"""[io] The wire between a browser and the console, which a test can cut. A browser that is told to be offline (DevTools) only
refuses new requests: a stream that is open goes on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Line:
    """Carries TCP from `port` to a server on loopback, until it is cut."""

    def __init__(self, server_port: int) -> None:
        self.port = 0
        self._server_port = server_port
        self._is_cut = False
        self._flows = asyncio.Event()
        self._flows.set()
        self._open: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """All connections break, and none comes through until it is mended."""
        self._is_cut = True
        for writer in self._open:
            writer.transport.abort()

    def hold(self) -> None:
        """Nothing comes through any more, and nobody is told: a network that is gone."""
        self._flows.clear()

    def mend(self) -> None:
        self._is_cut = False
        self._flows.set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection. The server's end is felt at once: it may have died."""
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", self._server_port)
        except ConnectionRefusedError:
            writer.transport.abort()
            return
        if self._is_cut:
            writer.transport.abort()
            forth.close()
            return
        ends = {writer, forth}
        self._open |= ends
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pour(reader, forth))
                both.create_task(self._pour(back, writer))
        finally:
            self._open -= ends
            for end in ends:
                end.close()

    async def _pour(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):  # cut, or one of them is gone
            while data := await reader.read(65536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def line(server_port: int) -> AsyncIterator[Line]:
    carried = Line(server_port)
    server = await asyncio.start_server(carried.carry, "127.0.0.1", 0)
    carried.port = server.sockets[0].getsockname()[1]
    try:
        yield carried
    finally:
        carried.cut()
        server.close()
