"""Across a 1:1 NAT, and to a telephone behind a NAT of its own: both hear each other, whoever hangs up is heard, and the
telephone is still reached when the router has forgotten all that is silent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.phones.scripted import ScriptedPhone
from tests.interop.namespaces import (
    ADVERTISED,
    FLOW_LIFE_S,
    HOME,
    HOUSE,
    OPEN,
    Dweller,
    Forbidden,
    Networks,
    missing,
    networks,
)
from tests.site import running

pytestmark = pytest.mark.interop

ENVIRON = {
    "HOTLINE_SIP_HOST": HOUSE,
    "HOTLINE_SIP_ADVERTISED_HOST": ADVERTISED,
    "HOTLINE_MEDIA_HOST": HOUSE,
}


@pytest.fixture
def net() -> Iterator[Networks]:
    assert not missing(), f"this test needs: {', '.join(missing())}. On Debian: apt-get install iproute2 nftables procps"
    with contextlib.ExitStack() as stack:
        try:
            made = stack.enter_context(networks())
        except Forbidden as error:  # not root, or in a container that may not
            pytest.skip(f"no networks of its own can be made here: {error}")
        yield made


async def test_calls_cross_a_nat(tmp_path: Path, net: Networks) -> None:
    with Dweller(net.name("open")) as abroad, Dweller(net.name("home")) as home:
        async with running(tmp_path, networks=f"{OPEN}/32", environ=ENVIRON, prefix=net.inside("house")) as site:
            server = (ADVERTISED, site.sip_port)
            caller = ScriptedPhone(server, "04714613311", bind=OPEN)
            seat = ScriptedPhone(server, "1026", "pw-1026", bind=HOME)
            await abroad.do(caller.start())
            await home.do(seat.start())
            try:
                await abroad.do(_talk(caller, seat, home))
            finally:
                await abroad.do(caller.close())
                await home.do(seat.close())
            assert not caller.complaints
            assert not seat.complaints


async def _talk(caller: ScriptedPhone, seat: ScriptedPhone, home: Dweller) -> None:
    """In the caller's network."""
    await home.do(_sign_on(seat))
    await asyncio.sleep(FLOW_LIFE_S + 3)  # what nobody keeps alive is forgotten
    for ends in (seat, caller):
        call = await caller.dial("4001")
        await call.wait_answered()
        call.send_tone(440)
        await call.press("1")
        rings = await home.do(seat.incoming(30))
        await home.do(rings.wait_answered())
        rings.send_tone(620)
        await asyncio.gather(call.wait_tone(620, 30), home.do(rings.wait_tone(440, 30)))
        if ends is seat:
            await home.do(rings.hang_up())
            assert await call.wait_ended(10) == "remote"
        else:
            await call.hang_up()
            assert await home.do(rings.wait_ended(10)) == "remote"


async def _sign_on(seat: ScriptedPhone) -> None:
    await seat.register()
    call = await seat.dial("*81")
    await call.wait_answered()
    await call.wait_ended(30)
