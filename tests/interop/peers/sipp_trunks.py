"""SIPp is the trunk that a seat's call goes out by."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping

import pytest

from ivr.phones.scripted import Call, PhoneError, Refused
from tests.interop import sipp
from tests.interop.scenario import MOBILE, Desk, Floor, Run, first_line, scenario

TRUNK = "number_format = 'national'"


@contextlib.asynccontextmanager
async def called(floor: Floor, desk: Desk, name: str, values: Mapping[str, str] | None = None) -> AsyncIterator[Call]:
    """A seat's call to a number outside, which the trunk treats as this scenario is written; at the end it must have gone
    so."""
    seat = await floor.site.seat(desk.seat)
    async with sipp.start(name, ("", 0), port=desk.port, service=MOBILE, values=values) as trunk:
        line = await seat.dial(MOBILE)
        try:
            yield line
        except (AssertionError, PhoneError) as error:
            result = await trunk.finished(0.5)
            raise AssertionError(f"{first_line(error)}; the trunk: {result.why}") from error
        result = await trunk.finished(20)
    assert result.ok, result.why


@scenario("SIPp", "early media of a trunk", trunk=TRUNK)
async def early(floor: Floor, desk: Desk) -> None:
    """A 183 with a description is ringing, no answer; the 200 is one."""
    async with called(floor, desk, "trunk_early") as line:
        await line.wait_ringing()
        assert not line.answered.done()
        await line.wait_answered()
        await line.hang_up()


def refusing(status: int, why: str, more: str = "X-Nothing: more") -> Run:
    async def refused(floor: Floor, desk: Desk) -> None:
        async with called(floor, desk, "seat_refuses", {"status": str(status), "more": more}) as line:
            with pytest.raises(Refused) as told:
                await line.wait_answered(20)
            assert told.value.status == status

    refused.__doc__ = why
    return refused


for _status, _why in ((486, "The seat is told: busy."), (603, "The seat is told: declined."), (404, "The seat is told: none.")):
    scenario("SIPp", f"a trunk's {_status}", trunk=TRUNK)(refusing(_status, _why))


@scenario("SIPp", "a trunk's 302", trunk=TRUNK)
async def redirects(floor: Floor, desk: Desk) -> None:
    """Of its contacts the number abroad is passed over; the trunk's other server has the call."""
    phone = await floor.site.phone(MOBILE)
    contacts = f"Contact: <sip:0085221234567@127.0.0.1>;q=1.0, <sip:{MOBILE}@127.0.0.1:{phone.address[1]}>;q=0.5"
    async with called(floor, desk, "seat_refuses", {"status": "302", "more": contacts}) as line:
        other = await phone.incoming(20)
        assert other.requests[0].first.startswith(f"INVITE sip:{MOBILE}@127.0.0.1:{phone.address[1]}")
        await line.wait_answered()
        await line.hang_up()
        await other.wait_ended()


@scenario("SIPp", "a trunk's 302 to itself and abroad", trunk=TRUNK)
async def redirects_nowhere(floor: Floor, desk: Desk) -> None:
    """A loop, and a number that may not go out: no second INVITE; the seat is told."""
    contacts = f"Contact: <sip:{MOBILE}@evil.example>, <sip:16812345@127.0.0.1>, <sip:+85221234567@127.0.0.1>"
    async with called(floor, desk, "seat_refuses", {"status": "302", "more": contacts}) as line:
        with pytest.raises(Refused) as told:
            await line.wait_answered(20)
        assert told.value.status == 480


@scenario("SIPp", "a seat gives up while a trunk rings", trunk=TRUNK)
async def gives_up(floor: Floor, desk: Desk) -> None:
    """CANCEL, 487."""
    async with called(floor, desk, "seat_cancelled") as line:
        await line.wait_ringing()
        await line.hang_up()


@scenario("SIPp", "CANCEL crosses a trunk's answer", trunk=TRUNK)
async def answers_cancel(floor: Floor, desk: Desk) -> None:
    """The 200 is acknowledged and hung up."""
    async with called(floor, desk, "seat_answers_cancel") as line:
        await line.wait_ringing()
        await line.hang_up()


@scenario("SIPp", "a trunk's forked answers", trunk=TRUNK)
async def forked(floor: Floor, desk: Desk) -> None:
    """The first answer has the call, the second gets ACK and BYE."""
    async with called(floor, desk, "seat_forked") as line:
        await line.wait_answered()
        assert await line.wait_ended(20) == "remote"
