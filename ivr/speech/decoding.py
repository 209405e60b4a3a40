"""[io] Decoding in threads: each turn's work in order, by one thread at a time; the loop that hands it out never waits."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import soxr
import structlog

from ivr.media.g711 import decode
from ivr.media.rtp import SAMPLE_RATE
from ivr.speech.listening import Decode, Finish, Forget
from ivr.speech.phrases import final, spellings
from ivr.speech.recogniser import Grammar, Heard, Recogniser, RecogniserError, Turn

_NOTHING = decode("PCMA", b"")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Partial:
    """What was decoded so far is, or is not, all that can be said."""

    complete: bool


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to Finish(number)."""

    number: int
    heard: Heard


@dataclass(frozen=True, slots=True)
class Broken:
    """The recogniser failed."""


Outcome = Partial | Result | Broken


class Threads:
    """As many as there are cores; turns take turns."""

    def __init__(self) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(cores, thread_name_prefix="decode")
        self._cores = cores
        self._lock = threading.Lock()
        self._wanted = 0  # submitted and not done

    @property
    def idle(self) -> bool:
        """Whether nobody waits for a thread."""
        return self._wanted <= self._cores

    def submit(self, work: Callable[[], None]) -> None:
        """Have it done, after what was submitted before."""
        with self._lock:
            self._wanted += 1
        self._pool.submit(work).add_done_callback(self._done)

    def _done(self, done: Future[None]) -> None:
        with self._lock:
            self._wanted -= 1
        _log_fault(done)

    def close(self) -> None:
        """Nothing more; what is being done comes to its end."""
        self._pool.shutdown(cancel_futures=True)


def _log_fault(done: Future[None]) -> None:
    """A fault of ours costs its turn, which is told that it is slow."""
    if not done.cancelled() and (error := done.exception()) is not None:
        log.error("decoding has a fault", exc_info=error)


class Decoding:
    """One turn's decoding: put() what is to be done; `told` is called from a thread with what came of it."""

    def __init__(self, recogniser: Recogniser, grammar: Grammar, threads: Threads, told: Callable[[Outcome], None]) -> None:
        """Raises RecogniserError when none of the grammar's phrases can be said with this model."""
        spelt = spellings(grammar.phrases, recogniser.vocabulary())
        if grammar.phrases and not spelt:
            raise RecogniserError("the model knows none of these words")
        self._recogniser = recogniser
        self._grammar = grammar
        self._threads = threads
        self._told = told
        self._lock = threading.Lock()
        self._orders: deque[Decode | Forget | Finish] = deque()
        self._busy = self._closed = False
        # Of the threads only:
        self._turn: Turn | None = None
        self._resample: soxr.ResampleStream | None = None
        self._kept = bytearray()
        self._complete = False
        self._spelt = {} if grammar.repeat else spelt

    def put(self, order: Decode | Forget | Finish) -> None:
        """Do this after what was put before."""
        with self._lock:
            self._orders.append(order)
            if self._busy:
                return
            self._busy = True
        self._threads.submit(self._work)

    def close(self) -> None:
        """Nothing of it is wanted any more."""
        with self._lock:
            self._closed = True
            self._orders.clear()

    # In a thread

    def _work(self) -> None:
        with self._lock:
            orders = list(self._orders)
            self._orders.clear()
        try:
            self._do(orders)
        except RecogniserError as error:
            log.error("decoding failed", error=str(error))
            self._told(Broken())
            self.close()
        with self._lock:
            self._busy = more = bool(self._orders)
            if self._closed:
                self._turn = self._resample = None
        if more:
            self._threads.submit(self._work)  # behind the other turns

    def _do(self, orders: list[Decode | Forget | Finish]) -> None:
        sound = bytearray()
        for order in orders:
            if self._closed:
                return
            if isinstance(order, Decode):
                sound += order.sound
                continue
            if isinstance(order, Forget):
                sound.clear()
                self._forget()
                continue
            self._hear(sound)
            sound.clear()
            turn, self._turn = self._turn or self._begin(), None
            if self._resample is not None:
                turn.hear(self._resample.resample_chunk(_NOTHING, last=True).tobytes())
            self._told(Result(order.number, turn.result(again=self._threads.idle)))
        self._hear(sound)

    def _hear(self, sound: bytearray) -> None:
        if not sound:
            return
        if self._turn is None:  # the first words, or more after what seemed to be the end: from the begin again
            self._turn = self._begin()
            sound = self._kept + sound
            self._kept.clear()
        self._kept += sound
        samples = decode("PCMA", sound)
        self._turn.hear((samples if self._resample is None else self._resample.resample_chunk(samples)).tobytes())
        if self._spelt:
            complete = final(self._turn.partial().split(), self._spelt)
            if complete != self._complete:
                self._complete = complete
                self._told(Partial(complete))

    def _forget(self) -> None:
        self._turn = None
        self._kept.clear()
        if self._complete:
            self._complete = False
            self._told(Partial(False))

    def _begin(self) -> Turn:
        rate = self._recogniser.rate_hz
        self._resample = None if rate == SAMPLE_RATE else soxr.ResampleStream(SAMPLE_RATE, rate, 1, dtype="int16")
        return self._recogniser.turn(self._grammar)
