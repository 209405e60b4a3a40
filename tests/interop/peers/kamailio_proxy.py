"""kamailio stands before the hotline as a proxy that stays in the way of every call (Record-Route)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from ivr.phones.scripted import ScriptedPhone
from tests.interop.program import Program, program
from tests.interop.scenario import MOBILE, Desk, Floor, scenario
from tests.site import PATIENCE_S

KAMAILIO = shutil.which("kamailio", path="/usr/sbin:/usr/bin")
CONFIG = Path(__file__).parent.parent / "kamailio.cfg"


@contextlib.asynccontextmanager
async def proxy(floor: Floor, desk: Desk, *defines: str, tcp: bool = False) -> AsyncIterator[Program]:
    """kamailio at the desk's port. defines: more of its configuration's (kamailio.cfg). tcp: it listens for that too."""
    assert KAMAILIO is not None, "kamailio is not installed"
    run = floor.new_directory(f"kamailio-{desk.port}")
    host, port = floor.site.server
    listens = [word for one in (("udp", "tcp") if tcp else ("udp",)) for word in ("-l", f"{one}:127.0.0.1:{desk.port}")]
    async with program(
        KAMAILIO, "-f", str(CONFIG), "-DD", "-E", *listens, "-m", "32", "-M", "4", "-Y", str(run),
        "-A", f"HOTLINE_PORT={port}", "-A", f'HOTLINE="sip:{host}:{port}"', *(word for one in defines for word in ("-A", one)),
        log=run / "kamailio.log", listens=("127.0.0.1", desk.port),
    ) as running:  # fmt: skip
        yield running


def routed(running: Program, method: str, port: int) -> int:
    """How many requests of this method from this port have followed the route set; none may have lost it."""
    assert "lost the route" not in running.said, running.said
    return running.said.count(f"followed the route: {method} from {port}\n")


@scenario("kamailio", "calls in through a Record-Route proxy", listens=True)
async def inward(floor: Floor, desk: Desk) -> None:
    """Menu, queue, seat, hold; the hotline's BYE follows the route set back through the proxy."""
    async with proxy(floor, desk) as running:
        seat = await floor.site.seat(desk.seat)
        caller = await (await floor.site.phone(desk.caller)).dial(f"sip:{desk.number}@127.0.0.1:{desk.port}")
        await caller.wait_answered(PATIENCE_S)
        caller.send_tone(440)
        agent = await seat.incoming(PATIENCE_S)
        await agent.wait_answered()
        agent.send_tone(620)
        await asyncio.gather(caller.wait_tone(620, PATIENCE_S), agent.wait_tone(440, PATIENCE_S))
        await caller.hold()
        await caller.resume()
        await agent.hang_up()
        assert await caller.wait_ended() == "remote"
        assert routed(running, "BYE", floor.site.sip_port) == 1
    [row] = await floor.ended(desk)
    assert (row["reason"], row["ended_by"]) == ("completed", "seat")
    assert [event for event in floor.site.events(row["call_id"]) if "held" in event] == ["held", "unheld"]


@scenario("kamailio", "a seat behind a Record-Route proxy", listens=True)
async def outward(floor: Floor, desk: Desk) -> None:
    """The seat registers and signs on through the proxy and is called through it; ACK and BYE follow the route set."""
    async with proxy(floor, desk) as running:
        seat = ScriptedPhone(("127.0.0.1", desk.port), desk.seat, desk.password)
        await seat.start()
        floor.site.phones.append(seat)
        await seat.register()
        await floor.site.code(seat, "*81")
        caller = await floor.dial(desk)
        caller.send_tone(440)
        agent = await seat.incoming(PATIENCE_S)
        await agent.wait_answered()
        agent.send_tone(620)
        await asyncio.gather(caller.wait_tone(620, PATIENCE_S), agent.wait_tone(440, PATIENCE_S))
        await agent.hold()
        await agent.resume()
        await caller.hang_up()
        assert await agent.wait_ended() == "remote"
        assert routed(running, "ACK", floor.site.sip_port) >= 1
        assert routed(running, "BYE", floor.site.sip_port) >= 1
        assert seat.complaints == []
    [row] = await floor.ended(desk)
    assert (row["reason"], row["ended_by"]) == ("completed", "caller")


OPERATOR = """
domain = "operator.example"
register = true
"""


OUTBOUND = """
registrar = "operator.example"
outbound_proxy = "127.0.0.1:{port}"
register = true
"""


@scenario("kamailio", "an operator's registrar", trunk=OPERATOR)
async def registrar(floor: Floor, desk: Desk) -> None:
    """The trunk registers (SHA-256 digest, Service-Route), is called where it registered, and calls out by that route (407)."""
    await registered(floor, desk)


@scenario("kamailio", "the outbound proxy before an operator's registrar", trunk=OUTBOUND)
async def outbound(floor: Floor, desk: Desk) -> None:
    """The registrar is a name that leads nowhere: all goes by the outbound proxy, with a Route; then as above."""
    await registered(floor, desk)


@scenario("kamailio", "an operator's registrar by TCP", trunk=OPERATOR + 'listener = "tcp"\n')
async def by_tcp(floor: Floor, desk: Desk) -> None:
    """It wants a ping each two seconds (RFC 5626) and answers them; while it stands still we connect and register anew."""
    account, outside = f'ACCOUNT="{desk.account}"', 'OUTSIDE="sip:127.0.0.1:9"'
    async with proxy(floor, desk, account, outside, 'FLOW_TIMER="2"', tcp=True) as running:
        await running.until_said(f"registered: {desk.account} by SHA-256 as", 60)
        await called(floor, desk)
        assert given_up(floor, desk) == 0
        with standing_still(running.process.pid):
            await floor.site.until(lambda: given_up(floor, desk) == 1, "the connection is given up")
        await running.until_said(f"registered: {desk.account} by SHA-256 as", 60, times=2)
        await called(floor, desk)


async def called(floor: Floor, desk: Desk) -> None:
    """A call to where the trunk has registered comes in."""
    caller = await (await floor.site.phone(desk.caller)).dial(f"sip:{desk.account}@127.0.0.1:{desk.port}")
    await caller.wait_answered(PATIENCE_S)
    await caller.hang_up()


def given_up(floor: Floor, desk: Desk) -> int:
    """How many connections to the desk's port the hotline gave up for want of a pong."""
    written = (floor.site.data_dir / "log" / "engine.log").read_bytes()
    lines = map(json.loads, written[: written.rfind(b"\n") + 1].splitlines())  # of the last one the end may be still to come
    found = [one["why"] for one in lines if one["event"] == "no connection" and one["peer"] == f"127.0.0.1:{desk.port}"]
    return found.count("no pong")


@contextlib.contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """A program, with all that it has started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    processes = [pid, *map(int, children)]
    for one in processes:
        os.kill(one, signal.SIGSTOP)
    try:
        yield
    finally:
        for one in processes:
            os.kill(one, signal.SIGCONT)


async def registered(floor: Floor, desk: Desk) -> None:
    mobile = await floor.site.phone(MOBILE)
    outside = f'OUTSIDE="sip:127.0.0.1:{mobile.address[1]}"'
    async with proxy(floor, desk, f'ACCOUNT="{desk.account}"', outside) as running:
        await running.until_said(f"registered: {desk.account} by SHA-256 as", 60)
        seat = await floor.site.seat(desk.seat)
        caller = await (await floor.site.phone(desk.caller)).dial(f"sip:{desk.account}@127.0.0.1:{desk.port}")
        agent = await seat.incoming(PATIENCE_S)
        await agent.wait_answered()
        agent.send_tone(620)
        await caller.wait_tone(620, PATIENCE_S)
        await agent.hang_up()
        assert await caller.wait_ended() == "remote"
        assert routed(running, "BYE", floor.site.sip_port) == 1
        line = await seat.dial(MOBILE)
        far = await mobile.incoming(PATIENCE_S)
        await asyncio.gather(line.wait_answered(), far.wait_answered())
        far.send_tone(440)
        await line.wait_tone(440, PATIENCE_S)
        await line.hang_up()
        assert await far.wait_ended() == "remote"
        assert routed(running, "BYE", floor.site.sip_port) == 2
        [called] = re.findall(r"calls out: (\S+) to (\S+), Route: (\S+)", running.said)
        assert called == (desk.account, MOBILE, f"<sip:127.0.0.1:{desk.port};lr>"), "the Service-Route was followed"
