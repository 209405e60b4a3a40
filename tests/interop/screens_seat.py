"""[io] Seats at work for the pictures: one rings, one talks, one writes of a talk, one calls somebody back."""

from __future__ import annotations

import time

from sqlalchemy import Engine

from console.reasons import Reason
from console.roles import Role
from followup import callbacks, customers, wrapups
from followup.returncalls import history
from followup.wrapups import Draft
from ivr import desksettings
from routing.commit import Commit, Dialled, Enqueue, FreeSeat, SeatState
from routing.events import Event
from routing.requests import originate
from routing.store import Store
from storage.redis import connect_sync

SEATS = {"1031": "吴桐", "1032": "郑洁", "1033": "孙磊"}
PEOPLE = tuple((login, SEATS[seat], Role.SEAT, seat) for login, seat in (("wu", "1031"), ("zheng", "1032"), ("sun", "1033")))
PEOPLE = (*PEOPLE, ("chen", "陈静", Role.SEAT, "1029"))
ASKED = {
    "13912345678": ("2", "repair", "报修", "空调不制冷", "20261042"),
    "18600001234": ("2", "repair", "报修", "洗衣机漏水", "20260917"),
    "15900002222": ("3", "delivery", "配送安装", "送货", "20261105"),
    "13800138000": ("1", "order", "查询订单", "什么时候发货", "20261121"),
}
"""What callers pressed, where that led, what they said and entered there."""


def trail(caller: str) -> tuple[Event, ...]:
    """A caller's way through the menu."""
    digit, node, title, said, order = ASKED.get(caller, ("2", "repair", "报修", "冰箱不制冷", "20260803"))
    return (
        Event("menu", {"node": "welcome", "title": "欢迎语"}),
        Event("menu", {"node": "main", "title": "主菜单"}),
        Event("key", {"node": "main", "digit": digit}),
        Event("menu", {"node": node, "title": title}),
        Event("said", {"node": node, "text": said}),
        Event("entered", {"variable": "order", "value": order}),
    )


def reasons(given: tuple[desksettings.Reason, ...]) -> tuple[Reason, ...]:
    """Those of the settings, as the console takes them."""
    return tuple(Reason(one.code, one.zh, one.en) for one in given)


def write(engine: Engine, redis_url: str, now: float) -> None:
    """What is known and written before the seats begin."""
    customers.change(engine, "13912345678", now, name="王先生", class_="vip", tags=("延保客户",))
    with connect_sync(redis_url) as redis:
        customers.tell(redis, engine, ["13912345678", "18600001234", "15900002222"], now)
    codes = [one for one, *_ in WRITTEN]
    for n, (reason, resolved, notes) in enumerate(WRITTEN):
        draft = Draft(reason, resolved, notes)
        kept = wrapups.save(engine, f"talked{3 * n}", "1026", "wang", draft, 0, now - 600)
        wrapups.finish(engine, f"talked{3 * n}", "1026", "wang", draft, kept.revision, now - 590, reasons=codes)
    wrapups.save(
        engine, "talked6", "1026", "wang", Draft("repair", None, "空调遥控器按键失灵，要换新的，等仓库回复"), 0, now - 300
    )
    callbacks.claim(engine, 1, "sun", now - 200)
    callbacks.claim(engine, 7, "chen", now - 200)
    wrapups.save(
        engine,
        "live1",
        "1026",
        "wang",
        Draft("repair", None, "洗衣机脱水时漏水，9 月买的。已请客户发发票照片，约上门检修。"),
        0,
        now,
    )


WRITTEN = (("repair", False, "挂机空调不制冷，已约师傅明天上午上门"), ("consultation", True, "问热水器保修期：到 2027 年 3 月"))


async def seats(store: Store, engine: Engine, redis_url: str, now: float) -> None:
    """To be called while no caller waits and no other seat is free."""
    for number in SEATS:
        await store.bind(number, {f"sip:{number}@192.0.2.6": {"expires_s": 3600}})
    await store.set_status("1032", "ready")
    await take(store, "desk2", "15900002222", now - 260, "talking")
    await store.commit(Commit("desk2", 3, None, summary("15900002222", now - 260, "1032"), (), (FreeSeat("1032", 300.0),)))
    draft = Draft("complaint", False, "冰箱送货晚了三天，客户很生气。已道歉，答应两小时内查到配送进度并回电。", now + 7200.0)
    wrapups.save(engine, "desk2", "1032", "zheng", draft, 0, now)
    await store.set_status("1031", "ready")
    await take(store, "desk1", "13912345678", now - 4, "ringing")
    await store.set_status("1033", "ready")
    with connect_sync(redis_url) as redis:
        owed = callbacks_number(engine)
        call_id = originate(redis, "1033", owed, callback_id="1", by="sun")
    about = summary(owed, now - 12, "1033") | {"kind": "outbound", "phase": "DIALLING", "queue": ""}
    ops = (SeatState("1033", "talking"), Dialled("ringing"))
    await store.commit(Commit(call_id, 1, {"x": 1}, about, (), ops))


def callbacks_number(engine: Engine) -> str:
    """The number of the return call that is dialled."""
    return history(engine, 1, time.time()).owed.number


async def take(store: Store, call_id: str, caller: str, since: float, state: str) -> None:
    """A caller goes through the menu, and is put to the one seat that is free."""
    queued = Event("queued", {"queue": "service"})
    about = summary(caller, since, "")
    await store.commit(
        Commit(call_id, 1, {"x": 1}, about | {"phase": "QUEUED"}, (*trail(caller), queued), (Enqueue("service"),))
    )
    claim = await store.claim("service")
    assert claim is not None
    ops = (SeatState(claim.seat, "talking" if state == "talking" else "ringing"),)
    phase = "TALKING" if state == "talking" else "OFFERED"
    event = Event("talking" if state == "talking" else "ringing", {"seat": claim.seat})
    await store.commit(Commit(call_id, 2, {"x": 1}, summary(caller, since, claim.seat) | {"phase": phase}, (event,), ops))


def summary(caller: str, since: float, seat: str) -> dict[str, str | float]:
    """As ivr.call.state tells it."""
    place = {"13912345678": "江苏省苏州", "15900002222": "上海", "18600001234": "北京"}.get(caller, "")
    told: dict[str, str | float] = {"kind": "inbound", "phase": "TALKING", "trunk": "carrier", "hotline": "sample"}
    return told | {
        "called": "4001",
        "caller": caller,
        "place": place,
        "queue": "service",
        "seat": seat,
        "menu": "报修",
        "since": since,
        "waited_s": 23.0,
    }
