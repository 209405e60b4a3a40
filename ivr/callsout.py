"""[io] Calls that seats make: from their telephones, because another part of the system asks for it, and by transfers. The dial
plan decides what may go out; every refusal is logged."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import structlog

from ivr import codes
from ivr.arrivals import new_arrival
from ivr.call import Arrival, Call, Kind, Leg, LegState, Phase
from ivr.calltask import CallTask, Shared
from ivr.config import Settings
from ivr.dialplan import Callee, Destination, Refused, ToHotline
from ivr.menus import Menus
from ivr.sip import events as sip
from ivr.sip.number import Caller, normalise
from ivr.steps import Action, Consulting, TransferAsked
from routing.commit import Commit
from routing.events import Event
from routing.requests import CallRequest

REQUEST_LASTS_S = 60.0
"""A request that found no engine for so long is dropped: nobody expects that call any more."""
SILENCE = codes.document("goodbye")
"""The menu of a call that has none."""

log = structlog.get_logger(__name__)


class CallsOut:
    """Begins them. `room` says whether one more call may come; `begin` starts a call's task."""

    def __init__(
        self,
        settings: Settings,
        shared: Shared,
        menus: Menus,
        room: Callable[[], bool],
        begin: Callable[[Call, list[Action]], None],
    ) -> None:
        self._settings = settings
        self._shared = shared
        self._menus = menus
        self._room = room
        self._begin = begin
        self._plan = settings.dial_plan
        self._queues = {queue.name: queue for queue in settings.queues}
        self._seats = {seat.number: seat for seat in settings.seats}

    def dialled(self, event: sip.Invited, tasks: Iterable[CallTask]) -> bool:
        """A seat dials a colleague or out; from its second line when it talks in one of `tasks`. False where its number leads
        nowhere at all: it is told so."""
        seat = event.party.name
        callee = self._resolve(event.called, seat)
        if isinstance(callee, Refused) and callee.why in ("not_allowed", "premium", "foreign", "caller_id"):
            self._shared.send(self._shared.agent.reject(event.session, callee.status, "", self._shared.clock()))
            return True
        if not isinstance(callee, Callee):
            return False
        for task in tasks:
            if task.call.seat == seat and task.call.phase is Phase.TALKING:
                self._shared.legs[event.session] = task
                task.tell(Consulting(event.session, event.offer, callee))
                return True
        leg = Leg(event.session, seat, LegState.INVITED, offer=event.offer)
        arrival = self._arrival(Caller(seat, dialable=False) if callee.seat else self._number(event.called), callee)
        now = self._shared.clock()
        self._begin(*Call.dialled(arrival, leg, callee, self._queue(seat), SILENCE, self._queues, now))
        return True

    async def requested(self, request: CallRequest) -> None:
        """Somebody wants a seat to call a number."""
        seat = self._plan.seats.get(request.seat)
        way = self._plan.outgoing(request.number, trunk=request.trunk, caller_id=self._caller_id(request.seat))
        if time.time() - request.at > REQUEST_LASTS_S:
            await self._refuse(request, "expired", "not_called")
        elif seat is None:
            await self._refuse(request, "no_such_seat", "not_called")
        elif isinstance(way, Refused):
            await self._refuse(request, way.why, "invalid" if way.why == "invalid" else "refused")
        elif not self._room():
            await self._refuse(request, "busy", "not_called")
        else:
            self._originate(request, seat, way)

    async def _refuse(self, request: CallRequest, why: str, result: str) -> None:
        """The refusal is a call of its own in the log."""
        log.warning("a call out is refused", call_id=request.call_id, seat=request.seat, why=why)
        number = self._number(request.number)
        started = {
            "kind": Kind.OUTBOUND.value,
            "node": self._settings.node,
            "trunk": request.trunk,
            "caller": number.number,
            "dialable": number.dialable,
            "seat": request.seat,
            "callback_id": request.callback_id,
        }
        ended = {"by": "system", "reason": why, "phase": Phase.SUMMONING.value, "result": result, "seat": request.seat}
        events = (Event("outbound_started", started), Event("ended", ended))
        await self._shared.store.commit(Commit(request.call_id, 1, None, {}, events))

    def _originate(self, request: CallRequest, seat: Callee, way: Callee) -> None:
        arrival = self._arrival(self._number(request.number), way, call_id=request.call_id, callback_id=request.callback_id)
        queue, now = self._queue(request.seat), self._shared.clock()
        self._begin(*Call.originate(arrival, seat, way, queue, SILENCE, self._queues, now))

    async def follow_requests(self) -> None:
        """For ever: carry out what is asked for."""
        async for request in self._shared.store.requests():
            await self.requested(request)

    def referred(self, event: sip.Referred, task: CallTask) -> None:
        """A REFER: what it names goes to its call."""
        to = self._resolve(event.user, task.call.seat) if not event.replaces else Refused("invalid")
        document = self._menus.get(to.hotline) if isinstance(to, ToHotline) else None
        if isinstance(to, ToHotline) and document is None:
            to = Refused("invalid")
        task.tell(TransferAsked(event.session, event.refer, event.user, to, event.replaces, document))

    def _resolve(self, number: str, seat: str) -> Destination:
        trunk = self._seats[seat].trunk if seat in self._seats else ""
        found = self._plan.resolve(number, trunk=trunk, caller_id=self._caller_id(seat))
        if isinstance(found, Refused):
            log.warning("a call out is refused", seat=seat, why=found.why)
        return found

    def _queue(self, seat: str) -> str:
        """The queue whose terms a seat's own calls follow."""
        queues = self._seats[seat].queues
        return queues[0] if queues else ""

    def _caller_id(self, seat: str) -> str:
        queue = self._queues.get(self._queue(seat)) if seat in self._seats else None
        return queue.caller_id if queue is not None else ""

    def _number(self, dialled: str) -> Caller:
        """Whom a seat calls, as a caller from there would be known."""
        known = normalise(dialled, next((trunk.home_area_code for trunk in self._settings.trunks), None))
        return known if known.number else Caller(dialled, dialable=False)

    def _arrival(self, caller: Caller, callee: Callee, *, call_id: str = "", callback_id: str = "") -> Arrival:
        kind = Kind.INTERNAL if callee.seat else Kind.OUTBOUND
        called = callee.seat or callee.caller_id
        return new_arrival(
            self._settings,
            caller,
            call_id=call_id,
            trunk=callee.trunk,
            hotline="",
            called=called,
            kind=kind,
            callback_id=callback_id,
        )
