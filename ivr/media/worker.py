"""[io] The media process: one thread and one epoll for all legs, and the writer's thread.

Packets to be relayed wake it on arrival. Everything else happens at the slots of one schedule in which a leg sends: packets of
the other legs are taken, frames are sent. Neither starves the other: at most one packet of each socket is taken for each slot,
then due slots are sent. Where many are relayed, packets wait for the next slot, up to 5 ms.
"""

from __future__ import annotations

import contextlib
import gc
import secrets
import select
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Any

import structlog

from ivr.lines import wire
from ivr.lines.sockets import Connection, Lines
from ivr.lines.wire import Ack, ControlError, Request
from ivr.media.control import Hello, List, Message, Snapshot, Stats
from ivr.media.exchange import Exchange, Refused
from ivr.media.frameport import FramePort
from ivr.media.loops import Choice, Loops, choose
from ivr.media.outbox import Outbox
from ivr.media.packet import Buffers, Counters
from ivr.media.ports import Ports
from ivr.media.schedule import SLOTS, Schedule
from ivr.media.sounds import Sounds
from ivr.media.wire import MEDIA, snapshot_to_json
from ivr.media.writer import Writer
from storage.notify import Heart, notify_ready, notify_stopping

IDLE_S = 1.0
"""Without legs the process wakes so often."""

CROWD = 20
"""With so many relayed legs packets wait for each other until the next slot, used or not: waking up costs as much as relaying
ten. A tick is a multiple of a slot: a stream that comes evenly leaves evenly."""

log = structlog.get_logger(__name__)


def run(
    socket_path: Path,
    *,
    host: str,
    port_min: int,
    port_max: int,
    rtp_timeout_s: float,
    orphan_s: float,
    min_free_bytes: int,
    hosts: Sequence[str] = (),
    dscp: int = 46,
    recordings_dir: Path | None = None,
    loops: Choice = "auto",
) -> None:
    """Be a media process until SIGTERM or SIGINT, then finish the recordings.

    The engine connects at `socket_path`, whose stem names this process: unfinished files under `recordings_dir` that bear it
    are repaired first. Legs get pairs of UDP ports from `port_min` to `port_max` of `host`, or of that one of `hosts` which
    their Open names; packets bear `dscp` (46 is EF, RFC 4594). Below `min_free_bytes` nothing is recorded. `loops`: whether
    packets pass in Python or in C. Raises sockets.SocketTaken when such a process runs already, loops.NotBuilt, OSError when
    the socket can't be made.
    """
    chosen = choose(loops)
    log.info("media process", loops=chosen.name)
    worker = Worker(
        socket_path,
        hosts=tuple(dict.fromkeys((host, *hosts))),
        ports=(port_min, port_max),
        dscp=dscp,
        rtp_timeout_s=rtp_timeout_s,
        orphan_s=orphan_s,
        min_free_bytes=min_free_bytes,
        loops=chosen,
    )
    if recordings_dir is not None:
        worker.writer.repair(recordings_dir, before=time.time())
    try:
        worker.serve()
    finally:
        worker.close()


class Worker:
    """What run() puts together."""

    def __init__(
        self,
        socket_path: Path,
        *,
        hosts: Sequence[str],
        ports: tuple[int, int],
        dscp: int,
        rtp_timeout_s: float,
        orphan_s: float,
        min_free_bytes: int,
        loops: Loops,
    ) -> None:
        self._instance = secrets.token_hex(8)
        self._orphan_s = orphan_s
        self._stopping = False
        self._heart = Heart()
        self._epoch = 0
        self._engine: Connection | None = None
        self._alone_since = monotonic()
        self._outbox = Outbox()
        self._told = 0
        """The last event that the engine was told, while there was one."""
        self._schedule = Schedule(monotonic())
        self._drained = 0
        """The slot before which the sockets were looked at last."""
        self._counters = Counters()
        buffers = Buffers()
        self._ports = Ports(hosts, *ports, dscp=dscp, buffers=buffers, counters=self._counters, loops=loops)
        self._lines = Lines(socket_path, self._ports.hurried, on_line=self._line, on_gone=self._gone)
        self._woken, self._wake = socket.socketpair()
        self._woken.setblocking(False)
        self._wake.setblocking(False)
        self._ports.hurried.register(self._woken, select.EPOLLIN)
        self.writer = Writer(socket_path.stem, min_free_bytes=min_free_bytes, notify=self._notify)
        self._sounds = Sounds(self._notify)
        self._frames = FramePort()
        self._exchange = Exchange(
            self._ports,
            self.writer,
            self._sounds,
            self._frames,
            wall=time.time,
            random=secrets.randbits,
            report=self._report,
            answer=self._answer,
            rtp_timeout_s=rtp_timeout_s,
            buffers=buffers,
            counters=self._counters,
            loops=loops,
        )

    def serve(self) -> None:
        """Turn until a signal says stop."""
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        gc.freeze()
        notify_ready()
        while not self._stopping:
            self._turn()
        notify_stopping()
        self._exchange.recordings.stop_all(self._schedule.samples(monotonic()))

    def close(self) -> None:
        """Finish the recordings and free everything."""
        self.writer.close()
        self._sounds.close()
        self._outcomes()
        self._tell()
        signal.set_wakeup_fd(-1)
        self._lines.close()
        self._ports.shut()
        self._frames.close()
        self._woken.close()
        self._wake.close()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _notify(self) -> None:
        with contextlib.suppress(OSError):  # full: it wakes anyway; closed: it is over
            self._wake.send(b"\0")

    def _turn(self) -> None:
        schedule, exchange = self._schedule, self._exchange
        idle = exchange.idle
        if self._ports.hurrying >= CROWD:
            others = self._ports.take_slots(schedule)
            seconds = monotonic()
            now = schedule.samples(seconds)
        else:
            timeout = IDLE_S if idle else max(0.0, schedule.deadline - monotonic())
            ready = self._ports.hurried.poll(timeout, len(self._ports) + 16)
            seconds = monotonic()
            now = schedule.samples(seconds)
            others = self._ports.take(ready, now)
        self._heart.turn(seconds)
        for descriptor in others:
            if descriptor == self._woken.fileno():
                self._outcomes()
            else:
                self._lines.handle(descriptor)
        if idle:
            schedule.idle_until(seconds)
        elif seconds >= schedule.deadline:
            schedule.catch_up(seconds)
            self._ports.drain(now, rounds=min(SLOTS, schedule.number - self._drained))
            self._drained = schedule.number
            while schedule.deadline <= seconds:
                if schedule.number % SLOTS == 0:
                    self._ports.drain_reports(now)
                exchange.tick(schedule.number, schedule.clock, seconds)
                schedule.number += 1
                while not exchange.busy(schedule.number):
                    schedule.number += 1
            if self._engine is None and seconds - self._alone_since >= self._orphan_s:
                log.warning("no engine came back: all legs are closed", legs=len(exchange.lines))
                exchange.close_all(now, seconds)
        self._tell()

    def _tell(self) -> None:
        """All events of a turn at once: the engine wakes once for them."""
        if self._told < self._outbox.last:
            told, self._told = self._told, self._outbox.last
            if self._engine is not None:
                self._lines.send(self._engine, b"".join(map(MEDIA.encode_event, self._outbox.after(told))))

    def _outcomes(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(4096)
        for key, sound, whole in self._sounds.found():
            self._exchange.loaded(key, sound, whole)
        for outcome in self.writer.outcomes():
            self._exchange.recordings.ended(outcome.name, outcome.what, outcome.path, outcome.frames, outcome.detail)

    # The engine

    def _line(self, connection: Connection, line: bytes) -> None:
        try:
            message = MEDIA.decode_request(line)
        except ControlError as error:
            log.error("the engine says what is not understood", error=str(error))
            self._lines.send(connection, wire.encode_error(-1, str(error)))
            return
        if isinstance(message, Ack):
            if connection is self._engine:
                self._outbox.ack(message.seq)
        else:
            self._request(connection, message)

    def _request(self, connection: Connection, request: Request) -> None:
        if request.epoch < self._epoch:
            self._lines.send(connection, wire.encode_error(request.number, wire.FENCED))
            return
        if isinstance(request.command, Hello):
            self._hello(connection, request, request.command)
            return
        if connection is not self._engine:
            self._lines.send(connection, wire.encode_error(request.number, "the first command is hello"))
            return
        self._epoch = request.epoch
        try:
            reply = self._do(request, (connection, request.number))
        except Refused as error:
            self._lines.send(connection, wire.encode_error(request.number, str(error)))
            return
        if reply is not None:
            self._lines.send(connection, wire.encode_ok(request.number, reply))

    def _do(self, request: Request, token: object) -> Mapping[str, Any] | None:
        seconds = monotonic()
        if isinstance(request.command, List):
            return snapshot_to_json(self._snapshot(seconds))
        if isinstance(request.command, Stats) and not request.command.leg:
            return self._stats()
        return self._exchange.do(request.command, token, self._schedule.samples(seconds), seconds)

    def _hello(self, connection: Connection, request: Request, hello: Hello) -> None:
        """The newest engine takes over; the one before is cut off, to learn at its next try that it is fenced."""
        if self._engine is not None and self._engine is not connection:
            self._lines.drop(self._engine)
        self._exchange.hearings.end_all()
        self._epoch, self._engine = request.epoch, connection
        ours = hello.instance in {"", self._instance} and hello.ack <= self._outbox.last
        seen = hello.ack if ours else 0
        self._outbox.ack(seen)
        self._lines.send(connection, wire.encode_ok(request.number, snapshot_to_json(self._snapshot(monotonic()))))
        self._told = seen
        self._tell()
        log.info("engine connected", epoch=request.epoch, legs=len(self._exchange.lines))

    def _gone(self, connection: Connection) -> None:
        if connection is self._engine:
            self._engine = None
            self._exchange.hearings.end_all()
            self._alone_since = monotonic()
            log.warning("engine gone", legs=len(self._exchange.lines))

    def _report(self, message: Message) -> None:
        self._outbox.add(message)

    def _answer(self, token: object, ok: Mapping[str, Any], error: str | None) -> None:
        assert isinstance(token, tuple)
        connection, number = token
        line = wire.encode_ok(number, ok) if error is None else wire.encode_error(number, error)
        self._lines.send(connection, line)

    def _snapshot(self, seconds: float) -> Snapshot:
        return Snapshot(
            instance=self._instance,
            legs=self._exchange.states(seconds),
            recordings=self._exchange.recording_states(),
            last_event=self._outbox.last,
        )

    def _stats(self) -> dict[str, int]:
        counters = self._counters
        return (
            {name: getattr(counters, name) for name in Counters.__slots__}
            | self._exchange.totals()
            | {
                "legs": len(self._exchange.lines),
                "recordings": len(self._exchange.recordings),
                "recording_gaps": self._exchange.recordings.gaps,
                "heard": len(self._exchange.hearings),
                "frames_dropped": self._exchange.hearings.dropped,
                "recording_pending_bytes": self.writer.pending,
                "events": self._outbox.last,
                "events_dropped": self._outbox.dropped,
                "slots_skipped": self._schedule.skipped,
            }
        )
