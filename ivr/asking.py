"""[io] Answers what calls ask: about their caller, their queue, whom a number reaches, what the company's systems know. Every
answer comes within its time, or says that nobody knows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog

from ivr import questions
from ivr.dialplan import Callee, DialPlan, Refused
from ivr.flow.events import AskQueue, LookedUp, LookUp, QueueSeen
from ivr.media.client import MediaError
from ivr.media.control import Recording
from ivr.media.pool import MediaPool, Worker
from ivr.questions import Question
from ivr.steps import Happening
from routing.line import Line
from routing.store import Store

if TYPE_CHECKING:
    from ivr.lookupclient import LookupClient

QUEUE_S = 1.0

log = structlog.get_logger(__name__)


class Asking:
    """One node's. lookups: None where the settings name no system; queues: by seat, the queue whose terms its talks follow."""

    def __init__(
        self, store: Store, plan: DialPlan, queues: Mapping[str, str], lookups: LookupClient | None, media: MediaPool
    ) -> None:
        self._store = store
        self._plan = plan
        self._queues = queues
        self._lookups = lookups
        self._media = media

    async def answer(self, question: Question, call_id: str, worker: Worker) -> Happening | None:
        """What the call is to be told; None: nothing, for its question has a bound of its own."""
        match question:
            case questions.AskCaller(number):
                return await self._caller(number)
            case questions.AskRoom(entry, queue):
                line = await self._line(queue, call_id)
                return questions.RoomSeen(entry, line is not None and line.turned_away)
            case questions.AskPlace(entry, queue):
                line = await self._line(queue, call_id)
                place = (None, None) if line is None else (line.position, line.wait_s)
                return questions.PlaceSeen(entry, *place)
            case AskQueue(number, queue):
                line = await self._line(queue)
                return None if line is None else QueueSeen(number, line.waiting, line.ready, line.wait_s)
            case questions.FindCallee():
                return self._callee(question)
            case questions.EndMessage(recording, path):
                return await self._end_message(recording, path, worker)
            case LookUp():
                return LookedUp(question.number, None) if self._lookups is None else await self._lookups.ask(question)

    async def _caller(self, number: str) -> questions.CallerKnown | None:
        known = await self._store.caller(number)
        if known is None:
            return None
        before = known.get("calls", "")
        return questions.CallerKnown({**known, "calls": str(int(before) + 1 if before.isdecimal() else 1)})

    async def _line(self, queue: str, call_id: str = "") -> Line | None:
        try:
            async with asyncio.timeout(QUEUE_S):
                return await self._store.line(queue, call_id)
        except TimeoutError:
            return None

    def _callee(self, question: questions.FindCallee) -> questions.CalleeFound:
        to = question.to
        if question.kind == "seat":
            return questions.CalleeFound(to, self._plan.seats.get(to, Refused("invalid")), self._queues.get(to, ""))
        way: Callee | Refused = self._plan.outgoing(to, trunk=question.trunk)
        if isinstance(way, Refused):
            log.warning("a menu's call out is refused", why=way.why, trunk=question.trunk)
        return questions.CalleeFound(to, way)

    async def _end_message(self, recording: str, path: str, worker: Worker) -> Recording:
        try:
            return Recording(recording, "stopped", path, await self._media.stop_record(worker, recording))
        except MediaError as error:
            return Recording(recording, "failed", str(error))
