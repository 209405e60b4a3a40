"""How a stream ends, where writing and reading find that out in an order of ours: the test is the web server (ASGI) of a real
call towards an engine's telephone."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ivr.gateway.call import Call
from ivr.gateway.line import Line
from ivr.gateway.twilio.stream import Streams
from ivr.gatewaysettings import LOOPBACK
from ivr.listen import bind
from ivr.phones.scripted import Call as EngineCall
from ivr.phones.scripted import ScriptedPhone

START = {
    "event": "start",
    "streamSid": "MZ1",
    "start": {"streamSid": "MZ1", "callSid": "CA1", "accountSid": "AC1", "customParameters": {"token": "t"}},
}
GONE = {"type": "websocket.disconnect", "code": 1006}


class Server:
    """What a web server does for one connection; `takes` off: its peer is gone, and writing fails."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.takes = True
        self.refused = asyncio.Event()
        self.wrote = asyncio.Event()
        self.closed = asyncio.Event()
        self.events.put_nowait({"type": "websocket.connect"})
        self.says(START)

    def says(self, message: dict[str, Any]) -> None:
        self.events.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})

    async def send(self, event: Any) -> None:
        if not self.takes:
            self.refused.set()
            raise OSError("the connection is gone")
        if event["type"] == "websocket.send":
            self.wrote.set()
        elif event["type"] == "websocket.close":
            self.closed.set()


def unasked(_: Call) -> None:
    """The call's desk has nothing to do here."""


@pytest.fixture
async def leg() -> AsyncIterator[tuple[Call, ScriptedPhone]]:
    """A call that the engine has answered, whose stream is waited for."""
    sock = bind(socket.SOCK_DGRAM, LOOPBACK, 0, "")
    address = sock.getsockname()
    calls: list[Call] = []
    async with ScriptedPhone(address, "engine", codecs=("PCMU",)) as engine:
        line = Line(
            address[1],
            engine.address[1],
            on_event=lambda _, event: calls[0].signalled(event),
            on_call=lambda _: None,
            patience_s=9.0,
        )
        await line.start(sock)
        call = Call("CA1", "s1", line, outbound=False, on_kept=unasked, on_over=unasked, end_outside=unasked)
        calls.append(call)
        await call.sound.open()
        line.call("s1", "4001", caller="1", display="1", private=False, reference="CA1", sdp=call.offer())
        assert await call.admitted == 0
        yield call, engine
        await line.close()


async def joined(call: Call, engine: ScriptedPhone, server: Server) -> tuple[asyncio.Task[None], EngineCall]:
    """The stream is there, and what the engine says is written to it."""
    streams = Streams(lambda _start, _token: call)
    serving = asyncio.create_task(streams.serve({"headers": []}, server.events.get, server.send))
    agent = await engine.incoming()
    await agent.wait_answered()
    agent.send_tone(620)
    await asyncio.wait_for(server.wrote.wait(), 20)
    return serving, agent


async def reason(agent: EngineCall) -> str:
    assert await agent.wait_ended() == "remote"
    [bye] = [message for message in agent.requests if message.first.startswith("BYE ")]
    return str(bye.get("Reason"))


async def test_a_stream_that_breaks_while_it_is_written_to_is_broken(leg: tuple[Call, ScriptedPhone]) -> None:
    """Writing fails, and only then reading finds the end: nobody hung up, so the caller is owed a call."""
    call, engine = leg
    server = Server()
    serving, agent = await joined(call, engine, server)
    server.takes = False
    await asyncio.wait_for(server.refused.wait(), 20)
    server.events.put_nowait(GONE)
    await serving
    assert call.bridge.ended_by == "broken"
    assert await reason(agent) == "Q.850;cause=38"


async def test_a_stream_that_breaks_where_reading_finds_it_first(leg: tuple[Call, ScriptedPhone]) -> None:
    call, engine = leg
    server = Server()
    serving, agent = await joined(call, engine, server)
    server.events.put_nowait(GONE)
    await serving
    assert call.bridge.ended_by == "broken"
    assert await reason(agent) == "Q.850;cause=38"


async def test_a_stream_that_its_caller_has_stopped_was_hung_up(leg: tuple[Call, ScriptedPhone]) -> None:
    """Also where the last frames can't be written any more."""
    call, engine = leg
    server = Server()
    serving, agent = await joined(call, engine, server)
    server.takes = False
    await asyncio.wait_for(server.refused.wait(), 20)
    server.says({"event": "stop", "streamSid": "MZ1", "stop": {"callSid": "CA1", "accountSid": "AC1"}})
    await serving
    assert call.bridge.ended_by == "outside"
    assert await reason(agent) == ""


async def test_a_stream_that_we_have_closed_was_not_broken(leg: tuple[Call, ScriptedPhone]) -> None:
    """The engine hangs up, its last words are waited for, then the close is ours."""
    call, engine = leg
    server = Server()
    serving, agent = await joined(call, engine, server)
    await agent.hang_up()
    await asyncio.wait_for(server.closed.wait(), 20)
    server.events.put_nowait(GONE)
    await serving
    assert call.bridge.ended_by == "engine"
