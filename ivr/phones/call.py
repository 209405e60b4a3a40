"""[io] One call of a scripted telephone: its dialog, its sound, and what a test may ask of it."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Literal

from ivr.phones import audio
from ivr.phones.message import (
    BadMessage,
    Message,
    address_uri,
    describe,
    display_name,
    parameter,
    pressed,
    read_description,
    refer_to,
    uri_address,
    uri_user,
)
from ivr.phones.observed import PATIENCE_S, Observed
from ivr.phones.wire import Address, Identity, PhoneError, Refused, Wire, answer_to, token

GONE = (408, 481)  # refusals of a BYE that mean the same as its 200 (RFC 3261 15.1.1)
ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, REFER, NOTIFY"


class Call(Observed):
    """A call in either direction. Tests don't make it: `ScriptedPhone.dial` and `ScriptedPhone.incoming` return it."""

    def __init__(self, wire: Wire, identity: Identity, *, incoming: bool) -> None:
        super().__init__(wire, identity.user, identity.bind, "ringing" if incoming else "calling")
        self.incoming = incoming
        self.reinvites = 0
        """Re-INVITEs that came and were answered."""
        self.held = False
        self.remote_hold = False
        """The other side asked not to be sent sound (sendonly, inactive)."""
        self.local_tag = token()
        self.remote_tag = ""
        self._who = identity
        self._local = f'"{identity.display}" <sip:{identity.user}@{identity.domain}>;tag={self.local_tag}'
        self._remote = ""
        self._target = ""
        self._first_hop = identity.server
        self._routes: list[str] = []
        self._cseq = secrets.randbelow(1000) + 1
        self._remote_cseq = -1
        self._version = 1
        self._invite: Message | None = None
        self._invite_source: Address = identity.server
        self._answer_branch: tuple[str, int] = ("", 0)
        self._waits_for_offer_answer = False
        self._reinviting = False
        self._cancelled = False

    # --- what a test asks

    @property
    def caller(self) -> str:
        """User part of the From header of the INVITE that came: what the caller's number is said to be."""
        return uri_user(address_uri(self._invite.get("From"))) if self._invite else ""

    @property
    def display(self) -> str:
        """Display name in the From header of the INVITE that came."""
        return display_name(self._invite.get("From")) if self._invite else ""

    async def press(self, digits: str, *, how: Literal["rfc4733", "info", "tone"] = "rfc4733", duration_ms: int = 100) -> None:
        """Press keys one after the other; returns when the last is sent (INFO: answered with 2xx, else Refused).

        "tone" sends the sound of the keys in place of what was being sent, then silence.
        """
        for digit in digits:
            if how == "rfc4733":
                await self._wait(self._rtp.press(digit, duration_ms), PATIENCE_S, f"the key {digit} could not be sent")
            elif how == "tone":
                self._rtp.player.play(audio.dtmf_tone(digit, duration_ms / 1000), loop=False)
                await asyncio.sleep(duration_ms / 1000)
            else:
                body = f"Signal={digit}\r\nDuration={duration_ms}\r\n".encode()
                await self._in_dialog("INFO", body, ("Content-Type", "application/dtmf-relay"))
            await asyncio.sleep(0.06)  # the pause that tells two keys apart

    async def answer(self) -> None:
        """Answer a ringing call that came in (the phone's policy does it otherwise). Returns when 200 is sent."""
        if self._invite is None or self.phase != "ringing":
            raise PhoneError(f"only a ringing call can be answered, this one is {self.phase}{self._state()}")
        self.phase = "talking"
        body = self._accept_offer(self._invite)
        self._answer_branch = (self._invite.branch, self._invite.cseq)
        response = answer_to(self._invite, 200, "OK", tag=self.local_tag, headers=self._contact(sdp=True))
        response.body = body
        self._wire.respond(self._invite, response, self._invite_source, until_ack=True)

    def refuse(self, status: int = 486, reason: str = "Busy Here", contact: str = "", retry_after_s: int = 0) -> None:
        """Refuse a ringing call that came in; `contact`: where a 3xx sends the caller, as "<sip:…>"; `retry_after_s`: 0 for no
        Retry-After."""
        if self._invite is not None and self.phase == "ringing":
            headers = [("Contact", contact)] if contact else []
            headers += [("Retry-After", str(retry_after_s))] if retry_after_s else []
            response = answer_to(self._invite, status, reason, tag=self.local_tag, headers=headers)
            self._wire.respond(self._invite, response, self._invite_source, until_ack=True)
            self.finish("refused", Refused(f"we refused with {status}", status, reason))

    async def hang_up(self) -> None:
        """End the call by BYE, CANCEL or 603, nothing if it is over. Returns when the other side has answered."""
        if self.phase == "talking":
            self.finish("local")
            try:
                await self._in_dialog("BYE", ended=True)
            except Refused as error:
                if error.status not in GONE:
                    raise
        elif self.phase == "ringing":
            self.refuse(603, "Decline")
        elif self.phase == "calling":
            await self.cancel()

    async def cancel(self) -> None:
        """Give up a call that we dial. Waits for the first provisional answer (RFC 3261 9.1) and for the end of the call."""
        if self.phase != "calling":
            raise PhoneError(f"only a call being dialled can be cancelled, this one is {self.phase}{self._state()}")
        self._cancelled = True
        await self.wait_until(lambda: bool(self.provisional) or self.phase != "calling", "a provisional answer came", 32.0)
        if self._invite is not None and self.phase == "calling":
            kept = [
                (n, v)
                for n, v in self._invite.headers
                if n.lower() in {"via", "from", "to", "call-id", "route", "max-forwards"}
            ]
            request = Message(f"CANCEL {self._invite.uri} SIP/2.0", [*kept, ("CSeq", f"{self._invite.cseq} CANCEL")])
            await self._wire.ask(lambda extra: request, self._first_hop)
        await self.wait_ended(32.0)

    async def refer(self, to: str, replaces: Call | None = None) -> None:
        """Ask for a transfer to a number (RFC 3515), or to whom another call of this telephone talks (RFC 3891)."""
        dialog = (replaces.sip_call_id, replaces.remote_tag, replaces.local_tag) if replaces else ()
        await self._in_dialog("REFER", b"", ("Refer-To", refer_to(to, self._who.domain, *dialog)))

    async def hold(self, direction: str = "sendonly") -> None:
        """Put the other side on hold: re-INVITE with sendonly (or inactive); no sound is sent until `resume`."""
        await self.reinvite(direction)

    async def resume(self) -> None:
        """Take the call back."""
        await self.reinvite("sendrecv")

    async def reinvite(self, direction: str = "sendrecv") -> None:
        """Offer our session again with this direction. Refused when the other side says no (491: again, RFC 3261 14.1)."""
        for _ in range(5):
            self._version += 1
            body = describe(self._who.bind, self._rtp.port, self._who.codecs, version=self._version, direction=direction)
            self._reinviting = True
            response: Message | None = None
            try:
                response = await self._in_dialog("INVITE", body, ("Content-Type", "application/sdp"))
            except Refused as error:
                if error.status != 491:
                    raise
            finally:
                self._reinviting = False
            if response is None:  # the side that began the call waits longer, so that both don't collide again
                await asyncio.sleep(secrets.randbelow(400) / 1000 + (0.0 if self.incoming else 0.5))
                continue
            self.held = direction in {"sendonly", "inactive"}
            self._hear(response)
            return
        raise PhoneError(f"491 again and again{self._state()}")

    # --- how it works: dialling

    async def dial(self, number: str, headers: list[tuple[str, str]]) -> None:
        """Place the call; run by the phone as a task until it is answered or refused."""
        self.sip_call_id = f"{token()}@{self._who.bind}"
        if number.startswith("sip:"):
            self._target, self._first_hop = number, uri_address(number)
        else:
            self._target = f"sip:{number}@{self._who.domain}:{self._who.server[1]}"
        self._remote = f"<{self._target}>"
        body = describe(self._who.bind, self._rtp.port, self._who.codecs, version=self._version)

        def build(extra: list[tuple[str, str]]) -> Message:
            request = self._request("INVITE", [*self._contact(sdp=True), *headers, *extra])
            request.body = body
            return request

        def sent(request: Message) -> None:
            self._invite = request

        try:
            invite, response = await self._wire.ask(
                build, self._first_hop, login=self._who.login, on_provisional=self._progress, on_sent=sent
            )
        except PhoneError as error:
            self.finish("failed", error)
            return
        if response.status >= 300:
            text = f"{self._target} refused: {response.status} {response.reason}{self._wire.story()}"
            self.finish("cancelled" if self._cancelled else "refused", Refused(text, response.status, response.reason))
            return
        self._remote = response.get("To")
        self.remote_tag = parameter(self._remote, "tag")
        self._routes = list(reversed(response.all("Record-Route")))
        self._target = address_uri(response.get("Contact")) or self._target
        self._ack(invite)
        self.phase = "talking"
        self._hear(response)
        if self._cancelled:  # our CANCEL was too late (RFC 3261 9.1)
            await self.hang_up()
        else:
            self._answered()

    def _progress(self, response: Message) -> None:
        self.provisional.append(response.status)
        if response.body and response.method == "INVITE":
            self._hear(response)  # early media

    def _answered(self) -> None:
        self.answered_at = time.monotonic()
        if not self.answered.done():
            self.answered.set_result(None)

    def finish(self, by: str, error: PhoneError | None = None) -> None:
        """The call is over."""
        if self.phase == "ended":
            return
        self.phase = "ended"
        self.ended_at = time.monotonic()
        self._rtp.close()
        if not self.answered.done():
            self.answered.set_exception(error or PhoneError(f"ended ({by}) before it was answered{self._wire.story()}"))
        self.ended.set_result(by)

    # --- how it works: requests that come

    def invited(self, invite: Message, source: Address) -> None:
        """Begin as the side that is called. The phone decides what happens then."""
        self._invite, self._invite_source = invite, source
        self.sip_call_id = invite.get("Call-ID")
        self._local = f"{invite.get('To')};tag={self.local_tag}"
        self._remote = invite.get("From")
        self.remote_tag = parameter(self._remote, "tag")
        self._target = address_uri(invite.get("Contact"))
        self._routes = invite.all("Record-Route")
        self._remote_cseq = invite.cseq
        self.requests.append(invite)
        if not self._target:
            self._wire.complain("an INVITE without Contact (RFC 3261 8.1.1.8)")

    def ring(self) -> None:
        """Send 180; nothing to who was answered or refused already."""
        if self._invite is not None and self.phase == "ringing":
            response = answer_to(self._invite, 180, "Ringing", tag=self.local_tag, headers=self._contact(sdp=False))
            self._wire.respond(self._invite, response, self._invite_source)

    def announce(self) -> None:
        """Send 183 with a description: what is sent from now on is sound before the answer, as a network's announcement."""
        if self._invite is not None and self.phase == "ringing":
            body = self._accept_offer(self._invite)
            response = answer_to(self._invite, 183, "Session Progress", tag=self.local_tag, headers=self._contact(sdp=True))
            response.body = body
            self._wire.respond(self._invite, response, self._invite_source)

    def is_cancelled_by(self, cancel: Message) -> bool:
        """True when this CANCEL means this call (RFC 3261 9.2)."""
        invite = self._invite
        return self.incoming and invite is not None and (invite.branch, invite.cseq) == (cancel.branch, cancel.cseq)

    def cancelled(self) -> None:
        """Its CANCEL came: 487, unless it is answered already."""
        if self._invite is not None and self.phase == "ringing":
            response = answer_to(self._invite, 487, "Request Terminated", tag=self.local_tag)
            self._wire.respond(self._invite, response, self._invite_source, until_ack=True)
            self.finish("cancelled")

    def received(self, request: Message, source: Address) -> None:
        """A request within this dialog."""
        self.requests.append(request)
        if request.method == "ACK":
            self._acknowledged(request)
            return
        if request.cseq <= self._remote_cseq:
            self._wire.complain(f"{request.method} with CSeq {request.cseq} after {self._remote_cseq} (RFC 3261 12.2.2)")
            self._wire.respond(request, answer_to(request, 500, "CSeq too low"), source)
            return
        self._remote_cseq = request.cseq
        if request.method == "BYE":
            self._wire.respond(request, answer_to(request, 200, "OK"), source)
            self._wire.acknowledged(*self._answer_branch)  # a BYE ends our waiting for an ACK too
            self.finish("remote")
        elif self.phase == "ended":
            self._wire.respond(request, answer_to(request, 481, "Call Does Not Exist"), source)
        elif request.method == "INVITE":
            self._reinvited(request, source)
        elif request.method == "INFO":
            self._digit(pressed(request))
            self._wire.respond(request, answer_to(request, 200, "OK"), source)
        else:
            status, reason = (200, "OK") if request.method in {"OPTIONS", "NOTIFY"} else (405, "Method Not Allowed")
            self._wire.respond(request, answer_to(request, status, reason, headers=[("Allow", ALLOW)]), source)

    def _reinvited(self, request: Message, source: Address) -> None:
        if self._reinviting:
            self._wire.respond(request, answer_to(request, 491, "Request Pending"), source, until_ack=True)
            return
        self._target = address_uri(request.get("Contact")) or self._target
        self._version += 1
        try:
            body = self._accept_offer(request)
        except BadMessage as error:
            self._wire.complain(str(error))
            self._wire.respond(request, answer_to(request, 488, "Not Acceptable Here"), source, until_ack=True)
            return
        response = answer_to(request, 200, "OK", headers=self._contact(sdp=True))
        response.body = body
        self._answer_branch = (request.branch, request.cseq)
        self.reinvites += 1
        self._wire.respond(request, response, source, until_ack=True)

    def _acknowledged(self, ack: Message) -> None:
        branch, cseq = self._answer_branch
        if ack.cseq != cseq:
            self._wire.complain(f"an ACK with CSeq {ack.cseq}, for an INVITE with CSeq {cseq} (RFC 3261 13.2.2.4)")
            return
        if parameter(ack.get("To"), "tag") != self.local_tag:
            self._wire.complain("an ACK with a To tag that is not ours (RFC 3261 12.2.1.1)")
        self._wire.acknowledged(branch, cseq)
        if self._waits_for_offer_answer:
            self._waits_for_offer_answer = False
            self._hear(ack)
        if self.phase == "talking" and self.answered_at is None:
            self._answered()

    def _accept_offer(self, request: Message) -> bytes:
        """Take the offer in a request (BadMessage: no codec of ours) and give the answer; without one, give our offer."""
        direction = "sendonly" if self.held else "sendrecv"
        if not request.body:
            self._waits_for_offer_answer = True
            return describe(self._who.bind, self._rtp.port, self._who.codecs, version=self._version, direction=direction)
        self._hear(request, strict=True)
        target = self._rtp.target
        if target is None:
            raise BadMessage("no session")
        answers = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive", "sendrecv": direction}
        if self.held and target.direction == "sendonly":
            answers["sendonly"] = "inactive"
        codecs = (target.codec,)
        dtmf = target.dtmf_payload_type
        return describe(
            self._who.bind, self._rtp.port, codecs, version=self._version, direction=answers[target.direction], dtmf=dtmf
        )

    def _hear(self, message: Message, *, strict: bool = False) -> None:
        try:
            self._rtp.target = read_description(message.body, self._who.codecs)
        except BadMessage as error:
            if strict:
                raise
            self._wire.complain(f"{message.first}: {error}")
            return
        self._rtp.sending = not self.held
        self.remote_hold = self._rtp.target.direction in {"sendonly", "inactive"} or self._rtp.target.host == "0.0.0.0"

    # --- how it works: requests that go

    def _request(self, method: str, headers: list[tuple[str, str]], cseq: int | None = None) -> Message:
        if cseq is None:
            self._cseq += 1
            cseq = self._cseq
        first = [("Via", f"SIP/2.0/UDP {self._wire.place};rport;branch=z9hG4bK{token()}"), ("Max-Forwards", "70")]
        dialog = [("From", self._local), ("To", self._remote), ("Call-ID", self.sip_call_id), ("CSeq", f"{cseq} {method}")]
        return Message(
            f"{method} {self._target} SIP/2.0", [*first, *(("Route", route) for route in self._routes), *dialog, *headers]
        )

    def _contact(self, *, sdp: bool) -> list[tuple[str, str]]:
        described = [("Allow", ALLOW), ("Content-Type", "application/sdp")] if sdp else []
        return [("Contact", f"<sip:{self._who.user}@{self._wire.place}>"), *described]

    def _hop(self) -> Address:
        host, port = uri_address(address_uri(self._routes[0]) if self._routes else self._target)
        return (host, port) if ":" in host or host.replace(".", "").isdigit() else self._who.server

    def _ack(self, invite: Message) -> None:
        login = [(n, v) for n, v in invite.headers if n.lower() in {"authorization", "proxy-authorization"}]
        self._wire.ack(invite, self._request("ACK", login, invite.cseq), self._hop())

    async def _in_dialog(self, method: str, body: bytes = b"", *headers: tuple[str, str], ended: bool = False) -> Message:
        """A request in this call's dialog, answered with 2xx, else Refused or NoAnswer."""
        if self.phase != "talking" and not ended:
            raise PhoneError(f"{method} on a call that is {self.phase}{self._state()}")

        def build(extra: list[tuple[str, str]]) -> Message:
            contact = self._contact(sdp=False) if method in {"INVITE", "REFER"} else []
            request = self._request(method, [*contact, *headers, *extra])
            request.body = body
            return request

        sent, response = await self._wire.ask(build, self._hop(), login=self._who.login)
        if response.status >= 300:
            raise Refused(f"{method} refused: {response.first}{self._state()}", response.status, response.reason)
        if method == "INVITE":
            self._target = address_uri(response.get("Contact")) or self._target
            self._ack(sent)
        return response
