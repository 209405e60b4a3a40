"""[io] Whether the gateway lives: it listens on a unix socket as long as it does, and the engine stays connected. Nothing is
said there; the kernel ends the connection with the process, however that dies, and whether or not another one follows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

LOOK_S = 0.2
"""How often the engine looks for a gateway that isn't there."""


class LifeSign:
    """The gateway's end."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self.links: set[asyncio.BaseTransport] = set()
        """Who sees us."""

    async def show(self, path: Path) -> None:
        """From now on whoever looks sees us. What a dead process left at `path` goes. Raises OSError."""
        self._server = await asyncio.get_running_loop().create_unix_server(lambda: _Shown(self.links), str(path))

    def end(self) -> None:
        """Be gone, in good order."""
        if self._server is not None:
            self._server.close()
        for link in tuple(self.links):
            link.close()


class _Shown(asyncio.Protocol):
    def __init__(self, links: set[asyncio.BaseTransport]) -> None:
        self._links = links
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._links.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._links.discard(self._transport)


class _Seen(asyncio.Protocol):
    def __init__(self, lost: asyncio.Event) -> None:
        self._lost = lost

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()


async def follow(path: Path, on_change: Callable[[bool], None]) -> None:
    """The engine's end, for ever. on_change is told at once when a gateway lives, and when it has died; first how it is when
    we begin: an engine before us may have had one."""
    loop = asyncio.get_running_loop()
    known_gone = False
    while True:
        lost = asyncio.Event()
        try:
            transport, _ = await loop.create_unix_connection(lambda lost=lost: _Seen(lost), str(path))  # type: ignore[misc]
        except OSError:
            if not known_gone:
                known_gone = True
                on_change(False)
            await asyncio.sleep(LOOK_S)
            continue
        on_change(True)
        try:
            await lost.wait()
        finally:
            transport.close()
        known_gone = True
        on_change(False)
        await asyncio.sleep(LOOK_S)  # its listening socket may be closed a little after the connection
