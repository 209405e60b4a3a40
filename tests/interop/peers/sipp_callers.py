"""SIPp calls in from the trunk: one scenario of ours for each RFC, and SIPp's own."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

import pytest

from tests.interop import sipp
from tests.interop.program import bound
from tests.interop.scenario import Desk, Floor, scenario
from tests.ports import NO_IPV6
from tests.site import running


async def call(floor: Floor, desk: Desk, name: str, **options: Any) -> None:
    """One call of this scenario to the desk's number, as written."""
    place = options.pop("place", floor.site.server)
    result = await sipp.run(name, place, service=desk.number, first_caller=int(desk.caller), timeout_s=75, **options)
    assert result.ok, result.why


@scenario("SIPp", "RFC 3311 UPDATE from the caller")
async def update(floor: Floor, desk: Desk) -> None:
    """UPDATE alone, then with a description that holds, then one that resumes: each 200 with the mirror."""
    await call(floor, desk, "update")
    [row] = await floor.ended(desk)
    assert [name for name in floor.site.events(row["call_id"]) if "held" in name] == ["held", "unheld"]


@scenario("SIPp", "RFC 3264 hold")
async def hold(floor: Floor, desk: Desk) -> None:
    """sendonly, inactive and 0.0.0.0 answered by their mirrors, then sendrecv; the call log knows of the hold."""
    await call(floor, desk, "hold")
    [row] = await floor.ended(desk)
    assert [name for name in floor.site.events(row["call_id"]) if "held" in name] == ["held", "unheld"]


@scenario("SIPp", "RFC 3264 late offer")
async def late_offer(floor: Floor, desk: Desk) -> None:
    """INVITE and re-INVITE without a description: the hotline offers, the ACK answers."""
    await call(floor, desk, "late_offer")
    [row] = await floor.ended(desk)
    assert "menu" in floor.site.events(row["call_id"]), "the answer in the ACK began the menu"


@scenario("SIPp", "RFC 6026 late ACK")
async def late_ack(floor: Floor, desk: Desk) -> None:
    """An ACK 1.8 s after the 200 is taken, and the dialog goes on."""
    await call(floor, desk, "late_ack")
    assert len(await floor.ended(desk)) == 1


@scenario("SIPp", "RFC 3261 Require")
async def require_unknown(floor: Floor, desk: Desk) -> None:
    """420 that names the unknown extension."""
    await call(floor, desk, "require_unknown")


@scenario("SIPp", "RFC 3264 no common codec")
async def no_codec(floor: Floor, desk: Desk) -> None:
    """488, and the log says why."""
    await call(floor, desk, "no_codec")
    [row] = await floor.ended(desk)
    assert row["reason"] == "no_common_codec"


@scenario("SIPp", "RFC 3261 methods")
async def methods(floor: Floor, desk: Desk) -> None:
    """OPTIONS 200 with Allow, MESSAGE 405, an unknown method 501, BYE without a dialog 481."""
    await call(floor, desk, "methods")


@scenario("SIPp", "SIP INFO digits", keys=True)
async def info_digits(floor: Floor, desk: Desk) -> None:
    """application/dtmf and dtmf-relay are keys of the menu, an empty INFO is 200, another body 415."""
    await call(floor, desk, "info_digits")
    [row] = await floor.ended(desk)
    assert floor.site.event_data(row["call_id"], "key")["digit"] == "2"
    assert floor.site.events(row["call_id"]).count("key") == 2


async def reaches_a_seat(floor: Floor, desk: Desk, name: str) -> None:
    seat = await floor.site.seat(desk.seat)
    calling = asyncio.create_task(call(floor, desk, name, before_key_s=3, hold_s=8))
    agent = await seat.incoming(60)
    await agent.wait_answered()
    assert await agent.wait_ended(60) == "remote"
    await calling
    [row] = await floor.ended(desk)
    assert (row["reason"], row["seat"]) == ("completed", desk.seat)


@scenario("SIPp", "a key by SIP INFO", keys=True)
async def key_by_info(floor: Floor, desk: Desk) -> None:
    """It leads the caller to a seat; the caller's BYE ends the talk."""
    await reaches_a_seat(floor, desk, "caller")


@scenario("SIPp", "a key by RFC 4733", keys=True)
async def key_by_events(floor: Floor, desk: Desk) -> None:
    """It leads the caller to a seat; the caller's BYE ends the talk."""
    needs_root()
    await reaches_a_seat(floor, desk, "caller_rfc4733")


@scenario("SIPp", "RFC 4028 the caller refreshes")
async def session_timer(floor: Floor, desk: Desk) -> None:
    """422 with Min-SE for 30 s; then refreshed by the caller's UPDATE and re-INVITE."""
    await call(floor, desk, "session_timer")


@scenario("SIPp", "RFC 4028 the hotline refreshes")
async def session_refreshed(floor: Floor, desk: Desk) -> None:
    """refresher=uas at 90 s: the hotline's UPDATE comes at half of it."""
    await call(floor, desk, "session_refreshed")


@scenario("SIPp", "RFC 3262 caller requires 100rel", early="recorded")
async def require_100rel(floor: Floor, desk: Desk) -> None:
    """The 183 of the announcement is reliable, acknowledged by PRACK; then the call is answered."""
    await call(floor, desk, "require_100rel")


@scenario("SIPp", "RFC 3262 early media, refused", early="bye")
async def early_closed(floor: Floor, desk: Desk) -> None:
    """183 with a description, acknowledged by PRACK; 480 after the announcement; never answered."""
    await call(floor, desk, "early_closed")
    [row] = await floor.ended(desk)
    assert (row["answered_at"], row["reason"]) == (None, "menu_ended")


@scenario("SIPp", "RFC 3262 early media, answered", early="recorded")
async def early_answered(floor: Floor, desk: Desk) -> None:
    """183 with a description, acknowledged by PRACK; 200 after the announcement, at the notice."""
    await call(floor, desk, "early_answered")
    [row] = await floor.ended(desk)
    assert row["answered_at"] is not None
    kinds = floor.site.events(row["call_id"])
    assert kinds[:6] == ["arrived", "early_media", "menu", "menu", "answered", "menu"]


ANONYMOUS = {"from": '"Anonymous" <sip:anonymous@anonymous.invalid>', "privacy": "id"}


@scenario("SIPp", "RFC 3325 P-Asserted-Identity")
async def asserted(floor: Floor, desk: Desk) -> None:
    """From names the operator's own number: the caller is whom it vouches for."""
    own = {"from": "<sip:04715550009@operator.example>", "privacy": "none", "diversion": "X-Nothing: more"}
    await call(floor, desk, "identity", values=own)
    [row] = await floor.ended(desk)
    assert row["caller"] == desk.caller


@scenario("SIPp", "RFC 5806 Diversion of an anonymous call")
async def diversion(floor: Floor, desk: Desk) -> None:
    """The number before the landing number is told by Diversion; that of the caller, though the trunk asserts it, to nobody."""
    entry = "Diversion: <sip:04715550000@operator.example>;reason=no-answer"
    await call(floor, desk, "identity", values={**ANONYMOUS, "diversion": entry})
    [row] = await floor.ended(desk)
    assert row["caller"] == ""
    assert floor.site.event_data(row["call_id"], "arrived")["diverted"] == ["04715550000"]


@scenario("SIPp", "the called number in a header")
async def called_party(floor: Floor, desk: Desk) -> None:
    """A trunk that sends its own account in the Request-URI and the dialled number in P-Called-Party-ID (RFC 7315)."""
    entry = f"P-Called-Party-ID: <sip:{desk.number}@operator.example;user=phone>"
    await call(floor, desk, "identity", values={**ANONYMOUS, "service": "account", "diversion": entry}, host="127.0.0.2")
    [row] = await floor.ended(desk)
    assert row["trunk"] == "header"


@scenario("SIPp", "RFC 7044 History-Info")
async def history(floor: Floor, desk: Desk) -> None:
    """The number before the landing number is told by History-Info."""
    entry = "History-Info: <sip:04715550001@operator.example>;index=1, <sip:4001@operator.example;cause=302>;index=1.1"
    await call(floor, desk, "identity", values={**ANONYMOUS, "diversion": entry})
    [row] = await floor.ended(desk)
    assert floor.site.event_data(row["call_id"], "arrived")["diverted"] == ["04715550001"]


@scenario("SIPp", "RFC 3515 REFER by a caller")
async def caller_refers(floor: Floor, desk: Desk) -> None:
    """Refused with 603: a caller can't call out at the hotline's cost; the call goes on."""
    await call(floor, desk, "caller_refers")
    assert len(await floor.ended(desk)) == 1


@scenario("SIPp", "CANCEL crosses the answer")
async def cancels_late(floor: Floor, desk: Desk) -> None:
    """200 to the CANCEL, and the call goes on until the BYE."""
    await call(floor, desk, "cancels_late")
    [row] = await floor.ended(desk)
    assert row["ended_by"] == "caller"


@scenario("SIPp", "its own uac")
async def uac(floor: Floor, desk: Desk) -> None:
    """Two calls: INVITE, ACK, BYE."""
    result = await sipp.own("uac", floor.site.server, "-s", desk.number, "-m", "2", "-d", "1000")
    assert result.ok, result.why
    assert {row["ended_by"] for row in await floor.ended(desk, 2)} == {"caller"}


def needs_root() -> None:
    """SIPp plays captures through raw sockets."""
    if os.geteuid() != 0:
        pytest.skip("SIPp plays captures through raw sockets: root only")


@scenario("SIPp", "its own uac_pcap", keys=True)
async def uac_pcap(floor: Floor, desk: Desk) -> None:
    """Two calls with A-law and a key as RFC 4733 from SIPp's captures; the key is heard."""
    needs_root()
    result = await sipp.own("uac_pcap", floor.site.server, "-s", desk.number, "-m", "2")
    assert result.ok, result.why
    assert all("key" in floor.site.events(row["call_id"]) for row in await floor.ended(desk, 2)), "the key was heard"


@scenario("SIPp", "its own branchc")
async def branchc(floor: Floor, desk: Desk) -> None:
    """A PBX registers with its trunk before it calls a name there (ua2)."""
    numbers, pbx = {"ua2": "sample"}, "takes_register = true"
    async with running(floor.new_directory("branchc"), numbers=numbers, trunk=pbx) as site:
        result = await sipp.own("branchc", site.server, "-m", "2")
        assert result.ok, result.why
        assert {(row["called"], row["ended_by"]) for row in await site.ended(2)} == {("ua2", "caller")}


@scenario("SIPp", "its own 3pcc", listens=True)
async def third_party(floor: Floor, desk: Desk) -> None:
    """A third party joins two calls to the hotline: one's late offer is the other's offer, the answer comes in the ACK."""
    twin = ("-3pcc", f"127.0.0.1:{desk.port}", "-s", desk.number, "-m", "1")
    async with sipp.start_own("3pcc-C-B", floor.site.server, *twin) as controller:
        await bound(("127.0.0.1", desk.port), socket.SOCK_STREAM, controller.process)
        first = await sipp.own("3pcc-C-A", floor.site.server, *twin)
        second = await controller.finished(20)
    assert first.ok, first.why
    assert second.ok, second.why
    rows = await floor.ended(desk, 2)
    assert all("menu" in floor.site.events(row["call_id"]) for row in rows), "both descriptions arrived"


@scenario("SIPp", "RFC 3261 18 over TCP")
async def over_tcp(floor: Floor, desk: Desk) -> None:
    """Hold and resume over one TCP connection."""
    await call(floor, desk, "hold", place=floor.places["tcp"], transport="t1")
    assert len(await floor.ended(desk)) == 1


@scenario("SIPp", "IPv6")
async def over_ipv6(floor: Floor, desk: Desk) -> None:
    """Hold and resume over IPv6, signalling and media."""
    if "six" not in floor.places:
        pytest.skip(NO_IPV6)
    await call(floor, desk, "hold", place=floor.places["six"], host="::1")
    assert len(await floor.ended(desk)) == 1
