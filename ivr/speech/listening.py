"""One open turn of a speech process: frames and the time go in, what is to be decoded and told comes out.

Decoding is done elsewhere, and may be late: each Finish has a number, and nothing here waits for its result longer than SLOW_S.
No frames, for whatever reason, are silence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ivr.media.g711 import SILENCE
from ivr.media.rtp import SAMPLE_RATE
from ivr.speech.control import Began, Failed, Message, Misheard, Open, Understood
from ivr.speech.frames import Frame
from ivr.speech.gate import BLOCK_MS, Anew, End, Gate, Onset, Sound, Step
from ivr.speech.recogniser import Heard

SURE = 0.85
"""Of what is complete, and this sure, the whole pause is not waited for."""

SLOW_S = 2.0
"""What was said is to be known so soon after its end."""

LAG_S = 0.2
"""Frames that are so late are silence."""

LIMIT_S = 900.0
"""No turn lasts longer: whoever opened it has forgotten it."""

BLOCK = SAMPLE_RATE * BLOCK_MS // 1000
CHUNK = 10 * BLOCK
"""Samples that are decoded at once: 200 ms, or less at the end of what is said. The network doesn't answer more often."""

_FILLED = SAMPLE_RATE * 2  # more than this is not filled with silence: every pause ends within
_QUIET = SILENCE["PCMA"]


@dataclass(frozen=True, slots=True)
class Decode:
    """Decode this A-law, after what was before."""

    sound: bytes


@dataclass(frozen=True, slots=True)
class Forget:
    """What was to be decoded so far is nothing."""


@dataclass(frozen=True, slots=True)
class Finish:
    """Say what was said so far, by result(number); more may follow."""

    number: int


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell the engine."""

    message: Message


Do = Decode | Forget | Finish | Tell


class Listening:
    """A turn. `over` once it has had its result."""

    def __init__(self, order: Open, voice: Callable[[bytes], float], now: float) -> None:
        """voice: the amplitude of the voice in a block of A-law, 20 ms; 0: there is none."""
        self.order = order
        self.over = False
        self.lost = 0
        """Samples in frames that did not get here."""
        self._voice = voice
        self._gate = Gate(pause_s=order.pause_s, max_s=order.max_s)
        self._began = self._heard_at = now
        self._at = -1  # position of the next frame; negative: whatever comes first
        self._number = 0  # of the next frame
        self._filled = 0  # samples of silence put in place of frames since the last one
        self._rest = b""
        self._undecoded = bytearray()
        self._finish_at: float | None = None  # when the end was seen that is being decoded
        self._finishes = 0
        self._whole = True  # whether the pause before that end was whole
        self._more = False  # something was said after it
        self._waited_ms = 0
        self._early: Heard | None = None  # what was said before an end that was not sure, and nothing since
        self._complete = False  # what was decoded so far is all that can be said
        self._seemed: Literal["unknown", "noise"] | None = None  # what there was no word in, which is looked at a second time

    # In

    def frame(self, frame: Frame, now: float) -> list[Do]:
        """Sound from media."""
        if self.over or frame.turn != self.order.turn:
            return []
        due = frame.position == self._at and not self._filled  # as nearly always
        missing = 0 if due else self._missing(frame)
        self._heard_at, self._at, self._number = now, frame.position + len(frame.sound), frame.number + 1
        return self._sound(_QUIET * missing + frame.sound if missing else frame.sound, now)

    def tick(self, now: float) -> list[Do]:
        """Time passed."""
        if self.over:
            return []
        if now - self._began >= LIMIT_S:
            return [self._end(Failed(self.order.turn, "failed"))]
        if self._finish_at is not None and now - self._finish_at >= SLOW_S:
            return [self._end(Failed(self.order.turn, "slow"))]
        wanted = int((now - self._heard_at - LAG_S) * SAMPLE_RATE)
        missing = min(wanted - self._filled, _FILLED)
        if missing < BLOCK:
            return []
        self._filled += missing
        return self._sound(_QUIET * missing, now)

    def partial(self, now: float, *, complete: bool) -> list[Do]:
        """Whether what was decoded so far is all that can be said."""
        self._complete = complete
        return [] if self.over else self._steps(self._gate.complete(complete), now)

    def result(self, number: int, heard: Heard, now: float) -> list[Do]:
        """What was said until Finish(number)."""
        if self.over or self._finish_at is None or number != self._finishes:
            return []
        began, self._finish_at = self._finish_at, None
        if self._whole or (heard.text and heard.confidence >= SURE):
            return self._told(heard, began, now)
        self._gate.go_on()
        self._early = None if self._more else heard
        return []

    def failed(self) -> list[Do]:
        """Decoding broke down."""
        return [] if self.over else [self._end(Failed(self.order.turn, "failed"))]

    # Inside

    def _missing(self, frame: Frame) -> int:
        """How many samples before this frame neither came nor were filled."""
        gap = 0 if self._at < 0 else max(0, frame.position - self._at)
        if frame.number > self._number:
            self.lost += gap
        missing = min(max(0, gap - self._filled), _FILLED)
        self._filled = 0
        return missing

    def _sound(self, sound: bytes, now: float) -> list[Do]:
        if self._rest:
            sound, self._rest = self._rest + sound, b""
        if len(sound) == BLOCK:  # as nearly always
            steps = self._gate.block(sound, voice=self._voice(sound))
            return self._steps(steps, now) if steps else []
        whole = len(sound) // BLOCK * BLOCK
        self._rest = sound[whole:]
        done: list[Do] = []
        for at in range(0, whole, BLOCK):
            block = sound[at : at + BLOCK]
            done += self._steps(self._gate.block(block, voice=self._voice(block)), now)
            if self.over:
                break
        return done

    def _steps(self, steps: list[Step], now: float) -> list[Do]:
        done: list[Do] = []
        for step in steps:
            match step:
                case Onset():
                    done.append(Tell(Began(self.order.turn)))
                case Anew():
                    self._undecoded.clear()
                    self._finish_at = None
                    done.append(Forget())
                case Sound(sound, last):
                    self._undecoded += sound
                    self._early, self._more = None, True
                    if last or len(self._undecoded) >= CHUNK:
                        done.append(self._decode())
                case End("too_much"):
                    done.append(self._end(Misheard(self.order.turn, "too_much")))
                case End("noise"):
                    done += self._missed("noise", now)
                case End("early"):
                    done += self._finish(now, whole=False)
                case End():
                    done += self._paused(now)
        return done

    def _paused(self, now: float) -> list[Do]:
        """The whole pause is over. What was said may be known already, or about to be."""
        if self._early is not None:
            return self._told(self._early, now, now)
        if self._finish_at is not None and not self._more:
            self._whole = True
            return []
        return self._finish(now, whole=True)

    def _finish(self, now: float, *, whole: bool) -> list[Do]:
        self._finishes += 1
        self._finish_at, self._whole, self._more, self._waited_ms = now, whole, False, self._gate.silence_ms
        return [*([self._decode()] if self._undecoded else []), Finish(self._finishes)]

    def _decode(self) -> Decode:
        sound = bytes(self._undecoded)
        self._undecoded.clear()
        return Decode(sound)

    def _told(self, heard: Heard, began: float, now: float) -> list[Do]:
        """What was said is known; its end was seen at `began`."""
        if not heard.text:
            return self._missed("unknown" if heard.unknown else "noise", began)
        turn, took_ms = self.order.turn, round((now - began) * 1000)
        confidence, others = heard.confidence, heard.alternatives
        return [self._end(Understood(turn, heard.text, confidence, others, self._waited_ms, took_ms, self.lost))]

    def _missed(self, why: Literal["unknown", "noise"], began: float) -> list[Do]:
        """There is no word in it. Where it was one as it went, a second look is worth it: all is decoded anew, cut wider."""
        if self._seemed is not None or not self._complete:
            return [self._end(Misheard(self.order.turn, self._seemed or why))]
        self._seemed = why
        self._undecoded[:] = self._gate.everything()
        return [Forget(), *self._finish(began, whole=True)]

    def _end(self, message: Message) -> Tell:
        self.over = True
        self._gate.over()
        return Tell(message)
