"""When somebody speaks: onset, end, too much, noise; and which of the sound is worth decoding.

Sound comes in blocks of BLOCK_MS, each with how loud a voice a voice activity detector finds in it. Until the onset nothing is
decoded; then the PRE_ROLL_MS before it, what is said, and TAIL_MS of the silence after. A longer pause is kept back until the
voice goes on, or dropped at the end.

The caller is the loudest voice: others in the room, a television, the prompt's echo are FAR below. What was so far below before
the caller's first word is dropped, and the utterance begins anew with it (Anew); what is so far below after a word is decoded
only if the caller goes on.

A pause of EARLY_MS is enough where what was said is complete (complete()): more words could only make it none. Whoever decodes
then says whether that was sure (End("early"), then over() or go_on()).

For a second look there is more (everything()): what the detector took for silence may be a soft voice's.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

BLOCK_MS = 20
DEAF_MS = 100
"""Of a turn's begin, in which the detector still learns the noise: voice there is only believed when it goes on."""
ONSET_MS, ONSET_OF_MS = 60, 80
"""So much voice within so much is an onset. Less is a click."""
PRE_ROLL_MS = 280
WIDE_MS = 160
"""So much before the pre-roll is kept for a second look. It is no multiple of 30 ms: the network, which answers so often, then
hears the same sound at other moments."""
TAIL_MS = 200
"""The network looks so far ahead, and soft endings are below the detector's threshold."""
EARLY_MS = 240
FAR = 5.0
"""In amplitude, 14 dB: a voice's own syllables differ by less."""
SOFT_MS = 160
"""Soft syllables of the caller's own last no longer: after that a voice that is FAR below is silence."""
DROP_MS = 60
"""Less than that to be dropped is not worth beginning anew."""
LEAST_MS = 100
"""Less voice than that in all is no word: a cough, a bang."""


def _blocks(milliseconds: float) -> int:
    return max(1, round(milliseconds / BLOCK_MS))


_DEAF, _ONSET, _ONSET_OF, _PRE_ROLL = _blocks(DEAF_MS), _blocks(ONSET_MS), _blocks(ONSET_OF_MS), _blocks(PRE_ROLL_MS)
_WIDE = _blocks(WIDE_MS)
_TAIL, _EARLY, _LEAST = _blocks(TAIL_MS), _blocks(EARLY_MS), _blocks(LEAST_MS)
_SOFT, _DROP = _blocks(SOFT_MS), _blocks(DROP_MS)


@dataclass(frozen=True, slots=True)
class Onset:
    """Somebody speaks. What is to be decoded follows."""


@dataclass(frozen=True, slots=True)
class Anew:
    """What was to be decoded so far was somebody else, farther away. What the caller says follows."""


@dataclass(frozen=True, slots=True)
class Sound:
    """To be decoded. last: nothing follows, unless the voice goes on."""

    sound: bytes
    last: bool = False


@dataclass(frozen=True, slots=True)
class End:
    """Nothing more is said: after the pause that was asked for; early, unless it turns out to be unsure; too_much was said;
    noise: it was too short to be a word."""

    why: Literal["pause", "early", "too_much", "noise"]


Step = Onset | Anew | Sound | End


class Gate:
    """One utterance."""

    def __init__(self, *, pause_s: float, max_s: float) -> None:
        self._pause = _blocks(pause_s * 1000)
        self._max = _blocks(max_s * 1000)
        self._recent: deque[bool] = deque(maxlen=_ONSET_OF)
        self._wide: deque[bytes] = deque(maxlen=_WIDE)  # before the pre-roll
        self._before: deque[tuple[bytes, float]] = deque(maxlen=_PRE_ROLL)
        self._deaf = _DEAF
        self._sounds: list[bytes] = []  # blocks of the utterance, from the pre-roll on
        self._levels: list[float] = []  # of the same blocks
        self._loudest = 0.0  # of these
        self._first = 0  # of them that is near
        self._given = 0  # so many of them are, or are being, decoded
        self._spoken = self._voiced = self._silent = 0  # blocks since the onset; of these voice; silent ones at the end
        self._soft = 0  # blocks since the last that is near
        self._complete = self._asked = False
        self.speaking = False
        self.ended = False

    @property
    def silence_ms(self) -> int:
        """How long ago the last voice was."""
        return self._silent * BLOCK_MS

    def block(self, sound: bytes, *, voice: float) -> list[Step]:
        """The next BLOCK_MS of sound, and the amplitude of the voice in it, 0 where there is none."""
        if self.ended:
            return []
        if not self.speaking:
            return self._begins(sound, voice)
        self._sounds.append(sound)
        self._levels.append(voice)
        if self._rises(len(self._levels) - 1) and self._first - _PRE_ROLL >= _DROP:
            return self._anew()
        return self._goes_on(voice)

    def complete(self, complete: bool) -> list[Step]:
        """Whether what was decoded so far is all that can be said; it may change with every word."""
        self._complete = complete
        return self._early()

    def go_on(self) -> None:
        """It was not sure: the whole pause is waited for."""
        self._complete = False

    def everything(self) -> bytes:
        """All sound of the utterance: with WIDE_MS before what was to be decoded, and the silence since."""
        return b"".join((*self._wide, *self._sounds))

    def over(self) -> None:
        """Nothing more is wanted."""
        self.ended = True

    def _begins(self, sound: bytes, voice: float) -> list[Step]:
        if len(self._before) == _PRE_ROLL:
            self._wide.append(self._before[0][0])
        self._before.append((sound, 0.0 if self._deaf else voice))
        if self._deaf:
            self._deaf -= 1
            return []
        self._recent.append(voice > 0)
        if not voice or sum(self._recent) < _ONSET:
            return []
        self.speaking = True
        self._spoken, self._voiced = len(self._recent), sum(self._recent)
        self._sounds = [each for each, _ in self._before]
        self._levels = [level for _, level in self._before]
        for number in range(1, len(self._levels)):
            self._rises(number)
        return [Onset(), self._sound()]

    def _rises(self, number: int) -> bool:
        """Whether there is a louder voice than before, for two blocks, as one is a click; what is near is told by it."""
        loud = min(self._levels[number], self._levels[number - 1])
        if loud <= self._loudest:
            return False
        self._loudest = loud
        while self._levels[self._first] * FAR < loud:
            self._first += 1
        return True

    def _anew(self) -> list[Step]:
        drop = self._first - _PRE_ROLL
        self._wide.extend(self._sounds[:drop])
        del self._sounds[:drop], self._levels[:drop]
        self._first, self._given = _PRE_ROLL, 0
        self._spoken = self._voiced = len(self._sounds) - _PRE_ROLL
        self._silent = self._soft = 0
        self._complete = self._asked = False
        return [Anew(), self._sound()]

    def _sound(self, *, last: bool = False) -> Sound:
        """What was not given yet."""
        sound = b"".join(self._sounds[self._given :])
        self._given = len(self._sounds)
        return Sound(sound, last)

    def _goes_on(self, voice: float) -> list[Step]:
        self._spoken += 1
        if voice * FAR >= self._loudest:
            self._soft, self._asked = 0, False
        else:
            self._soft += 1
        if voice and self._soft < _SOFT:
            self._voiced += 1
            self._silent = 0
        else:
            self._silent += 1
        steps: list[Step] = [self._sound(last=self._soft == _TAIL)] if self._soft <= _TAIL else []
        if self._spoken >= self._max:
            return [*steps, self._end("too_much")]
        if self._silent >= self._pause:
            return [*steps, self._end("pause" if self._voiced >= _LEAST else "noise")]
        return [*steps, *self._early()]

    def _early(self) -> list[Step]:
        wanted = self._complete and not self._asked and self._voiced >= _LEAST
        if self.ended or not wanted or self._silent < _EARLY:
            return []
        self._asked = True
        return [End("early")]

    def _end(self, why: Literal["pause", "too_much", "noise"]) -> End:
        self.ended = True
        return End(why)
