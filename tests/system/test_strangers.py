"""Strangers at a whole hotline: who tries passwords is banned and let in again, who is on the block list is turned away, and
the supervisor sees both."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from console.roles import Role
from followup.tables import call_event
from ivr.phones.scripted import Refused
from tests.console.wire import Wire, employ
from tests.site import PATIENCE_S, Site, running

TRUNK, PBX = "127.0.0.2", "127.0.0.4"
PAGE = "/strangers/"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    limits = '[guard]\nmax_failures = 5\n[callers]\nstatus = 486\nmax_calls = 2\nunlimited = ["04714613300"]\n'
    limits += f'[[trunks]]\nname = "pbx"\nnetworks = ["{PBX}/32"]\nnumbers = {{ "4009" = "sample" }}\nlimit_callers = false\n'
    async with running(tmp_path, networks=f"{TRUNK}/32", extra=limits) as site:
        yield site


class Guesser:
    """Tries passwords of seat 1026 over a socket of its own."""

    def __init__(self, site: Site) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.server = site.server
        self.count = 0
        self.nonce = ""

    def register(self, password: str = "", within_s: float = 1.0) -> int:
        """The status of the answer to a REGISTER, 0 for silence; with a password the last nonce is answered."""
        self.count += 1
        host, port = self.sock.getsockname()
        proof = ""
        if password:
            one, two = (md5(text.encode()).hexdigest() for text in (f"1026:hotline:{password}", "REGISTER:sip:x"))
            answer = md5(f"{one}:{self.nonce}:{two}".encode()).hexdigest()
            given = f'username="1026", realm="hotline", nonce="{self.nonce}", uri="sip:x", response="{answer}"'
            proof = f"Authorization: Digest {given}\r\n"
        text = (
            f"REGISTER sip:x SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{self.count};rport\r\n"
            f"From: <sip:1026@x>;tag=1\r\nTo: <sip:1026@x>\r\nCall-ID: guess\r\nCSeq: {self.count} REGISTER\r\n"
            f"Contact: <sip:1026@{host}:{port}>\r\n{proof}Content-Length: 0\r\n\r\n"
        )
        self.sock.settimeout(within_s)
        self.sock.sendto(text.encode(), self.server)
        reply = ""
        while f"CSeq: {self.count} REGISTER" not in reply:  # an earlier one's may be late
            try:
                reply = self.sock.recv(4096).decode()
            except TimeoutError:
                return 0
        nonce = re.search(r'nonce="([^"]+)"', reply)
        self.nonce = nonce[1] if nonce else self.nonce
        return int(reply.split(" ")[1])


def withheld(site: Site, number: str) -> tuple[int, int]:
    """The final status of a call whose number only the trunk knows (RFC 3325), and after how many seconds it may come again
    (Retry-After; 0: nothing is said of that)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((TRUNK, 0))
        sock.settimeout(PATIENCE_S)
        port = sock.getsockname()[1]
        text = (
            f"INVITE sip:4001@x SIP/2.0\r\nVia: SIP/2.0/UDP {TRUNK}:{port};branch=z9hG4bK{number};rport\r\n"
            f"From: <sip:anonymous@anonymous.invalid>;tag=1\r\nTo: <sip:4001@x>\r\nCall-ID: {number}\r\nCSeq: 1 INVITE\r\n"
            f"Contact: <sip:{TRUNK}>\r\nPrivacy: id\r\nP-Asserted-Identity: <sip:{number}@x>\r\nContent-Length: 0\r\n\r\n"
        )
        sock.sendto(text.encode(), site.server)
        while (status := int((answer := sock.recv(4096).decode()).split(" ")[1])) < 200:
            pass
        again = re.search(r"Retry-After: (\d+)", answer)
        return status, 0 if again is None else int(again[1])


@pytest.fixture
async def zhao(site: Site) -> Wire:
    """A supervisor's browser."""
    employ(f"sqlite:///{site.data_dir / 'hotline.db'}", "zhao", Role.SUPERVISOR)
    browser = Wire(site.console_port)
    await asyncio.to_thread(browser.log_in, "zhao")
    return browser


async def test_a_brute_force_is_banned_seen_and_forgiven(site: Site, zhao: Wire) -> None:
    seat = await site.seat("1027", bind="127.0.0.3")
    guesser = Guesser(site)
    try:
        assert await asyncio.to_thread(guesser.register, "", PATIENCE_S) == 401
        for number in range(6):
            await asyncio.to_thread(guesser.register, f"guess {number}")
        assert await asyncio.to_thread(guesser.register) == 0
        await site.until(lambda: "试探密码" in (page := zhao.get(PAGE)) and "127.0.0.1" in page, "the page shows the ban")
        banned = next(json.loads(line) for line in engine_log(site).splitlines() if "an address is banned" in line)
        assert (banned["source"], banned["reason"], banned["seconds"]) == ("127.0.0.1", "passwords", 600.0)
        await seat.register()  # others aren't hurt
        zhao.send(PAGE, action="lift", address="127.0.0.1")
        status = 0
        while not status:  # a second at most, but for a slow machine
            status = await asyncio.to_thread(guesser.register)
        assert status == 401
        assert await asyncio.to_thread(guesser.register, "pw-1026", PATIENCE_S) == 200
    finally:
        guesser.sock.close()


async def test_a_blocked_number_and_a_robot_are_turned_away_before_the_answer(site: Site, zhao: Wire) -> None:
    caller = await site.phone("13912345678", bind=TRUNK)
    zhao.send(PAGE, action="block", number="+86 139 1234 5678", hours="24", reason="骚扰")

    await site.until(lambda: '{"count": 1, "event": "block list"' in engine_log(site), "the engine knows")
    call = await caller.dial("4001")
    with pytest.raises(Refused, match="486"):
        await call.wait_answered(PATIENCE_S)
    await site.until(
        lambda: '139 1234 5678</span> <span class="tag bad">黑名单' in zhao.get(PAGE), "the page shows the refusal"
    )
    assert await asyncio.to_thread(withheld, site, "13912345678") == (486, 0)
    zhao.send(PAGE, action="unblock", number="+8613912345678")
    robot = await site.phone("04714613311", bind=TRUNK)
    for _ in range(2):
        call = await robot.dial("4001")
        await call.wait_answered(PATIENCE_S)
        await call.hang_up()
    call = await robot.dial("4001")
    with pytest.raises(Refused, match="486"):
        await call.wait_answered(PATIENCE_S)
    await site.until(lambda: "来电过于频繁" in zhao.get(PAGE), "the page shows the robot")
    status, again_s = await asyncio.to_thread(withheld, site, "04714613311")
    assert status == 486
    assert 0 < again_s <= 60
    for pbx, number, place in (("04714613300", "4001", TRUNK), ("04714613311", "4009", PBX)):
        shown = await site.phone(pbx, bind=place)
        for _ in range(3):
            call = await shown.dial(number)
            await call.wait_answered(PATIENCE_S)
            await call.hang_up()
    assert [told["why"] for told in refusals(site, "04714613311")] == ["too_many_calls"], "the withheld one is nobody's"
    [told] = refusals(site, "13912345678")
    assert (told["why"], told["reason"]) == ("blocked", "骚扰")
    assert 0 < told["left_s"] <= 24 * 3600
    assert '"reason": "骚扰", "left_s": ' in engine_log(site)


def engine_log(site: Site) -> str:
    """All of it."""
    return (site.data_dir / "log" / "engine.log").read_text(encoding="utf-8")


def refusals(site: Site, number: str) -> list[dict[str, Any]]:
    """What the books tell of calls of this number that were turned away, in order."""
    rows = site._rows(select(call_event).where(call_event.c.subject == f"number:{number}").order_by(call_event.c.at))
    return [json.loads(row["data"]) for row in rows if row["type"] == "refused"]
