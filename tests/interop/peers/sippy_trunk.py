"""sippy's B2BUA as the trunk: it takes a telephone's call and makes one of its own to the hotline, and back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from ivr.phones.scripted import Call, Ring
from tests.interop.program import program
from tests.interop.scenario import MOBILE, Desk, Floor, scenario
from tests.site import PATIENCE_S, running

PYTHON = Path(sys.prefix) / "peers" / "bin" / "python"
"""Of an environment of its own (`make interop` makes it): sippy's wheel brings a package `tests` that hides ours."""
REGISTER = Path(__file__).parent.parent / "sippy_register.py"


@contextlib.asynccontextmanager
async def b2bua(floor: Floor, desk: Desk, to: tuple[str, int] | None = None) -> AsyncIterator[str]:
    """sippy's simple B2BUA at the desk's port, which brings what it gets to the hotline or to another place; the URI by which
    it is called for the desk's number."""
    host, port = to or floor.site.server
    server = f"{host}:{port}"
    command = (str(PYTHON), "-m", "sippy.b2bua_simple", "-f", "-l", "127.0.0.1", "-p", str(desk.port), "-n", server)
    log = floor.directory / f"sippy-{desk.port}.log"
    async with program(
        *command, log=log, listens=("127.0.0.1", desk.port), environment={**os.environ, "SIPLOG_BEND": "stderr"}
    ):
        yield f"sip:{desk.number}@127.0.0.1:{desk.port}"


async def talk(floor: Floor, desk: Desk, uri: str) -> tuple[Call, Call]:
    """A caller by way of sippy and a seat, who hear each other."""
    seat = await floor.site.seat(desk.seat)
    caller = await (await floor.site.phone(desk.caller)).dial(uri)
    await caller.wait_answered(PATIENCE_S)
    caller.send_tone(440)
    agent = await seat.incoming(PATIENCE_S)
    await agent.wait_answered()
    agent.send_tone(620)
    await asyncio.gather(caller.wait_tone(620, PATIENCE_S), agent.wait_tone(440, PATIENCE_S))
    return caller, agent


@scenario("sippy", "a call by its B2BUA, the caller ends it", listens=True)
async def called_by(floor: Floor, desk: Desk) -> None:
    """Both hear each other through menu, queue and seat; the caller's BYE ends the seat's leg."""
    async with b2bua(floor, desk) as uri:
        caller, agent = await talk(floor, desk, uri)
        await caller.hang_up()
        assert await agent.wait_ended() == "remote"
    [row] = await floor.ended(desk)
    assert (row["reason"], row["ended_by"], row["seat"]) == ("completed", "caller", desk.seat)


@scenario("sippy", "a call by its B2BUA, held and ended by the seat", listens=True)
async def held_by_seat(floor: Floor, desk: Desk) -> None:
    """The seat's hold and resume, then its BYE, reach the caller behind the trunk."""
    async with b2bua(floor, desk) as uri:
        caller, agent = await talk(floor, desk, uri)
        await agent.hold()
        await floor.event(desk, "held")
        await agent.resume()
        await caller.wait_tone(620, PATIENCE_S)
        await agent.hang_up()
        assert await caller.wait_ended() == "remote"
    [row] = await floor.ended(desk)
    assert (row["reason"], row["ended_by"]) == ("completed", "seat")


@scenario("sippy", "a caller who gives up while a seat rings", listens=True)
async def gives_up(floor: Floor, desk: Desk) -> None:
    """The BYE behind the trunk cancels the seat's ringing, and a return call is owed."""
    async with b2bua(floor, desk) as uri:
        seat = await floor.site.seat(desk.seat)
        seat.on_invite = Ring()
        caller = await (await floor.site.phone(desk.caller)).dial(uri)
        await caller.wait_answered(PATIENCE_S)
        agent = await seat.incoming(PATIENCE_S)
        await caller.hang_up()
        assert await agent.wait_ended() == "cancelled"
    [row] = await floor.ended(desk)
    assert row["reason"] == "abandoned"


@scenario("sippy", "a seat calls out through it", trunk="number_format = 'national'")
async def called_out(floor: Floor, desk: Desk) -> None:
    """The seat dials a mobile, sippy brings the call there; both hear each other, the mobile hangs up."""
    mobile = await floor.site.phone(MOBILE)
    async with b2bua(floor, desk, mobile.address):
        seat = await floor.site.seat(desk.seat)
        line = await seat.dial(MOBILE)
        far = await mobile.incoming(PATIENCE_S)
        assert far.caller == desk.account, "the trunk's number is shown"
        await asyncio.gather(line.wait_answered(), far.wait_answered())
        line.send_tone(620)
        far.send_tone(440)
        await asyncio.gather(line.wait_tone(440, PATIENCE_S), far.wait_tone(620, PATIENCE_S))
        await far.hang_up()
        assert await line.wait_ended() == "remote"


@scenario("sippy", "a mobile seat behind it", trunk="number_format = 'national'", mobile=True)
async def mobile_seat(floor: Floor, desk: Desk) -> None:
    """The queue calls a mobile through sippy; its answer counts from the key on, then caller and mobile hear each other."""
    mobile = await floor.site.phone(MOBILE)
    async with b2bua(floor, desk, mobile.address):
        await floor.sign_on(desk)
        caller = await floor.dial(desk)
        caller.send_tone(440)
        far = await mobile.incoming(PATIENCE_S)
        await far.wait_answered()
        await floor.event(desk, "answer_unconfirmed")
        await far.press("1")
        far.send_tone(620)
        await asyncio.gather(caller.wait_tone(620, PATIENCE_S), far.wait_tone(440, PATIENCE_S))
        await caller.hang_up()
        assert await far.wait_ended() == "remote"
    [row] = await floor.ended(desk)
    assert (row["reason"], row["seat"]) == ("completed", desk.seat)


@scenario("sippy", "RFC 8760 REGISTER", listens=True)
async def sha256(floor: Floor, desk: Desk) -> None:
    """Where the hotline offers SHA-256 before MD5, it registers by SHA-256."""
    async with running(floor.new_directory("sha256"), environ={"HOTLINE_SIP_SHA256": "true"}) as site:
        arguments = (str(site.sip_port), "1026", "pw-1026", str(desk.port))
        log, environment = floor.directory / "sippy-register.log", {**os.environ, "SIPLOG_BEND": "stderr"}
        async with program(str(PYTHON), str(REGISTER), *arguments, log=log, environment=environment) as register:
            await register.until_said("registered:")
            assert f"1026@127.0.0.1:{desk.port}" in register.said
            assert "algorithm=SHA-256" in register.said.partition("Authorization: Digest")[2]
