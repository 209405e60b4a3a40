"""A gateway by itself: a Twilio of one's own on one side, a scripted telephone in the engine's place on the other."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from ivr.config import Settings, load
from ivr.gateway.process import Gateway
from ivr.phones.scripted import ScriptedPhone
from ivr.phones.twilio import FakeTwilio
from routing.events import STREAM
from tests.ports import free_port
from tests.twilio import NUMBER, TABLE, TOKEN

HOTLINE = """
data_dir = "{data_dir}"
redis_url = "{redis_url}"
[[hotlines]]
name = "sample"
menu = "sample.yaml"
"""


@dataclass
class Door:
    """The gateway and both its sides. `engine` answers as a telephone does; its `calls` are the engine's."""

    settings: Settings
    twilio: FakeTwilio
    engine: ScriptedPhone
    redis: Redis
    _gateway: Gateway | None = None
    _running: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return self.twilio.public_url

    async def start(self) -> None:
        assert self.settings.twilio is not None
        self._gateway = Gateway(self.settings, self.settings.twilio, TOKEN)
        self._running = asyncio.create_task(self._gateway.run())
        await self.until(self._serves, "the gateway serves")

    def _serves(self) -> bool:
        assert self._running is not None
        assert not self._running.done(), self._running.exception()
        return self.is_open()

    def is_open(self) -> bool:
        """Whether somebody listens for Twilio."""
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.settings.gateway.port)) == 0

    async def stop(self, *, at_once: bool = True) -> None:
        if self._gateway is not None and self._running is not None:
            self._gateway.stop(at_once=at_once)
            await asyncio.wait_for(self._running, 30)
            self._gateway = None

    async def told(self, subject: str) -> list[tuple[str, dict[str, Any]]]:
        """Events of a subject so far."""
        found = [cast(dict[str, str], fields) for _, fields in await self.redis.xrange(STREAM) or []]
        return [(fields["type"], json.loads(fields["data"])) for fields in found if fields["subject"] == subject]

    async def numbers(self, subject: str) -> set[int]:
        """Of its events."""
        found = [cast(dict[str, str], fields) for _, fields in await self.redis.xrange(STREAM) or []]
        return {int(fields["seq"]) for fields in found if fields["subject"] == subject}

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        async with asyncio.timeout(30):
            while not condition():  # noqa: ASYNC110 - nobody signals it
                await asyncio.sleep(0.05)


@pytest.fixture
async def door(tmp_path: Path, redis_url: str, redis: Redis, request: pytest.FixtureRequest) -> AsyncIterator[Door]:
    """A running one; `pytest.mark.parametrize("door", [{"gateway": lines}], indirect=True)` adds lines to that table, and
    "twilio" to the other."""
    http, sip = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
    async with (
        FakeTwilio(NUMBER, f"http://127.0.0.1:{http}", auth_token=TOKEN) as twilio,
        ScriptedPhone(("127.0.0.1", sip), "engine", codecs=("PCMU",)) as engine,
    ):
        ports = {"http": http, "engine": engine.address[1], "sip": sip}
        more = {"gateway": "", "twilio": "", **getattr(request, "param", {})}
        account = {"account": twilio.account_sid, "api": twilio.rest.url, "number": NUMBER, "hotline": "sample"}
        table = TABLE.format(gateway=more["gateway"], public_url=twilio.public_url, **account, **ports) + more["twilio"]
        path = tmp_path / "hotline.toml"
        path.write_text(HOTLINE.format(data_dir=tmp_path / "var", redis_url=redis_url) + table, encoding="utf-8")
        settings = load(path, {"HOTLINE_TWILIO_AUTH_TOKEN": TOKEN})
        settings.make_directories()
        door = Door(settings, twilio, engine, redis)
        await door.start()
        yield door
        await door.stop()
        assert engine.complaints == []
