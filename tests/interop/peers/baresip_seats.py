"""baresip is a seat's telephone."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

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


async def talk(floor: Floor, desk: Desk, phone: Baresip) -> None:
    """The queue's call to it, heard at both ends and in the recording; it hangs up."""
    await floor.sign_on(desk)
    caller = await floor.dial(desk)
    caller.send_tone(440)
    await caller.wait_tone(620, PATIENCE_S)
    await caller.wait_heard(1.0)
    await phone.command("hangup")
    assert await caller.wait_ended(PATIENCE_S) == "remote"
    assert share(phone.heard(), 440) > 0.8, "the seat heard the caller"
    [row] = await floor.ended(desk)
    assert (row["reason"], row["ended_by"]) == ("completed", "seat")
    left, right = await floor.site.recording(row)
    assert share(left, 440) > 0.8, "the caller is in the recording"
    assert share(right, 620) > 0.8, "the seat is in the recording"


def share(samples: audio.Samples, hz: float) -> float:
    """How much this tone is of half a second within the last three, at best; 0 to 1."""
    half, end = audio.RATE // 2, len(samples)
    return max(audio.tone_share(samples[at : at + half], hz) for at in range(max(0, end - 6 * half), end - half, half // 4))
