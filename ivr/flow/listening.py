"""What becomes of what callers say: words that mean something, doubts, misunderstandings, and nobody who hears.

A turn is over with its first result; each question opens another. Who is not understood goes the node's way for that; nothing
here waits without a bound, and keys work throughout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ivr.flow.events import (
    Alternative,
    Misheard,
    NotHeard,
    NotHearing,
    NotUnderstood,
    Reading,
    Said,
    SpeechBegan,
    StopListening,
    Words,
)
from ivr.flow.hearing import ACCEPTED, REFUSED, UNSURE_BELOW, Hearing, right_or_wrong
from ivr.flow.model import AnyNode
from ivr.flow.node import follow, follows
from ivr.flow.parts import Prompt
from ivr.flow.progress import Ear
from ivr.flow.stage import Stage

SECRET = "***"
"""What stands for words that nobody may read."""
SLACK_S = 5.0
"""What was begun to be said is waited for so much longer than it may last."""
NOISES = 3
"""After so much sound without words at one node, it goes on by keys."""
CONFIRM_S = 5.0
"""How long a yes or no is waited for."""
DOUBTS = 2
"""So often a doubtful answer is asked about."""
LEAST = 0.1
"""An alternative of less confidence doesn't count."""
AWAY: tuple[Prompt, ...] = ("speech_away",)
YES_NO: tuple[Prompt, ...] = ("speech_yes_no",)


class Listener(Stage):
    """A stage with a caller who speaks."""

    def _began(self, event: SpeechBegan) -> None:
        ear, hearing = self._current(event.turn), self._hearing()
        if ear is not None and hearing is not None and not ear.speaking:
            ear.speaking = True
            ear.cut = self.playing
            self.hush()
            self.wait(hearing.max_s + SLACK_S)

    def _words(self, event: Words) -> None:
        ear, hearing = self._current(event.turn), self._hearing()
        if ear is None or hearing is None:
            return
        if hearing.secret:
            self._out.append(Said(self.here, SECRET, event.confidence))
        else:
            self._out.append(Said(self.here, event.text, event.confidence, event.alternatives))
        self._over(ear)
        found = _understood(hearing, (Alternative(event.text, event.confidence), *event.alternatives), ear.refused)
        habit = None if found is None else next((each for each in hearing.habits if each == found.text), None)
        if habit is not None:
            self._clear(ear)
            follow(self, habit, self._node().question(self))
        elif ear.doubt is not None:
            self._confirmed(None if found is None else found.text)
        elif found is None:
            self._node().misheard(self)
        elif self._is_doubtful(hearing, found):
            self._doubt(found.text)
        else:
            self._take(found.text)

    def _misheard(self, event: Misheard) -> None:
        ear, hearing = self._current(event.turn), self._hearing()
        if ear is None or hearing is None:
            return
        self._out.append(NotUnderstood(self.here, event.why))
        if event.why == "noise":
            self._noise(ear, hearing)
        else:
            self._over(ear)
            if ear.doubt is not None:
                self._confirmed(None)
            else:
                self._node().misheard(self)

    def _not_hearing(self, event: NotHearing) -> None:
        ear, hearing = self._current(event.turn), self._hearing()
        if ear is None or hearing is None:
            return
        self._out.append(NotHeard(self.here, event.why))
        began, first = ear.speaking, not ear.told
        again = event.why in ("slow", "failed") and not ear.lost  # the next turn may be heard again
        ear.open = ear.speaking = False
        ear.lost += 1
        if not again and ear.doubt is None and self._node().unheard(self):
            self.hush()
        elif first or began:
            ear.told = True
            self.hush()
            # Who was speaking may go on for a moment: what is left of a word answers nothing.
            anew = replace(hearing, barge_in=False) if began else hearing
            self.ask((*(AWAY if first else ()), *self._question()), anew if again else None)
        elif again:
            self.listen(hearing)

    def _never_told(self) -> None:
        """Somebody began to speak, and nothing has come of it for too long."""
        ear = self._is.ear
        self._is.due = None
        self._out.append(StopListening())
        self._not_hearing(NotHearing(ear.turn, "slow"))

    # A doubtful answer

    def _doubt(self, meaning: str) -> None:
        """Ask whether that was meant; where it can't be said, the question is asked again."""
        if self._node().doubted(self, meaning):
            self._is.ear.doubt = meaning
            self._ask_again()
        else:
            self._node().misheard(self)

    def _confirmed(self, answer: str | None) -> None:
        """Yes, no, or None: neither."""
        ear = self._is.ear
        meaning = ear.doubt
        assert meaning is not None
        if answer is None:
            ear.doubts += 1
        if answer is None and ear.doubts < DOUBTS:
            self._ask_again()
            return
        self._clear(ear)
        if answer == ACCEPTED:
            self._take(meaning)
        else:
            ear.refused += [meaning] if answer == REFUSED else []
            self._node().misheard(self)

    def _confirmed_by_key(self, digit: str) -> None:
        """1 is yes, 2 is no; any other key answers the question itself."""
        self.hush()
        if digit in (ACCEPTED, REFUSED):
            self.pressed(digit)
            self._confirmed(digit)
        else:
            self._clear(self._is.ear)
            self._node().key(self, digit)

    @staticmethod
    def _clear(ear: Ear) -> None:
        ear.doubt = None
        ear.doubts = 0

    # Inside

    def _current(self, turn: int) -> Ear | None:
        """The ear, where it is this turn that is heard."""
        ear = self._is.ear
        return ear if ear.open and ear.turn == turn else None

    def _hearing(self) -> Hearing | None:
        """What is listened for: an answer to the node's question, or a yes or no."""
        if self._is.ear.doubt is None:
            return self.heard_now()
        confirmation = Hearing(right_or_wrong(self.language), settled=True, habits=("human",))
        return confirmation.with_habits(self.language, lambda habit: follows(self, habit))

    def _question(self) -> tuple[Prompt | Reading, ...]:
        """What the caller is being asked."""
        ear, node = self._is.ear, self._node()
        return node.question(self) if ear.doubt is None else (*node.doubted(self, ear.doubt), *YES_NO)

    def _ask_again(self) -> None:
        self.ask(self._question(), self._hearing())

    def _over(self, ear: Ear) -> None:
        """The turn has had its result."""
        ear.open = ear.speaking = False
        self.wait(None)
        self.forget_kept()
        self.hush()

    def _noise(self, ear: Ear, hearing: Hearing) -> None:
        """As if nothing had been: a prompt that was cut off is said again, undisturbed; else the timer begins anew."""
        ear.noises += 1
        cut, was_playing = ear.cut, self.playing
        ear.open = ear.speaking = False
        heard = hearing if ear.noises < NOISES else None
        if cut:
            self.ask(self._question(), None if heard is None else replace(heard, barge_in=False))
        else:
            self.listen(heard)
            if not was_playing:
                self._heard_out()

    def _heard_out(self) -> None:
        """The question was heard to its end."""
        if self._is.ear.doubt is None:
            self._node().done(self)
        else:
            self.wait(CONFIRM_S)

    def _take(self, meaning: str) -> None:
        """Do what was said."""
        self._by_voice = True
        self._node().spoken(self, meaning)
        self._by_voice = False

    def _node(self) -> AnyNode:
        assert self._is.node is not None, "nobody speaks before the start"
        return self._is.node

    def _is_doubtful(self, hearing: Hearing, found: Alternative) -> bool:
        """Whether to ask if that was meant: it is unsure, or was not meant before. What can't be right needs no asking."""
        if hearing.settled or not _right(hearing, found.text):
            return False
        limits = (hearing.unsure_below, self.document.unsure_below, None if self._ears is None else self._ears.unsure_below)
        limit = next((limit for limit in limits if limit is not None), UNSURE_BELOW)
        return found.confidence < limit or found.text in self._is.ear.refused


def _understood(hearing: Hearing, heard: Sequence[Alternative], refused: Sequence[str]) -> Alternative | None:
    """What was meant, of what may have been said, the best first: what can be right and was not refused before, else what can
    be right, else what means anything at all."""
    meant = [
        Alternative(meaning, each.confidence)
        for place, each in enumerate(heard)
        if (place == 0 or each.confidence >= LEAST) and (meaning := hearing.meaning(each.text)) is not None
    ]
    right = [each for each in meant if _right(hearing, each.text)]
    fresh = [each for each in right if each.text not in refused]
    return next(iter((*fresh, *right, *meant)), None)


def _right(hearing: Hearing, meaning: str) -> bool:
    """Whether it can be right: of digits the node knows."""
    return hearing.digits is None or meaning in hearing.words.values() or hearing.digits(meaning)
