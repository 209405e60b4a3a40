"""Twenty SIPp callers at once against five seats: nobody is lost, and no seat ever has two calls."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from ivr.phones.scripted import Answer, PhoneError, ScriptedPhone
from tests.interop import sipp
from tests.site import Site, running

pytestmark = [pytest.mark.interop(peer="SIPp"), pytest.mark.skipif(sipp.SIPP is None, reason="sipp is not installed")]

SEATS = tuple(str(number) for number in range(1026, 1031))
PATIENT, HASTY = 14, 6


async def work(seat: ScriptedPhone) -> int:
    """Answer what comes, talk for a while, hang up; returns the calls talked. Two at once is a failure."""
    served = 0
    while True:
        call = await seat.incoming(600)
        busy = [other for other in seat.calls if other is not call and other.phase in ("ringing", "talking")]
        assert not busy, f"seat {seat.user} got a call while it had {len(busy)}"
        try:
            await call.wait_answered()
        except PhoneError:
            continue  # the caller gave up while it rang
        call.send_tone(620)
        await asyncio.wait([call.ended], timeout=2.0)
        await call.hang_up()
        served += 1


def overlapping(site: Site, seat: str) -> list[str]:
    """Calls that had this seat while another one had it, by the log."""
    spans = sorted(
        (row["talking_at"], row["ended_at"], row["call_id"])
        for row in site.calls()
        if row["seat"] == seat and row["talking_at"]
    )
    return [second[2] for first, second in pairwise(spans) if second[0] < first[1]]


async def test_twenty_callers_and_five_seats(tmp_path: Path) -> None:
    async with running(tmp_path, seats=SEATS, wrap_up_s=0.5, extra="[followup]\ngave_up_after_s = 0.5\n") as site:
        seats = [await site.seat(number) for number in SEATS]
        for seat in seats:
            seat.on_invite = Answer(after_s=0.5)
        shifts = [asyncio.create_task(work(seat)) for seat in seats]
        async with sipp.start("patient", site.server, calls=PATIENT, rate=PATIENT, before_key_s=3) as patients:
            # Were the hasty ones first, all of them could be served in time.
            await site.until(lambda: len(site.calls()) >= len(SEATS), "as many have come as there are seats")
            hasty = await sipp.run(
                "caller", site.server, calls=HASTY, rate=HASTY, before_key_s=3, hold_s=4, first_caller=13800000000
            )
            patient = await patients.finished(240)
        assert patient.ok, patient.errors
        assert patient.successful == PATIENT
        assert hasty.successful + hasty.failed == HASTY  # a hasty one whom a seat hung up on counts as failed with SIPp
        rows = await site.ended(PATIENT + HASTY)
        for shift in shifts:
            assert not shift.done(), shift.exception()
            shift.cancel()
        owed = {row["number"] for row in site.return_calls() if row["state"] == "open"}
        for row in rows:
            if row["talking_at"] is None:
                assert row["reason"] == "abandoned"
                assert row["caller"] in owed
            else:
                assert row["reason"] == "completed"
                assert row["caller"] not in owed
        assert sum(row["talking_at"] is not None for row in rows) >= PATIENT
        assert owed, "six hasty callers and five seats: somebody gave up"
        for number in SEATS:
            assert overlapping(site, number) == []
        status, said = await site.command("followup", "audit")
        assert status == 0, said
