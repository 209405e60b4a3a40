"""Two scripted telephones call each other over loopback, and a hand-written peer breaks the rules."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ivr.phones import audio
from ivr.phones.message import Message, describe, parameter, parse
from ivr.phones.scripted import Answer, Call, NoAnswer, PhoneError, Refuse, Refused, Ring, ScriptedPhone, Silent
from ivr.phones.wire import answer_to
from tests.ivr.phones.conftest import MakePhone, Registrar
from tests.stalls import again_where_late


async def talk(make_phone: MakePhone) -> tuple[ScriptedPhone, Call, ScriptedPhone, Call]:
    """A caller and a seat in an answered call."""
    seat = await make_phone("1026")
    caller = await make_phone("13912345678", server=seat.address)
    seat.on_invite = Answer(after_s=0.0)
    ours = await caller.dial("4001")
    theirs = await seat.incoming()
    await ours.wait_answered()
    await theirs.wait_answered()
    return caller, ours, seat, theirs


async def test_a_call_with_sound_both_ways_and_keys(make_phone: MakePhone) -> None:
    caller, ours, seat, theirs = await talk(make_phone)
    assert (theirs.caller, theirs.display) == ("13912345678", "13912345678")
    assert 180 in ours.provisional
    ours.send_tone(440)
    theirs.send_tone(600)
    await ours.wait_tone(600)
    await theirs.wait_tone(440)
    await theirs.wait_until(
        lambda: audio.snr(theirs.samples(time.monotonic() - 0.3), 440) > 35, "nothing but the tone is heard"
    )
    await ours.press("12#")
    await ours.press("9", how="info")
    await theirs.wait_until(lambda: theirs.digits == "12#9", "the keys came")
    await theirs.press("*")
    await ours.wait_until(lambda: ours.digits == "*", "the key came")
    assert ours.largest_gap() < 1.0 + theirs.largest_pause(0.0)
    await ours.hang_up()
    assert await theirs.wait_ended() == "remote"
    assert await ours.wait_ended() == "local"
    assert caller.complaints == seat.complaints == []
    await ours.hang_up()  # nothing more to do


async def test_keys_as_sound(make_phone: MakePhone) -> None:
    _, ours, _, theirs = await talk(make_phone)
    since = time.monotonic()
    await ours.press("5", how="tone", duration_ms=200)

    def is_heard() -> bool:
        heard, tenth = theirs.samples(since), audio.RATE // 10
        return any(audio.tone_share(heard[at : at + tenth], 770) > 0.3 for at in range(0, len(heard) - tenth, tenth // 2))

    await theirs.wait_until(is_heard, "the key is heard")
    assert theirs.digits == ""


async def test_hold_stops_the_sound_and_resume_brings_it_back(make_phone: MakePhone) -> None:
    _, ours, seat, theirs = await talk(make_phone)
    ours.send_tone(440)
    theirs.send_tone(600)
    await theirs.wait_tone(440)
    await ours.hold()
    held_at = time.monotonic()
    assert ours.held
    assert theirs.remote_hold
    await asyncio.sleep(0.3)
    resumed_at = time.monotonic()
    await ours.resume()
    await theirs.wait_tone(440)
    await ours.wait_tone(600)
    await theirs.wait_until(lambda: not theirs.remote_hold, "off hold")
    assert theirs.reinvites == 2
    assert theirs.largest_gap(held_at) > 0.25
    assert [length for begin, length in theirs.gaps(0.25, held_at - 0.1) if begin < resumed_at]
    await theirs.hang_up()
    assert await ours.wait_ended() == "remote"
    assert seat.complaints == []


async def test_both_re_invite_at_once(make_phone: MakePhone) -> None:
    caller, ours, seat, theirs = await talk(make_phone)
    await asyncio.gather(ours.reinvite(), theirs.reinvite())
    ours.send_tone(440)
    await theirs.wait_tone(440)
    assert caller.complaints == seat.complaints == []


@again_where_late
async def test_a_recording_is_sent_and_recognised(make_phone: MakePhone, tmp_path: Path) -> None:
    _, ours, _, theirs = await talk(make_phone)
    words = audio.tone(500, 0.3) + audio.tone(1100, 0.3)
    path = tmp_path / "words.wav"
    path.write_bytes(audio.write_wav(words))
    theirs.send_wav(path)
    assert await ours.wait_like(words) > 0.95
    with pytest.raises(PhoneError, match=r"best similarity 0\.\d\d(.|\n)* packets heard"):
        await ours.wait_like(audio.tone(2500, 0.3), timeout_s=0.5)
    path.write_bytes(audio.write_wav(words).replace((8000).to_bytes(4, "little"), (16000).to_bytes(4, "little"), 1))
    with pytest.raises(ValueError, match="16000 samples a second"):
        theirs.send_wav(path)


async def test_a_call_is_refused(make_phone: MakePhone) -> None:
    seat = await make_phone("1026")
    caller = await make_phone("13912345678", server=seat.address)
    seat.on_invite = lambda invite: Refuse(603, "Decline") if invite.uri.startswith("sip:4001@") else Refuse()
    call = await caller.dial("4001")
    with pytest.raises(Refused, match=r"603 Decline(.|\n)*INVITE") as refused:
        await call.wait_answered()
    assert (refused.value.status, refused.value.reason) == (603, "Decline")
    assert await call.wait_ended() == "refused"
    assert await (await seat.incoming()).wait_ended() == "refused"
    with pytest.raises(PhoneError, match="only a call being dialled"):
        await call.cancel()
    with pytest.raises(PhoneError, match="ended before the key"):
        await call.press("1")
    assert caller.complaints == seat.complaints == []


async def test_a_ringing_call_is_cancelled(make_phone: MakePhone) -> None:
    seat = await make_phone("1026")
    caller = await make_phone("13912345678", server=seat.address)
    seat.on_invite = Ring()
    call = await caller.dial("4001")
    theirs = await seat.incoming()
    await call.wait_ringing()
    with pytest.raises(PhoneError, match="not answered within"):
        await call.wait_answered(0.1)
    await call.hang_up()
    assert (await call.wait_ended(), await theirs.wait_ended()) == ("cancelled", "cancelled")
    with pytest.raises(PhoneError, match="only a ringing call"):
        await theirs.answer()
    assert caller.complaints == seat.complaints == []


async def test_a_ringing_call_is_answered_by_hand_or_refused(make_phone: MakePhone) -> None:
    seat = await make_phone("1026")
    caller = await make_phone("13912345678", server=seat.address)
    seat.on_invite = Ring()
    call = await caller.dial("4001")
    theirs = await seat.incoming()
    await theirs.answer()
    await call.wait_answered()
    other = await caller.dial("4001")
    await (await seat.incoming()).hang_up()
    with pytest.raises(Refused, match="603"):
        await other.wait_answered()
    assert [len(phone.calls) for phone in (caller, seat)] == [2, 2]


async def test_codecs_are_agreed_on(make_phone: MakePhone) -> None:
    seat = await make_phone("1026", codecs=("PCMU",))
    both = await make_phone("1", server=seat.address, codecs=("PCMA", "PCMU"))
    alaw = await make_phone("2", server=seat.address)
    call = await both.dial("4001")
    await call.wait_answered()
    theirs = await seat.incoming()
    call.send_tone(440)
    await theirs.wait_tone(440)
    assert theirs.heard[0].codec == "PCMU"
    refused = await alaw.dial("4001")
    with pytest.raises(Refused, match="488"):
        await refused.wait_answered()
    assert "none of PCMU" in seat.complaints[0]


async def test_registration_by_digest(make_phone: MakePhone, registrar: Registrar) -> None:
    seat = await make_phone("1026", server=registrar.address, password="secret")
    for qop in (True, False):
        registrar.qop = qop
        registrar.drop = 1  # the first REGISTER is lost and sent again
        assert await seat.register(600) == 600
        assert f"127.0.0.1:{seat.address[1]}" in registrar.contacts[0]
        await seat.unregister()
        assert registrar.contacts == []
    wrong = await make_phone("1026", server=registrar.address, password="guess")
    with pytest.raises(Refused, match="403"):
        await wrong.register()
    without = await make_phone("1026", server=registrar.address)
    with pytest.raises(Refused, match="401"):
        await without.register()
    assert seat.complaints == []


async def test_nobody_answers(make_phone: MakePhone) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        caller = await make_phone("1", server=deaf.getsockname())
        with pytest.raises(NoAnswer, match=r"no final answer to REGISTER(.|\n)*-> "):
            await caller.register(timeout_s=2.0)
        deaf.settimeout(5)
        assert deaf.recv(4096) == deaf.recv(4096)  # sent again after half a second


async def test_silence_is_told_with_the_trace(make_phone: MakePhone) -> None:
    seat = await make_phone("1026")
    caller = await make_phone("1", server=seat.address)
    seat.on_invite = Silent()
    call = await caller.dial("4001")
    await seat.incoming()
    with pytest.raises(PhoneError, match=r"-> 127.0.0.1:\d+ INVITE"):
        await call.wait_ringing(0.2)
    with pytest.raises(PhoneError, match="was not called within"):
        await seat.incoming(0.05)
    await caller.close(hang_up=False)
    assert await call.wait_ended() == "local"


class Peer:
    """A SIP peer written by hand in each test: it sends and expects single messages."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[Message] = asyncio.Queue()
        self.transport: asyncio.DatagramTransport | None = None
        self.phone = ("", 0)
        self.tag = "peer"

    @property
    def address(self) -> tuple[str, int]:
        assert self.transport is not None
        host, port = self.transport.get_extra_info("sockname")
        return host, port

    def send(self, message: Message | bytes) -> None:
        assert self.transport is not None
        self.transport.sendto(bytes(message), self.phone)

    async def expect(self, what: str) -> Message:
        """The next message whose first line has `what`, others left out."""
        async with asyncio.timeout(5):
            while what not in (message := await self.inbox.get()).first:
                pass
        return message

    async def answer(self, request: Message) -> int:
        """The status of the answer to this request; others are left out: what is late for its ACK comes again."""
        while (message := await self.expect("SIP")).branch != request.branch:
            pass
        return message.status

    def request(
        self, method: str, cseq: int, branch: str, *, to: str = "<sip:1026@h>", extra: str = "", body: bytes = b""
    ) -> Message:
        host, port = self.address
        text = (
            f"{method} sip:1026@h SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{branch}\r\n"
            f"From: <sip:x@h>;tag={self.tag}\r\n"
            f"To: {to}\r\nCall-ID: c1\r\nCSeq: {cseq} {method}\r\nContact: <sip:x@{host}:{port}>\r\n{extra}\r\n"
        )
        message = parse(text.encode())
        message.body = body
        return message


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    hand = Peer()

    class Protocol(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            hand.phone = addr
            hand.inbox.put_nowait(parse(data))

    hand.transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Protocol, local_addr=("127.0.0.1", 0))
    yield hand
    hand.transport.close()
    await asyncio.sleep(0)


SDP = describe("127.0.0.1", 9, ("PCMA",), version=1)


async def test_an_answer_is_resent_until_acknowledged_and_routes_are_kept(make_phone: MakePhone, peer: Peer) -> None:
    seat = await make_phone("1026")
    seat.on_invite = Answer(0.0, ring=False)
    peer.phone = seat.address
    host, port = peer.address
    route = f"<sip:{host}:{port};lr>"
    invite = peer.request("INVITE", 1, "a", extra=f"Record-Route: {route}\r\nRecord-Route: <sip:192.0.2.1;lr>\r\n", body=SDP)
    peer.send(invite)
    ok = await peer.expect("200")
    assert ok.all("Record-Route") == [route, "<sip:192.0.2.1;lr>"]
    assert bytes(await peer.expect("200")) == bytes(ok)  # by timer
    peer.send(invite)
    assert bytes(await peer.expect("200")) == bytes(ok)  # because asked again
    assert len(seat.calls) == 1
    call = seat.calls[0]
    assert not call.answered.done()
    peer.send(peer.request("ACK", 1, "b", to=ok.get("To")))
    await call.wait_answered()
    hanging_up = asyncio.create_task(call.hang_up())
    bye = await peer.expect("BYE")
    assert bye.all("Route") == [route, "<sip:192.0.2.1;lr>"]
    assert bye.uri == f"sip:x@{host}:{port}"
    peer.send(answer_to(bye, 200, "OK"))
    await hanging_up
    assert seat.complaints == []


async def test_faults_of_the_other_side_are_complained_about(make_phone: MakePhone, peer: Peer) -> None:
    seat = await make_phone("1026")
    seat.on_invite = Answer(0.0)
    peer.phone = seat.address
    peer.send(b"\0\0\0\0")
    peer.send(b"no SIP at all")
    peer.send(peer.request("INVITE", 10, "a", body=SDP))
    to = (await peer.expect("200")).get("To")
    peer.send(peer.request("ACK", 9, "b", to=to))
    peer.send(peer.request("ACK", 10, "c", to=to + "x"))
    peer.send(request := peer.request("BYE", 10, "d", to=to))
    assert await peer.answer(request) == 500
    peer.send(request := peer.request("BYE", 11, "e", to=to + "y"))
    assert await peer.answer(request) == 481
    peer.send(request := peer.request("INVITE", 110, "f", to=to, body=b"v=0\r\n"))
    assert await peer.answer(request) == 488
    peer.send(peer.request("ACK", 110, "f", to=to))
    peer.send(request := peer.request("SUBSCRIBE", 111, "g", to=to))
    assert await peer.answer(request) == 405
    peer.send(request := peer.request("BYE", 112, "h", to=to))
    assert await peer.answer(request) == 200
    peer.send(request := peer.request("BYE", 112, "h", to=to))
    assert await peer.answer(request) == 200  # the same again
    peer.send(request := peer.request("INVITE", 113, "i", to=to, body=SDP))
    assert await peer.answer(request) == 481
    expected = [
        "garbage",
        "an ACK with CSeq 9",
        "an ACK with a To tag",
        "BYE with CSeq 10 after 10",
        "BYE sip:1026",
        "no audio stream",
    ]
    assert len(seat.complaints) == len(expected)
    for complaint, start in zip(seat.complaints, expected, strict=True):
        assert complaint.startswith(start)


async def test_requests_outside_of_calls(make_phone: MakePhone, peer: Peer) -> None:
    seat = await make_phone("1026")
    peer.phone = seat.address
    for method, status in (("OPTIONS", 200), ("CANCEL", 481), ("SUBSCRIBE", 405), ("MESSAGE", 405)):
        peer.send(peer.request(method, 1, method))
        answer = await peer.expect("SIP")
        assert (answer.status, answer.method) == (status, method)
        assert parameter(answer.get("To"), "tag")
    peer.send(peer.request("ACK", 1, "z"))
    assert seat.complaints == []


async def test_an_invite_without_offer_gets_ours(make_phone: MakePhone, peer: Peer) -> None:
    seat = await make_phone("1026")
    seat.on_invite = Answer(0.0)
    peer.phone = seat.address
    peer.send(peer.request("INVITE", 1, "a"))
    ok = await peer.expect("200")
    assert b"m=audio" in ok.body
    peer.send(peer.request("ACK", 1, "b", to=ok.get("To"), body=describe("127.0.0.1", 4444, ("PCMA",), version=1)))
    call = await seat.calls[0].wait_answered()
    target = call.sound.target
    assert target is not None
    assert target.port == 4444
    await seat.close(hang_up=False)
    assert seat.complaints == []


async def test_a_late_200_after_cancel_gets_ack_and_bye(make_phone: MakePhone, peer: Peer) -> None:
    caller = await make_phone("1", server=peer.address)
    call = await caller.dial("4001")
    invite = await peer.expect("INVITE")
    cancelling = asyncio.create_task(call.cancel())
    peer.send(answer_to(invite, 180, "Ringing", tag="peer"))
    cancel = await peer.expect("CANCEL")
    assert (cancel.branch, cancel.cseq, cancel.uri) == (invite.branch, invite.cseq, invite.uri)
    peer.send(answer_to(cancel, 200, "OK", tag="peer"))
    ok = answer_to(invite, 200, "OK", tag="peer", headers=[("Contact", f"<sip:4001@127.0.0.1:{peer.address[1]}>")])
    ok.body = SDP
    peer.send(ok)
    ack = await peer.expect("ACK")
    peer.send(ok)
    assert bytes(await peer.expect("ACK")) == bytes(ack)  # each repeat of the 200 is acknowledged again
    bye = await peer.expect("BYE")
    peer.send(answer_to(bye, 200, "OK"))
    await cancelling
    assert call.answered.exception()


async def test_an_invite_is_sent_again_with_a_login(make_phone: MakePhone, peer: Peer) -> None:
    caller = await make_phone("1026", server=peer.address, password="secret")
    call = await caller.dial("4001")
    first = await peer.expect("INVITE")
    challenge = [("Proxy-Authenticate", 'Digest realm="h", nonce="n", qop="auth"')]
    peer.send(answer_to(first, 407, "Proxy Authentication Required", tag="p", headers=challenge))
    assert (await peer.expect("ACK")).branch == first.branch
    while (second := await peer.expect("INVITE")).branch == first.branch:
        pass  # it came again
    assert (second.cseq, second.get("Call-ID")) == (first.cseq + 1, first.get("Call-ID"))
    assert second.branch != first.branch
    assert 'username="1026"' in second.get("Proxy-Authorization")
    peer.send(answer_to(second, 407, "Proxy Authentication Required", tag="p", headers=challenge))
    with pytest.raises(Refused, match="407"):
        await call.wait_answered()
