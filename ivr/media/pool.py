"""[io] All media processes of a node as the engine sees them: which call is where, events in order, connections made again."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import structlog

from ivr.lines.client import LineLate
from ivr.lines.wire import Event
from ivr.media.client import MediaClient, MediaLost
from ivr.media.control import Close, Command, Message, Open, Snapshot, Stats, StopRecord
from ivr.media.rtp import SAMPLE_RATE

CONNECT_EVERY_S = 0.1
ASK_EVERY_S = 2.0
ASK_S = 2.0
"""One that doesn't answer within that is said to be silent."""
OPEN_WAIT_S = 5.0
"""How long a new leg waits for a media process that is being started again."""

log = structlog.get_logger(__name__)


class Worker:
    """One media process. Events are acknowledged in their order, each once its effect is safe."""

    def __init__(self, index: int, path: Path) -> None:
        self.index = index
        self.calls: set[str] = set()
        self.instance = ""
        self.name = path.stem
        self.silent_since: float | None = None
        """By the loop's clock, when a question was asked that is not answered yet."""
        self.connected = asyncio.Event()
        self.lost = asyncio.Event()
        self.on_event: Callable[[Worker, int, Message], None] = lambda worker, seq, _: worker.done(seq)
        self._unsafe: deque[int] = deque()
        self._safe: set[int] = set()
        self._acked = 0
        self.client = MediaClient(path, on_event=self._on_event, on_lost=self._on_lost)

    def _on_event(self, event: Event) -> None:
        self._unsafe.append(event.seq)
        self.on_event(self, event.seq, event.message)

    def _on_lost(self) -> None:
        self.connected.clear()
        self.lost.set()

    def done(self, seq: int) -> None:
        """The event's effect is in Redis."""
        self._safe.add(seq)
        last = 0
        while self._unsafe and self._unsafe[0] in self._safe:
            last = self._unsafe.popleft()
            self._safe.discard(last)
        if last:
            self._acked = last
            self.client.ack(last)

    async def watch(self) -> None:
        """Until the connection is lost: ask from time to time whether it is still with us. Raises Fenced."""
        loop = asyncio.get_running_loop()
        while not self.lost.is_set():
            asked = loop.time()
            try:
                await self.client.request(Stats(), ASK_S)
                self.silent_since = None
            except LineLate:
                if self.silent_since is None:
                    log.warning("media does not answer", worker=self.index)
                    self.silent_since = asked
            except MediaLost:
                break
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ASK_EVERY_S):
                    await self.lost.wait()
        await self.lost.wait()
        self.silent_since = None

    async def connect(self, epoch: int) -> tuple[Snapshot, bool]:
        """Connect, however long it takes. Returns what media holds and whether it is another process than before. Raises
        Fenced."""
        while True:
            try:
                snapshot = await self.client.take_over(epoch, self._acked, self.instance)
            except MediaLost:
                await asyncio.sleep(CONNECT_EVERY_S)
                continue
            fresh = snapshot.instance != self.instance
            if fresh:
                self._unsafe.clear()
                self._safe.clear()
                self._acked = 0
            self.instance = snapshot.instance
            self.lost.clear()
            self.connected.set()
            return snapshot, fresh


class MediaPool:
    """Spreads calls over the media processes; all legs of a call sit in one."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """`paths`: the control sockets of the media processes."""
        self.workers = [Worker(index, path) for index, path in enumerate(paths)]

    @property
    def names(self) -> list[str]:
        """Of the processes."""
        return [worker.name for worker in self.workers]

    def silent(self) -> dict[str, float]:
        """Who does not answer, and for how many seconds."""
        now = asyncio.get_running_loop().time()
        return {worker.name: now - worker.silent_since for worker in self.workers if worker.silent_since is not None}

    async def run(
        self,
        epoch: int,
        on_event: Callable[[Worker, int, Message], None],
        on_snapshot: Callable[[Worker, Snapshot], None],
    ) -> None:
        """Keep every worker connected. Raises Fenced when a later engine has taken over.

        on_event(worker, seq, message) for each event; call worker.done(seq) when its effect is safe.
        on_snapshot(worker, snapshot) at each connection: a leg that is not in it is gone.
        """
        async with asyncio.TaskGroup() as tasks:
            for worker in self.workers:
                worker.on_event = on_event
                tasks.create_task(self._keep(worker, epoch, on_snapshot))

    async def _keep(self, worker: Worker, epoch: int, on_snapshot: Callable[[Worker, Snapshot], None]) -> None:
        while True:
            snapshot, fresh = await worker.connect(epoch)
            log.info("media connected", worker=worker.index, instance=snapshot.instance, fresh=fresh, legs=len(snapshot.legs))
            on_snapshot(worker, snapshot)
            await worker.watch()
            log.warning("media lost", worker=worker.index)

    def assign(self, call_id: str) -> Worker:
        """The worker for a new call: the one with the fewest, one that is there before one that is not."""
        worker = min(self.workers, key=lambda w: (not w.connected.is_set(), len(w.calls), w.index))
        worker.calls.add(call_id)
        return worker

    def take_back(self, call_id: str, index: int) -> Worker:
        """The worker that a call had before the engine was restarted."""
        worker = self.workers[index % len(self.workers)]
        worker.calls.add(call_id)
        return worker

    async def open(self, worker: Worker, leg: str, call_id: str, host: str = "") -> int:
        """The leg's UDP port, bound at `host`. Raises MediaError, MediaLost or Fenced."""
        if not worker.connected.is_set():
            try:
                async with asyncio.timeout(OPEN_WAIT_S):
                    await worker.connected.wait()
            except TimeoutError:
                raise MediaLost(f"media process {worker.index} is away") from None
        reply: Mapping[str, object] = await worker.client.request(Open(leg, call_id, host))
        return int(str(reply["port"]))

    async def stop_record(self, worker: Worker, recording: str) -> float:
        """Finish a recording; returns the seconds that it is long. Raises MediaError, MediaLost or Fenced."""
        reply: Mapping[str, object] = await worker.client.request(StopRecord(recording))
        return int(str(reply["frames"])) / SAMPLE_RATE

    def close_strays(self, worker: Worker, snapshot: Snapshot, live: set[str]) -> None:
        """Close the legs of calls that nobody knows any more."""
        for name, leg in snapshot.legs.items():
            if leg.call not in live:
                worker.client.send(Close(name))

    def send(self, worker: Worker, command: Command) -> None:
        """Tell media, without waiting."""
        worker.client.send(command)

    def close(self) -> None:
        """Drop the connections; media goes on and waits for an engine."""
        for worker in self.workers:
            worker.client.close()
