"""Calls that seats make and hand on, through a whole hotline; a scripted telephone is the operator's trunk."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ivr.phones.scripted import Call, Refuse, Refused, Ring, ScriptedPhone
from routing.requests import originate
from storage.embedded import EmbeddedRedis
from storage.redis import connect_sync
from tests.ivr.sip.nameserver import name_server
from tests.site import PATIENCE_S, Site, running
from tests.talk import ever, queued, talking

CUSTOMER = "13912345678"


def trunk(port: int) -> str:
    """hotline.toml: a trunk that calls go out through, a mobile seat behind it."""
    return f"""
[[trunks]]
name = "out"
proxy = "127.0.0.1:{port}"
ping_s = 0
numbers = {{}}
caller_ids = ["4000000000"]
allow_prefixes = ["1"]
[[seats]]
number = "1030"
password = "pw-1030"
queues = ["service"]
phone = "13800138000"
trunk = "out"
"""


def ask(site: Site, seat: str, number: str) -> None:
    """As another room of the house does."""
    with contextlib.closing(connect_sync(EmbeddedRedis(site.data_dir).foreign_url)) as redis:
        originate(redis, seat, number)


@pytest.fixture
async def operator() -> AsyncIterator[ScriptedPhone]:
    """The operator's side, there before the hotline is."""
    async with ScriptedPhone(server=("127.0.0.1", 5060), user="operator") as phone:
        yield phone


async def test_a_seat_is_called_and_then_the_customer(tmp_path: Path, operator: ScriptedPhone) -> None:
    async with running(tmp_path, extra=trunk(operator.address[1])) as site:
        seat = await site.seat("1026")
        status, said = await site.command("call", "1026", CUSTOMER)
        assert status == 0, said
        own, customer = await seat.incoming(PATIENCE_S), await operator.incoming(PATIENCE_S)
        assert customer.requests[0].first.startswith(f"INVITE sip:{CUSTOMER}@")
        assert customer.caller == "4000000000"
        await own.wait_answered(PATIENCE_S)
        await customer.wait_answered(PATIENCE_S)
        customer.send_tone(600)
        await own.wait_tone(600, PATIENCE_S)
        await customer.hang_up()
        rows = await site.ended()
        assert (rows[0]["caller"], rows[0]["seat"], rows[0]["phase"]) == (CUSTOMER, "1026", "TALKING")
        assert site.event_data(rows[0]["call_id"], "ended")["result"] == "reached"
        operator.on_invite = Refuse(486)
        ask(site, "1026", CUSTOMER)
        rows = await site.ended(2)
        assert site.event_data(rows[1]["call_id"], "ended")["result"] == "busy"
        ask(site, "1026", "0085221234567")
        rows = await site.ended_in_the_books(3)
        assert rows[2]["reason"] == "foreign"
        forbidden = await seat.dial("0085221234567")
        with pytest.raises(Refused, match="403"):
            await forbidden.wait_answered(PATIENCE_S)
        assert not operator.complaints
        assert not seat.complaints


async def test_what_a_mobiles_network_plays_before_the_answer_reaches_nobody(tmp_path: Path, operator: ScriptedPhone) -> None:
    """彩铃 of a mobile seat's network: for the caller in line it is no sound and no answer; what the mobile says is, after its
    key. The same for a seat that dials."""
    operator.on_invite = Ring()
    async with running(tmp_path, seats=("1026",), extra=trunk(operator.address[1])) as site:
        status, said = await site.command("seat", "1030", "ready")
        assert status == 0, said
        caller = await queued(site)
        mobile = await operator.incoming(PATIENCE_S)
        await announced(mobile, caller)
        assert mobile.phase == "ringing"
        await mobile.answer()
        await mobile.wait_heard(1.0)
        assert not ever(caller.samples(), 2500), "nor is what the mobile says before its key"
        await mobile.press("1")
        await caller.wait_tone(2500, PATIENCE_S)
        await caller.hang_up()
        assert await mobile.wait_ended(PATIENCE_S) == "remote"
        [row] = await site.ended()
        kinds = [kind for kind in site.events(row["call_id"]) if kind in ("answer_unconfirmed", "talking")]
        assert (row["seat"], kinds) == ("1030", ["answer_unconfirmed", "talking"])
        seat = await site.seat("1026")
        own = await seat.dial(CUSTOMER)
        customer = await operator.incoming(PATIENCE_S)
        await announced(customer, own)
        await own.wait_ringing()
        assert not own.answered.done()
        await customer.answer()
        await own.wait_tone(2500, PATIENCE_S)
        await customer.hang_up()
        assert await own.wait_ended(PATIENCE_S) == "remote"


async def announced(called: Call, caller: Call) -> None:
    """The network of who is called plays a tone for a second and a half, of which who calls hears nothing."""
    called.announce()
    called.send_tone(2500)
    sent = len(called.sound.sent_at)
    await called.wait_until(lambda: len(called.sound.sent_at) >= sent + 75, "it is sent")
    assert not ever(caller.samples(), 2500)


async def test_a_trunks_next_server_and_the_time_that_the_first_one_asks_for(tmp_path: Path) -> None:
    """SRV names two servers. The first has no room for five minutes: the second has the call, and the next one at once, though
    the first answers pings."""
    zone = {("sip.carrier.test", "A"): ["127.0.0.1"]}
    async with (
        ScriptedPhone(server=("127.0.0.1", 5060), user="full") as full,
        ScriptedPhone(server=("127.0.0.1", 5060), user="free") as free,
        name_server(zone) as dns,
    ):
        zone["_sip._udp.carrier.test", "SRV"] = [
            f"{priority} 0 {phone.address[1]} sip.carrier.test." for priority, phone in ((10, full), (20, free))
        ]
        full.on_invite = Refuse(503, "Service Unavailable", retry_after_s=300)
        named = trunk(0).replace('proxy = "127.0.0.1:0"\nping_s = 0', 'proxy = "carrier.test"\nping_s = 1')
        async with running(tmp_path, sip=f'dns_servers = ["{dns.place}"]', extra=named) as site:
            seat = await site.seat("1026")
            for count in (1, 2):
                call = await seat.dial(CUSTOMER)
                await call.wait_answered(PATIENCE_S)
                assert (len(full.calls), len(free.calls)) == (1, count)
                await call.hang_up()
                pings = pinged(full)
                await site.until(lambda pings=pings: pinged(full) > pings, "it answers a ping")  # type: ignore[misc]
            assert not free.complaints


def pinged(phone: ScriptedPhone) -> int:
    """How many OPTIONS it has answered."""
    return sum("200 OK" in line and "OPTIONS" in line for line in phone.trace)


async def test_a_seats_telephone_that_is_forwarded(tmp_path: Path, operator: ScriptedPhone) -> None:
    """To a number that may go out, where a person has to press 1; to another it is a refusal."""
    async with running(tmp_path, extra=trunk(operator.address[1]), set_aside_s=1) as site:
        seat = await site.seat("1026")
        seat.on_invite = Refuse(302, "Moved Temporarily", contact="<sip:0085221234567@evil.example>")
        phone = await site.phone()
        caller = await phone.dial("4001")
        await caller.wait_answered()
        caller.send_tone(440)
        await caller.press("1")
        await (await seat.incoming(PATIENCE_S)).wait_ended(PATIENCE_S)
        seat.on_invite = Refuse(302, "Moved Temporarily", contact=f"<sip:{CUSTOMER}@evil.example>")
        mobile = await operator.incoming(PATIENCE_S)
        assert mobile.requests[0].first.startswith(f"INVITE sip:{CUSTOMER}@127.0.0.1")
        await mobile.wait_answered(PATIENCE_S)
        await mobile.press("1")
        await mobile.wait_tone(440, PATIENCE_S)
        await caller.hang_up()
        assert await mobile.wait_ended(PATIENCE_S) == "remote"
        [row] = await site.ended()
        assert (row["reason"], row["seat"]) == ("completed", "1026")
        kinds = [kind for kind in site.events(row["call_id"]) if kind in ("refused", "redirected", "talking")]
        assert kinds == ["refused", "redirected", "talking"]
        assert len(operator.calls) == 1


async def test_transfers_and_a_mobile_seat(tmp_path: Path, operator: ScriptedPhone) -> None:
    async with running(tmp_path, extra=trunk(operator.address[1])) as site:
        one, two = await site.seat("1026"), await site.seat("1027", sign_on=False)
        call, first = await talking(site, one)
        # blind, to a colleague
        await first.refer("1027")
        second = await two.incoming(PATIENCE_S)
        await second.wait_answered(PATIENCE_S)
        assert await first.wait_ended(PATIENCE_S) == "remote"
        assert first.notified == ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]
        await second.wait_tone(440, PATIENCE_S)
        # after asking the mobile seat, whose telephone is behind the trunk
        aside = await two.dial("1030")
        mobile = await operator.incoming(PATIENCE_S)
        await mobile.wait_answered(PATIENCE_S)
        assert not aside.answered.done(), "nobody has pressed 1 yet"
        await mobile.press("1")
        await aside.wait_answered(PATIENCE_S)
        await second.refer("1030", replaces=aside)
        assert await second.wait_ended(PATIENCE_S) == "remote"
        assert await aside.wait_ended(PATIENCE_S) == "remote"
        await mobile.wait_tone(440, PATIENCE_S)
        await mobile.hang_up()
        assert await call.wait_ended(PATIENCE_S) == "remote"
        [row] = await site.ended()
        assert (row["seat"], row["reason"]) == ("1030", "completed")
        kinds = [kind for kind in site.events(row["call_id"]) if kind in ("transferred", "recording")]
        assert kinds == ["recording", "transferred", "recording", "transferred", "recording"]
        for phone in (one, two, operator):
            assert not phone.complaints
