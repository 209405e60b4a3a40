"""[io] A Twilio of one's own, its REST API: real HTTP on loopback, as far as a hotline uses it.

Shapes by Twilio's documentation: "Calls resource" (create, update), "Accounts resource" (fetch), "IncomingPhoneNumbers
resource" (list), "Recordings resource" (media as .wav), "Twilio's response: exceptions" (code, message, more_info, status).
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

MAX_BODY = 1 << 20

Answer = tuple[int, Any]
"""Status, and a JSON object or a file's bytes."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came: resource is the path after the account ("/Calls.json"); form as parse_qs gives it."""

    method: str
    resource: str
    form: dict[str, list[str]]

    def get(self, name: str) -> str:
        """The field's first value, "" without it."""
        return self.form.get(name, [""])[0]


@dataclass
class Rest:
    """The server. `faults`: statuses that the next requests get in the place of an answer; 0 closes the connection without a
    word. handle: what answers an account's requests."""

    account_sid: str
    auth_token: str
    handle: Callable[[Asked], Awaitable[Answer]]
    faults: list[int] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """In the place of https://api.twilio.com."""
        assert self._server is not None, "start() comes first"
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    async def start(self, port: int = 0) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._connection, "127.0.0.1", port)

    async def close(self) -> None:
        """Stop."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
            body = await reader.readexactly(min(MAX_BODY, int(headers.get("content-length", "0"))))
            method, target, _ = first.split(" ")
            answer = await self._answer(method, target, headers, body.decode())
            if answer is not None:
                writer.write(_written(*answer))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, method: str, target: str, headers: dict[str, str], body: str) -> Answer | None:
        if self.faults:
            fault = self.faults.pop(0)
            return error(fault, 20500, "Internal Server Error") if fault else None
        user, _, password = base64.b64decode(headers.get("authorization", "Basic ").partition(" ")[2]).decode().partition(":")
        if (user, password) != (self.account_sid, self.auth_token):
            return error(401, 20003, "Authenticate")
        parts = urlsplit(target)
        match = re.fullmatch(r"/2010-04-01/Accounts/(AC[0-9a-fA-F]{32})(\.json|/.+)", parts.path)
        if match is None or match[1] != self.account_sid:
            return error(404, 20404, "The requested resource was not found")
        asked = Asked(method, match[2], parse_qs(body if method == "POST" else parts.query))
        self.asked.append(asked)
        return await self.handle(asked)


def number_record(number: str, public_url: str) -> dict[str, Any]:
    """A number that leads to the hotline at `public_url`, as IncomingPhoneNumbers has it."""
    return {
        "phone_number": number,
        "capabilities": {"voice": True},
        "voice_url": f"{public_url}/twilio/voice",
        "voice_method": "POST",
        "voice_fallback_url": "https://handler.twilio.com/twiml/EH00000000000000000000000000000000",
        "status_callback": f"{public_url}/twilio/status",
        "status_callback_method": "POST",
        "trunk_sid": None,
        "voice_application_sid": "",
    }


def error(status: int, code: int, message: str) -> Answer:
    """An error as Twilio's API writes it."""
    more = f"https://www.twilio.com/docs/errors/{code}"
    return status, {"code": code, "message": message, "more_info": more, "status": status}


def _written(status: int, content: Any) -> bytes:
    is_file = isinstance(content, bytes)
    body = content if is_file else json.dumps(content).encode()
    kind = "audio/x-wav" if is_file else "application/json"
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + bytes(body)
