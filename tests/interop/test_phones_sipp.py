"""The scripted telephone against SIPp, with every scenario that the load and kill tests use."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ivr.phones.scripted import Answer, Refuse, Ring, ScriptedPhone
from tests.interop import sipp
from tests.talk import ever

pytestmark = [pytest.mark.interop(peer="SIPp"), pytest.mark.skipif(sipp.SIPP is None, reason="sipp is not installed")]


@pytest.fixture
async def hotline() -> AsyncIterator[ScriptedPhone]:
    """A telephone that plays the server."""
    async with ScriptedPhone(("127.0.0.1", 9), "4001") as phone:
        phone.on_invite = Answer(after_s=0.1)
        yield phone


async def test_callers_press_a_key_and_hang_up(hotline: ScriptedPhone) -> None:
    result = await sipp.run("caller", hotline.address, calls=3, rate=20, key="7", before_key_s=1.0, hold_s=0.8)
    assert result.ok, result
    assert (result.successful, len(result.answer_s)) == (3, 3)
    assert [call.digits for call in hotline.calls] == ["7", "7", "7"]
    assert sorted(call.caller for call in hotline.calls) == ["13900000000", "13900000001", "13900000002"]
    assert all(ever(call.samples(), 440) for call in hotline.calls)
    for call in hotline.calls:
        assert call.answered_at is not None
        assert call.ended_at is not None
        assert call.ended_at - call.answered_at > 1.5, "the key is pressed after a pause, and another follows"
    assert hotline.complaints == []


async def test_a_key_by_rfc_4733(hotline: ScriptedPhone) -> None:
    result = await sipp.run("caller_rfc4733", hotline.address, key="#", before_key_s=0.3, hold_s=0.5)
    if "Operation not permitted" in result.errors or "raw" in result.errors.lower():
        pytest.skip("SIPp may not open raw sockets here")
    assert result.ok, result
    assert [call.digits for call in hotline.calls] == ["#"]
    assert hotline.complaints == []


async def test_a_patient_caller_is_hung_up_on(hotline: ScriptedPhone) -> None:
    async with sipp.start("patient", hotline.address, key="1") as callers:
        call = await hotline.incoming()
        await call.wait_answered()
        await call.wait_until(lambda: call.digits == "1", "the key came")
        await call.wait_tone(440)
        await call.hang_up()
        result = await callers.finished(20)
    assert result.ok, result
    assert hotline.complaints == []


async def test_a_caller_gives_up_while_it_rings(hotline: ScriptedPhone) -> None:
    hotline.on_invite = Ring()
    result = await sipp.run("gives_up", hotline.address, calls=2, hold_s=0.2)
    assert result.ok, result
    assert [await call.wait_ended() for call in hotline.calls] == ["cancelled", "cancelled"]
    assert hotline.complaints == []


async def test_set_up_only(hotline: ScriptedPhone) -> None:
    hotline.on_invite = Answer(after_s=0.0, ring=False)
    result = await sipp.run("setup", hotline.address, calls=20, rate=50)
    assert result.ok, result
    assert result.successful == 20
    assert hotline.complaints == []


async def test_refused_callers_are_counted(hotline: ScriptedPhone) -> None:
    hotline.on_invite = Refuse(503, "Service Unavailable")
    result = await sipp.run("setup", hotline.address, calls=2)
    assert (result.ok, result.successful, result.failed, result.exit_status) == (False, 0, 2, 1)
    assert "503" in result.errors


async def test_a_seat_is_dialled_held_and_hung_up(hotline: ScriptedPhone) -> None:
    async with sipp.start("seat", ("", 0), hold_s=0.1) as seat:
        call = await hotline.dial(f"sip:1026@{seat.address[0]}:{seat.address[1]}")
        await call.wait_answered()
        assert set(call.provisional) == {180}  # it comes again where an INVITE was late
        await call.wait_tone(440)
        await call.hang_up()
        result = await seat.finished(20)
    assert result.ok, result
    assert hotline.complaints == []


async def test_a_run_that_takes_too_long_is_ended(hotline: ScriptedPhone) -> None:
    async with sipp.start("patient", hotline.address) as callers:
        await (await hotline.incoming()).wait_answered()
        result = await callers.finished(1.0)
    assert not result.ok
    assert result.exit_status < 0
