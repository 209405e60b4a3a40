"""[io] `hotline gateway`: the parts are wired.

start:  a SIP socket, without what waits in it for a gateway before → a sign of life for the engine → end what that one left
        (its callers are owed a call at once, and mostly are already: the engine has seen that it died) → webhooks and streams
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

import structlog

from ivr import tasks
from ivr.config import Settings
from ivr.gateway.bridge import PATIENCE_S
from ivr.gateway.line import Line
from ivr.gateway.memory import Memory
from ivr.gatewaysettings import LOOPBACK, Twilio
from ivr.lifesign import LifeSign
from ivr.listen import allow_descriptors, bind, inherited
from ivr.sip import events as sip
from routing.booking import Booking
from storage.journal import Journal
from storage.notify import keep_beating, notify_ready
from storage.redis import connect

if TYPE_CHECKING:
    from ivr.gateway.twilio.desk import Desk

GOODBYE_S = 1.0
"""Last messages have so long."""
DRAIN_LOOK_S = 0.2

log = structlog.get_logger(__name__)


class Gateway:
    """One process. run() returns after stop()."""

    def __init__(self, settings: Settings, twilio: Twilio, token: str) -> None:
        self._settings = settings
        self._twilio = twilio
        self._token = token
        self._stopping = asyncio.Event()
        self._at_once = asyncio.Event()
        self._desk: Desk | None = None
        self._early: list[sip.Invited] = []
        """Calls out that came before the webhooks were there."""

    async def run(self) -> None:
        """Serve calls until stop()."""
        settings, gateway = self._settings, self._settings.gateway
        allow_descriptors()
        memory = Memory(settings.data_dir / "gateway" / "calls")
        line = Line(
            gateway.sip_port, gateway.engine_port, on_event=self._signalled, on_call=self._invited, patience_s=PATIENCE_S
        )
        await line.start(_emptied(_socket("gateway-sip", socket.SOCK_DGRAM, LOOPBACK, gateway.sip_port, "gateway.sip_port")))
        sign = LifeSign()
        await sign.show(settings.gateway_sign)
        cut_off = _end_for_the_dead(line, memory)
        # Webhooks load what takes most of a second to load: the callers above should not wait for that.
        from ivr.gateway.twilio.api import Api
        from ivr.gateway.twilio.desk import Desk
        from ivr.gateway.twilio.signatures import STREAM_PATH, Signatures
        from ivr.gateway.twilio.stream import Streams
        from ivr.gateway.twilio.voicemail import Voicemail
        from ivr.gateway.twilio.webhooks import create_app
        from ivr.gateway.web import Web

        redis = connect(settings.redis_url)
        booking = Booking(redis, settings.node, Journal(settings.data_dir / f"journal-gateway-{settings.node}"))
        api = Api(self._twilio, self._token, lambda why: booking.tell_api(f"{self._twilio.trunk}-api", why))
        voicemail = Voicemail(api, booking, settings.data_dir / "gateway" / "messages", settings.recordings)
        self._desk = desk = Desk(settings, self._twilio, line, api, booking, memory, voicemail)
        for call in cut_off:
            desk.cut_off(call)
        for event in self._early:
            desk.invited(event)
        signatures = Signatures(self._twilio.public_url, self._token)
        app = create_app(desk, signatures, asyncio.get_running_loop())
        signed = signatures.stream if self._twilio.streams_signed else None
        web = Web(app, {STREAM_PATH: Streams(desk.find, signed).serve})
        http = _socket("gateway-http", socket.SOCK_STREAM, gateway.host, gateway.port, "gateway.port")
        try:
            async with asyncio.TaskGroup() as group:
                background = [
                    group.create_task(booking.run(), name="booking"),
                    group.create_task(voicemail.run(), name="voicemail"),
                    group.create_task(keep_beating(), name="beats"),
                ]
                serving = group.create_task(web.serve(http), name="web")
                log.info("gateway serves", http=f"{gateway.host}:{gateway.port}", cut_off=len(cut_off))
                notify_ready()
                await self._stopping.wait()
                await self._drain(desk)
                left = desk.live
                desk.dismiss()
                await asyncio.sleep(GOODBYE_S if left else 0.0)
                web.stop()
                await serving
                await tasks.end(background)
        finally:
            await line.close()
            sign.end()
            await api.close()
            await redis.aclose()

    def stop(self, *, at_once: bool) -> None:
        """End: when the calls have ended, or drain_s is over, or at once."""
        self._stopping.set()
        if at_once:
            self._at_once.set()

    async def _drain(self, desk: Desk) -> None:
        desk.draining = True
        loop = asyncio.get_running_loop()
        end = loop.time() + self._settings.gateway.drain_s
        log.info("gateway stops", calls=desk.live)
        while desk.live and loop.time() < end and not self._at_once.is_set():  # noqa: ASYNC110 - its end is no event of one call
            await asyncio.sleep(DRAIN_LOOK_S)

    def _signalled(self, session: str, event: sip.Event) -> None:
        if self._desk is not None:
            self._desk.signalled(session, event)

    def _invited(self, event: sip.Invited) -> None:
        if self._desk is None:
            self._early.append(event)
        else:
            self._desk.invited(event)


def _end_for_the_dead(line: Line, memory: Memory) -> list[str]:
    """End the dialogs of a gateway before this one; the outside network's names of their calls."""
    calls = []
    for call, dialog in list(memory.left()):
        try:
            line.end_for_the_dead(dialog)
        except ValueError as error:
            log.warning("a remembered dialog can't be ended", call=call, why=str(error))
        calls.append(call)
    if calls:
        log.warning("a gateway before this one was killed", calls=len(calls))
    return calls


def _emptied(sock: socket.socket) -> socket.socket:
    """Without what the engine sent to a gateway that could not read it any more: it has seen that one's death and given all of
    that up, so whoever was to be called then would be called for nobody."""
    sock.setblocking(False)
    passed_over = 0
    with contextlib.suppress(BlockingIOError):
        while sock.recv(1):
            passed_over += 1
    if passed_over:
        log.warning("messages to a gateway before this one are passed over", messages=passed_over)
    return sock


def _socket(name: str, kind: socket.SocketKind, host: str, port: int, setting: str) -> socket.socket:
    descriptor = inherited(name)
    return bind(kind, host, port, setting) if descriptor is None else socket.socket(fileno=descriptor)
