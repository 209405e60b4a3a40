"""[io] Calls that seats make: from their telephones, because another part of the system asks for it, and by transfers. The dial
plan decides what may go out; every refusal is logged."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import structlog

from ivr import codes
from ivr.arrivals import new_arrival
from ivr.call import Arrival, Call, Kind, Leg, LegState, Phase
from ivr.calltask import CallTask, Shared
from ivr.config import Settings
from ivr.dialplan import Callee, Destination, Refused, ToHotline
from ivr.edits import Edits
from ivr.menus import Menus
from ivr.redirection import FOLLOWED, follow
from ivr.sip import events as sip
from ivr.sip.events import Address
from ivr.sip.number import Caller, normalise
from ivr.steps import Action, Consulting, Redirected, TransferAsked
from routing import diallings
from routing.commit import Commit, Dialled
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
        edits: Edits,
    ) -> None:
        self._settings = settings
        self._shared = shared
        self._menus = menus
        self._room = room
        self._begin = begin
        self._plan = settings.dial_plan
        self._queues = edits.queues
        self._seats = edits.seats

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
        became = Dialled("over", diallings.outcome(Phase.SUMMONING.value, why, result), why)
        await self._shared.store.commit(Commit(request.call_id, 1, None, {}, events, (became,)))

    def _originate(self, request: CallRequest, seat: Callee, way: Callee) -> None:
        asked = {"call_id": request.call_id, "callback_id": request.callback_id, "asked": True}
        arrival = self._arrival(self._number(request.number), way, **asked)
        queue, now = self._queue(request.seat), self._shared.clock()
        self._begin(*Call.originate(arrival, seat, way, queue, SILENCE, self._queues, now))

    async def follow_requests(self) -> None:
        """For ever: carry out what is asked for."""
        async for request in self._shared.store.requests():
            await self.requested(request)

    def referred(self, event: sip.Referred, task: CallTask) -> None:
        """A REFER: what it names goes to its call."""
        to = self._resolve(event.user, task.call.seat) if not event.replaces else Refused("invalid")
        menu = self._menus.get(to.hotline) if isinstance(to, ToHotline) else None
        if isinstance(to, ToHotline) and menu is None:
            to = Refused("invalid")
        document, version = (menu.document, menu.number) if menu is not None else (None, 0)
        task.tell(TransferAsked(event.session, event.refer, event.user, to, event.replaces, document, version))

    def redirected(self, event: sip.Rejected, task: CallTask) -> None:
        """A 3xx: whom else to call goes to the call. One that may lead nowhere is a refusal."""
        leg = task.call.legs.get(event.session)
        callee = leg.callee if leg is not None else None
        targets: tuple[Callee, ...] = ()
        if callee is not None and event.status in FOLLOWED:
            answered = task.dialled_at(event.session)

            def inside(trunk: str, address: Address) -> bool:
                elsewhere = answered is None or answered[:2] != address[:2]
                return elsewhere and self._shared.agent.peers.includes(trunk, address.host)

            targets = follow(
                self._plan,
                callee,
                event.status,
                event.contacts,
                trunk=self._trunk(callee.seat),
                caller_id=self._caller_id(callee.seat),
                inside=inside,
            )
        if targets:
            task.tell(Redirected(event.session, event.status, targets))
        else:
            log.warning("a redirection is not followed", call_id=task.call.call_id, status=event.status)
            task.tell(event)

    def _trunk(self, seat: str) -> str:
        """What a seat's calls out go through, "" for the first trunk that lets a number out."""
        return self._seats[seat].trunk if seat in self._seats else ""

    def _resolve(self, number: str, seat: str) -> Destination:
        found = self._plan.resolve(number, trunk=self._trunk(seat), caller_id=self._caller_id(seat))
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

    def _arrival(self, caller: Caller, callee: Callee, **asked: Any) -> Arrival:
        kind = Kind.INTERNAL if callee.seat else Kind.OUTBOUND
        called = callee.seat or callee.caller_id
        return new_arrival(
            self._settings,
            caller,
            trunk=callee.trunk,
            hotline="",
            called=called,
            kind=kind,
            **asked,
        )
