"""[io] A Twilio of one's own: an account with numbers, whose callers come to a hotline's webhooks and streams, and whose REST
API makes calls. It shares no code with the hotline; HTTP, WebSockets and signatures are real.

    async with FakeTwilio(number="+14155550100", public_url="http://127.0.0.1:8090") as twilio:
        call = await twilio.call("+14155550123")
        await call.wait_stream()
        call.send_tone(440)
        await call.wait_tone(620)
        await call.hang_up()

By Twilio's documentation: "TwiML Voice: Twilio's request to your application" (parameters of the voice webhook), "Security:
validating requests" (signature), "Call progress events" (status callbacks), <Connect><Stream>, <Redirect>, <Record>, <Reject>,
<Hangup>, <Say>. After <Connect> the next verb follows, when the stream is over and the caller still there; after <Record> its
action, without one the same document once more. Where a document can't be had, the number's fallback is asked ("TwiML Bins").
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from xml.etree import ElementTree

import httpx
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from ivr.phones import audio
from ivr.phones.audio import Samples
from ivr.phones.rtp import FRAME, FRAME_S, Player
from ivr.phones.twilio_bin import text as bin_text
from ivr.phones.twilio_rest import Answer, Asked, Rest, error, number_record
from ivr.phones.twilio_stream import MediaStream

LIKE = 0.7
"""As of other telephones. Another prompt is below 0.3; a gateway that is starved makes gaps."""
HEARD_S = 0.3
"""So much of a tone is a tone."""
POLL_S = 0.05
LOOK_S = 0.5


class TwilioError(Exception):
    """What was waited for did not come; the text says what came."""


def signature(token: str, url: str, form: Mapping[str, str]) -> str:
    """X-Twilio-Signature of a POST: HMAC-SHA1 over the URL and all fields in the order of their names. Of a stream's handshake:
    over its wss URL alone."""
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


class FakeTwilio:
    """An account. `on_call` says what a party does that the hotline calls: "answer" after a ring, "ring" for ever, or a last
    status ("busy", "no-answer", "failed"). `numbers` are the records of IncomingPhoneNumbers; `fallback`: the TwiML Bin behind
    their voice_fallback_url. `statuses` off: no status callbacks. `on_status` gives what is told in the place of a status, in
    that order: status callbacks are requests of their own, which overtake each other, and come again. `answers` cleared: the
    API's answers to who has a call made wait, while the call goes on."""

    def __init__(
        self, number: str, public_url: str, *, account_sid: str = "AC" + "0" * 32, auth_token: str = "twilio-token"
    ) -> None:
        self.number = number
        self.public_url = public_url
        self.account_sid = account_sid
        self.auth_token = auth_token
        self.rest = Rest(account_sid, auth_token, self._asked)
        self.calls: list[TwilioCall] = []
        self.made: asyncio.Queue[TwilioCall] = asyncio.Queue()
        """Calls that the hotline has had made."""
        self.on_call = "answer"
        self.answers = asyncio.Event()
        self.answers.set()
        self.statuses = True
        self.on_status: Callable[[str], Sequence[str]] = lambda status: (status,)
        self.account: dict[str, Any] = {"sid": account_sid, "status": "active", "type": "Full", "friendly_name": "test"}
        self.numbers: list[dict[str, Any]] = [number_record(number, public_url)]
        self.fallback = ""
        self.recordings: dict[str, bytes] = {}
        # A connection for each request: one that is kept may be that of a gateway which has just died.
        self._http = httpx.AsyncClient(timeout=20.0, limits=httpx.Limits(max_keepalive_connections=0))
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.rest.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.aclose()
        await self.rest.close()

    async def call(self, caller: str, **options: Any) -> TwilioCall:
        """Somebody calls the number. Returns at once: the call goes on by itself."""
        call = TwilioCall(self, "CA" + secrets.token_hex(16), caller, self.number, **options)
        self.calls.append(call)
        self.spawn(call.incoming())
        return call

    async def post(self, url: str, form: Mapping[str, str], sign: str | None = None) -> httpx.Response:
        """A webhook, signed unless told otherwise."""
        signed = signature(self.auth_token, url, form) if sign is None else sign
        return await self._http.post(url, data=dict(form), headers={"X-Twilio-Signature": signed})

    def spawn(self, work: Awaitable[None]) -> None:
        """Have it done, as long as this Twilio lives."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _asked(self, asked: Asked) -> Answer:
        sid, _, ending = asked.resource.removeprefix("/").partition(".")
        if asked.resource == ".json":
            return 200, self.account
        if asked.resource == "/IncomingPhoneNumbers.json":
            wanted = asked.get("PhoneNumber")
            return 200, {"incoming_phone_numbers": [one for one in self.numbers if wanted in ("", one["phone_number"])]}
        if asked.resource == "/Calls.json" and asked.method == "POST":
            made = self._make(asked)
            await self.answers.wait()
            return made
        if sid.startswith("Calls/") and asked.method == "POST":
            found = [call for call in self.calls if f"Calls/{call.sid}" == sid]
            if not found:
                return error(404, 20404, "The requested resource was not found")
            if asked.get("Status") in ("completed", "canceled"):
                found[0].end_by_api()
            return 200, {"sid": found[0].sid, "status": found[0].status}
        if sid.startswith("Recordings/") and ending == "wav" and sid.removeprefix("Recordings/") in self.recordings:
            return 200, self.recordings[sid.removeprefix("Recordings/")]
        return error(404, 20404, "The requested resource was not found")

    def _make(self, asked: Asked) -> Answer:
        if not asked.get("To").startswith("+"):
            return error(400, 21211, f"The 'To' number {asked.get('To')} is not a valid phone number.")
        call = TwilioCall(self, "CA" + secrets.token_hex(16), asked.get("From"), asked.get("To"), direction="outbound-api")
        self.calls.append(call)
        self.made.put_nowait(call)
        self.spawn(call.outgoing(asked.get("Url"), asked.get("StatusCallback"), self.on_call))
        return 201, {"sid": call.sid, "status": "queued", "direction": "outbound-api"}


class TwilioCall:
    """One call, and its person's telephone. `statuses`: what was told of it; `verbs`: TwiML that was carried out, in order;
    `on_stream` may spoil each stream before it connects; `message`: what is spoken at a <Record>, None hangs up there."""

    def __init__(
        self,
        twilio: FakeTwilio,
        sid: str,
        caller: str,
        called: str,
        *,
        direction: str = "inbound",
        message: Samples | None = None,
        on_stream: Callable[[MediaStream], None] = lambda _: None,
    ) -> None:
        self.twilio = twilio
        self.sid = sid
        self.caller = caller
        self.called = called
        self.direction = direction
        self.message = message
        self.on_stream = on_stream
        self.status = "ringing"
        self.verbs: list[str] = []
        self.said: list[tuple[str, str]] = []
        """(language, text) of each <Say>."""
        self.streams: list[MediaStream] = []
        self.ended = asyncio.Event()
        self.rejected = ""
        self.failures: list[str] = []
        self.status_url = f"{twilio.public_url}/twilio/status"
        self._player = Player()
        self._gone = False
        self._records = 0
        self._url = ""  # of the document that is carried out

    # What its person does

    def send_tone(self, hz: float) -> None:
        """Speak a tone, from now on."""
        self.send_samples(audio.tone(hz, 1.0), loop=True)

    def send_samples(self, samples: Samples, *, loop: bool = False) -> None:
        """Speak these."""
        self._player.play(samples, loop=loop)

    def press(self, digits: str) -> None:
        """Press keys."""
        self.stream.press(digits)

    async def hang_up(self) -> None:
        """Leave."""
        self._gone = True
        if self.streams:
            self.stream.stop()
        await self.wait_ended()

    @property
    def stream(self) -> MediaStream:
        """The latest one."""
        return self.streams[-1]

    @property
    def heard(self) -> Samples:
        """All that was heard in the latest stream."""
        return self.stream.played if self.streams else audio.silence(0.0)

    def hears(self, hz: float) -> bool:
        """Whether HEARD_S of the last second are this tone. It may have holes: where this process is late with playing, nothing
        is there to be played for a moment, and of a burst nothing is sent that would be heard too late."""
        last = self.heard[-audio.RATE :]
        frames = last[: len(last) // FRAME * FRAME].reshape(-1, FRAME)
        return sum(audio.tone_share(frame, hz) > LIKE for frame in frames) * FRAME_S >= HEARD_S

    async def wait_stream(self, count: int = 1, timeout_s: float = 30.0) -> None:
        """Until the hotline has taken a stream: the count-th."""
        await self.wait_until(
            lambda: len(self.streams) >= count and self.streams[count - 1].started.is_set(), "a stream", timeout_s
        )

    async def wait_tone(self, hz: float, timeout_s: float = 30.0) -> None:
        """Until this tone is heard."""
        await self.wait_until(lambda: self.hears(hz), f"a tone of {hz} Hz", timeout_s)

    async def wait_like(self, sound: Samples, timeout_s: float = 30.0, *, since: int = 0) -> None:
        """Until this sound was heard in the latest stream, from the sample `since` on. The comparing is done beside the loop,
        in which others speak."""
        best = 0.0
        try:
            async with asyncio.timeout(timeout_s):
                while best < LIKE:
                    await asyncio.sleep(LOOK_S)
                    best = max(best, await asyncio.to_thread(audio.similarity, self.heard[since:], sound))
        except TimeoutError:
            raise TwilioError(f"not within {timeout_s} s: that sound, likeness at best {best:.2f} {self._state()}") from None

    async def wait_ended(self, timeout_s: float = 30.0) -> str:
        """Until the call is over; its last status."""
        await self.wait_until(self.ended.is_set, "the end", timeout_s)
        return self.status

    async def wait_until(self, condition: Callable[[], bool], what: str, timeout_s: float = 30.0) -> None:
        """Until it is so. Raises TwilioError."""
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():  # noqa: ASYNC110 - nobody signals it
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise TwilioError(f"not within {timeout_s} s: {what} {self._state()}") from None

    def _state(self) -> str:
        return f"({self.status}, {self.verbs}, {self.failures})"

    def end_by_api(self) -> None:
        """The hotline has ended it."""
        self._gone = True
        if self.streams:
            self.stream.stop()
        if self.status in ("queued", "ringing"):
            self.status = "canceled"

    # What its network does

    async def incoming(self) -> None:
        """A caller's call, from the webhook on."""
        await self._run(self.twilio.numbers[0]["voice_url"])

    async def outgoing(self, url: str, status_url: str, what: str) -> None:
        """A call that the hotline has had made."""
        self.status_url = status_url
        for status in ("initiated", "ringing"):
            self.status = status
            await self.tell(status)
            await asyncio.sleep(0.2)
        while what == "ring" and not self._gone:  # noqa: ASYNC110 - nobody signals it
            await asyncio.sleep(POLL_S)
        if what == "answer" and not self._gone:
            self.status = "in-progress"
            await self.tell("in-progress")
            await self._run(url)
            return
        self.status = "canceled" if self._gone else what
        await self._end()

    def form(self, **more: str) -> dict[str, str]:
        """The parameters of a webhook."""
        return {
            "AccountSid": self.twilio.account_sid,
            "ApiVersion": "2010-04-01",
            "CallSid": self.sid,
            "CallStatus": self.status,
            "Called": self.called,
            "Caller": self.caller,
            "Direction": self.direction,
            "From": self.caller,
            "To": self.called,
            **more,
        }

    async def tell(self, status: str, url: str = "") -> None:
        """A status callback."""
        for told in self.twilio.on_status(status) if self.twilio.statuses else ():
            with contextlib.suppress(httpx.HTTPError):
                await self.twilio.post(
                    url or self.status_url,
                    self.form(CallStatus=told, CallbackSource="call-progress-events", SequenceNumber=str(self._next())),
                )

    def _next(self) -> int:
        self._records += 1
        return self._records

    async def _run(self, url: str) -> None:
        document = await self._fetch(url)
        while document is not None and not self._gone:
            document = await self._carry_out(document)
        await self._end()

    async def _fetch(self, url: str, **more: str) -> ElementTree.Element | None:
        fallback = self.twilio.numbers[0]["voice_fallback_url"]
        self._url = url
        if url == fallback:
            return ElementTree.fromstring(bin_text(self.twilio.fallback, self.form(**more)))
        try:
            answer = await self.twilio.post(url, self.form(**more))
            if answer.status_code == 200:
                return ElementTree.fromstring(answer.text)
            self.failures.append(f"{url}: {answer.status_code}")
        except httpx.HTTPError as fault:
            self.failures.append(f"{url}: {type(fault).__name__}")
        return await self._fetch(fallback, ErrorCode="11200", ErrorUrl=url) if self.twilio.fallback else None

    async def _carry_out(self, document: ElementTree.Element) -> ElementTree.Element | None:
        """A document's verbs in turn; the document that follows it."""
        for verb in document:
            self.verbs.append(verb.tag)
            if verb.tag != "Reject" and self.status == "ringing":
                self.status = "in-progress"
            match verb.tag:
                case "Connect":
                    await self._connect(verb)
                case "Redirect":
                    return await self._fetch((verb.text or "").strip())
                case "Record":
                    return await self._record(verb)
                case "Say":
                    self.said.append((verb.get("language", ""), verb.text or ""))
                case "Reject":
                    self.rejected = verb.get("reason", "rejected")
                    self.status = "busy"
                    return None
                case "Hangup":
                    return None
                case _:
                    self.failures.append(f"a verb {verb.tag}")
            if self._gone:
                return None
        return None

    async def _connect(self, verb: ElementTree.Element) -> None:
        noun = verb[0]
        parameters = {one.get("name", ""): one.get("value", "") for one in noun}
        stream = MediaStream(noun.get("url", ""), self.twilio.account_sid, self.sid, "MZ" + secrets.token_hex(16), parameters)
        stream.signature = signature(self.twilio.auth_token, stream.url, {})
        stream.player = self._player
        self.on_stream(stream)
        self.streams.append(stream)
        try:
            await stream.run()
        except (OSError, InvalidHandshake, ConnectionClosed) as fault:  # the last: it broke before its first message
            self.failures.append(f"{stream.url}: {type(fault).__name__}")

    async def _record(self, verb: ElementTree.Element) -> ElementTree.Element | None:
        sound = self.message
        if sound is None:
            return None
        sid = "RE" + secrets.token_hex(16)
        self.twilio.recordings[sid] = audio.write_wav(sound)
        url = f"{self.twilio.rest.url}/2010-04-01/Accounts/{self.twilio.account_sid}/Recordings/{sid}"
        seconds = str(max(1, round(len(sound) / audio.RATE)))
        recording = {"RecordingSid": sid, "RecordingUrl": url, "RecordingDuration": seconds}
        told = verb.get("recordingStatusCallback", "")
        if told:
            await self.twilio.post(told, self.form(**recording, RecordingStatus="completed", RecordingChannels="1"))
        return await self._fetch(verb.get("action", self._url), **recording, Digits="#")

    async def _end(self) -> None:
        if self.status == "in-progress":
            self.status = "completed"
        await self.tell(self.status)
        self.ended.set()
