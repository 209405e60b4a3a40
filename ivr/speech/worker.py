"""[io] The speech process: one thread and one epoll for engines, frames and the time; decoding in threads of its own.

It holds nothing that is worth keeping. When it dies, callers who were speaking are asked again; when it is too slow, keys work.
"""

from __future__ import annotations

import contextlib
import gc
import os
import secrets
import select
import signal
import socket
from collections import deque
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Any

import structlog

from ivr.lines import wire
from ivr.lines.sockets import Connection, Lines
from ivr.lines.wire import Ack, ControlError, Event, Request
from ivr.speech import frames
from ivr.speech.control import BUSY, SPEECH, Close, Hello, Open, Stats
from ivr.speech.decoding import Broken, Decoding, Outcome, Partial, Result, Threads
from ivr.speech.kaldi import Vosk
from ivr.speech.listening import Do, Listening, Tell
from ivr.speech.recogniser import Grammar, Recogniser, RecogniserError
from ivr.speech.voice import VoiceDetector

TICK_S = 0.04
"""Silence is noticed so often while turns are open."""
IDLE_S = 1.0
ROUND = 16
"""Frames of one turn that are taken before the next one's."""

log = structlog.get_logger(__name__)


def run(socket_path: Path, *, models: Mapping[str, Path], turns: int) -> None:
    """Be a speech process until SIGTERM or SIGINT.

    The engine connects at `socket_path`; media sends each turn's frames to a datagram socket beside it. `models`: the folder of
    each language's; `turns`: most at once. Raises RecogniserError when a model can't be loaded, sockets.SocketTaken when such a
    process runs already, OSError when a socket can't be made.
    """
    loaded = {path: Vosk(path) for path in dict.fromkeys(models.values())}
    recognisers: dict[str, Recogniser] = {language: loaded[path] for language, path in models.items()}
    log.info("speech process", models={language: str(path) for language, path in models.items()}, turns=turns)
    worker = Worker(socket_path, recognisers, turns)
    try:
        worker.serve()
    finally:
        worker.close()


class Refused(Exception):
    """A command can't be done; the text is the reply's error."""


class Slot:
    """Room for one turn: the socket where its frames come."""

    __slots__ = ("decoding", "listening", "path", "sock")

    def __init__(self, path: Path) -> None:
        self.path = path
        path.unlink(missing_ok=True)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(str(path))
        os.chmod(path, 0o600)
        self.sock.setblocking(False)
        self.listening: Listening | None = None
        self.decoding: Decoding | None = None

    def drain(self) -> None:
        """Forget what an earlier turn's caller said."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.sock.recv(frames.MAX_SIZE)


class Worker:
    """What run() puts together."""

    def __init__(self, socket_path: Path, recognisers: Mapping[str, Recogniser], turns: int) -> None:
        self._recognisers = recognisers
        self._instance = secrets.token_hex(8)
        self._stopping = False
        self._epoch = 0
        self._events = 0
        self._engine: Connection | None = None
        self._counts = dict.fromkeys(("turns", "busy", "began", "understood", "misheard", "failed", "lost_samples"), 0)
        self._threads = Threads()
        self._outcomes: deque[tuple[int, Outcome]] = deque()
        self._poll = select.epoll()
        self._woken, self._wake = socket.socketpair()
        self._woken.setblocking(False)
        self._wake.setblocking(False)
        self._poll.register(self._woken, select.EPOLLIN)
        self._lines = Lines(socket_path, self._poll, on_line=self._line, on_gone=self._gone)
        self._slots = [Slot(socket_path.with_name(f"{socket_path.stem}.{number}")) for number in range(turns)]
        self._by_descriptor = {slot.sock.fileno(): slot for slot in self._slots}
        for descriptor in self._by_descriptor:
            self._poll.register(descriptor, select.EPOLLIN)
        self._free = list(reversed(self._slots))
        self._open: dict[int, Slot] = {}

    def serve(self) -> None:
        """Turn until a signal says stop."""
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        for end in (signal.SIGTERM, signal.SIGINT):
            signal.signal(end, self._on_signal)
        gc.freeze()
        due = 0.0
        while not self._stopping:
            looked = monotonic()  # what is here by now is read before the tick: who is late himself takes nobody for silent
            wait = max(0.0, due - looked) if self._open else IDLE_S
            for descriptor, _ in self._poll.poll(wait):
                if descriptor in self._by_descriptor:
                    self._hear(self._by_descriptor[descriptor])
                elif descriptor == self._woken.fileno():
                    self._take_outcomes()
                else:
                    self._lines.handle(descriptor)
            now = monotonic()
            if now >= due:
                due = now + TICK_S
                for number, slot in list(self._open.items()):
                    assert slot.listening is not None
                    self._do(number, slot.listening.tick(looked))

    def close(self) -> None:
        """Free everything."""
        signal.set_wakeup_fd(-1)
        self._close_all()
        self._threads.close()
        self._lines.close()
        for slot in self._slots:
            slot.sock.close()
            slot.path.unlink(missing_ok=True)
        self._poll.close()
        self._woken.close()
        self._wake.close()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    # Sound

    def _hear(self, slot: Slot) -> None:
        now = monotonic()
        for _ in range(ROUND):
            try:
                datagram = slot.sock.recv(frames.MAX_SIZE)
            except BlockingIOError:
                return
            frame = frames.read(datagram)
            if frame is not None and slot.listening is not None:
                self._do(slot.listening.order.turn, slot.listening.frame(frame, now))

    def _do(self, number: int, wanted: list[Do]) -> None:
        slot = self._open.get(number)
        if slot is None or slot.listening is None or slot.decoding is None:
            return
        for each in wanted:
            if isinstance(each, Tell):
                self._tell(each)
            else:
                slot.decoding.put(each)
        if slot.listening.over:
            self._counts["lost_samples"] += slot.listening.lost
            self._free_slot(number)

    def _tell(self, tell: Tell) -> None:
        self._counts[tell.message.type] += 1
        self._events += 1
        if self._engine is not None:
            self._lines.send(self._engine, SPEECH.encode_event(Event(self._events, tell.message)))

    def _told(self, number: int, outcome: Outcome) -> None:
        """From a thread."""
        self._outcomes.append((number, outcome))
        with contextlib.suppress(OSError):  # full: it wakes anyway; closed: it is over
            self._wake.send(b"\0")

    def _take_outcomes(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(4096)
        now = monotonic()
        while self._outcomes:
            number, outcome = self._outcomes.popleft()
            slot = self._open.get(number)
            if slot is None or slot.listening is None:
                continue
            match outcome:
                case Partial(complete):
                    self._do(number, slot.listening.partial(now, complete=complete))
                case Result(finish, heard):
                    self._do(number, slot.listening.result(finish, heard, now))
                case Broken():
                    self._do(number, slot.listening.failed())

    # Turns

    def _open_turn(self, order: Open) -> dict[str, Any]:
        slot = self._open.get(order.turn)
        if slot is not None:
            return {"socket": str(slot.path)}
        recogniser = self._recognisers.get(order.language)
        if recogniser is None:
            raise Refused(f"nobody hears {order.language} here")
        if not self._free:
            self._counts["busy"] += 1
            raise Refused(BUSY)
        grammar = Grammar(order.words, order.repeat)
        try:
            decoding = Decoding(recogniser, grammar, self._threads, partial(self._told, order.turn))
        except RecogniserError as error:
            raise Refused(str(error)) from error
        slot = self._open[order.turn] = self._free.pop()
        slot.drain()
        slot.decoding = decoding
        slot.listening = Listening(order, VoiceDetector(), monotonic())
        self._counts["turns"] += 1
        return {"socket": str(slot.path)}

    def _free_slot(self, number: int) -> None:
        slot = self._open.pop(number, None)
        if slot is not None:
            if slot.decoding is not None:
                slot.decoding.close()
            slot.decoding = slot.listening = None
            self._free.append(slot)

    def _close_all(self) -> None:
        for number in list(self._open):
            self._free_slot(number)

    # The engine

    def _line(self, connection: Connection, line: bytes) -> None:
        try:
            request = SPEECH.decode_request(line)
        except ControlError as error:
            log.error("the engine says what is not understood", error=str(error))
            self._lines.send(connection, wire.encode_error(-1, str(error)))
            return
        if isinstance(request, Ack):
            return  # no event is kept here
        try:
            reply = wire.encode_ok(request.number, self._answer(connection, request))
        except Refused as error:
            reply = wire.encode_error(request.number, str(error))
        self._lines.send(connection, reply)

    def _answer(self, connection: Connection, request: Request) -> dict[str, Any]:
        if isinstance(request.command, Stats):
            return self._counts | {"open": len(self._open), "free": len(self._free)}
        if request.epoch < self._epoch:
            raise Refused(wire.FENCED)
        if isinstance(request.command, Hello):
            return self._hello(connection, request.epoch)
        if connection is not self._engine:
            raise Refused("the first command is hello")
        self._epoch = request.epoch
        match request.command:
            case Open():
                return self._open_turn(request.command)
            case Close(turn):
                self._free_slot(turn)
                return {}
            case _:
                raise Refused("no such command")

    def _hello(self, connection: Connection, epoch: int) -> dict[str, Any]:
        """The newest engine takes over; the turns of the one before are nobody's."""
        if self._engine is not None and self._engine is not connection:
            self._lines.drop(self._engine)
        self._close_all()
        self._epoch, self._engine = epoch, connection
        log.info("engine connected", epoch=epoch)
        return {
            "instance": self._instance,
            "pid": os.getpid(),
            "turns": len(self._slots),
            "languages": sorted(self._recognisers),
        }

    def _gone(self, connection: Connection) -> None:
        if connection is self._engine:
            self._engine = None
            self._close_all()
            log.warning("engine gone")
