"""SIPp is called as a seat: one scenario of ours for each RFC."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

from ivr.phones.scripted import Call, PhoneError, Ring
from tests.interop import sipp
from tests.interop.scenario import Desk, Floor, Run, first_line, scenario


@contextlib.asynccontextmanager
async def offered(floor: Floor, desk: Desk, name: str, values: Mapping[str, str] | None = None) -> AsyncIterator[Call]:
    """A caller whose call is offered to a seat that does as this scenario is written; at the end it must have gone so."""
    await floor.sign_on(desk)
    registered = await sipp.run("register", floor.site.server, port=desk.port, service=desk.seat, password=desk.password)
    assert registered.ok, registered.why
    server = f"{floor.site.server[0]}:{floor.site.server[1]}"
    values = {"server": server, "colleague": desk.colleague, **(values or {})}
    async with sipp.start(
        name, floor.site.server, port=desk.port, service=desk.seat, password=desk.password, values=values
    ) as seat:
        caller = await floor.dial(desk)
        await floor.event(desk, "offered")
        try:
            yield caller
        except (AssertionError, PhoneError) as error:
            result = await seat.finished(0.5)
            raise AssertionError(f"{first_line(error)}; the seat: {result.why}") from error
        result = await seat.finished(20)
    assert result.ok, result.why


@scenario("SIPp", "RFC 3262 seat rings reliably", listens=True)
async def seat_reliable(floor: Floor, desk: Desk) -> None:
    """A reliable 183 and 180 of a seat get their PRACKs, in order."""
    async with offered(floor, desk, "seat_reliable") as caller:
        await floor.event(desk, "talking")
        await caller.hang_up()
    [row] = await floor.ended(desk)
    assert (row["reason"], row["seat"]) == ("completed", desk.seat)


@scenario("SIPp", "RFC 3311 UPDATE from the seat", listens=True)
async def seat_update(floor: Floor, desk: Desk) -> None:
    """The caller is held and resumed by UPDATE; the log knows."""
    await held_and_resumed(floor, desk, "seat_update")


@scenario("SIPp", "hold by a seat", listens=True)
async def seat_hold(floor: Floor, desk: Desk) -> None:
    """The caller is held and resumed by re-INVITEs; the log knows."""
    await held_and_resumed(floor, desk, "seat_hold")


async def held_and_resumed(floor: Floor, desk: Desk, name: str) -> None:
    async with offered(floor, desk, name) as caller:
        assert await caller.wait_ended(20) == "remote"
    [row] = await floor.ended(desk)
    assert (row["reason"], row["ended_by"]) == ("completed", "seat")
    assert [event for event in floor.site.events(row["call_id"]) if "held" in event] == ["held", "unheld"]


@scenario("SIPp", "RFC 4028 seat's least interval", listens=True)
async def seat_timer(floor: Floor, desk: Desk) -> None:
    """422 with Min-SE 5400 is followed; the seat refreshes by UPDATE."""
    async with offered(floor, desk, "seat_timer") as caller:
        assert await caller.wait_ended(20) == "remote"
    [row] = await floor.ended(desk)
    assert row["reason"] == "completed"


def refusing(status: int, why: str, more: str = "X-Nothing: more") -> Run:
    async def refused(floor: Floor, desk: Desk) -> None:
        async with offered(floor, desk, "seat_refuses", {"status": str(status), "more": more}) as caller:
            assert (await floor.event(desk, "refused"))["status"] == status
            await caller.hang_up()
        [row] = await floor.ended(desk)
        assert row["reason"] == "abandoned"

    refused.__doc__ = why
    return refused


for _status, _why, _more in (
    (486, "Busy: the caller waits on, the seat is set aside.", ""),
    (603, "Declined: the caller waits on, the seat is set aside.", ""),
    (480, "Unreachable: the caller waits on, the seat is set aside.", ""),
    (503, "Out of service: the caller waits on, the seat is set aside.", "Retry-After: 30"),
):
    scenario("SIPp", f"a seat's {_status}", listens=True)(refusing(_status, _why, _more or "X-Nothing: more"))


@scenario("SIPp", "CANCEL while a seat rings", listens=True)
async def seat_cancelled(floor: Floor, desk: Desk) -> None:
    """CANCEL, 487, and nothing is left."""
    async with offered(floor, desk, "seat_cancelled") as caller:
        await floor.event(desk, "ringing")
        await caller.hang_up()
    [row] = await floor.ended(desk)
    assert row["reason"] == "abandoned"


@scenario("SIPp", "two telephones of a seat", listens=True)
async def seat_two_telephones(floor: Floor, desk: Desk) -> None:
    """Both ring; the other one answers, and SIPp's is cancelled."""
    soft = await floor.site.seat(desk.seat, sign_on=False)
    soft.on_invite = Ring()
    async with offered(floor, desk, "seat_cancelled") as caller:
        await floor.event(desk, "ringing")
        agent = await soft.incoming(30)
        await agent.answer()
        agent.send_tone(620)
        await caller.wait_tone(620, 30)
        await caller.hang_up()
    [row] = await floor.ended(desk)
    assert (row["reason"], row["seat"]) == ("completed", desk.seat)
    assert not soft.complaints


@scenario("SIPp", "CANCEL crosses a seat's answer", listens=True)
async def seat_answers_cancel(floor: Floor, desk: Desk) -> None:
    """The 200 is acknowledged and hung up."""
    async with offered(floor, desk, "seat_answers_cancel") as caller:
        await floor.event(desk, "ringing")
        await caller.hang_up()
    [row] = await floor.ended(desk)
    assert row["reason"] == "abandoned"


@scenario("SIPp", "forked answers", listens=True)
async def seat_forked(floor: Floor, desk: Desk) -> None:
    """The first answer has the call, the second gets ACK and BYE."""
    async with offered(floor, desk, "seat_forked") as caller:
        assert await caller.wait_ended(20) == "remote"
    [row] = await floor.ended(desk)
    assert (row["reason"], row["seat"]) == ("completed", desk.seat)


@scenario("SIPp", "RFC 3515 REFER by a seat", listens=True)
async def seat_refers(floor: Floor, desk: Desk) -> None:
    """A blind transfer to a colleague: 202, NOTIFY 100 and 200, BYE; caller and colleague hear each other."""
    await transferred(floor, desk, "seat_refers", "blind")


@scenario("SIPp", "RFC 3891 Replaces by a seat", listens=True)
async def seat_replaces(floor: Floor, desk: Desk) -> None:
    """The seat consults a colleague in a second call, then hands the caller over by REFER with Replaces."""
    await transferred(floor, desk, "seat_replaces", "attended")


async def transferred(floor: Floor, desk: Desk, name: str, kind: str) -> None:
    third = await floor.site.seat(desk.colleague)
    async with offered(floor, desk, name) as caller:
        caller.send_tone(440)
        colleague = await third.incoming(30)
        await colleague.wait_answered()
        colleague.send_tone(800)
        await asyncio.gather(caller.wait_tone(800, 30), colleague.wait_tone(440, 30))
        told = await floor.event(desk, "transferred")
        assert (told["from"], told["kind"], told["seat"]) == (desk.seat, kind, desk.colleague)
        await colleague.hang_up()
        assert await caller.wait_ended() == "remote"
    [row] = await floor.ended(desk)
    assert (row["reason"], row["ended_by"]) == ("completed", "seat")
    assert third.complaints == []
