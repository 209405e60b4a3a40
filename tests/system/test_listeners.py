"""Listeners of a whole hotline. TCP and TLS: `serve` holds their sockets, so connections wait while an engine is replaced.
IPv6: its callers and seats talk with those of IPv4."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.ports import free_port, needs_ipv6
from tests.site import Site, running
from tests.talk import talking

MORE = """
[[listeners]]
name = "stream"
transport = "tcp"
port = {tcp}
[[listeners]]
name = "secure"
transport = "tls"
port = {tls}
certificate = "cert.pem"
private_key = "key.pem"
"""
IPV6 = """
[[listeners]]
name = "six"
host = "::1"
port = {port}
media_host = "::1"
[[trunks]]
name = "six"
listener = "six"
networks = ["::1/128"]
numbers = {{ "4001" = "sample" }}
"""
NUMBERS = count(1)


async def ask(port: int, tls: ssl.SSLContext | None = None) -> str:
    """OPTIONS over a connection of its own; the first line of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    try:
        number = next(NUMBERS)
        writer.write(
            f"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK{number}\r\nFrom: <sip:a@a>;tag=t\r\n"
            f"To: <sip:b@b>\r\nCall-ID: c{number}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n".encode()
        )
        async with asyncio.timeout(30):
            return (await reader.readuntil(b"\r\n")).decode().strip()
    finally:
        writer.close()


async def test_connections_are_answered_by_whichever_engine_runs(tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    client = ssl.create_default_context()
    authority.configure_trust(client)
    tcp, tls = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_STREAM)
    async with running(tmp_path, extra=MORE.format(tcp=tcp, tls=tls)) as site:
        assert f"sip      TCP 127.0.0.1:{tcp}" in site.said
        assert f"sip      TLS 127.0.0.1:{tls}" in site.said
        assert await ask(tcp) == "SIP/2.0 200 OK"
        assert await ask(tls, client) == "SIP/2.0 200 OK"
        engine = site.pid("engine")
        os.kill(engine, signal.SIGKILL)
        assert await ask(tcp) == "SIP/2.0 200 OK", "it waited in the socket that serve holds"
        assert await ask(tls, client) == "SIP/2.0 200 OK"
        assert _engines(site) == 2


def _engines(site: Site) -> int:
    return site.said.count("engine   started")


@needs_ipv6
@pytest.mark.parametrize(("caller_by", "seat_by"), [("six", "local"), ("local", "six"), ("six", "six")])
async def test_who_is_reached_by_ipv6_talks_with_everybody(tmp_path: Path, caller_by: str, seat_by: str) -> None:
    port = free_port(host="::1")
    ways: dict[str, dict[str, Any]] = {"local": {}, "six": {"server": ("::1", port), "bind": "::1"}}
    async with running(tmp_path, extra=IPV6.format(port=port)) as site:
        seat = await site.seat(**ways[seat_by])
        caller, agent = await talking(site, seat, **ways[caller_by])
        await agent.hang_up()
        assert await caller.wait_ended(30) == "remote"
        [row] = await site.ended()
        assert (row["trunk"], row["reason"]) == (caller_by, "completed")
        assert [phone.complaints for phone in site.phones] == [[], []]
