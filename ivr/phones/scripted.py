"""[io] A small SIP telephone that does what a test tells it. The tool of every kill and integration test.

    async with ScriptedPhone(server=("127.0.0.1", 5060), user="1026", password="secret") as seat:
        await seat.register()
        seat.on_invite = Answer(after_s=0.2)
        call = await seat.incoming()
        await call.wait_answered()
        call.send_tone(440)
        await call.wait_tone(600)
        await call.hang_up()
        assert call.largest_gap() < 0.2
        assert not seat.complaints

It speaks UDP, resends what isn't answered, follows Record-Route, and is strict: what the other side does against the rules is
kept in `complaints`. Errors (PhoneError) show the last messages of the wire.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ivr.phones.audio import Codec
from ivr.phones.call import ALLOW, Call
from ivr.phones.message import BadMessage, Message, address_uri, parameter
from ivr.phones.observed import PATIENCE_S
from ivr.phones.wire import Address, Identity, Login, NoAnswer, PhoneError, Refused, Wire, answer_to, token

__all__ = ["Answer", "Call", "NoAnswer", "PhoneError", "Policy", "Refuse", "Refused", "Ring", "ScriptedPhone", "Silent"]


@dataclass(frozen=True, slots=True)
class Answer:
    """Ring (180, unless `ring` is false), answer after so many seconds."""

    after_s: float = 0.2
    ring: bool = True


@dataclass(frozen=True, slots=True)
class Refuse:
    """Refuse with this status: 486 busy, 603 declined, 480, 503 …, or 302 with the `contact` to call instead. retry_after_s: 0
    for no Retry-After."""

    status: int = 486
    reason: str = "Busy Here"
    after_s: float = 0.0
    contact: str = ""
    retry_after_s: int = 0


@dataclass(frozen=True, slots=True)
class Ring:
    """Ring and never answer by itself; the test may call `call.answer()` or `call.refuse()`."""


@dataclass(frozen=True, slots=True)
class Silent:
    """Send nothing at all: a telephone that lost its network. (A CANCEL is answered.)"""


Policy = Answer | Refuse | Ring | Silent


class ScriptedPhone:
    """A telephone with one UDP port. `server` is the registrar and the next hop of what is dialled."""

    def __init__(
        self,
        server: Address,
        user: str,
        password: str | None = None,
        bind: str = "127.0.0.1",
        *,
        port: int = 0,
        display: str = "",
        codecs: tuple[Codec, ...] = ("PCMA",),
    ) -> None:
        self.user = user
        self.on_invite: Policy | Callable[[Message], Policy] = Answer()
        """What happens to a call that comes in, or a function of its INVITE that says so."""
        self.calls: list[Call] = []
        """Every call so far, in either direction, oldest first."""
        self._who = Identity(
            user, display or user, server, bind, codecs, Login(user, password) if password is not None else None
        )
        self._port = port
        self._wire = Wire(self._request)
        self._arrivals: asyncio.Queue[Call] = asyncio.Queue()
        self._registration = (f"{token()}@{bind}", token())
        self._register_cseq = 0

    @property
    def address(self) -> Address:
        """Host and port this telephone listens on; known after `start`."""
        return self._wire.address

    @property
    def complaints(self) -> list[str]:
        """What the other side did against the rules of SIP, and errors of this telephone's own tasks."""
        return self._wire.complaints

    @property
    def trace(self) -> list[str]:
        """A line for each message sent and received: seconds since the phone was made, direction, address, first line, CSeq."""
        return self._wire.trace

    async def start(self) -> Self:
        """Open the SIP port."""
        await self._wire.open(self._who.bind, self._port)
        return self

    async def close(self, *, hang_up: bool = True) -> None:
        """End: calls that live get a BYE or CANCEL that is waited for 1 s at most; `hang_up=False` vanishes without a word."""
        if hang_up:
            living = [call for call in self.calls if call.phase != "ended"]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await asyncio.gather(*(call.hang_up() for call in living), return_exceptions=True)
        await self._wire.close()
        for call in self.calls:
            call.finish("local")

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def register(self, expires_s: int = 3600, *, timeout_s: float = 32.0) -> int:
        """Register this telephone's address; returns the seconds granted. It isn't refreshed by itself. Refused, NoAnswer."""
        call_id, tag = self._registration
        place, domain = self._wire.place, self._who.domain
        identity = f"<sip:{self.user}@{domain}>"

        def build(extra: list[tuple[str, str]]) -> Message:
            self._register_cseq += 1
            headers = [
                ("Via", f"SIP/2.0/UDP {place};rport;branch=z9hG4bK{token()}"),
                ("Max-Forwards", "70"),
                ("From", f"{identity};tag={tag}"),
                ("To", identity),
                ("Call-ID", call_id),
                ("CSeq", f"{self._register_cseq} REGISTER"),
                ("Contact", f"<sip:{self.user}@{place}>"),
                ("Expires", str(expires_s)),
            ]
            return Message(f"REGISTER sip:{domain}:{self._who.server[1]} SIP/2.0", [*headers, *extra])

        _, response = await self._wire.ask(build, self._who.server, login=self._who.login, timeout_s=timeout_s)
        if response.status >= 300:
            text = f"{self.user} was not registered: {response.status} {response.reason}{self._wire.story()}"
            raise Refused(text, response.status, response.reason)
        ours = [contact for contact in response.all("Contact") if address_uri(contact).startswith(f"sip:{self.user}@{place}")]
        if expires_s and not ours:
            self._wire.complain("the answer to REGISTER lacks our Contact (RFC 3261 10.3)")
        granted = (parameter(ours[0], "expires") if ours else "") or response.get("Expires")
        return int(granted) if granted.isdigit() else expires_s

    async def unregister(self) -> None:
        """Take this telephone's address away from the registrar."""
        await self.register(0)

    async def dial(self, number: str, *, headers: list[tuple[str, str]] | None = None) -> Call:
        """Call a number of the server, or a SIP URI. Returns with the INVITE on its way: then `await call.wait_answered()`."""
        call = Call(self._wire, self._who, incoming=False)
        self.calls.append(call)
        self._wire.spawn(call.dial(number, headers or []))
        await asyncio.sleep(0)
        return call

    async def incoming(self, timeout_s: float = PATIENCE_S) -> Call:
        """The next call that comes in, as soon as its INVITE is here, whatever becomes of it. PhoneError after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._arrivals.get()
        except TimeoutError:
            raise PhoneError(f"{self.user} was not called within {timeout_s} s{self._wire.story()}") from None

    # --- how it works

    def _request(self, request: Message, source: Address) -> None:
        call = self._find(request)
        if call is not None:
            call.received(request, source)
        elif request.method == "CANCEL":
            met = next((call for call in self.calls if call.is_cancelled_by(request)), None)
            status, reason = (200, "OK") if met else (481, "Transaction Does Not Exist")
            self._wire.respond(request, answer_to(request, status, reason, tag=met.local_tag if met else token()), source)
            if met is not None:
                met.cancelled()
        elif request.method == "ACK":
            return  # of a dialog that is not ours: no answer may go back
        elif parameter(request.get("To"), "tag"):
            self._wire.complain(f"{request.first} for a dialog that is not ours")
            self._refuse(request, source, 481, "Call Does Not Exist")
        elif request.method == "INVITE":
            self._invited(request, source)
        elif request.method == "OPTIONS":
            self._wire.respond(request, answer_to(request, 200, "OK", tag=token(), headers=[("Allow", ALLOW)]), source)
        else:
            self._refuse(request, source, 405, "Method Not Allowed")

    def _refuse(self, request: Message, source: Address, status: int, reason: str) -> None:
        response = answer_to(request, status, reason, tag=token(), headers=[("Allow", ALLOW)])
        self._wire.respond(request, response, source, until_ack=request.method == "INVITE")

    def _find(self, request: Message) -> Call | None:
        to_tag, from_tag = parameter(request.get("To"), "tag"), parameter(request.get("From"), "tag")
        for call in self.calls:
            if (call.sip_call_id, call.remote_tag) == (request.get("Call-ID"), from_tag) and (
                call.local_tag == to_tag or request.method == "ACK"  # some telephones (pyVoIP) give their ACK a new To tag
            ):
                return call
        return None

    def _invited(self, invite: Message, source: Address) -> None:
        call = Call(self._wire, self._who, incoming=True)
        call.invited(invite, source)
        self.calls.append(call)
        self._arrivals.put_nowait(call)
        self._wire.spawn(self._follow(call, self.on_invite(invite) if callable(self.on_invite) else self.on_invite))

    async def _follow(self, call: Call, policy: Policy) -> None:
        if isinstance(policy, Silent):
            return
        if isinstance(policy, Refuse):
            await asyncio.sleep(policy.after_s)
            call.refuse(policy.status, policy.reason, policy.contact, policy.retry_after_s)
            return
        if isinstance(policy, Ring) or policy.ring:
            call.ring()
        if isinstance(policy, Answer):
            await asyncio.sleep(policy.after_s)
            if call.phase == "ringing":
                try:
                    await call.answer()
                except BadMessage:
                    call.phase = "ringing"
                    call.refuse(488, "Not Acceptable Here")
                    raise
