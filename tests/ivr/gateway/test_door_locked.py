"""Who comes in by the gateway's door: webhooks and streams that Twilio has signed, streams with their call's own token."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ivr.phones.twilio import signature
from ivr.phones.twilio_stream import MediaStream
from tests.ivr.gateway.conftest import Door
from tests.twilio import NUMBER, TOKEN

CALLER = "+8613912345678"


# Signatures


FORM = {"CallSid": "CA" + "7" * 32, "From": CALLER, "To": NUMBER, "CallStatus": "ringing", "AccountSid": "AC" + "0" * 32}


async def test_only_what_twilio_has_signed_comes_in(door: Door) -> None:
    url = f"{door.url}/twilio/voice"
    good = signature(TOKEN, url, FORM)
    forged = {
        "no signature": {},
        "another token's": {"X-Twilio-Signature": signature("another", url, FORM)},
        "another body's": {"X-Twilio-Signature": signature(TOKEN, url, {**FORM, "To": "+19005550100"})},
        "another path's": {"X-Twilio-Signature": signature(TOKEN, f"{door.url}/twilio/status", FORM)},
        "another port's": {"X-Twilio-Signature": signature(TOKEN, url.replace("127.0.0.1:", "127.0.0.1:1"), FORM)},
        "another host's": {"X-Twilio-Signature": signature(TOKEN, url.replace("127.0.0.1", "localhost"), FORM)},
        "by a header": {"X-Twilio-Signature": signature(TOKEN, "https://evil.example/twilio/voice", FORM),
                        "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Host": "evil.example"},
    }  # fmt: skip
    async with httpx.AsyncClient() as client:
        for what, headers in forged.items():
            assert (await client.post(url, data=FORM, headers=headers)).status_code == 403, what
        twice = await client.post(url + "?x=1", data=FORM, headers={"X-Twilio-Signature": good})
        assert twice.status_code == 403, "another query"
        added = await client.post(url, data={**FORM, "Digits": "1"}, headers={"X-Twilio-Signature": good})
        assert added.status_code == 403, "a field more"
        assert (await client.get(url)).status_code == 405
        assert door.engine.calls == [], "nobody got as far as the engine"
        answer = await client.post(url, data=FORM, headers={"X-Twilio-Signature": good, "Host": "whatever.example"})
        assert answer.status_code == 200, "the configured address counts, whatever a proxy made of it"
        assert "<Stream" in answer.text
        for path in ("after", "answered", "status", "done", "recording"):
            assert (await client.post(f"{door.url}/twilio/{path}", data=FORM)).status_code == 403


# Tokens


async def offered_stream(door: Door) -> dict[str, str]:
    """What TwiML a caller gets: stream's url and token."""
    answer = await door.twilio.post(f"{door.url}/twilio/voice", FORM)
    await door.engine.incoming()
    token = answer.text.partition('value="')[2].partition('"')[0]
    return {"url": answer.text.partition('<Stream url="')[2].partition('"')[0], "token": token}


def start_message(token: str, call_sid: str = FORM["CallSid"], account: str = FORM["AccountSid"]) -> str:
    start = {"streamSid": "MZ1", "callSid": call_sid, "accountSid": account, "customParameters": {"token": token}}
    return json.dumps({"event": "start", "start": start})


def signed(url: str, token: str = TOKEN) -> dict[str, str]:
    """A handshake's headers."""
    return {"X-Twilio-Signature": signature(token, url, {})}


async def refused(url: str, *said: str) -> None:
    async with connect(url, additional_headers=signed(url)) as stream:
        for text in said:
            await stream.send(text)
        with pytest.raises(ConnectionClosed) as closed:
            await stream.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008


async def test_a_stream_needs_its_calls_own_token_and_only_once(door: Door) -> None:
    offered = await offered_stream(door)
    url = offered["url"]
    assert url == door.url.replace("http", "ws") + "/twilio/stream"
    await refused(url, start_message("guessed"))
    await refused(url, start_message(""))
    again = await door.twilio.post(f"{door.url}/twilio/voice", FORM)  # Twilio asks twice: one call, another token
    second = again.text.partition('value="')[2].partition('"')[0]
    assert second != offered["token"]
    assert len(door.engine.calls) == 1
    await refused(url, start_message(offered["token"], call_sid="CA" + "8" * 32))
    async with connect(url, additional_headers=signed(url)) as stream:
        await stream.send(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        await stream.send(start_message(second))
        await door.engine.calls[0].wait_answered()
        assert json.loads(await asyncio.wait_for(stream.recv(), 10))["event"] == "media"
        await refused(url, start_message(second))
    with pytest.raises(InvalidStatus):
        async with connect(url + "/elsewhere", additional_headers=signed(url + "/elsewhere")):
            pass


async def test_only_streams_that_twilio_has_signed_come_in(door: Door, capfd: pytest.CaptureFixture[str]) -> None:
    offered = await offered_stream(door)
    url = offered["url"]
    forged: dict[str, dict[str, str]] = {
        "no signature": {},
        "an empty one": {"X-Twilio-Signature": ""},
        "another token's": signed(url, "another"),
        "the webhook's URL": signed(f"{door.url}/twilio/stream"),
        "another path's": signed(url + "s"),
        "another host's": signed(url.replace("127.0.0.1", "localhost")),
        "a form's": {"X-Twilio-Signature": signature(TOKEN, url, FORM)},
    }
    for what, headers in forged.items():
        with pytest.raises(InvalidStatus) as refusal:
            async with connect(url, additional_headers=headers):
                pass
        assert refusal.value.response.status_code == 403, what
    assert "a stream without Twilio's signature" in "".join(capfd.readouterr())
    async with connect(url, additional_headers=signed(url)) as stream:  # its token is as good as before
        await stream.send(start_message(offered["token"]))
        await door.engine.calls[0].wait_answered()


async def test_a_caller_whose_stream_is_not_signed_is_not_forgotten(door: Door) -> None:
    """A proxy that drops the header, say."""

    def on_stream(stream: MediaStream) -> None:
        stream.signature = ""

    caller = await door.twilio.call(CALLER, on_stream=on_stream)
    assert await caller.wait_ended() == "completed"
    assert caller.verbs == ["Connect", "Redirect", "Connect", "Redirect", "Say", "Record"]
    assert [kind for kind, _ in await door.told(caller.sid)] == ["arrived", "owed", "ended"]


@pytest.mark.parametrize("door", [{"twilio": "streams_signed = false"}], indirect=True)
async def test_where_nobody_asks_for_a_streams_signature_the_token_is_asked_for(door: Door) -> None:
    offered = await offered_stream(door)
    async with connect(offered["url"]) as stream:
        await stream.send(start_message("guessed"))
        with pytest.raises(ConnectionClosed):
            await stream.recv()
    async with connect(offered["url"]) as stream:
        await stream.send(start_message(offered["token"]))
        await door.engine.calls[0].wait_answered()


async def test_a_caller_whose_stream_never_comes_is_cut_off_and_not_forgotten(door: Door) -> None:
    offered = await offered_stream(door)
    [leg] = door.engine.calls
    assert await leg.wait_ended(30) == "remote"
    await refused(offered["url"], start_message(offered["token"]))
    after = await door.twilio.post(f"{door.url}/twilio/after", FORM)
    assert "<Stream" in after.text, "who is still there comes anew"
