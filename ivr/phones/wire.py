"""[io] A telephone's SIP socket: requests are resent until answered, repeated requests answered again (RFC 3261 17); traced."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from ivr.phones.audio import Codec
from ivr.phones.message import BadMessage, Message, authorization, parameter, parse, written

Address = tuple[str, int]
T1, T2, GIVE_UP_S = 0.5, 4.0, 32.0


class PhoneError(Exception):
    """A telephone couldn't do what the test wanted; the text says what and shows the last messages of the wire."""


class NoAnswer(PhoneError):
    """Nobody answered a request in time."""


class Refused(PhoneError):
    """A request was answered, but not with success."""

    def __init__(self, text: str, status: int, reason: str) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason


@dataclass(slots=True)
class _Answer:
    status: int
    data: bytes
    destination: Address
    resending: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """Name and password for digest challenges."""

    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a telephone is and how it speaks."""

    user: str
    display: str
    server: Address
    bind: str
    codecs: tuple[Codec, ...]
    login: Login | None

    @property
    def domain(self) -> str:
        """The server's host as URIs have it."""
        return written(self.server[0])


def token() -> str:
    """A fresh random word for tags, branches and Call-IDs."""
    return secrets.token_hex(8)


class Wire(asyncio.DatagramProtocol):
    """The UDP socket with its transactions. `on_request(message, source)` gets each new request once, ACKs included."""

    def __init__(self, on_request: Callable[[Message, Address], None]) -> None:
        self.address: Address = ("", 0)
        self.trace: list[str] = []
        self.complaints: list[str] = []
        """What the other side did against the rules. A test may want this to stay empty."""
        self._on_request = on_request
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[tuple[str, str], asyncio.Queue[Message]] = {}
        self._answers: dict[tuple[str, int, str], _Answer | None] = {}
        self._acks: dict[str, tuple[bytes, Address]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._began = time.monotonic()

    async def open(self, host: str, port: int) -> None:
        """Bind; port 0 takes a free one. OSError if it is taken."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))
        self.address = self._transport.get_extra_info("sockname")[:2]

    @property
    def place(self) -> str:
        """Its address as URIs and Via have it."""
        host, port = self.address
        return f"{written(host)}:{port}"

    async def close(self) -> None:
        """End every task and the socket."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._transport is not None:
            self._transport.close()
            self._transport = None
            await asyncio.sleep(0)  # the loop closes the socket on its next round

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something that ends with this wire at the latest; its error becomes a complaint."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.complain(f"{type(error).__name__}: {error}")

    def complain(self, what: str) -> None:
        """Note that the other side did something wrong."""
        self.complaints.append(what)
        self._note(f"!! {what}")

    def _note(self, text: str) -> None:
        self.trace.append(f"{time.monotonic() - self._began:8.3f} {text}")

    def story(self, lines: int = 25) -> str:
        """The last lines of the trace, for error texts."""
        return "\n".join(["", *self.trace[-lines:]])

    def send(self, data: bytes, destination: Address) -> None:
        """One datagram out, now."""
        if self._transport is None or self._transport.is_closing():
            return
        head = data.split(b"\r\n", 1)[0].decode(errors="replace")
        cseq = next((line[6:] for line in data.decode(errors="replace").split("\r\n") if line.startswith("CSeq: ")), "")
        self._note(f"-> {destination[0]}:{destination[1]} {head} [{cseq}]")
        self._transport.sendto(data, destination)

    # --- receiving

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if len(data) <= 4:  # keep-alives of two line ends or four zeros (RFC 5626 4.4.1)
            return
        source = (str(addr[0]), int(addr[1]))
        try:
            message = parse(data)
        except BadMessage as error:
            self.complain(f"garbage from {source[0]}:{source[1]}: {error}")
            return
        self._note(f"<- {source[0]}:{source[1]} {message.first} [{message.get('CSeq')}]")
        if message.status:
            self._response(message)
        else:
            self._request(message, source)

    def error_received(self, exc: Exception) -> None:
        self._note(f"-- {exc}")  # nobody listens there at the moment; the request is resent

    def _response(self, message: Message) -> None:
        queue = self._waiting.get((message.branch, message.method))
        if queue is not None:
            queue.put_nowait(message)
        elif message.method == "INVITE" and message.status >= 200 and message.branch in self._acks:
            self.send(*self._acks[message.branch])

    def _request(self, message: Message, source: Address) -> None:
        key = (message.branch, message.cseq, "INVITE" if message.method == "ACK" else message.method)
        if message.method == "ACK":
            answer = self._answers.get(key)
            if answer is not None and answer.status >= 300:  # part of the refused INVITE's transaction (RFC 3261 17.2.1)
                self.acknowledged(message.branch, message.cseq)
                return
        elif key in self._answers:
            answer = self._answers[key]
            if answer is not None:
                self.send(answer.data, answer.destination)
            return
        else:
            self._answers[key] = None
        via = message.all("Via")[0]
        if ";rport" in via:
            destination = source
        else:
            port = via.split(";")[0].split()[-1].rpartition(":")[2]
            destination = (source[0], int(port) if port.isdigit() else 5060)
        self._on_request(message, destination)

    # --- answering

    def respond(self, request: Message, response: Message, destination: Address, *, until_ack: bool = False) -> None:
        """Send the answer to a request and remember it for repeats; `until_ack`: resend it until `acknowledged` (13.3.1.4)."""
        answer = _Answer(response.status, bytes(response), destination)
        key = (request.branch, request.cseq, request.method)
        self._answers[key] = answer
        self.send(answer.data, destination)
        if until_ack:
            answer.resending = self.spawn(self._resend(answer, response.first))

    async def _resend(self, answer: _Answer, what: str) -> None:
        pause, end = T1, time.monotonic() + GIVE_UP_S
        while time.monotonic() < end:
            await asyncio.sleep(pause)
            self.send(answer.data, answer.destination)
            pause = min(2 * pause, T2)
        self.complain(f"no ACK came for {what}")

    def acknowledged(self, branch: str, cseq: int) -> bool:
        """Stop resending the answer to this INVITE; False when none is being resent."""
        answer = self._answers.get((branch, cseq, "INVITE"))
        if answer is None or answer.resending is None:
            return False
        answer.resending.cancel()
        answer.resending = None
        return True

    # --- asking

    async def ask(
        self,
        build: Callable[[list[tuple[str, str]]], Message],
        destination: Address,
        *,
        login: Login | None = None,
        on_provisional: Callable[[Message], None] | None = None,
        on_sent: Callable[[Message], None] | None = None,
        timeout_s: float = GIVE_UP_S,
    ) -> tuple[Message, Message]:
        """Send a request and wait for its final answer, with a login when challenged. Returns (request as sent last, answer).

        `build(extra headers)` makes the request anew with a fresh branch and CSeq. A final answer to INVITE that is no 2xx is
        acknowledged here. NoAnswer after `timeout_s` without any answer, or 180 s of ringing.
        """
        extra: list[tuple[str, str]] = []
        for attempt in range(3):
            request = build(extra)
            if on_sent is not None:
                on_sent(request)
            response = await self._ask_once(request, destination, on_provisional, timeout_s)
            if request.method == "INVITE" and response.status >= 300:
                self.ack(request, _ack_of_refusal(request, response), destination)
            challenge = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}.get(response.status, "")
            stale = "stale=true" in response.get(challenge).lower().replace('"', "")
            if login is None or not response.get(challenge) or (attempt and not stale):
                return request, response
            name = "Authorization" if response.status == 401 else "Proxy-Authorization"
            try:
                value = authorization(
                    response.get(challenge),
                    request.method,
                    request.uri,
                    user=login.user,
                    password=login.password,
                    cnonce=token(),
                )
            except ValueError as error:
                raise PhoneError(f"{error}{self.story()}") from error
            extra = [(name, value)]
        return request, response

    def ack(self, invite: Message, ack: Message, destination: Address) -> None:
        """Send an ACK, and again for each repeat of the answer to this INVITE."""
        self._acks[invite.branch] = (bytes(ack), destination)
        self.send(bytes(ack), destination)

    async def _ask_once(
        self, request: Message, destination: Address, on_provisional: Callable[[Message], None] | None, timeout_s: float
    ) -> Message:
        key, data, inviting = (request.branch, request.method), bytes(request), request.method == "INVITE"
        answers = self._waiting[key] = asyncio.Queue()
        pause, resending, end = T1, True, time.monotonic() + timeout_s
        resend_at = time.monotonic() + pause
        try:
            self.send(data, destination)
            while True:
                now = time.monotonic()
                if now >= end:
                    raise NoAnswer(f"no final answer to {request.first}{self.story()}")
                if resending and now >= resend_at:
                    self.send(data, destination)
                    pause = 2 * pause if inviting else min(2 * pause, T2)
                    resend_at = now + pause
                wake = min(end, resend_at) if resending else end
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, wake - time.monotonic())):
                        answer = await answers.get()
                        if answer.status >= 200:
                            return answer
                        if inviting:
                            resending, end = False, time.monotonic() + 180.0
                        if on_provisional is not None:
                            on_provisional(answer)
        finally:
            del self._waiting[key]


def answer_to(
    request: Message, status: int, reason: str, *, tag: str = "", headers: list[tuple[str, str]] | None = None
) -> Message:
    """A response with what is copied from the request (RFC 3261 8.2.6.2); Record-Route where a dialog begins (12.1.1)."""
    copied = [(name, value) for name, value in request.headers if name.lower() in {"via", "from", "to", "call-id", "cseq"}]
    if status > 100 and tag:
        copied = [(n, f"{v};tag={tag}" if n.lower() == "to" and not parameter(v, "tag") else v) for n, v in copied]
    if request.method == "INVITE" and 100 < status < 300:
        copied += [("Record-Route", value) for value in request.all("Record-Route")]
    return Message(f"SIP/2.0 {status} {reason}", [*copied, *(headers or [])])


def _ack_of_refusal(request: Message, response: Message) -> Message:
    kept = [(n, v) for n, v in request.headers if n.lower() in {"route", "from", "call-id", "max-forwards"}]
    top = [("Via", request.all("Via")[0])]
    return Message(f"ACK {request.uri} SIP/2.0", [*top, *kept, ("To", response.get("To")), ("CSeq", f"{request.cseq} ACK")])
