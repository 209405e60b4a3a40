"""Telephones that are closed after the test, and a small registrar that asks for a password."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, cast

import pytest

from ivr.phones.message import parameter, parse
from ivr.phones.scripted import ScriptedPhone
from ivr.phones.wire import answer_to

MakePhone = Callable[..., Awaitable[ScriptedPhone]]
NOWHERE = ("127.0.0.1", 9)
"""A server for telephones that need none."""


@pytest.fixture
async def make_phone() -> AsyncIterator[MakePhone]:
    """Makes started telephones: make_phone("1026", server=…, password=…, codecs=…)."""
    async with AsyncExitStack() as stack:

        async def make(user: str, server: tuple[str, int] = NOWHERE, **named: Any) -> ScriptedPhone:
            return await stack.enter_async_context(ScriptedPhone(server, user, **named))

        yield make


class Registrar(asyncio.DatagramProtocol):
    """Challenges every REGISTER with digest, as RFC 2617 and 7616 tell; its user is 1026 with the password "secret"."""

    def __init__(self) -> None:
        self.address = ("", 0)
        self.contacts: list[str] = []
        self.seen: list[str] = []
        """Methods of the requests, in order; what is late for its answer comes again, and counts once."""
        self._known: set[tuple[str, str]] = set()
        self.drop = 0
        """Datagrams to lose first."""
        self.qop = True
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.address = transport.get_extra_info("sockname")

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.drop:
            self.drop -= 1
            return
        request = parse(data)
        if (request.branch, request.method) not in self._known:
            self._known.add((request.branch, request.method))
            self.seen.append(request.method)
        if request.method == "ACK":
            return
        login = dict(re.findall(r'(\w+)="?([^",]*)"?', request.get("Authorization")))
        if not login:
            qop = 'qop="auth", ' if self.qop else ""
            headers = [("WWW-Authenticate", f'Digest realm="hotline", {qop}nonce="n1", algorithm=MD5')]
            response = answer_to(request, 401, "Unauthorized", tag="r", headers=headers)
        elif login["response"] != self._expected(login, request.method):
            response = answer_to(request, 403, "Forbidden", tag="r")
        else:
            expires = request.get("Expires")
            self.contacts = [f"{value};expires={expires}" for value in request.all("Contact")] if expires != "0" else []
            response = answer_to(request, 200, "OK", tag="r", headers=[("Contact", value) for value in self.contacts])
        assert self._transport is not None
        assert parameter(request.all("Via")[0], "branch")
        self._transport.sendto(bytes(response), addr)

    def _expected(self, login: dict[str, str], method: str) -> str:
        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        secret, request = md5("1026:hotline:secret"), md5(f"{method}:{login['uri']}")
        if not self.qop:
            return md5(f"{secret}:n1:{request}")
        return md5(f"{secret}:n1:{login.get('nc')}:{login.get('cnonce')}:auth:{request}")


@pytest.fixture
async def registrar() -> AsyncIterator[Registrar]:
    """A registrar on loopback."""
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(Registrar, local_addr=("127.0.0.1", 0))
    yield protocol
    transport.close()
    await asyncio.sleep(0)
