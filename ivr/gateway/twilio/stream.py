"""[io] Twilio's side of a WebSocket, as ASGI's events: a Stream for the call that its token names."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog

from ivr.gateway.call import Call
from ivr.gateway.twilio import messages
from ivr.gateway.twilio.signatures import HEADER
from ivr.gateway.twilio.twiml import TOKEN

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

START_S = 10.0
"""A connection says whose it is within this."""
SILENT_S, LOOK_S = 10.0, 2.0
"""Sound comes each 20 ms, also of a caller who says nothing: a connection without a message for so long is dead."""
UNSENT = 3
"""Frames that may wait for the peer's socket; more are dropped."""
MAX_BAD = 100
"""Messages that can't be read, after which the connection is closed."""
BYE = 1000
POLICY = 1008

log = structlog.get_logger(__name__)


class TwilioStream:
    """One connection after its Start. A task of its own writes, so that nobody waits for a slow reader."""

    def __init__(self, stream_sid: str, send: Send) -> None:
        self._sid = stream_sid
        self._send = send
        self._out: deque[str] = deque()
        self._frames = 0
        self._wake = asyncio.Event()
        self.closed = False

    def play(self, sound: bytes) -> bool:
        """See Stream."""
        if self._frames >= UNSENT:
            return False
        self._frames += 1
        self._put(messages.media(self._sid, sound))
        return True

    def mark(self, name: str) -> None:
        """See Stream."""
        self._put(messages.mark(self._sid, name))

    def clear(self) -> None:
        """See Stream."""
        self._out = deque(text for text in self._out if not text.startswith('{"event":"media"'))
        self._frames = 0
        self._put(messages.clear(self._sid))

    def close(self) -> None:
        """See Stream."""
        self.closed = True
        self._wake.set()

    def _put(self, text: str) -> None:
        self._out.append(text)
        self._wake.set()

    async def write(self) -> None:
        """Until close(): what is to be sent, then the end."""
        while True:
            while self._out:
                text = self._out.popleft()
                await self._send({"type": "websocket.send", "text": text})
                if text.startswith('{"event":"media"'):
                    self._frames = max(0, self._frames - 1)
            if self.closed:
                await self._send({"type": "websocket.close", "code": BYE})
                return
            self._wake.clear()
            await self._wake.wait()


class Streams:
    """Takes WebSockets. `find` gives the call that a Start may join, None for what nobody expects; `signed` says whether a
    handshake's signature is Twilio's, None where nobody asks."""

    def __init__(self, find: Callable[[messages.Start, str], Call | None], signed: Callable[[str], bool] | None = None) -> None:
        self._find = find
        self._signed = signed

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection, from its beginning to its end."""
        await receive()  # websocket.connect
        if self._signed is not None and not self._signed(_header(scope, HEADER)):
            log.warning("a stream without Twilio's signature", source=(scope.get("client") or ("",))[0])
            await send({"type": "websocket.close", "code": POLICY})  # before the accept: 403
            return
        await send({"type": "websocket.accept"})
        try:
            async with asyncio.timeout(START_S):
                start = await _start(receive)
        except TimeoutError:
            start = None
        call = self._find(start, start.parameters.get(TOKEN, "")) if start is not None else None
        if start is None or call is None:
            log.warning("a stream that nobody expects", call="" if start is None else start.call_sid)
            await send({"type": "websocket.close", "code": POLICY})
            return
        stream = TwilioStream(start.stream_sid, send)
        writing = asyncio.create_task(_quietly(stream.write()))
        call.joined_by(stream)
        clean = False
        try:
            async with asyncio.timeout(SILENT_S) as silence:
                clean = await _read(receive, call, stream, _putting_off(silence))
        except TimeoutError:
            log.warning("a stream fell silent", call=call.name)
        finally:
            call.stream_over(clean=clean)
            stream.close()
            await asyncio.wait([writing], timeout=1.0)
            writing.cancel()


def _header(scope: Scope, name: str) -> str:
    """A header of the handshake, "" without it."""
    wanted = name.lower().encode()
    return next((value.decode("latin-1") for found, value in scope["headers"] if found == wanted), "")


async def _start(receive: Receive) -> messages.Start | None:
    """The Start of a connection; Twilio sends Connected before it, and media may overtake it nowhere but in tests."""
    for _ in range(MAX_BAD):
        text = await _text(receive)
        if text is None:
            return None
        try:
            message = messages.parse(text)
        except messages.BadMessage:
            continue
        if isinstance(message, messages.Start):
            return message
    return None


async def _read(receive: Receive, call: Call, stream: TwilioStream, alive: Callable[[], None]) -> bool:
    """Pass on what comes until the end; whether Twilio said that it ends, or we did. alive: told of each message."""
    bad = 0
    while bad < MAX_BAD:
        text = await _text(receive)
        if text is None:
            return stream.closed
        alive()
        try:
            message = messages.parse(text)
        except messages.BadMessage as error:
            bad += 1
            log.info("a message of a stream can't be read", call=call.name, why=str(error))
            continue
        match message:
            case messages.Media(sound, chunk, timestamp_ms):
                call.heard(sound, chunk, timestamp_ms)
            case messages.Key(digit):
                call.pressed(digit)
            case messages.Mark(name):
                call.marked(name)
            case messages.Stop():
                return True
    log.warning("a stream sends nothing but rubbish", call=call.name)
    return False


async def _text(receive: Receive) -> str | bytes | None:
    """The next message, None at the end."""
    event = await receive()
    if event["type"] != "websocket.receive":
        return None
    return event.get("text") or event.get("bytes") or b""


def _putting_off(silence: asyncio.Timeout) -> Callable[[], None]:
    """Put a timeout off, now and then: each message would cost as much as all that is done with it."""
    clock = asyncio.get_running_loop().time
    due = clock() + LOOK_S

    def alive() -> None:
        nonlocal due
        now = clock()
        if now >= due:
            due = now + LOOK_S
            silence.reschedule(now + SILENT_S)

    return alive


async def _quietly(writing: Awaitable[None]) -> None:
    """Write; a peer that is gone is told of by the reading side."""
    try:
        await writing
    except (OSError, RuntimeError) as error:
        log.info("a stream can't be written to", why=str(error))
