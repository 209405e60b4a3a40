"""The caller is heard: the menu's turn is opened, at once or once the prompt has been heard, and ends with the menu's wish,
its result, or the call.

Nothing of it is put down: turns end with their engine, and a new one, or new media, has the menu ask again, and hear anew.
"""

from __future__ import annotations

from ivr.call.state import State, Turn
from ivr.flow.events import Listen, Misheard, NotHearing, SpeechBegan, Words
from ivr.steps import CloseTurn, OpenTurn

Heard = SpeechBegan | Words | Misheard | NotHearing


def listen(call: State, wish: Listen) -> None:
    """The menu wants to hear this, in place of what it wanted before."""
    stop(call)
    call.turn = Turn(wish)


def stop(call: State) -> None:
    """Nobody is to be heard any more."""
    if call.turn is not None and call.turn.open:
        call.do(CloseTurn(call.caller))
    call.turn = None


def settle(call: State) -> None:
    """After each step: a turn that may begin begins, and one that is nobody's any more ends."""
    turn = call.turn
    if turn is None:
        return
    if not call.in_menu or not call.media_there:
        stop(call)
    elif not turn.open and (turn.wish.barge_in or call.playing is None):
        turn.open = True
        call.do(OpenTurn(call.caller, turn.wish))


def heard(call: State, event: Heard) -> None:
    """What a speech process has to say. A result ends the turn; what is of another one means nothing."""
    turn = call.turn
    if turn is None or not turn.open or turn.wish.turn != event.turn:
        return
    if not isinstance(event, SpeechBegan):
        call.turn = None
    call.hear(event)
