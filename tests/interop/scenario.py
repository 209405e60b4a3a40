"""The scenarios of `make interop`: what one peer does with the hotline, each with a desk of its own, so that many run side by
side on one site.

    @scenario("sipp", "RFC 3311: UPDATE")
    async def update(floor: Floor, desk: Desk) -> None:
        \"\"\"What is seen when it passes: the report's reason.\"\"\"
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from ivr.phones.scripted import Call
from tests.ports import free_port
from tests.site import MENU, PATIENCE_S, Site

SIDE_BY_SIDE = 8
"""So many scenarios run at a time."""
MOBILE = "13912345678"
"""A number outside, as the trunks want it."""
QUEUE_MENU = """
start: welcome
nodes:
  welcome: {kind: say, prompt: for_english, notice: true, then: service}
  service: {kind: queue, queue: QUEUE}
"""
EARLY_MENU = """
start: who
human: recorded
nodes:
  who: {kind: condition, cases: [{when: {class: vip}, to: recorded}], else: welcome}
  welcome: {kind: say, prompt: for_english, before_answer: true, then: NEXT}
  bye: {kind: hangup, before_answer: true}
  recorded: {kind: say, prompt: for_english, notice: true, then: service}
  service: {kind: queue, queue: QUEUE}
"""


@dataclass(frozen=True, slots=True)
class Desk:
    """What belongs to one scenario: a landing number that leads straight to a queue, its one seat, a colleague without a queue,
    and a caller's number that nobody else uses. port: where a peer that is called listens (0: there is none). keys: callers
    are asked for a key first, as those of tests.site are. trunk: lines of the settings of a trunk at `port` ({port} in them)
    that the seat's calls go out by ("": it makes none). mobile: the seat's telephone is a mobile behind that trunk. early:
    callers hear an announcement before the answer, then this node, "recorded" or "bye", answers or refuses them."""

    number: str
    queue: str
    seat: str
    colleague: str
    caller: str
    port: int = 0
    keys: bool = False
    trunk: str = ""
    mobile: bool = False
    early: str = ""

    @property
    def account(self) -> str:
        """The trunk's account: the number that its calls show, and that it is called by."""
        return f"0471{self.number}00"

    @property
    def password(self) -> str:
        return f"pw-{self.seat}"

    @property
    def menu(self) -> str:
        """Its hotline's menu."""
        if self.early:
            return EARLY_MENU.replace("NEXT", self.early).replace("QUEUE", self.queue)
        return MENU.replace("queue: service", f"queue: {self.queue}") if self.keys else QUEUE_MENU.replace("QUEUE", self.queue)

    def settings(self) -> str:
        """Its tables of hotline.toml."""
        hotline = f'[[hotlines]]\nname = "{self.queue}"\nmenu = "{self.queue}.yaml"\n'
        queue = f'[[queues]]\nname = "{self.queue}"\nwrap_up_s = 0\nset_aside_s = 60\n'
        seat = f'[[seats]]\nnumber = "{self.seat}"\npassword = "{self.password}"\nqueues = ["{self.queue}"]\n'
        colleague = f'[[seats]]\nnumber = "{self.colleague}"\npassword = "pw-{self.colleague}"\nqueues = []\n'
        trunk = ""
        if self.trunk:
            trunk = f'[[trunks]]\nname = "out-{self.queue}"\nproxy = "127.0.0.1:{self.port}"\nping_s = 0\n'
            trunk += f'caller_ids = ["{self.account}"]\nallow_prefixes = ["1"]\nhome_area_code = "0471"\n'
            trunk += f'username = "{self.account}"\npassword = "trunk-password"\n'
            trunk += f'numbers = {{ "{self.account}" = "{self.queue}" }}\n{self.trunk.format(port=self.port)}\n'
            seat += f'trunk = "out-{self.queue}"\n'
        if self.mobile:
            seat += f'phone = "{MOBILE}"\n'
        return hotline + queue + seat + colleague + trunk


@dataclass(slots=True)
class Floor:
    """The site that all share, as a scenario sees it."""

    site: Site
    directory: Path
    """For what the peers want to have as files."""
    places: dict[str, tuple[str, int]]
    """Its listeners: udp, tcp, tls (all IPv4) and, where this machine has IPv6, six (UDP)."""

    def new_directory(self, name: str) -> Path:
        """A directory for files of one scenario."""
        path = self.directory / name
        path.mkdir()
        return path

    @property
    def authority(self) -> Path:
        """Who signed the TLS listener's certificate."""
        return self.site.directory / "authority.pem"

    async def sign_on(self, desk: Desk) -> None:
        """Have the desk's seat ready; its telephone registers by itself."""
        phone = await self.site.phone(desk.seat, password=desk.password)
        await self.site.code(phone, "*81")
        await phone.close()

    async def dial(self, desk: Desk) -> Call:
        """A caller on the desk's number, answered."""
        phone = await self.site.phone(desk.caller)
        return await (await phone.dial(desk.number)).wait_answered(PATIENCE_S)

    async def event(self, desk: Desk, kind: str, count: int = 1) -> dict[str, Any]:
        """Until the last call to this desk has so many events of this kind; the last one's data."""

        def seen() -> list[str]:
            return [row["call_id"] for row in self.calls(desk)][-1:]

        await self.site.until(
            lambda: any(self.site.events(call_id).count(kind) >= count for call_id in seen()), f"{kind} at {desk.number}"
        )
        return self.site.event_data(seen()[0], kind)

    async def ended(self, desk: Desk, count: int = 1) -> list[dict[str, Any]]:
        """The complete log rows of the calls to this desk, oldest first."""
        return await self.site.until_some(
            lambda: [row for row in self.calls(desk) if row["ended_at"] is not None], count, f"ended calls to {desk.number}"
        )

    def calls(self, desk: Desk) -> list[dict[str, Any]]:
        """The log rows of the calls to this desk, oldest first."""
        return [row for row in self.site.calls() if row["called"] == desk.number]


Run = Callable[[Floor, Desk], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One line of the report."""

    peer: str
    name: str
    run: Run
    desk: Desk

    @property
    def says(self) -> str:
        """What is seen when it passes."""
        return " ".join((self.run.__doc__ or "").split())


SCENARIOS: list[Scenario] = []
_serial = count(10)


def scenario(
    peer: str, name: str, *, listens: bool = False, keys: bool = False, trunk: str = "", mobile: bool = False, early: str = ""
) -> Callable[[Run], Run]:
    """Register a scenario. listens: its peer is called, at desk.port. keys, trunk, mobile, early: see Desk."""

    def register(run: Run) -> Run:
        n = next(_serial)
        port = free_port() if listens or trunk else 0
        desk = Desk(f"50{n}", f"queue{n}", f"20{n}", f"30{n}", f"139000000{n}", port, keys, trunk, mobile, early)
        SCENARIOS.append(Scenario(peer, name, run, desk))
        return run

    return register


def first_line(error: BaseException) -> str:
    """What an error says in short."""
    return next(iter(str(error).splitlines()), type(error).__name__)


@dataclass(slots=True)
class SideBySide:
    """Runs scenarios at once, a few at a time."""

    floor: Floor
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def start(self, scenarios: list[Scenario]) -> None:
        turn = asyncio.Semaphore(SIDE_BY_SIDE)

        async def run(one: Scenario) -> None:
            async with turn, asyncio.timeout(90):
                await one.run(self.floor, one.desk)

        for one in scenarios:
            self.tasks[one.name] = asyncio.create_task(run(one), name=one.name)

    async def stop(self) -> None:
        """End those that nobody waited for (-x)."""
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
