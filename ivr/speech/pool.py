"""[io] All speech processes of a node as the engine sees them: turns are spread over them, and one that is slow or gone costs
its turns and no more."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import structlog

from ivr.lines.client import LineClient, LineError, LineLate, LineLost
from ivr.lines.wire import Event
from ivr.speech.control import BUSY, SPEECH, Close, Failed, Hello, Message, Open, Stats

CONNECT_EVERY_S = 0.1
ASK_S = 2.0
"""A process that does not answer within that is slow: its turns go on by keys, and it gets no new ones until it answers."""
ASK_EVERY_S = 1.0
COMES_S = 10.0
"""So long a turn waits for a process that is being started again; its caller hears the prompt meanwhile."""
STUCK_S = 10.0
"""One that is slow for so long is killed, for its supervisor to start it again."""

log = structlog.get_logger(__name__)

Why = Literal["busy", "slow", "failed", "off"]
Told = Callable[[Message], None]
"""Takes what a turn has to tell; its result comes last."""


class NoTurn(Exception):
    """Nobody can hear this turn: see flow.events.NotHearing."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why: Why = why


@dataclass(frozen=True, slots=True)
class Reserved:
    """A turn that is heard. media is to send its frames to `socket`."""

    number: int
    socket: str


class Process:
    """One speech process."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.client = LineClient(path, SPEECH, on_event=self._on_event, on_lost=self._on_lost)
        self.lost = asyncio.Event()
        self.turns: dict[int, Told] = {}
        self.room = 0
        self.languages: frozenset[str] = frozenset()
        self.late = False
        """It does not answer."""
        self.answered_at = 0.0
        """By the loop's clock."""
        self._pid = 0
        self._known = False  # it was there
        self._fell = ""  # why it was down since the last report

    def report(self) -> str | None:
        """None before it was there, "" while it does its work; "gone" or "slow" when it did not, now or since the last one."""
        now = "gone" if not self.client.connected else "slow" if self.late else ""
        told, self._fell = self._fell or now, ""
        return told if self._known else None

    async def connect(self, epoch: int) -> None:
        """However long it takes. Raises Fenced."""
        while True:
            try:
                reply = await self.client.connect(epoch, Hello())
            except LineLost:
                await asyncio.sleep(CONNECT_EVERY_S)
                continue
            self.room, self.languages, self._pid = int(reply["turns"]), frozenset(reply["languages"]), int(reply["pid"])
            self.late, self._known = False, True
            self.lost.clear()
            log.info("speech process connected", process=self.name, turns=self.room, languages=sorted(self.languages))
            return

    async def watch(self) -> None:
        """Ask how it is until the connection is lost. One that doesn't answer loses its turns, and then its life."""
        loop = asyncio.get_running_loop()
        self.answered_at = loop.time()
        while not self.lost.is_set():
            try:
                await self.client.request(Stats(), ASK_S)
                if self.late:
                    log.info("speech process answers again", process=self.name)
                self.late, self.answered_at = False, loop.time()
            except LineLate:
                if not self.late:
                    log.warning("speech process is slow", process=self.name, turns=len(self.turns))
                self.late, self._fell = True, "slow"
                self.fail("slow")
                if loop.time() - self.answered_at >= STUCK_S:
                    self._kill()
            except LineLost:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ASK_EVERY_S):
                    await self.lost.wait()

    def fail(self, why: Literal["slow", "failed"]) -> None:
        """Nothing will come of its turns."""
        for number in list(self.turns):
            self.client.send(Close(number))  # should it come round
            self._tell(Failed(number, why))

    def _kill(self) -> None:
        log.error("speech process is stuck: it is killed", process=self.name, pid=self._pid)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self._pid, signal.SIGKILL)

    def _on_event(self, event: Event) -> None:
        self._tell(event.message)

    def _tell(self, message: Message) -> None:
        over = message.type != "began"
        told = self.turns.pop(message.turn, None) if over else self.turns.get(message.turn)
        if told is not None:
            told(message)

    def _on_lost(self) -> None:
        log.warning("speech process lost", process=self.name, turns=len(self.turns))
        self._fell = "gone"
        self.lost.set()
        self.fail("failed")


class SpeechPool:
    """Turns of all calls. Their numbers are the node's own: no two engines give the same."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """`paths`: the control sockets of the speech processes."""
        self.processes = [Process(path.stem, path) for path in paths]
        self._next = 0
        self._came = asyncio.Event()
        """A process is connected, or was until just now."""

    def report(self) -> dict[str, str]:
        """Of each process that has been there, by name: "" where it does its work; "gone" or "slow" where not, now or since
        the last report."""
        told = {process.name: process.report() for process in self.processes}
        return {name: fault for name, fault in told.items() if fault is not None}

    @property
    def names(self) -> list[str]:
        """Of the processes."""
        return [process.name for process in self.processes]

    def silent(self) -> dict[str, float]:
        """Who does not answer, and for how many seconds."""
        now = asyncio.get_running_loop().time()
        return {each.name: now - each.answered_at for each in self.processes if each.client.connected and each.late}

    async def run(self, epoch: int) -> None:
        """Keep every process connected. Raises Fenced when a later engine has taken over."""
        self._next = epoch << 32
        async with asyncio.TaskGroup() as tasks:
            for process in self.processes:
                tasks.create_task(self._keep(process, epoch))

    async def _keep(self, process: Process, epoch: int) -> None:
        while True:
            await process.connect(epoch)
            self._came.set()
            await process.watch()
            await process.lost.wait()

    async def open(self, order: Open, told: Told) -> Reserved:
        """Reserve a recogniser, for a turn whose number is given here. Raises NoTurn; what `told` gets comes after this."""
        if self.processes and not self._there():
            self._came.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(COMES_S):
                    await self._came.wait()
        there = self._there()
        well = [process for process in there if not process.late]
        free = [process for process in well if len(process.turns) < process.room]
        if not free:
            raise NoTurn("busy" if well else "slow" if there else "failed")
        process = min(free, key=lambda each: len(each.turns))
        process.turns[order.turn] = told
        try:
            reply = await process.client.request(order, ASK_S)
        except LineError as error:
            process.turns.pop(order.turn, None)
            if isinstance(error, LineLate):
                process.client.send(Close(order.turn))
                raise NoTurn("slow") from error
            if isinstance(error, LineLost):
                raise NoTurn("failed") from error
            if str(error) != BUSY:
                log.warning("a turn can't be heard", call_id=order.call, why=str(error))
            raise NoTurn("busy" if str(error) == BUSY else "off") from error
        except asyncio.CancelledError:
            self.close(order.turn)
            raise
        return Reserved(order.turn, str(reply["socket"]))

    def _there(self) -> list[Process]:
        return [process for process in self.processes if process.client.connected]

    def number(self) -> int:
        """A new turn's."""
        self._next += 1
        return self._next

    def close(self, number: int) -> None:
        """Nothing of this turn is wanted any more."""
        for process in self.processes:
            if process.turns.pop(number, None) is not None:
                process.client.send(Close(number))

    def stop(self) -> None:
        """Drop the connections; all turns end."""
        for process in self.processes:
            process.client.close()
