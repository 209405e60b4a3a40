"""[io] Every process of every node as people see it: what is missing on top, and what that means for callers."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from redis import Redis
from redis.exceptions import RedisError

from console.ground import ground
from console.language import gettext as _
from console.language import lazy_gettext as _l
from followup.scribe import ALIVE
from routing.processes import Node, nodes
from storage.redis import StorageError, connect_sync
from storage.signs import Process, Watch

State = Literal["dead", "silent", "unheard", "up"]
"""Not there; there and without an answer; on a node that says nothing; well. In this order they are shown."""
ORDER: tuple[State, ...] = ("dead", "silent", "unheard", "up")

STATES = {"dead": _l("未运行"), "silent": _l("没有应答"), "unheard": _l("没有消息"), "up": _l("正常")}

TITLES = {
    "engine": _l("呼叫引擎"),
    "media": _l("语音媒体"),
    "speech": _l("语音识别"),
    "scribe": _l("记录员"),
    "console": _l("控制台"),
    "gateway": _l("Twilio 网关"),
    "redis": _l("实时数据"),
    "nursery": _l("预载进程"),
}

EFFECTS = {
    "engine": _l("这台机器上新来电没有人应答；已接通的通话照常说话、照常录音，但不能转接，排队的客户暂时派不出去。"),
    "media": _l("由它传送声音的通话现在没有声音，它回来后几秒内恢复；期间录音缺一段。"),
    "speech": _l("客户说的话没有人听，会请客户再说一遍；按键照常可用。"),
    "scribe": _l("来电照常；来电记录和新的回电暂时不更新，它回来后补上，一条不丢。"),
    "console": _l("来电照常；那台机器上的页面打不开。"),
    "gateway": _l("经 Twilio 的来电已断开并登记回电，新的打不进来；其他线路照常。"),
    "redis": _l("正在进行的通话照常，新来电照接，但暂时派不到坐席；页面看不到实时情况。"),
    "nursery": _l("来电照常；别的进程重启时要多等一两秒。"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One process. seen_at: its last sign of life, epoch seconds; None where nobody knows."""

    node: str
    process: Process
    state: State
    seen_at: float | None

    @property
    def kind(self) -> str:
        """A key of TITLES: media of media-0."""
        return self.process.name.partition("-")[0]

    @property
    def trouble(self) -> str:
        """In plain words what is wrong and what callers notice; "" where nothing is."""
        effect = str(EFFECTS.get(self.kind, ""))
        if self.state == "dead":
            return _("%(name)s 未运行：%(effect)s", name=self.process.name, effect=effect)
        if self.state == "silent":
            return _("%(name)s 没有应答：%(effect)s", name=self.process.name, effect=effect)
        return ""

    @property
    def ended(self) -> str:
        """How it ended the last time; "" where it never did."""
        status = self.process.status
        if self.process.ended_at is None:
            return ""
        if self.process.hung_s is not None:
            return _("停止工作 %(seconds)d 秒，被强制结束", seconds=self.process.hung_s)
        if status is None:
            return _("原因见系统日志")
        if status == 0:
            return _("自行退出")
        if status > 0:
            return _("退出码 %(status)s", status=status)
        with suppress(ValueError):
            return _("信号 %(number)s（%(name)s）", number=-status, name=signal.Signals(-status).name)
        return _("信号 %(number)s", number=-status)


@dataclass(frozen=True, slots=True)
class Seen:
    """All processes, those in trouble first; and the nodes that say nothing, with the seconds since they last did."""

    rows: tuple[Row, ...]
    unheard: tuple[tuple[str, float], ...]


def seen(redis: Redis | None) -> Seen:
    """As the nodes tell; what this machine's node doesn't tell, for its engine is away or Redis is (None), is looked at here.
    Raises redis.exceptions.RedisError."""
    options = ground().options
    told = {} if redis is None else {node.name: node for node in nodes(redis, scribe_leads=bool(redis.exists(ALIVE)))}
    own = told.get(options.node)
    if options.run_dir is not None and (own is None or own.silent):
        looked = Watch(options.run_dir).look(silent={"redis": 0.0} if redis is None else None)
        told[options.node] = Node(options.node, 0.0, tuple(looked))
    return arranged(told.values(), time.time())


def look() -> Seen:
    """seen(), with whatever can be reached."""
    try:
        with connect_sync(ground().options.redis_url) as redis:
            return seen(redis)
    except (StorageError, RedisError, OSError):
        return seen(None)


def arranged(told: Iterable[Node], now: float) -> Seen:
    """Rows in the order that people want to see them."""
    told = list(told)
    rows = [_row(node, process, now) for node in told for process in node.processes]
    rows.sort(key=lambda row: (ORDER.index(row.state), row.node, list(TITLES).index(row.kind) if row.kind in TITLES else 99))
    return Seen(tuple(rows), tuple((node.name, node.ago_s) for node in told if node.silent))


def _row(node: Node, process: Process, now: float) -> Row:
    if node.silent:
        return Row(node.name, process, "unheard", now - node.ago_s if process.up else process.ended_at)
    if not process.up:
        return Row(node.name, process, "dead", process.ended_at if (process.ended_at or 0.0) >= process.since else None)
    heard_at = now - node.ago_s - (process.silent_s or 0.0)
    return Row(node.name, process, "up" if process.silent_s is None else "silent", heard_at)
