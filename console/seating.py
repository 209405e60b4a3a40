"""[io] What a person may do at their own seat: the same for pages and programs. Whose seat it is, the account says (工号)."""

from __future__ import annotations

import re
import time
from typing import cast, get_args

from flask import abort

from console import returning, seatwork
from console.gate import me
from console.ground import ground, live
from console.language import gettext as _
from console.seatview import NoSuchSeat, SeatPage, Terms, seat_view
from followup import returncalls, wrapups
from followup.callbacks import Closing
from followup.wrapups import Draft, Talk, WrapUp, WrapUpError
from routing.desk import finish_wrap_up, renew_wrap_up
from routing.requests import Occupied, originate, set_status
from routing.seats import Status

MAX_NUMBER = 32
_NUMBER = re.compile(r"\+?[0-9*#]{2,31}")
CLOSINGS: tuple[Closing, ...] = get_args(Closing)


class NoSeat(Exception):
    """Who asks has no agent number, or one that isn't set up; `number` is it, "" for none."""

    def __init__(self, number: str) -> None:
        super().__init__(number)
        self.number = number


class NoReason(Exception):
    """A break without one of the settings' reasons."""


class NoTime(Exception):
    """A call back is wanted, but it isn't said when."""


class NotMine(Exception):
    """The call is another seat's, or there is none."""


class NoNumber(Exception):
    """What is to be called is no number."""


Refusals = (NoSeat, NoReason, NoTime, NotMine, NoNumber, WrapUpError, Occupied, seatwork.NothingToDial, *returning.Refusals)
"""What the functions below raise when it can't be done now; fault() says it to people."""


def my_seat() -> str:
    """The agent number of who asks. Raises NoSeat."""
    number = me().seat
    if not number or number not in ground().options.seats:
        raise NoSeat(number)
    return number


def view() -> SeatPage:
    """All that one's page shows. Redis or SQL may be away. Raises NoSeat."""
    here, number = ground(), my_seat()
    terms = Terms(here.options.wrap_up_max_s, here.options.time_zone)
    try:
        return seat_view(here.engine, here.redis, number, me().login, terms)
    except NoSuchSeat:
        raise NoSeat(number) from None


def wish(status: str, reason: str = "") -> None:
    """Sign on or come back (ready), take a break for a reason, sign off. Raises NoSeat, NoReason."""
    number, reasons = my_seat(), {one.code for one in ground().options.break_reasons}
    if status not in get_args(Status):
        abort(400)
    if status == "break" and reasons and reason not in reasons:
        raise NoReason
    with live() as redis:
        if not set_status(redis, number, cast(Status, status), reason if status == "break" and reasons else ""):
            raise NoSeat(number)


def keep(call_id: str, draft: Draft, revision: int) -> tuple[WrapUp, float | None]:
    """Keep what is being written of a call; its wrap-up, if that goes on, waits. Returns what is kept, and when the wrap-up
    ends, epoch seconds (None: there is none). Raises NoSeat, NotMine, WrapUpError."""
    here, number = ground(), _own(call_id)
    kept = wrapups.save(here.engine, call_id, number, me().login, draft, revision, time.time())
    options = here.options
    with live() as redis:
        return kept, renew_wrap_up(redis, number, call_id, options.wrap_up_renew_s, options.wrap_up_max_s)


def finish(call_id: str, draft: Draft, revision: int, closing: str = "") -> WrapUp:
    """The last word of a talk, after which the next call may come. closing: how the return call went that it was made for, ""
    for nothing to say. Raises NoSeat, NotMine, WrapUpError, and what followup.callbacks.settle() raises."""
    here, number = ground(), _own(call_id)
    if closing and closing not in CLOSINGS:
        abort(400)
    reasons = [one.code for one in here.options.wrap_up_reasons]
    chosen = next((one for one in CLOSINGS if one == closing), None)
    done = wrapups.finish(
        here.engine,
        call_id,
        number,
        me().login,
        draft,
        revision,
        time.time(),
        reasons=reasons,
        talk=_talk(call_id),
        closing=chosen,
    )
    leave(call_id)
    return done


def leave(call_id: str) -> bool:
    """The next call may come, whatever is written of this one. False: its wrap-up was over before. Raises NoSeat."""
    number = my_seat()
    with live() as redis:
        return finish_wrap_up(redis, number, call_id)


def dial(number: str) -> str:
    """Have one's telephone ring, then call the number; returns the call's id. Raises NoSeat, NoNumber, Occupied."""
    seat, wanted = my_seat(), re.sub(r"[\s()-]", "", number)
    if not _NUMBER.fullmatch(wanted):
        raise NoNumber
    with live() as redis:
        return originate(redis, seat, wanted, by=me().login)


def dial_return_call(return_call_id: int) -> str:
    """Claim a return call, and dial it; returns the call's id. Raises NoSeat, Occupied, NothingToDial and what
    followup.callbacks.claim() raises."""
    seat = my_seat()
    with live() as redis:
        try:
            return seatwork.dial_return_call(ground().engine, redis, return_call_id, me().login, seat, time.time())
        except returncalls.NotFound:
            abort(404)


def settle(return_call_id: int, outcome: str, note: str) -> None:
    """Tell how a return call went; where it was dialled from here in vain, the wrap-up that was for this is over. Raises NoSeat
    and what console.returning.settle() raises."""
    page = view()
    returning.settle(return_call_id, outcome, note)
    dialled = page.live.dialling if page.live is not None else None
    if dialled and dialled.callback_id == str(return_call_id) and dialled.outcome not in ("", "talked"):
        leave(dialled.call_id)


def fault(error: Exception) -> str:
    """What a person reads. Raises the error again where it is none of Refusals."""
    match error:
        case NoSeat(number=""):
            return _("您的账号没有工号，不能接听来电。请管理员在“人员”里为您选一个工号。")
        case NoSeat(number=number):
            return _("工号 %(seat)s 还没有配置成坐席，或者已被删除。请联系管理员。", seat=number)
        case NoReason():
            return _("请选择小休的原因。")
        case NoTime():
            return _("请填写约定的回电时间。")
        case NotMine() | wrapups.Foreign():
            return _("这通电话不是您接的。")
        case NoNumber():
            return _("请输入要拨打的号码。")
        case wrapups.Changed():
            return _("这份小结刚在另一个窗口里改过，请再试一次。")
        case wrapups.Done():
            return _("这份小结已经完成了。")
        case wrapups.TooLong():
            return _("备注太长（最多 %(n)s 字），或回电号码不对。", n=wrapups.MAX_NOTES)
        case wrapups.ReasonMissing():
            return _("请选择来电原因。")
        case wrapups.ResolvedMissing():
            return _("请选择是否已解决。")
        case wrapups.WrongTime():
            return _("约定的回电时间要在以后，最多 %(n)s 天。", n=round(wrapups.LATEST_S / 86400))
        case wrapups.NumberMissing():
            return _("客户隐藏了号码，请填写回电号码。")
        case Occupied(why="no_such_seat"):
            return _("工号 %(seat)s 还没有配置成坐席，或者已被删除。请联系管理员。", seat=me().seat)
        case Occupied():
            return _("您正在通话或拨号，请先结束。")
        case seatwork.NothingToDial():
            return _("客户没有留下号码，请先听留言。")
        case _:
            return returning.fault(error)


def _own(call_id: str) -> str:
    """The seat of who asks, whose call it is. Raises NoSeat, NotMine."""
    number = my_seat()
    with live() as redis:
        if not seatwork.may_write(ground().engine, redis, number, call_id):
            raise NotMine
    return number


def _talk(call_id: str) -> Talk | None:
    """What is live of a call that the log may not have yet."""
    page = view()
    call = page.live.call if page.live is not None else None
    if call is None or call.call_id != call_id or page.live is None:
        return None
    dialled = page.live.dialling
    callback_id = dialled.callback_id if dialled is not None and dialled.call_id == call_id else ""
    return Talk(call.number, call.hotline, int(callback_id) if callback_id.isdigit() else 0)
