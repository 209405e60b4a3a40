"""A hotline with a number at a Twilio of one's own (ivr/phones/twilio.py)."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ivr.phones.twilio import FakeTwilio
from tests.ports import free_port
from tests.site import Site, running

NUMBER = "+14155550100"
TOKEN = "a-token-of-tests"
TABLE = """
[gateway]
port = {http}
engine_port = {engine}
sip_port = {sip}
{gateway}
[twilio]
account_sid = "{account}"
public_url = "{public_url}"
api_url = "{api}"
numbers = {{ "{number}" = "{hotline}" }}
caller_ids = ["{number}"]
allow_prefixes = ["+1"]
"""
MOBILE = "+14155550188"
MOBILE_SEAT = f"""
[[seats]]
number = "1030"
password = "pw-1030"
queues = ["service"]
phone = "{MOBILE}"
trunk = "twilio"
"""
"""A seat whose telephone Twilio calls."""


@dataclass
class TwilioSite:
    """Both sides."""

    site: Site
    twilio: FakeTwilio

    async def cleared(self) -> None:
        """Site.cleared(), and nobody is on the line at Twilio, which answers."""
        for call in self.twilio.calls:
            if not call.ended.is_set():
                await call.hang_up()
        while not self.twilio.made.empty():
            self.twilio.made.get_nowait()
        self.twilio.on_call = "answer"
        await self.site.cleared()


@contextlib.asynccontextmanager
async def twilio_site(
    directory: Path, *, gateway: str = "", hotline: str = "sample", http: int = 0, public_url: str = "", **options: Any
) -> AsyncIterator[TwilioSite]:
    """A running hotline, and the Twilio that the number of one of its hotlines is at. http: the gateway's port;
    public_url: of a proxy before it."""
    http = http or free_port(socket.SOCK_STREAM)
    public_url = public_url or f"http://127.0.0.1:{http}"
    ports = {"http": http, "engine": free_port(socket.SOCK_DGRAM), "sip": free_port(socket.SOCK_DGRAM)}
    async with FakeTwilio(NUMBER, public_url, auth_token=TOKEN) as twilio:
        account = {"account": twilio.account_sid, "api": twilio.rest.url, "number": NUMBER, "hotline": hotline}
        table = TABLE.format(gateway=gateway, public_url=public_url, **account, **ports)
        environ = {"HOTLINE_TWILIO_AUTH_TOKEN": TOKEN, **options.pop("environ", {})}
        extra = options.pop("extra", "") + table
        async with running(directory, extra=extra, environ=environ, **options) as site:
            yield TwilioSite(site, twilio)
