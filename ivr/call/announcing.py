"""What a waiting caller is told now and then: the place in line, the expected wait, prompts; then the music goes on."""

from __future__ import annotations

from ivr.call.state import WAIT_PLAY, Phase, State
from ivr.call.waiting import music
from ivr.flow.events import Announce, Item, Reading
from ivr.questions import AskPlace, PlaceSeen
from ivr.steps import PlayPrompts

NEXT, ONE_AHEAD, AHEAD, CALLERS, EXPECTED = "queue_next", "queue_ahead_one", "queue_ahead", "queue_ahead_callers", "queue_wait"
"""Prompts: you are next; one caller is before you; before you are … callers; the expected wait is …"""


def due(call: State) -> None:
    """It is time: ask for what is to be told. Where nobody knows, the next time comes all the same."""
    told = _told(call)
    if told is None:
        return
    call.timers["announce"] = call.now + told.every_s
    if told.position or told.wait:
        call.do(AskPlace(call.underway.entries, call.queue))
    else:
        _say(call, told, None, None)


def place_seen(call: State, seen: PlaceSeen) -> None:
    """Where the caller stands now, as far as anybody knows."""
    told = _told(call)
    if told is not None and call.phase is Phase.QUEUED and seen.entry == call.underway.entries:
        _say(call, told, seen.position if told.position else None, seen.wait_s if told.wait else None)


def heard(call: State) -> None:
    """It was said: music again."""
    if call.phase in (Phase.QUEUED, Phase.OFFERED):
        music(call, call.caller_leg)


def words(position: int | None, wait_s: float | None) -> tuple[Item, ...]:
    """The words for a place in line, from 1, and an expected wait; of what is None nothing is said."""
    place: tuple[Item, ...] = ()
    if position is not None and position > 0:
        ahead = position - 1
        place = (AHEAD, Reading("count", str(ahead)), CALLERS) if ahead > 1 else (ONE_AHEAD if ahead else NEXT,)
    return place if wait_s is None else (*place, EXPECTED, Reading("wait", str(round(wait_s))))


def _told(call: State) -> Announce | None:
    terms = call.underway.terms
    return terms.announce if terms is not None and terms.queue == call.queue else None


def _say(call: State, told: Announce, position: int | None, wait_s: float | None) -> None:
    items = (*words(position, wait_s), *told.prompts)
    if items:
        call.do(PlayPrompts(call.caller, WAIT_PLAY, items, call.flow.language))
