"""[io] Callers are heard: a call's turn is reserved with a speech process, and media sends the leg's sound there; what comes of
it is the call's to hear.

One turn a leg. Nothing here holds a call: what goes wrong is told as NotHearing, and the menu goes on by keys.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

import structlog

from ivr.flow.events import Alternative, Listen, Misheard, NotHearing, SpeechBegan, Words
from ivr.media.control import Hear, Unhear
from ivr.media.pool import MediaPool, Worker
from ivr.speech import control
from ivr.speech.pool import NoTurn, SpeechPool

Heard = SpeechBegan | Words | Misheard | NotHearing

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Ear:
    """A leg that is heard, or about to be."""

    call_id: str
    leg: str
    worker: Worker
    number: int
    turn: int
    tell: Callable[[Heard], None] = field(repr=False)


class Listeners:
    """The heard legs of all calls."""

    def __init__(self, pool: SpeechPool, media: MediaPool) -> None:
        self._pool = pool
        self._media = media
        self._ears: dict[str, _Ear] = {}

    def __len__(self) -> int:
        return len(self._ears)

    def open(
        self, call_id: str, leg: str, worker: Worker, wish: Listen, tell: Callable[[Heard], None]
    ) -> Coroutine[None, None, None]:
        """Hear the leg as `wish` says, in place of its turn before; what is returned is to be run. `tell` gets SpeechBegan and
        one result, unless close() comes first."""
        self.close(leg)
        ear = self._ears[leg] = _Ear(call_id, leg, worker, self._pool.number(), wish.turn, tell)
        words = () if wish.dictation else wish.words
        order = control.Open(ear.number, call_id, wish.language, words, wish.repeat, wish.pause_s, wish.max_s)
        return self._reserve(ear, order)

    async def _reserve(self, ear: _Ear, order: control.Open) -> None:
        if self._ears.get(ear.leg) is not ear:
            return
        try:
            reserved = await self._pool.open(order, lambda message: self._told(ear, message))
        except NoTurn as error:
            self._over(ear, NotHearing(ear.turn, error.why))
            return
        if self._ears.get(ear.leg) is ear:
            self._media.send(ear.worker, Hear(ear.leg, reserved.number, reserved.socket))
        else:  # closed meanwhile
            self._pool.close(reserved.number)

    def close(self, leg: str) -> None:
        """Hear it no more."""
        ear = self._ears.pop(leg, None)
        if ear is not None:
            self._pool.close(ear.number)
            self._deaf(ear)

    def _deaf(self, ear: _Ear) -> None:
        self._media.send(ear.worker, Unhear(ear.leg, ear.number))

    def _told(self, ear: _Ear, message: control.Message) -> None:
        match message:
            case control.Began():
                if self._ears.get(ear.leg) is ear:
                    ear.tell(SpeechBegan(ear.turn))
            case control.Understood(_, text, confidence, alternatives, waited_ms, decoded_ms, lost):
                log.info("heard", call_id=ear.call_id, waited_ms=waited_ms, decoded_ms=decoded_ms, lost_ms=lost // 8)
                others = tuple(Alternative(one.text, one.confidence) for one in alternatives)
                self._over(ear, Words(text, ear.turn, confidence, others))
            case control.Misheard(_, why):
                self._over(ear, Misheard(ear.turn, why))
            case control.Failed(_, why):
                self._over(ear, NotHearing(ear.turn, why))

    def _over(self, ear: _Ear, event: Heard) -> None:
        """The turn has its result."""
        if self._ears.get(ear.leg) is ear:
            del self._ears[ear.leg]
            self._deaf(ear)
            if isinstance(event, NotHearing):
                log.warning("not hearing", call_id=ear.call_id, why=event.why)
            ear.tell(event)
