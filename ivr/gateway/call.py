"""[io] One call: its bridge decides, and here it is done. Sound passes from the stream to media and back."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import assert_never

import structlog

from ivr.gateway import bridge as does
from ivr.gateway.ahead import Ahead
from ivr.gateway.bridge import Bridge, Phase
from ivr.gateway.inward import Inward
from ivr.gateway.line import Line
from ivr.gateway.outward import Outward
from ivr.gateway.sound import Sound
from ivr.gateway.stream import Stream
from ivr.gatewaysettings import LOOPBACK
from ivr.media.rtp import SAMPLE_RATE, TICK_SAMPLES
from ivr.sip import events as sip
from ivr.sip import sdp

ULAW: Sequence[sdp.Codec] = ("PCMU",)
TICK_S = TICK_SAMPLES / SAMPLE_RATE
LAST = "last"
"""The mark after which the stream may be closed."""

log = structlog.get_logger(__name__)


class Call:
    """See the module. `name`: the outside network's name of it; on_over is told once, end_outside has the outside network end
    its call. `admitted` is done when it is known whether a caller may come: 0, or the status that says why not."""

    def __init__(
        self,
        name: str,
        session: str,
        line: Line,
        *,
        outbound: bool,
        on_kept: Callable[[Call], None],
        on_over: Callable[[Call], None],
        end_outside: Callable[[Call], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.name = name
        self.session = session
        self.line = line
        self.bridge = Bridge(outbound=outbound, now=self._loop.time())
        self.sound = Sound(self._packet)
        self.ahead = Ahead()
        self.stream: Stream | None = None
        self.admitted: asyncio.Future[int] = self._loop.create_future()
        self._on_kept = on_kept
        self._on_over = on_over
        self._end_outside = end_outside
        self._inward = Inward(ssrc=secrets.randbits(32), sequence=secrets.randbits(16), timestamp=secrets.randbits(32))
        self._outward = Outward()
        self._outward.hush_type = sdp.OUR_HUSH
        self._joined = False
        self._offer = b""
        self._version = 0
        self._description = secrets.randbits(31)
        self._timer: asyncio.TimerHandle | None = None
        self._keys: asyncio.Handle | None = None
        self._told_over = False
        self._arm()

    @property
    def over(self) -> bool:
        """Whether nothing of it is left but its name."""
        return self.bridge.phase is Phase.OVER

    def receive(self, event: does.Event) -> None:
        """Something happened."""
        self._do(self.bridge.receive(event, self._loop.time()))

    # The engine's side

    def offer(self) -> bytes:
        """Our offer to the engine, µ-law only."""
        return sdp.offer(
            host=LOOPBACK,
            port=self.sound.port,
            session_id=self._description,
            version=self._version,
            prefer=ULAW,
            hush=True,
        )

    def invited(self, offer: bytes) -> bool:
        """The engine calls, with this offer; False where we have nothing in common."""
        self._offer = offer
        try:
            self._answer()
        except sdp.SdpError:
            return False
        return True

    def _answer(self) -> bytes:
        self._version += 1
        answer, agreed = sdp.answer(
            self._offer,
            host=LOOPBACK,
            port=self.sound.port,
            session_id=self._description,
            version=self._version,
            prefer=ULAW,
            hush=True,
        )
        self._agree(agreed)
        return answer

    def _agree(self, agreed: sdp.Stream) -> None:
        self.sound.agree((agreed.host, agreed.port) if agreed.sends else None)
        self._inward.dtmf_type = self._outward.dtmf_type = agreed.dtmf_payload_type

    def signalled(self, event: sip.Event) -> None:
        """From the user agent."""
        match event:
            case sip.Answered(_, answer):
                try:
                    self._agree(sdp.accept(answer, ULAW))
                except sdp.SdpError as error:
                    log.warning("the engine's answer can't be used", call=self.name, why=str(error))
                    self.receive(does.Dismiss())
                else:
                    self._on_kept(self)
                    self.receive(does.EngineAnswered())
            case sip.Rejected(_, status):
                self.receive(does.EngineRefused(status) if not self.bridge.outbound else does.EngineLeft())
            case sip.HungUp():
                self.line.confirm(self.session)
                self.receive(does.EngineLeft())
            case sip.Cancelled() | sip.Broken() | sip.Over():
                self.receive(does.EngineLeft())
            case sip.Reinvited(_, offer):
                self._reinvited(offer)

    def _reinvited(self, offer: bytes) -> None:
        """Media has another port, or the engine holds the call."""
        self._offer = offer or self._offer
        try:
            self.line.answer_offer(self.session, self._answer())
        except sdp.SdpError:
            self.line.refuse_offer(self.session)

    # The stream's side

    def joined_by(self, stream: Stream) -> None:
        """The outside party's stream is there. A call that is over, or has one, closes it."""
        if self.stream is not None or self.over:
            stream.close()
            return
        self.stream = stream
        self.receive(does.StreamStarted())

    def heard(self, sound: bytes, chunk: int = -1, timestamp_ms: int = -1) -> None:
        """The party says something."""
        if self._joined:
            packet = self._inward.sound(sound, chunk, timestamp_ms)
            if packet:
                self.sound.send(packet)

    def pressed(self, digit: str) -> None:
        """The party presses a key."""
        if not self._joined:
            return
        self._inward.press(digit)
        if self._keys is None:
            self._keys = self._loop.call_soon(self._press)

    def _press(self) -> None:
        for packet in self._inward.tick():
            self.sound.send(packet)
        self._keys = self._loop.call_later(TICK_S, self._press) if self._inward.pressing and not self.over else None

    def marked(self, name: str) -> None:
        """The party has heard all before this mark."""
        if name == LAST:
            self.receive(does.Heard())
        elif self.ahead.heard(name, self._loop.time()) and self.stream is not None:
            self.stream.clear()

    def stream_over(self, *, clean: bool) -> None:
        """The stream is gone."""
        self.stream = None
        self.receive(does.StreamEnded(clean))

    def _packet(self, packet: bytes) -> None:
        sound = self._outward.frame(packet)
        stream = self.stream
        if sound == b"" or stream is None or not self._joined:
            return
        now = self._loop.time()
        if sound is None:
            self.ahead.clear(now)
            stream.clear()
            return
        if self.ahead.frame(len(sound) / SAMPLE_RATE, now):
            stream.play(sound)
            name = self.ahead.mark(now)
            if name:
                stream.mark(name)

    # What the bridge wants

    def _do(self, actions: Iterable[does.Action]) -> None:
        for action in actions:
            match action:
                case does.Admit():
                    self._admit(0)
                case does.TurnAway(status):
                    self._admit(status)
                case does.Acknowledge():
                    self.line.acknowledge(self.session)
                case does.Ring():
                    self.line.ring(self.session)
                case does.Answer():
                    self.line.answer(self.session, self._answer())
                    self._on_kept(self)
                case does.Refuse(status):
                    self.line.refuse(self.session, status)
                case does.HangUp(cut_off):
                    self.line.hang_up(self.session, cut_off=cut_off)
                case does.Join():
                    self._joined = True
                case does.FinishPlaying():
                    self._joined = False
                    if self.stream is not None:
                        self.stream.mark(LAST)
                case does.CloseStream():
                    if self.stream is not None:
                        self.stream.close()
                case does.EndOutside():
                    self._end_outside(self)
                case _:
                    assert_never(action)
        self._arm()

    def _admit(self, status: int) -> None:
        if not self.admitted.done():
            self.admitted.set_result(status)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.bridge.deadline()
        if deadline is not None:
            self._timer = self._loop.call_at(deadline, self._tick)
        if self.over and not self._told_over:
            self._told_over = True
            self._joined = False
            self._admit(480)
            self.sound.close()
            log.info(
                "call over", call=self.name, ended_by=self.bridge.ended_by, sent=self.ahead.sent, dropped=self.ahead.dropped
            )
            self._on_over(self)

    def _tick(self) -> None:
        self._do(self.bridge.tick(self._loop.time()))
