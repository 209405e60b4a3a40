"""[io] A department's made-up days, for the pictures of its pages: people, calls, debts, menus, seats at work."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert, update

from console import accounts, changes, links, tries
from console.changes import SYSTEM, Actor
from console.options import Trunk
from console.roles import Role
from followup import callbacks, edits
from followup.book import Rules, book
from followup.calendar import Calendar
from followup.days import set_day
from followup.events import StreamEvent
from followup.quality import FIRST_SEQ
from followup.scribe import ALIVE
from followup.tables import return_call
from followup.windows import Window
from ivr.flow.check import Facts
from ivr.flow.desk import Desk
from ivr.phones import audio
from prompts import PATH
from routing import bans
from routing.commit import Commit, Enqueue, SeatState
from routing.events import Event
from routing.seats import SeatProfile
from routing.store import Store
from storage.hours import parse_spans, parse_week
from storage.journal import Journal
from storage.menus import menu_version
from storage.redis import connect, connect_sync
from storage.sql import writing
from tests.console.browser import PASSWORD
from tests.console.sound import speech, write_recording
from tests.interop import screens_processes, screens_seat

SEATS = {"1026": "王晓燕", "1027": "李建国", "1028": "张敏", "1029": "陈静", "1030": "周强", **screens_seat.SEATS}
PEOPLE = (
    ("root", "刘志远", Role.ADMINISTRATOR, ""),
    ("zhao", "赵雪梅", Role.SUPERVISOR, ""),
    ("wang", SEATS["1026"], Role.SEAT, "1026"),
    ("li", SEATS["1027"], Role.SEAT, "1027"),
    ("zhang", SEATS["1028"], Role.SEAT, "1028"),
    *screens_seat.PEOPLE,
)
PLACES = {"13912345678": ("江苏省", "苏州"), "04714613311": ("内蒙古", "呼和浩特"), "18600001234": ("北京", "北京")}
PLACES |= {"13800138000": ("广东省", "深圳"), "15900002222": ("上海", "上海"), "18951110000": ("江苏省", "南京")}
LOST = {"13600001111": ("浙江省", "杭州"), "13700002222": ("浙江省", "杭州"), "02988887777": ("陕西省", "西安")}
LOST |= dict.fromkeys(("13322220000", "15012340000", "04714600000"), ("浙江省", "杭州"))
"""Who gave up, and where they call from."""


TALKS = (
    *((592, 6, 154), (1013, 11, 247), (1390, 4, 96), (1874, 17, 312), (2251, 9, 183)),
    *((2733, 42, 128), (3127, 8, 405), (3466, 14, 71), (4390, 12, 219)),
)
"""Calls that were talked to: when, after what wait, for how long; seconds."""
WAITS = ((9012, 38), (8144, 52), (7290, 81), (6385, 26), (5522, 117), (4641, 64))
"""When who gave up came, and for how long they waited."""

CALENDARS = (Calendar(week=parse_week({"mon-fri": ["09:00-12:00", "13:30-18:00"], "sat": ["09:00-12:00"]})),)
TERMS = {
    "ring_timeout_s": 20.0,
    "time_limit_s": 600.0,
    "wrap_up_s": 15.0,
    "set_aside_s": 60.0,
    "in_time_s": 20.0,
    "music": "music",
}
TRUNKS = (
    Trunk("carrier", "main", "ims.example.cn", True, 30.0, {"4001": "sample"}, ("192.0.2.0/24",), ("4008001000",), ("1", "0")),
    Trunk("backup", "main", "sip.example.net", True, 30.0, {"4002": "sample"}, (), ("02588880000",), ("1",)),
    Trunk("pbx", "inside", "", False, 0.0, {"8000": "sample"}, ("10.1.0.0/16",)),
)
MENU = """
start: welcome
nodes:
  welcome: {kind: say, title: 欢迎语, prompt: {text: 欢迎致电安岚电器。为保障服务质量，通话可能被录音。}, then: main}
  main:
    kind: menu
    title: 主菜单
    prompt: {text: 安装和订单请按一，报修请按二，人工服务请按零。}
    keys: {"1": service, "2": {to: order, words: {zh: [报修]}}}
  order: {kind: collect, title: 输入订单号, prompt: {text: 请输入八位订单号，以井号键结束。}, into: order, then: service}
  service: {kind: queue, title: 人工服务, queue: service}
"""


class Teller:
    """Books made-up calls."""

    def __init__(self, engine: Engine, recordings: Path) -> None:
        self._engine = engine
        self._recordings = recordings

    def tell(self, call_id: str, caller: str, *steps: tuple[str, float, dict[str, Any]]) -> None:
        province, city = (PLACES | LOST).get(caller, ("", ""))
        first: dict[str, Any] = {"node": "node1", "trunk": "carrier", "hotline": "sample", "called": "4001", "caller": caller}
        first |= {"dialable": bool(caller), "province": province, "city": city}
        events = []
        for seq, (kind, at, given) in enumerate(steps, start=1):
            data = first | given if kind == "arrived" else given
            events.append(StreamEvent(call_id, seq, kind, at, data, json.dumps(data, ensure_ascii=False)))
        with writing(self._engine) as connection:
            book(connection, events, Rules())

    def talked(self, call_id: str, caller: str, at: float, seat: str, wait_s: float, talk_s: float) -> None:
        """Through the menu to a seat, recorded and rated."""
        name = f"{call_id}.wav"
        heard_s = min(talk_s, 20.0)  # its file need not be as long as the talk: no page of these shows the sound
        turns = [(1.0 + 7 * n, 4.2 + 7 * n) for n in range(2)]
        replies = [(begin + 3.6, begin + 6.3) for begin, _ in turns]
        write_recording(self._recordings / name, speech(heard_s, tuple(replies), 210.0), speech(heard_s, tuple(turns), 150.0))
        begins = at + 21.0 + wait_s
        key, meaning = ("2", "一般") if talk_s > 400 else ("1", "满意")
        self.tell(
            call_id,
            caller,
            ("arrived", at, {}),
            ("answered", at + 0.2, {}),
            ("menu", at + 0.3, {"node": "welcome", "title": "欢迎语"}),
            ("menu", at + 12.0, {"node": "main", "title": "主菜单"}),
            ("key", at + 20.6, {"node": "main", "digit": "1"}),
            ("queued", at + 21.0, {"queue": "service", "position": 2}),
            ("offered", begins - 4.0, {"seat": seat, "skipped": [["1029", "break"], ["1030", "wrap-up"]]}),
            ("ringing", begins - 3.8, {"seat": seat}),
            ("talking", begins, {"seat": seat, "wait_s": wait_s}),
            ("recording", begins, {"path": name}),
            ("rated", begins + talk_s, {"key": key, "meaning": meaning, "seat": seat, "queue": "service"}),
            ("ended", begins + talk_s + 5.0, {"by": "seat", "reason": "completed", "phase": "TALKING", "talk_s": talk_s}),
        )
        quality = {"sent": 4000, "received": 3990, "lost": 6, "jitter_ms": 3.4, "rtt_ms": 41.6, "remote_lost": 2}
        events = [StreamEvent(call_id, FIRST_SEQ + leg, "quality", at + 99.0, quality, "{}") for leg in (0, 1)]
        with writing(self._engine) as connection:
            book(connection, events, Rules())

    def led(self, call_id: str, caller: str, at: float) -> None:
        """By words and keys to a queue where nobody is free; one seat doesn't answer, the next is busy on the line."""
        for number, ago_s, told in (
            ("1026", 7200, {"status": "ready", "reason": "", "queues": ["service"]}),
            ("1026", 200, {"state": "talking", "call": "x1"}),
            ("1027", 7100, {"status": "ready", "reason": "", "queues": ["service"]}),
            ("1027", 90, {"state": "talking", "call": "x2"}),
            ("1027", -41, {"state": "wrap-up", "call": ""}),
            ("1027", -61, {"state": "idle", "call": ""}),
            ("1028", 7000, {"status": "break", "reason": "meal", "queues": ["service"]}),
            ("1029", 6900, {"status": "off", "reason": "", "queues": ["service"]}),
        ):
            when, kind = at - ago_s, "seat_status" if "status" in told else "seat_state"
            event = StreamEvent(f"seat:{number}", int(when) - 1_700_000_000, kind, when, told, json.dumps(told))
            with writing(self._engine) as connection:
                book(connection, [event], Rules())
        first, second = f"{call_id}.wav", f"{call_id}-2.wav"
        write_recording(
            self._recordings / first,
            speech(74.0, ((4, 11), (25, 41), (52, 60))),
            speech(74.0, ((1, 4), (12, 24), (61, 73)), 240.0),
        )
        write_recording(self._recordings / second, speech(38.0, ((2, 9), (20, 30))), speech(38.0, ((10, 19), (31, 37)), 240.0))
        skipped = [["1028", "break"], ["1029", "off"], ["1026", "talking"]]
        self.tell(
            call_id,
            caller,
            ("arrived", at, {}),
            ("answered", at + 0.2, {}),
            ("menu", at + 0.3, {"node": "welcome", "title": "欢迎语"}),
            ("menu", at + 6.0, {"node": "main", "title": "主菜单"}),
            ("misheard", at + 11.0, {"node": "main", "why": "noise"}),
            (
                "said",
                at + 17.0,
                {"node": "main", "text": "报修", "confidence": 0.91, "alternatives": [["报销", 0.06], ["保修", 0.03]]},
            ),
            ("menu", at + 17.1, {"node": "order", "title": "输入订单号"}),
            ("entered", at + 24.0, {"node": "order", "variable": "order", "value": "20261042", "valid": True}),
            ("menu", at + 24.1, {"node": "service", "title": "人工服务"}),
            ("queued", at + 25.0, {"queue": "service"}),
            ("offered", at + 62.0, {"seat": "1027", "skipped": skipped}),
            ("ringing", at + 62.2, {"seat": "1027"}),
            ("no_answer", at + 82.0, {"seat": "1027"}),
            ("requeued", at + 82.0, {"queue": "service", "why": "no_answer"}),
            ("offered", at + 82.4, {"seat": "1030", "skipped": [*skipped, ["1027", "set_aside"]]}),
            ("talking", at + 88.0, {"seat": "1030", "wait_s": 63.0}),
            ("recording", at + 88.0, {"path": first}),
            ("held", at + 129.0, {"side": "seat"}),
            ("unheld", at + 140.0, {"side": "seat"}),
            ("media_lost", at + 162.0, {}),
            ("media_back", at + 163.0, {}),
            ("recording", at + 163.0, {"path": second}),
            ("promised", at + 195.0, {"number": caller, "reason": "return_call"}),
            ("ended", at + 201.0, {"by": "caller", "reason": "completed", "phase": "TALKING", "talk_s": 113.0}),
        )

    def gave_up(self, call_id: str, caller: str, at: float, wait_s: float) -> None:
        end = {"by": "caller", "reason": "abandoned", "phase": "QUEUED", "wait_s": wait_s}
        queued = ("queued", at + 1, {"queue": "service"})
        self.tell(call_id, caller, ("arrived", at, {}), queued, ("ended", at + 1 + wait_s, end))

    def message(self, call_id: str, caller: str, at: float) -> None:
        (self._recordings / f"{call_id}.wav").write_bytes(audio.write_wav(audio.tone(500, 12.0)))
        left = ("voicemail", at + 30, {"path": f"{call_id}.wav", "seconds": 12.0})
        self.tell(call_id, caller, ("arrived", at, {}), left, ("ended", at + 31, {"by": "caller", "reason": "voicemail"}))


def furnish(engine: Engine, redis_url: str, recordings: Path) -> str:
    """A department in the middle of its day. Returns the path of a one-time link."""
    now = time.time()
    teller = Teller(engine, recordings)
    with writing(engine) as connection:
        for login, name, role, seat in PEOPLE:
            accounts.insert_person(connection, login, name, role, seat, Actor("root", "192.0.2.10"), now - 86400)
        for n, (login, *_) in enumerate(PEOPLE):
            row, its = accounts.row_of(connection, login), Actor(login, f"192.0.2.{20 + n}")
            accounts.set_password(connection, row, PASSWORD, its, now - 85000 + 600 * n)
    with writing(engine) as connection:
        values = {"hotline": "sample", "version": 1, "author": "zhao", "note": "", "at": now - 90000, "based_on": 0}
        connection.execute(insert(menu_version).values(**values, source=MENU))
    numbers = list(PLACES)
    for n, (ago_s, wait_s, talk_s) in enumerate(TALKS):
        teller.talked(f"talked{n}", numbers[n % len(numbers)], now - ago_s, list(SEATS)[n % 3], wait_s, talk_s)
    for n, (caller, (ago_s, wait_s)) in enumerate(zip(LOST, WAITS, strict=True)):
        teller.gave_up(f"lost{n}", caller, now - ago_s, wait_s)
    teller.message("message", "18911112222", now - 3000)
    teller.led("story", "13800138000", now - 4000)
    due = {1: -5400, 2: -1260, 3: 1800, 4: 3600, 5: 5400, 6: 7000, 7: 7100}
    with writing(engine) as connection:
        for number, left_s in due.items():
            connection.execute(update(return_call).where(return_call.c.id == number).values(due_at=now + left_s))
    window = Window(quiet=())
    callbacks.claim(engine, 2, "wang", now - 6000)
    callbacks.settle(engine, 2, "wang", "no_answer", "响铃一分钟没人接", now - 5900, window)
    callbacks.claim(engine, 3, "li", now - 900)
    callbacks.hand_over(engine, 3, "zhao", "wang", now - 600, others=True)
    callbacks.claim(engine, 4, "zhang", now - 500)
    callbacks.settle(engine, 5, "wang", "reached", "遥控器已补寄，单号发短信", now - 300, window)
    callbacks.waive(engine, 6, "zhao", "同一客户重复登记", now - 200, others=True)
    with writing(engine) as connection:
        connection.execute(update(return_call).where(return_call.c.id == 2).values(next_at=now - 1260))
        zhao = Actor("zhao", "192.0.2.21")
        changes.write(
            connection,
            zhao,
            "return_call_handed_over",
            "return_call:3",
            now - 600,
            before={"owner": "li"},
            after={"owner": "wang"},
        )
        changes.write(connection, zhao, "seat_off", "seat:1030", now - 400)
        block = {"reason": "反复骚扰", "hours": 24}
        changes.write(connection, zhao, "number_blocked", "number:02100000000", now - 100, after=block)
    accounts.change(engine, "zhang", SEATS["1028"], Role.SEAT, "1028", SYSTEM, now)
    for _ in range(9):
        tries.begin(engine, "admin", "203.0.113.77", now - 30)
    trunks = (("carrier", -7200, "no_answer"), ("carrier", -7000, ""), ("backup", -1500, "not_registered"))
    for trunk, at, reason in trunks:
        data = {"node": "node1", "trunk": trunk, "up": not reason, "reason": reason}
        with writing(engine) as connection:
            event = StreamEvent(f"trunk:{trunk}", int(8000 + at), "trunk", now + at, data, json.dumps(data))
            book(connection, [event], Rules())
    refused = {"why": "blocked", "reason": "反复骚扰", "left_s": None}
    with writing(engine) as connection:
        told = [StreamEvent("number:02100000000", n, "refused", now - 500 * n, refused, json.dumps(refused)) for n in (1, 2, 3)]
        book(connection, told, Rules())
    screens_seat.write(engine, redis_url, now)
    write_menus(engine, redis_url)
    screens_processes.write(redis_url, now)
    asyncio.run(floor(engine, redis_url, now))
    write_settings(engine, redis_url)
    return f"/welcome/{links.for_person(engine, 'wang', SYSTEM, now, forget=False)}"


def write_settings(engine: Engine, redis_url: str) -> None:
    """What supervisors have changed: skills, a queue, single days, the block list; and an address that is banned."""
    with connect_sync(redis_url) as redis:
        redis.set(ALIVE, "x")
        with writing(engine) as connection:
            skills = {"queues": {"service": 1, "repair": 2}}
            edits.change(connection, "seat:1027", skills, "zhao", 0)
            edits.change(connection, "seat:1030", {"enabled": False}, "zhao", 0)
            edits.change(connection, "queue:service", {"wrap_up_s": 45.0}, "zhao", 0)
            set_day(connection, "default", date(2026, 10, 16), (), "公司年会", "zhao")
            set_day(connection, "default", date(2026, 10, 25), parse_spans(["10:00-16:00"]), "换季促销值班", "zhao")
        bans.bar(redis, "number", "02100000000", reason="反复骚扰", by="zhao", seconds=86400)
        bans.bar(redis, "number", "13999999999", reason="多次辱骂坐席", by="zhao", seconds=None)
        bans.bar(redis, "address", "203.0.113.9", reason="passwords", by="node1", seconds=1200)


def write_menus(engine: Engine, redis_url: str) -> None:
    """Three versions of one hotline's menu and a draft, and another one whose draft has faults."""
    shop = _sample("shop").replace("小店", "安岚电器")
    with connect_sync(redis_url) as redis:
        desk = Desk(redis, engine, Facts(queues=["service"]))
        first = desk.publish("sample", shop, "zhao", "新菜单上线", 0)
        winter = desk.publish(
            "sample", shop.replace("上午九点到晚上八点", "上午九点到下午六点"), "root", "改为冬季服务时间", first
        )
        desk.publish("sample", shop.replace("上午九点到晚上八点", "上午九点到晚上九点"), "zhao", "旺季延长服务时间", winter)
        draft = shop.replace("营业时间和地址请按二", "营业时间和地址请按二，回电请按三")
        draft = draft.replace(
            "words: [营业时间, 地址]}\n", 'words: [营业时间, 地址]}\n      "3": {to: call_back, words: 回电}\n'
        )
        desk.save_draft("sample", draft, "zhao", 0)
        desk.save_draft("aftersales", _sample("aftersales").replace('"3": {to: complaint,', '"3": {to: complain,'), "zhao", 0)


def _sample(name: str) -> str:
    """A sample menu without its comments, which are in English."""
    lines = (PATH / "menus" / f"{name}.yaml").read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.lstrip().startswith("#"))


async def floor(engine: Engine, redis_url: str, now: float) -> None:
    """Seats in every state, callers in line and in talks."""
    redis = connect(redis_url)
    with tempfile.TemporaryDirectory() as directory:
        store = Store(redis, node="node1", journal=Journal(Path(directory) / "journal"), lease_s=3600.0)
        await store.start()
        await store.set_seats([SeatProfile(number, name, ("service",)) for number, name in SEATS.items()])
        await store.beat({"carrier": "", "backup": ""})
        await screens_seat.seats(store, engine, redis_url, now)
        told = {
            "carrier": {"registered": True, "refused": 0, "addresses": {"192.0.2.10:5060": True, "192.0.2.11:5060": False}},
            "backup": {"registered": False, "refused": 403, "addresses": {"198.51.100.7:5060": True}},
        }
        await store.beat({"carrier": "", "backup": "not_registered"}, lines=told)
        for number in ("1026", "1027", "1028", "1029"):
            await store.bind(number, {f"sip:{number}@192.0.2.5": {"expires_s": 3600}})
        await store.set_status("1026", "ready")
        await talk(store, "live1", "18600001234", now - 184)
        await store.set_status("1027", "ready")
        await store.set_status("1029", "break", "meal")
        await store.set_status("1030", "ready")  # its telephone is off
        await store.set_status("1028", "ready")
        await talk(store, "live2", "13800138000", now - 47)
        await talk(store, "live0", "15900002222", now - 5)
        for n, caller in enumerate(("13912345678", "04714613311")):
            await queue(store, f"waits{n}", caller, now - 95 + 40 * n)
        summary: dict[str, str | float] = {
            "phase": "MENU",
            "hotline": "sample",
            "caller": "18951110000",
            "menu": "主菜单",
            "since": now - 11,
        }
        await store.commit(Commit("menu", 1, {"x": 1}, summary, (Event("menu", {"node": "main", "title": "主菜单"}),), ()))
    await redis.aclose()


async def queue(store: Store, call_id: str, caller: str, since: float) -> None:
    """A caller in line."""
    summary = _summary("QUEUED", caller, since)
    events = (*screens_seat.trail(caller), Event("queued", {"queue": "service"}))
    await store.commit(Commit(call_id, 1, {"x": 1}, summary, events, (Enqueue("service"),)))


async def talk(store: Store, call_id: str, caller: str, since: float) -> None:
    """A caller who is put through at once."""
    await queue(store, call_id, caller, since - 4)
    claim = await store.claim("service")
    assert claim is not None
    summary = _summary("TALKING", caller, since) | {"seat": claim.seat}
    event, busy = Event("talking", {"seat": claim.seat}), SeatState(claim.seat, "talking")
    await store.commit(Commit(call_id, 2, {"x": 1}, summary, (event,), (busy,)))


def _summary(phase: str, caller: str, since: float) -> dict[str, str | float]:
    return screens_seat.summary(caller, since, "") | {"phase": phase}
