"""`hotline twilio check` against a Twilio of one's own: what is wrong there is named with its remedy."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

import pytest

from ivr.config import load
from ivr.gateway.twilio.api import base_url
from ivr.gateway.twilio.check import Finding, check
from ivr.gatewaysettings import Twilio
from ivr.phones.twilio import FakeTwilio
from tests.ivr.gateway.conftest import Door
from tests.ports import free_port
from tests.twilio import NUMBER, TOKEN


async def look(door: Door, token: str = TOKEN) -> dict[str, str]:
    """What is to be fixed."""
    assert door.settings.twilio is not None
    return {finding.what: finding.remedy for finding in await check(door.settings.twilio, token) if not finding.ok}


async def test_all_is_well(door: Door) -> None:
    assert await look(door) == {}


async def test_what_is_to_be_fixed_at_twilio(door: Door) -> None:
    number = door.twilio.numbers[0]
    number |= {"voice_url": "https://demo.twilio.com/welcome", "status_callback": "", "voice_method": "GET"}
    number["voice_fallback_url"] = ""
    found = await look(door)
    assert f"set it to {door.url}/twilio/voice" in found[f"{NUMBER}, a call comes in"]
    assert "POST" in found[f"{NUMBER}, how it is told that a call comes in"]
    assert f"set it to {door.url}/twilio/status" in found[f"{NUMBER}, call status changes"]
    assert "fallback.xml" in found[f"{NUMBER}, primary handler fails"]
    number["trunk_sid"] = "TK1"
    assert "Elastic SIP trunk" in (await look(door))[f"{NUMBER} leads to webhooks"]
    door.twilio.numbers.clear()
    assert "no such number" in (await look(door))[NUMBER]


async def test_credentials_and_account(door: Door) -> None:
    [(what, remedy)] = (await look(door, "wrong")).items()
    assert what.startswith("account AC0000")
    assert "refuses the credentials" in remedy
    door.twilio.account["status"] = "suspended"
    assert "suspended" in str(await look(door))


async def test_an_address_that_leads_elsewhere(tmp_path: Path) -> None:
    async with FakeTwilio(NUMBER, f"http://127.0.0.1:{free_port(socket.SOCK_STREAM)}", auth_token=TOKEN) as twilio:
        settings = Twilio(
            account_sid=twilio.account_sid, public_url=twilio.public_url, numbers={NUMBER: "h"}, api_url=twilio.rest.url
        )
        findings = await check(settings, TOKEN)
    assert findings[-1].what == f"{twilio.public_url}/healthz"
    assert "is the gateway running" in findings[-1].remedy
    assert [one.ok for one in findings[:-1]] == [True] * 4


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        ("403 Forbidden", "streams_signed = false"),
        ("400 Bad Request", "must pass Upgrade"),
        ("", "does the proxy pass WebSockets on?"),
    ],
)
async def test_a_proxy_that_passes_no_streams(door: Door, answer: str, remedy: str) -> None:
    """The gateway behind it is well, and so are its webhooks."""
    assert door.settings.twilio is not None

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            said = "200 OK" if head.startswith("GET /healthz ") else answer
            if said:
                writer.write(f"HTTP/1.1 {said}\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n".encode())

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    door.twilio.numbers[0] |= {"voice_url": f"{url}/twilio/voice", "status_callback": f"{url}/twilio/status"}
    findings = await check(door.settings.twilio.model_copy(update={"public_url": url}), TOKEN)
    server.close()
    [bad] = [finding for finding in findings if not finding.ok]
    assert bad.what == url.replace("http", "ws") + "/twilio/stream"
    assert remedy in bad.remedy


async def test_a_gateway_with_another_token(door: Door) -> None:
    """Twilio's side knows the new one already."""
    door.twilio.rest.auth_token = "a-newer-one"
    [(what, remedy)] = (await look(door, "a-newer-one")).items()
    assert what.endswith("/twilio/stream")
    assert "does it run with another one" in remedy


@pytest.mark.parametrize(
    ("region", "edge", "url"),
    [
        ("", "", "https://api.twilio.com"),
        ("ie1", "dublin", "https://api.dublin.ie1.twilio.com"),
        ("", "sydney", "https://api.sydney.us1.twilio.com"),
        ("au1", "", "https://api.au1.twilio.com"),
    ],
)
def test_where_the_api_is(region: str, edge: str, url: str) -> None:
    twilio = Twilio(
        account_sid="AC" + "0" * 32, public_url="https://x.example", numbers={NUMBER: "h"}, region=region, edge=edge
    )
    assert base_url(twilio) == url


async def test_the_command(door: Door, tmp_path: Path) -> None:
    from tests.site import Site

    site = Site(tmp_path, environ={"HOTLINE_TWILIO_AUTH_TOKEN": TOKEN})
    status, said = await site.command("twilio", "check")
    assert status == 0, said
    assert f"ok   {NUMBER}, a call comes in" in said
    door.twilio.numbers[0]["voice_url"] = "https://elsewhere.example"
    status, said = await site.command("twilio", "check")
    assert status == 1
    assert f"FIX  {NUMBER}, a call comes in: it leads to https://elsewhere.example" in said
    assert TOKEN not in said
    assert load(tmp_path / "hotline.toml", {}).twilio is not None
    assert Finding("x", True).remedy == ""
