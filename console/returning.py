"""[io] What a person may do with return calls, by role: the same for pages and programs. A seat takes free ones and works on
its own; a supervisor hands over, takes back and waives whosever it is. The ledger keeps each step; those that touch what is
another person's stand in the change log too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar, get_args

from flask import abort

from console import accounts
from console.accounts import AccountError
from console.changes import RETURN_CALL, write
from console.gate import actor, me, supervises
from console.ground import ground
from console.language import gettext as _
from console.naming import called
from followup import callbacks
from followup.callbacks import Outcome
from followup.returncalls import NotFound
from storage.sql import writing

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


class NobodyThere(Exception):
    """To whom it is to be handed over doesn't work here."""


Refusals = (callbacks.CallbackError, NobodyThere)
"""What the functions below raise when it can't be done now; fault() says it to people."""


def claim(return_call_id: int) -> None:
    """Make it mine. Ends the request with 404 where there is none."""
    _do(lambda who, now: callbacks.claim(ground().engine, return_call_id, who, now))


def release(return_call_id: int) -> None:
    """Make it nobody's."""
    before = _do(lambda who, now: callbacks.release(ground().engine, return_call_id, who, now, others=supervises()))
    _tell("return_call_released", return_call_id, {"owner": ""}, {"owner": before})


def hand_over(return_call_id: int, to: str) -> None:
    """Make it another person's, by login."""
    engine = ground().engine
    try:
        receiver = accounts.find(engine, to)
    except AccountError:
        raise NobodyThere from None
    if not receiver.enabled:
        raise NobodyThere
    before = _do(lambda who, now: callbacks.hand_over(engine, return_call_id, who, receiver.login, now, others=supervises()))
    _tell("return_call_handed_over", return_call_id, {"owner": receiver.login}, {"owner": before})


def settle(return_call_id: int, outcome: str, note: str) -> None:
    """Tell how the try went. 400: no such outcome."""
    if outcome not in OUTCOMES:
        abort(400)
    here, code = ground(), outcome
    _do(lambda who, now: callbacks.settle(here.engine, return_call_id, who, code, note, now, here.options.window))
    _tell("return_call_settled", return_call_id, {"outcome": outcome, "note": note.strip()})


def waive(return_call_id: int, reason: str) -> None:
    """Nobody will call. 403 for who doesn't supervise."""
    if not supervises():
        abort(403)
    _do(lambda who, now: callbacks.waive(ground().engine, return_call_id, who, reason, now, others=True))
    _tell("return_call_waived", return_call_id, {"reason": reason.strip()})


def fault(error: Exception) -> str:
    """What a person reads. Raises the error again where it is none of Refusals."""
    match error:
        case callbacks.AlreadyClaimed() | callbacks.NotYours():
            return _("%(owner)s 已认领。需要先放回或转交，再由别人处理。", owner=called(error.owner))
        case callbacks.AlreadyDone():
            return _("这条回电已经处理完了。")
        case callbacks.NotClaimed():
            return _("这条回电没有人认领。")
        case callbacks.ReasonNeeded():
            return _("请填写结果或原因（最多 500 字）。")
        case NobodyThere():
            return _("请选择转交给谁。")
        case _:
            raise error


Done = TypeVar("Done")


def _do(act: Callable[[str, float], Done]) -> Done:
    try:
        return act(me().login, time.time())
    except NotFound:
        abort(404)


def _tell(what: str, return_call_id: int, after: dict[str, str], before: dict[str, str] | None = None) -> None:
    with writing(ground().engine) as connection:
        write(connection, actor(), what, f"{RETURN_CALL}:{return_call_id}", time.time(), before=before, after=after)
