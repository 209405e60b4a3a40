"""[io] HTTP and WebSockets on one port and one loop: uvicorn, with Flask's webhooks in threads beside the streams."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from typing import Any

import uvicorn
from a2wsgi import WSGIMiddleware
from flask import Flask

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Socket = Callable[[Scope, Receive, Send], Awaitable[None]]

WORKERS = 64
"""Webhooks that may wait for the engine at once."""
SEND_BUFFER = 32 << 10
"""Bytes the system may hold for a slow reader: a second's sound, which is then thrown away and not heard late."""
MAX_MESSAGE = 64 << 10


class Server(uvicorn.Server):
    """uvicorn without signal handlers of its own: the process has them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """See uvicorn."""
        yield


class Web:
    """Serves `flask`, and by their paths `sockets`, on a bound socket."""

    def __init__(self, flask: Flask, sockets: Mapping[str, Socket]) -> None:
        self._wsgi = WSGIMiddleware(flask, workers=WORKERS)  # type: ignore[arg-type]  # its own name for the environment
        self._sockets = sockets
        self._server: Server | None = None

    async def serve(self, sock: socket.socket) -> None:
        """Until stop()."""
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)  # what it accepts inherits that
        config = uvicorn.Config(
            self._app,
            log_config=None,
            access_log=False,
            interface="asgi3",
            lifespan="off",
            proxy_headers=False,
            server_header=False,
            ws_max_size=MAX_MESSAGE,
            ws_ping_interval=None,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=1,
        )
        self._server = Server(config)
        await self._server.serve([sock])

    def stop(self) -> None:
        """Have serve() return soon."""
        if self._server is not None:
            self._server.should_exit = True

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            socket_ = self._sockets.get(scope["path"])
            if socket_ is None:
                await receive()
                await send({"type": "websocket.close", "code": 1008})  # before the accept: 403
            else:
                await socket_(scope, receive, send)
        elif scope["type"] == "http":
            await self._wsgi(scope, receive, send)  # type: ignore[arg-type]  # ASGI's dictionaries by another name
