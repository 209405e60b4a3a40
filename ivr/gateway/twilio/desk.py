"""[io] Twilio's calls by their SIDs: what a webhook is answered, which stream is whose, what the engine's calls out become."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import OrderedDict
from collections.abc import Coroutine, Mapping
from typing import Any

import structlog

from ivr.config import Settings
from ivr.gateway import bridge as does
from ivr.gateway.call import Call
from ivr.gateway.line import Line
from ivr.gateway.memory import Memory
from ivr.gateway.twilio import forms, twiml
from ivr.gateway.twilio.api import Api, ApiError
from ivr.gateway.twilio.messages import Start
from ivr.gateway.twilio.progress import Progress
from ivr.gateway.twilio.signatures import stream_url
from ivr.gateway.twilio.tokens import Tokens
from ivr.gateway.twilio.voicemail import Voicemail
from ivr.gatewaysettings import Twilio
from ivr.sip import events as sip
from routing.booking import Booking
from routing.events import Event

AFTER_PATH, AGAIN_PATH = "/twilio/after", "/twilio/after-again"
ANSWERED_PATH, STATUS_PATH = "/twilio/answered", "/twilio/status"
DONE_PATH, RECORDING_PATH = "/twilio/done", "/twilio/recording"
VOICE_PATH = "/twilio/voice"

DECLINED = {603: "rejected", 486: "busy"}
"""Refusals of the engine's that are meant for the caller: the block list."""
WHY = {408: "engine_lost", 503: "busy", 0: "shutdown"}
"""Why a caller was asked for a message, by the engine's status; 0: this process is about to end."""
MESSAGE_BEGIN_SEQ = 1001
NAMED_S = 5.0
"""So long Twilio's question about a call waits for the API's answer that has its SID; Twilio itself waits for 15 s."""
REMEMBERED = 1000
"""Calls that are over, of which Twilio may still ask what follows."""

log = structlog.get_logger(__name__)


class Desk:
    """All methods belong to the loop that made it."""

    def __init__(
        self, settings: Settings, twilio: Twilio, line: Line, api: Api, booking: Booking, memory: Memory, voicemail: Voicemail
    ) -> None:
        self._settings = settings
        self._twilio = twilio
        self._line = line
        self._api = api
        self._booking = booking
        self._memory = memory
        self._voicemail = voicemail
        self._clock = asyncio.get_running_loop().time
        self._tokens = Tokens(lambda: secrets.token_urlsafe(32))
        self._calls: dict[str, Call] = {}
        self._sessions: dict[str, Call] = {}
        self._progress: dict[str, Progress] = {}
        self._past: OrderedDict[str, str] = OrderedDict()
        self._making: set[asyncio.Future[None]] = set()
        self._background: set[asyncio.Task[None]] = set()
        self.draining = False

    @property
    def live(self) -> int:
        """Calls at present."""
        return len(self._sessions)

    # What Twilio asks

    async def voice(self, form: Mapping[str, str], *, again: bool = False) -> str:
        """A caller is there. Raises forms.BadForm."""
        asked = forms.voice(form)
        call = self._calls.get(asked.call_sid)
        if call is None or call.over:
            if self.draining:
                return await self._message(asked, WHY[0])
            if self.live >= self._settings.gateway.max_calls:
                log.warning("busy: the gateway's call limit is reached", limit=self._settings.gateway.max_calls)
                return await self._message(asked, WHY[503])
            try:
                call = await self._arrive(asked)
            except OSError as error:
                log.error("no ports for a call", call=asked.call_sid, why=str(error))
                return await self._message(asked, WHY[503])
        status = await asyncio.shield(call.admitted)
        if status == 0:
            return self._connect(asked.call_sid, AGAIN_PATH if again else AFTER_PATH)
        log.info("a caller is not taken", call=asked.call_sid, status=status)
        if status in DECLINED and not again:
            return twiml.reject(DECLINED[status])
        if status == 487:
            return twiml.hang_up()
        return await self._message(asked, WHY.get(status, "refused"))

    async def after(self, form: Mapping[str, str], *, again: bool = False) -> str:
        """A call's stream has ended and the call is still there. Whoever was cut off comes to the hotline anew, once; then a
        message is asked for. Raises forms.BadForm."""
        asked = forms.voice(form)
        call = self._calls.get(asked.call_sid)
        ended_by = call.bridge.ended_by if call is not None else self._past.get(asked.call_sid, "")
        if ended_by == "" and call is not None:
            # Its stream could not be opened, or Twilio was faster than the close of its connection.
            call.receive(does.StreamEnded(clean=False))
            ended_by = call.bridge.ended_by
        if ended_by != "broken" or asked.outbound:
            return twiml.hang_up()
        log.warning("a caller was cut off and is still there", call=asked.call_sid, again=again)
        return await self._message(asked, "cut_off") if again else await self.voice(form, again=True)

    async def answered(self, form: Mapping[str, str]) -> str:
        """Whom we have called has answered. Raises forms.BadForm."""
        asked = forms.voice(form)
        call = await self._named(asked)
        if call is None or call.over:
            return twiml.hang_up()
        return self._connect(asked.call_sid, AFTER_PATH)

    async def status(self, form: Mapping[str, str]) -> None:
        """How a call goes. Raises forms.BadForm."""
        asked = forms.voice(form)
        call, progress = await self._named(asked), self._progress.get(asked.call_sid)
        if call is None or progress is None:
            return
        match progress.told(asked.status):
            case "rings":
                call.receive(does.Rings())
            case "ended":
                call.receive(does.OutsideEnded(progress.sip_status))

    async def done(self, form: Mapping[str, str]) -> str:
        """A caller has left a message. Raises forms.BadForm."""
        return twiml.goodbye(self._twilio.language_of(forms.voice(form).caller))

    async def recording(self, form: Mapping[str, str]) -> None:
        """A message's file is ready at Twilio. Raises forms.BadForm, OSError."""
        told = forms.recording(form)
        if told.seconds > 0:
            self._voicemail.left(told.call_sid, told.recording_sid, told.seconds)

    def find(self, start: Start, token: str) -> Call | None:
        """The call that a stream may join."""
        if start.account_sid != self._twilio.account_sid or not self._tokens.take(token, start.call_sid, self._clock()):
            return None
        return self._calls.get(start.call_sid)

    # What the engine wants

    def invited(self, event: sip.Invited) -> None:
        """A call out."""
        call = self._new("", event.session, outbound=True)
        self._spawn(self._dial(call, event))

    def signalled(self, session: str, event: sip.Event) -> None:
        """Something of a dialog."""
        call = self._sessions.get(session)
        if call is not None:
            call.signalled(event)
        elif isinstance(event, sip.HungUp):
            self._line.confirm(session)

    def cut_off(self, call_sid: str) -> None:
        """A gateway before us had this call."""
        self._remember(call_sid, "broken")

    def dismiss(self) -> None:
        """End all calls."""
        for call in list(self._sessions.values()):
            call.receive(does.Dismiss())

    # Inside

    async def _arrive(self, asked: forms.VoiceRequest) -> Call:
        call = self._new(asked.call_sid, secrets.token_hex(8), outbound=False)
        await self._open(call)
        private = not asked.caller
        self._line.call(
            call.session,
            asked.called,
            caller=asked.caller,
            display=asked.caller,
            private=private,
            reference=asked.call_sid,
            sdp=call.offer(),
        )
        return call

    async def _open(self, call: Call) -> None:
        try:
            await call.sound.open()
        except OSError:
            call.receive(does.Dismiss())
            raise

    async def _dial(self, call: Call, event: sip.Invited) -> None:
        try:
            await self._open(call)
        except OSError as error:
            log.error("no ports for a call", why=str(error))
            return
        if not call.invited(event.offer):
            call.receive(does.OutsideEnded(488))
            return
        if self.draining or self.live > self._settings.gateway.max_calls:
            call.receive(does.OutsideEnded(503))
            return
        made: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._making.add(made)
        try:
            await self._make(call, event)
        finally:
            self._making.discard(made)
            made.set_result(None)

    async def _make(self, call: Call, event: sip.Invited) -> None:
        url = self._twilio.public_url
        try:
            sid = await self._api.call(event.called, event.caller, url=url + ANSWERED_PATH, status_url=url + STATUS_PATH)
        except ApiError as error:
            log.warning("Twilio makes no call", sip_call_id=event.sip_call_id, why=str(error))
            call.receive(does.OutsideEnded(_status_of(error)))
            return
        log.info("Twilio calls", sip_call_id=event.sip_call_id, call=sid)
        if call.over:  # the engine gave up meanwhile
            call.name = sid
            await self._end(call)
            return
        self._name(call, sid)

    async def _named(self, asked: forms.VoiceRequest) -> Call | None:
        """The call that Twilio asks about. It may be faster with that than with its answer to who has it make the call: those
        come by connections of their own."""
        made = set(self._making) if asked.outbound else set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(NAMED_S):
                while made and asked.call_sid not in self._calls:
                    _, made = await asyncio.wait(made, return_when=asyncio.FIRST_COMPLETED)
        return self._calls.get(asked.call_sid)

    def _new(self, sid: str, session: str, *, outbound: bool) -> Call:
        call = Call(
            sid,
            session,
            self._line,
            outbound=outbound,
            on_kept=lambda kept: self._memory.keep(kept.session, kept.name, self._line.dump(kept.session)),
            on_over=self._over,
            end_outside=lambda ended: self._spawn(self._end(ended)),
        )
        self._sessions[session] = call
        if sid:
            self._name(call, sid)
        return call

    def _name(self, call: Call, sid: str) -> None:
        call.name = sid
        self._calls[sid] = call
        self._progress[sid] = Progress()

    def _over(self, call: Call) -> None:
        self._sessions.pop(call.session, None)
        self._memory.drop(call.session)
        if self._calls.get(call.name) is call:
            del self._calls[call.name]
            self._progress.pop(call.name, None)
            self._remember(call.name, call.bridge.ended_by)

    def _remember(self, sid: str, ended_by: str) -> None:
        self._past[sid] = ended_by
        self._past.move_to_end(sid)
        while len(self._past) > REMEMBERED:
            self._past.popitem(last=False)

    async def _end(self, call: Call) -> None:
        if not call.name:
            return  # Twilio has not made it yet; _dial() ends it
        try:
            await self._api.end(call.name)
        except ApiError as error:
            log.warning("Twilio does not end a call", call=call.name, why=str(error))

    def _connect(self, sid: str, after: str) -> str:
        url = self._twilio.public_url
        return twiml.connect(stream_url(url), self._tokens.give(sid, self._clock()), url + after)

    async def _message(self, asked: forms.VoiceRequest, why: str) -> str:
        """The caller can't be connected: a message is asked for, and a return call owed whether one is left or not."""
        caller = await asyncio.to_thread(lambda: asked.known_caller)  # its tables take a second to load
        arrived = {
            "node": self._settings.node,
            "trunk": self._twilio.trunk,
            "hotline": self._twilio.numbers.get(asked.called, ""),
            "called": asked.called,
            "caller": caller.number,
            "dialable": caller.dialable,
            "province": caller.province,
            "city": caller.city,
            "reference": asked.call_sid,
        }
        ended = {"by": "system", "reason": why, "phase": "ARRIVED", "queue": "", "seat": "", "wait_s": None, "talk_s": 0.0}
        events = [Event("arrived", arrived), Event("owed", {"reason": why}), Event("ended", ended)]
        log.warning("a caller is asked for a message", call=asked.call_sid, why=why)
        try:
            await self._booking.book(asked.call_sid, MESSAGE_BEGIN_SEQ, events)
        except OSError as error:
            log.error("a caller who is owed a call could not be booked", call=asked.call_sid, why=str(error))
        url = self._twilio.public_url
        return twiml.voicemail(self._twilio.language_of(asked.caller), url + RECORDING_PATH, url + DONE_PATH)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _status_of(error: ApiError) -> int:
    """Twilio's refusal of a call in SIP: a number that is none, one we may not call or show, or no service."""
    if error.why != "api_refused":
        return 503
    return 404 if error.code in (21211, 21214, 21217, 13223, 13224) else 403
