"""SIPp against hotlines of their own: what would disturb others."""

from __future__ import annotations

from tests.interop import sipp
from tests.interop.scenario import Desk, Floor, scenario
from tests.site import NOTICE, running
from tests.talk import sound


@scenario("SIPp", "503 above the number of calls")
async def overload(floor: Floor, desk: Desk) -> None:
    """Two calls are running; the third gets 503 with Retry-After, and the two go on to their own end."""
    async with running(floor.new_directory("overload"), environ={"HOTLINE_SIP_MAX_CALLS": "2"}) as site:
        async with sipp.start("caller", site.server, calls=2, hold_s=3, before_key_s=3) as two:
            await site.until(lambda: len(site.calls()) == 2, "two calls")
            third = await sipp.run("too_many", site.server, first_caller=int(desk.caller), timeout_s=20)
            assert third.ok, third.why
            both = await two.finished(30)
            assert both.ok, both.why
        assert len(await site.ended(2)) == 2


@scenario("SIPp", "503 above the set-up rate")
async def too_fast(floor: Floor, desk: Desk) -> None:
    """Sixty calls in half a second where ten a second are let in: some are refused with 503, none is left without answer."""
    async with running(floor.new_directory("rate"), environ={"HOTLINE_SIP_MAX_CALL_RATE": "10"}) as site:
        result = await sipp.run("setup", site.server, calls=60, rate=120, timeout_s=60)  # where SIPp is late, in some seconds
        assert result.successful >= 5, result.why
        assert result.failed >= 1
        assert result.successful + result.failed == 60
        assert result.errors.count("received 'SIP/2.0 503") >= 1


@scenario("SIPp", "RFC 3261 glare (491)", listens=True)
async def glare(floor: Floor, desk: Desk) -> None:
    """Re-INVITEs that cross are both refused with 491; the hotline's comes again, the talk goes on until the seat ends it."""
    async with running(floor.new_directory("glare")) as site:
        phone = await site.phone("1026", password="pw-1026")
        await site.code(phone, "*81")
        registered = await sipp.run("register", site.server, port=desk.port, service="1026", password="pw-1026")
        assert registered.ok, registered.why
        async with sipp.start("seat_glare", site.server, port=desk.port, service="1026") as telephone:
            caller = await (await site.phone(desk.caller)).dial("4001")
            await caller.wait_answered()
            await caller.wait_like(sound(NOTICE))
            await caller.press("1")
            await site.until(lambda: any("talking" in site.events(row["call_id"]) for row in site.calls()), "a talk")
            await site.kill("media-0")  # both get a re-INVITE with the new process's ports
            result = await telephone.finished(30)
        assert result.ok, result.why
        assert await caller.wait_ended() == "remote"
        [row] = await site.ended()
        assert (row["reason"], row["ended_by"]) == ("completed", "seat")
