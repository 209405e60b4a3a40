"""baresip is a seat's telephone."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from followup.quality import LegQuality, of_call
from ivr.phones import audio
from tests.interop.baresip import Baresip, baresip
from tests.interop.scenario import Desk, Floor, scenario
from tests.site import PATIENCE_S


@scenario("baresip", "a seat over UDP", listens=True)
async def over_udp(floor: Floor, desk: Desk) -> None:
    """Registers, is called by the queue, sound both ways and in the recording, hangs up."""
    async with seat(floor, desk, "udp") as phone:
        await talk(floor, desk, phone)


@scenario("baresip", "a seat over TCP", listens=True)
async def over_tcp(floor: Floor, desk: Desk) -> None:
    """The same; the queue's call comes by the connection that it registered over."""
    async with seat(floor, desk, "tcp") as phone:
        await talk(floor, desk, phone)


@scenario("baresip", "a seat over TLS with SRTP", listens=True)
async def over_tls(floor: Floor, desk: Desk) -> None:
    """The same over TLS, the certificate verified, sound encrypted by SDES."""
    async with seat(floor, desk, "tls", ";mediaenc=srtp-mand") as phone:
        await talk(floor, desk, phone)
        assert "RTP/SAVP" in phone.running.said


@scenario("baresip", "RFC 3550: round trip", listens=True)
async def round_trip(floor: Floor, desk: Desk) -> None:
    """What its reports tell is in the books: how long a packet takes there and back, and what of ours was lost."""
    async with seat(floor, desk, "udp") as phone:
        await talk(floor, desk, phone, seconds=13.0)  # it reports every five seconds, and of what we reported before
    [row] = await floor.ended(desk)
    _, leg = await floor.site.until_some(lambda: sounded(floor, row["call_id"]), 2, "reports of how legs sounded")
    assert leg.rtt_ms is not None
    assert 0 <= leg.rtt_ms < 10_000
    assert leg.remote_lost is not None


def sounded(floor: Floor, call_id: str) -> list[LegQuality]:
    """How each leg of this call was heard, in the books; the caller's first."""
    assert floor.site.database is not None
    with floor.site.database.connect() as connection:
        return list(of_call(connection, call_id))


@contextlib.asynccontextmanager
async def seat(floor: Floor, desk: Desk, transport: str, more: str = "") -> AsyncIterator[Baresip]:
    """A registered baresip that answers by itself. more: further parameters of its account."""
    host, port = floor.places[transport]
    account = (
        f"<sip:{desk.seat}@{host}:{port};transport={transport}>;auth_pass={desk.password}"
        f";answermode=auto;regint=600;audio_codecs=pcma,pcmu{more}"
    )
    directory = floor.new_directory(f"baresip-{desk.seat}")
    async with baresip(directory, account, tone_hz=620, authority=floor.authority, control_port=desk.port) as phone:
        await phone.registered()
        yield phone


async def talk(floor: Floor, desk: Desk, phone: Baresip, *, seconds: float = 1.0) -> None:
    """The queue's call to it, heard at both ends and in the recording; after so long it hangs up."""
    await floor.sign_on(desk)
    caller = await floor.dial(desk)
    caller.send_tone(440)
    await caller.wait_tone(620, PATIENCE_S)
    await caller.wait_heard(seconds)
    await phone.command("hangup")
    assert await caller.wait_ended(PATIENCE_S) == "remote"
    assert share(await phone.heard(), 440) > 0.8, "the seat heard the caller"
    [row] = await floor.ended(desk)
    assert (row["reason"], row["ended_by"]) == ("completed", "seat")
    left, right = await floor.site.recording(row)
    assert share(left, 440) > 0.8, "the caller is in the recording"
    assert share(right, 620) > 0.8, "the seat is in the recording"


def share(samples: audio.Samples, hz: float) -> float:
    """How much this tone is of a quarter of a second, at best; 0 to 1. On a busy machine sound has holes."""
    quarter = audio.RATE // 4
    return max(audio.tone_share(samples[at : at + quarter], hz) for at in range(0, len(samples) - quarter, quarter // 4))
