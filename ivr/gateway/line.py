"""[io] The user agent towards the engine: the SIP trunk that the gateway is, on loopback."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import structlog

from ivr.gatewaysettings import LOOPBACK
from ivr.sip import events as sip
from ivr.sip.agent import UserAgent
from ivr.sip.events import Address, Output
from ivr.sip.listener import Listener
from ivr.sip.peers import Peers
from ivr.sip.target import Target
from ivr.sip.transport import Transport
from ivr.sip.trunk import TrunkPeer
from ivr.sip.uri import write_user

ENGINE = "engine"
CUT_OFF = 38
"""Cause of Q.850: network out of order."""

log = structlog.get_logger(__name__)


class Line:
    """The dialogs with the engine. on_event gets what happens to a session, on_call the engine's INVITEs (a call out). The ACK
    of an answer waits for acknowledge()."""

    def __init__(
        self,
        port: int,
        engine_port: int,
        *,
        on_event: Callable[[str, sip.Event], None],
        on_call: Callable[[sip.Invited], None],
        patience_s: float,
    ) -> None:
        listener = Listener(LOOPBACK, port, media_bind=LOOPBACK)
        self._engine = Address(LOOPBACK, engine_port)
        self._on_event = on_event
        self._on_call = on_call
        self._patience_s = patience_s
        self._acks: dict[str, Sequence[Output]] = {}
        self._agent = UserAgent(
            listeners=[listener],
            realm="gateway",
            peers=Peers([TrunkPeer.of(ENGINE, [f"{LOOPBACK}/32"], ())]),
            token=lambda: secrets.token_hex(8),
            user_agent="hotline gateway",
            secret=secrets.token_bytes(32),
        )
        self._transport = Transport(self._agent, [listener], self._happened, _log_error, on_answered=self._answered)
        self._clock = asyncio.get_running_loop().time

    async def start(self, sock: socket.socket) -> None:
        """Speak by this bound socket."""
        await self._transport.start({"": sock})

    async def close(self) -> None:
        """Stop; what is under way is lost."""
        self._transport.close()
        await self._transport.wait_closed()

    # Calls to the engine

    def call(self, session: str, number: str, *, caller: str, display: str, private: bool, reference: str, sdp: bytes) -> None:
        """Call a landing number for a caller. private: the number is hidden from people, and known to us all the same."""
        identity = f"<sip:{write_user(caller)}@{LOOPBACK}>" if caller else ""
        headers = {"X-Call-Reference": reference}
        if identity:
            headers["P-Asserted-Identity"] = identity
        if private:
            headers["Privacy"] = "id"
        target = Target(
            f"sip:{write_user(number)}@{LOOPBACK}:{self._engine.port}",
            self._engine,
            from_user="anonymous" if private or not caller else caller,
            from_display="" if private else display,
            headers=headers,
            patience_s=self._patience_s,
        )
        self._send(self._agent.invite(session, target, sdp, self._clock()))

    def acknowledge(self, session: str) -> None:
        """Let the held ACK go."""
        self._agent.release(session)
        self._send(self._acks.pop(session, ()))

    # Calls of the engine's

    def ring(self, session: str) -> None:
        """180."""
        self._send(self._agent.ring(session, self._clock()))

    def answer(self, session: str, sdp: bytes) -> None:
        """200."""
        self._send(self._agent.answer(session, sdp, self._clock()))

    def refuse(self, session: str, status: int) -> None:
        """A final refusal."""
        self._send(self._agent.reject(session, status, "", self._clock()))

    # Both

    def hang_up(self, session: str, *, cut_off: bool) -> None:
        """BYE or CANCEL."""
        self._send(self._agent.bye(session, self._clock(), cause=CUT_OFF if cut_off else 0))

    def confirm(self, session: str) -> None:
        """200 to the engine's BYE."""
        self._send(self._agent.confirm_bye(session, self._clock()))

    def answer_offer(self, session: str, sdp: bytes) -> None:
        """200 to the engine's re-INVITE."""
        self._send(self._agent.answer_reinvite(session, sdp, self._clock()))

    def refuse_offer(self, session: str) -> None:
        """Refuse the engine's re-INVITE."""
        self._send(self._agent.reject_reinvite(session, 488, self._clock()))

    # Put down and picked up

    def dump(self, session: str) -> dict[str, Any]:
        """What is needed to end this dialog when we are dead."""
        return self._agent.dump(session, self._clock())

    def end_for_the_dead(self, dump: dict[str, Any]) -> str:
        """End a dialog of the gateway before us: its caller was cut off. Its session; ValueError for what is no dump."""
        try:
            session = self._agent.restore(dump, self._clock())
        except (KeyError, TypeError) as error:
            raise ValueError(f"no dialog: {error!r}") from error
        self.hang_up(session, cut_off=True)
        return session

    # Inside

    def _send(self, outputs: Iterable[Output]) -> None:
        self._transport.send(outputs)

    def _answered(self, event: sip.Answered, acks: Sequence[sip.Send]) -> None:
        self._agent.hold(event.session)
        self._acks[event.session] = acks
        self._on_event(event.session, event)

    def _happened(self, event: sip.Event) -> None:
        match event:
            case sip.Invited():
                self._on_call(event)
            case sip.Garbage(_, why):
                log.info("garbage on the gateway's SIP port", why=why)
            case sip.Banned() | sip.Replied() | sip.RegisterRequested():
                log.info("a stranger on the gateway's SIP port", what=type(event).__name__)
            case sip.Referred(session, refer):
                self._send(self._agent.refuse_refer(session, refer, 603, self._clock()))
            case _:
                self._on_event(event.session, event)


def _log_error(error: OSError) -> None:
    log.info("a datagram could not be sent", why=str(error))
