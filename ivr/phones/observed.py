"""[io] What a test may ask of a call of a scripted telephone: how far it is, and what was heard; and what it shall send."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Literal, Self, TypeVar

from ivr.phones import audio
from ivr.phones.audio import Samples
from ivr.phones.message import Message
from ivr.phones.rtp import Packet
from ivr.phones.sound import RtpEnd
from ivr.phones.wire import PhoneError, Wire

Result = TypeVar("Result")
Phase = Literal["calling", "ringing", "talking", "ended"]
PATIENCE_S = 30.0
"""What must happen is waited for so long, where nothing else is said: a busy machine may take its time."""


class Observed:
    """A call as seen from outside.

    `answered` is done when the call is answered (for a call that came in: when our 200 was acknowledged), and raises Refused or
    NoAnswer when it never is. `ended` is done at the end with who ended it: local, remote, refused, cancelled or failed.
    """

    def __init__(self, wire: Wire, user: str, bind: str, phase: Phase) -> None:
        loop = asyncio.get_running_loop()
        self.phase: Phase = phase
        self.answered: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[str] = loop.create_future()
        self.liked_until = -math.inf
        """When that ended, by time.monotonic(), which wait_like() waited for last."""
        self.answered.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody need look at it
        self.began_at = time.monotonic()
        self.answered_at: float | None = None
        self.ended_at: float | None = None
        self.provisional: list[int] = []
        """Statuses of the provisional answers that came, in order."""
        self.requests: list[Message] = []
        """Each request that came in this dialog, the INVITE first."""
        self.digits = ""
        """Keys heard from the other side, RFC 4733 and SIP INFO."""
        self.sip_call_id = ""
        self._wire, self._user = wire, user
        self._rtp = RtpEnd(bind, on_digit=self._digit)
        self._rtp.open()

    @property
    def heard(self) -> list[Packet]:
        """Each RTP packet received, with its arrival time."""
        return self._rtp.heard.packets

    @property
    def notified(self) -> list[str]:
        """What NOTIFY told of a transfer: "SIP/2.0 100 Trying", "SIP/2.0 200 OK"."""
        return [request.body.decode().strip() for request in self.requests if request.method == "NOTIFY"]

    @property
    def sound(self) -> RtpEnd:
        """The RTP socket itself."""
        return self._rtp

    async def wait_answered(self, timeout_s: float = PATIENCE_S) -> Self:
        """Until answered. Refused, NoAnswer, or PhoneError after `timeout_s`."""
        await self._wait(asyncio.shield(self.answered), timeout_s, "not answered")
        return self

    async def wait_ended(self, timeout_s: float = PATIENCE_S) -> str:
        """Until the call is over; returns who ended it."""
        return await self._wait(asyncio.shield(self.ended), timeout_s, "not ended")

    async def wait_ringing(self, timeout_s: float = PATIENCE_S) -> Self:
        """Until a provisional answer above 100 came (a call dialled by us)."""
        await self.wait_until(lambda: any(status > 100 for status in self.provisional), "ringing", timeout_s)
        return self

    async def wait_until(self, condition: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S) -> None:
        """Until `condition()` holds, looked at every 20 ms; PhoneError naming `what` after `timeout_s`."""

        async def poll() -> None:
            while not condition():  # noqa: ASYNC110 - any condition of a test, nobody signals it
                await asyncio.sleep(0.02)

        await self._wait(poll(), timeout_s, f"not so: {what}")

    async def wait_heard(self, seconds: float, timeout_s: float = PATIENCE_S) -> None:
        """Until this much more sound has arrived than now, counted in packets of 20 ms."""
        wanted = len(self.heard) + round(seconds / 0.02)
        await self.wait_until(lambda: len(self.heard) >= wanted, f"{seconds} s more of sound heard", timeout_s)

    async def wait_next(self, reference: Samples, timeout_s: float = PATIENCE_S) -> float:
        """wait_like() after the end of what it waited for last."""
        return await self.wait_like(reference, timeout_s, since=self.liked_until - 0.1)

    async def wait_tone(self, hz: float, timeout_s: float = PATIENCE_S, window_s: float = 0.3) -> None:
        """Until the last `window_s` of sound is a tone of `hz`."""
        await self.wait_until(lambda: self.hears(hz, window_s), f"a tone of {hz} Hz heard", timeout_s)

    async def wait_like(
        self, reference: Samples, timeout_s: float = PATIENCE_S, score: float = 0.7, since: float = -math.inf
    ) -> float:
        """Until what arrived from `since` on is like `reference`, played to its end, which is `liked_until`; returns the
        similarity."""
        end, best = time.monotonic() + timeout_s, 0.0
        while time.monotonic() < end:
            heard = self.samples(since)
            now = await asyncio.to_thread(audio.similarity, heard, reference)  # beside the loop, in which telephones speak
            if best >= score and now < best + 0.01:
                self.liked_until = self._rtp.heard.arrived(audio.ending(heard, reference), since)
                return max(best, now)
            best = max(best, now)
            await asyncio.sleep(0.4)
        raise PhoneError(f"the expected sound was not heard in {timeout_s} s, best similarity {best:.2f}{self._state()}")

    def hears(self, hz: float, window_s: float = 0.3) -> bool:
        """True when the last `window_s` of sound, full of packets, is a tone of `hz`."""
        last = self.samples(time.monotonic() - window_s)
        return len(last) >= 0.7 * window_s * audio.RATE and audio.tone_share(last, hz) > 0.8

    def samples(self, since: float = -math.inf, until: float = math.inf) -> Samples:
        """What was heard between two moments of time.monotonic(), silence where no packet came."""
        return self._rtp.heard.samples(since, until)

    def largest_gap(self, since: float | None = None, until: float | None = None) -> float:
        """The longest time in seconds without a sound packet arriving, by kernel arrival time.

        From `since` (else from the first packet; a call that heard nothing counts from its start) till `until` (else the call's
        end, or now), so that sound which stopped for good counts as well.
        """
        return max((length for _, length in self.gaps(0.0, since, until)), default=0.0)

    def largest_pause(self, since: float) -> float:
        """The longest time in seconds between two packets that this telephone itself sent since then: a busy process is late,
        and what it sends late the other side hears late."""
        sent = [at for at in self._rtp.sent_at if at >= since]
        return max((later - earlier for earlier, later in pairwise(sent)), default=0.0)

    def gaps(self, over_s: float = 0.06, since: float | None = None, until: float | None = None) -> list[tuple[float, float]]:
        """(beginning, length) of every gap longer than `over_s`."""
        return self._rtp.gaps(over_s, since, until)

    # --- what is sent

    def send_tone(self, hz: float, level: float = 0.3) -> None:
        """Send a sine without end. `hz` is rounded to a whole number, so that a second of it loops without a click."""
        self._rtp.player.play(audio.tone(round(hz), 1.0, level), loop=True)

    def send_wav(self, path: Path, *, loop: bool = False) -> None:
        """Send an 8 kHz WAV's first channel. OSError, ValueError when it can't be read."""
        wave = audio.read_wav(Path(path).read_bytes())
        if wave.rate != audio.RATE:
            raise ValueError(f"{path} has {wave.rate} samples a second, not {audio.RATE}")
        self.send_samples(wave.channels[0], loop=loop)

    def send_samples(self, samples: Samples, *, loop: bool = False) -> None:
        """Send these samples, then silence."""
        self._rtp.player.play(samples, loop=loop)

    # --- helpers

    def _digit(self, digit: str) -> None:
        self.digits += digit

    async def _wait(self, what: Awaitable[Result], timeout_s: float, problem: str) -> Result:
        try:
            async with asyncio.timeout(timeout_s):
                return await what
        except TimeoutError:
            raise PhoneError(f"{problem} within {timeout_s} s{self._state()}") from None

    def _state(self) -> str:
        heard = f"{len(self.heard)} packets heard, {len(self._rtp.sent_at)} sent, digits {self.digits!r}"
        return f"\n{self._user}: call {self.sip_call_id} is {self.phase}, {heard}{self._wire.story()}"
