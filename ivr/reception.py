"""[io] Where calls begin: an INVITE becomes a call with a task of its own, and whatever concerns the call finds its way to
that task."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import asdict
from math import ceil
from typing import Any

import structlog

from ivr import codes
from ivr.admission import Rate
from ivr.arrivals import new_arrival
from ivr.call import Call
from ivr.callers import Refusal
from ivr.callsout import CallsOut
from ivr.calltask import BUSY_RETRY_S, CallTask, Shared
from ivr.config import Settings
from ivr.edits import Edits
from ivr.flow.hearing import Ears
from ivr.flow.model import Document
from ivr.media.control import Message, Quality, Recording, Snapshot, Unheard
from ivr.media.pool import Worker
from ivr.menus import Menus
from ivr.openings import Openings
from ivr.sip import events as sip
from ivr.sip.number import Caller, normalise
from ivr.steps import Action, EngineRestarted, MediaBack, MediaLost, Shutdown
from ivr.strangers import Strangers
from ivr.tasks import end
from routing.events import QUALITY_SEQ, Event
from routing.store import LiveCall, RedisAway, UnknownSeat

GARBAGE_EVERY_S, GARBAGE_HOSTS = 60.0, 1000
UNREADABLE = (LookupError, TypeError, ValueError, AttributeError)
"""What reading raises where it finds other things than it looks for."""

log = structlog.get_logger(__name__)


class Reception:
    """The node's live calls, by id and by leg."""

    def __init__(
        self,
        settings: Settings,
        shared: Shared,
        menus: Menus,
        openings: Openings,
        strangers: Strangers,
        ears: Ears | None,
        edits: Edits,
    ) -> None:
        """ears: speech, where it is to be had."""
        self._settings = settings
        self._shared = shared
        self._menus = menus
        self._openings = openings
        self._ears = ears
        self._strangers = strangers
        self._queues = edits.queues
        self._trunks = {trunk.name: trunk for trunk in settings.trunks}
        self._seats = {seat.number: seat for seat in settings.seats}
        self._rate = Rate(settings.sip.max_call_rate)
        self.calls_out = CallsOut(settings, shared, menus, self._room, self._begin, edits)
        self._group: asyncio.TaskGroup | None = None
        self.tasks: dict[str, CallTask] = {}
        """Live calls by call id."""
        self._garbage_from: dict[str, float] = {}
        self._closing = False
        self._restored: set[str] = set()
        """Calls of the engine before, until media is connected and they can go on."""
        self._unread: list[str] = []
        """Sessions of calls of the engine before that can't go on."""

    def open(self, group: asyncio.TaskGroup) -> None:
        """Begin; tasks run in `group`, those of restored calls among them."""
        self._group = group
        for task in self.tasks.values():
            self._start(task, [])

    async def close(self, grace_s: float, *, hang_up: bool) -> None:
        """Take no more steps, and no more calls. With `hang_up` every call is ended, and its last messages have so long."""
        self._closing = True
        log.info("engine stops", calls=len(self.tasks), hang_up=hang_up)
        running = [task.running for task in self.tasks.values() if task.running is not None]
        if hang_up and running:
            for task in self.tasks.values():
                task.tell(Shutdown())
            await asyncio.wait(running, timeout=grace_s)
        await end(running)

    # What comes in

    def on_sip(self, event: sip.Event) -> None:
        """From the user agent."""
        match event:
            case sip.Garbage(source, why):
                self._garbage(source.host, why)
            case sip.Banned(host, reason, seconds):
                log.warning("an address is banned", source=host, reason=reason, seconds=seconds)
            case sip.Replied():
                self._shared.trunks.on_reply(event)
            case sip.RegisterRequested():
                self._spawn(self._register(event), "register")
            case sip.Invited():
                self._invited(event)
            case sip.Rejected() if event.contacts:
                task = self._shared.legs.get(event.session)
                if task is not None:
                    self.calls_out.redirected(event, task)
            case sip.Referred():
                task = self._shared.legs.get(event.session)
                if task is not None:
                    self.calls_out.referred(event, task)
            case _:
                task = self._shared.legs.get(event.session)
                if task is not None:
                    task.tell(event)

    def on_answered(self, event: sip.Answered, acks: Sequence[sip.Send]) -> None:
        """Whom we called has answered; the ACK leaves when the call has stored it."""
        task = self._shared.legs.get(event.session)
        if task is not None:
            task.answered(event, acks)
        else:
            self._shared.send(acks)

    def on_media(self, worker: Worker, seq: int, message: Message) -> None:
        """From a media process. An event that a call has dealt with before is only acknowledged."""
        if isinstance(message, Quality):
            self._spawn(self._quality(message), "quality")
            worker.done(seq)
            return
        if isinstance(message, Unheard):
            heard = self._shared.legs.get(message.leg)
            call_id = heard.call.call_id if heard is not None else ""
            log.warning("frames were dropped", call_id=call_id, frames=message.frames, dropped=message.dropped)
            worker.done(seq)
            return
        if isinstance(message, Recording):
            task = self.tasks.get(message.recording.rpartition("-")[0])
        else:
            task = self._shared.legs.get(message.leg)
        if task is None or task.seen(seq):
            worker.done(seq)
        else:
            task.tell(message, seq)

    async def _quality(self, quality: Quality) -> None:
        """How a leg's sound was goes into the call's record, perhaps after its end: 0 for who called, n for the n-th telephone
        that was called."""
        _, called, number = quality.leg.rpartition(f"{quality.call}.s")
        task = self.tasks.get(quality.call)
        if not called and task is not None and quality.leg != next(iter(task.call.legs)):
            return  # a second line
        seq = QUALITY_SEQ + (int(number) if called else 0)
        data = {key: value for key, value in asdict(quality).items() if key not in ("leg", "call")}
        await self._shared.store.note(quality.call, Event("quality", data), seq)

    def on_snapshot(self, worker: Worker, snapshot: Snapshot) -> None:
        """Connected to a media process: legs it should have and has not are opened again, legs that nobody knows are closed."""
        self._shared.media.close_strays(worker, snapshot, set(self.tasks))
        for call_id in sorted(worker.calls):
            task = self.tasks[call_id]
            if call_id in self._restored:
                self._restored.discard(call_id)
                task.tell(EngineRestarted())
            if any((leg.up or leg.waits) and leg.leg not in snapshot.legs for leg in task.call.legs.values()):
                task.tell(MediaLost())
                task.tell(MediaBack())

    def _garbage(self, host: str, why: str) -> None:
        if self._is_news(host):
            log.info("garbage on the SIP port", source=host, why=why)

    def _is_news(self, host: str) -> bool:
        """Whether what a stranger did is to be logged: once a host and while, and of so many hosts, whatever comes."""
        now = self._shared.clock()
        if now < self._garbage_from.get(host, 0.0):
            return False
        if len(self._garbage_from) >= GARBAGE_HOSTS:
            self._garbage_from = {known: until for known, until in self._garbage_from.items() if now < until}
            if len(self._garbage_from) >= GARBAGE_HOSTS:
                return False
        self._garbage_from[host] = now + GARBAGE_EVERY_S
        return True

    async def _register(self, event: sip.RegisterRequested) -> None:
        try:
            self._shared.send(await self._shared.registrations.register(event))
        except RedisAway:
            self._shared.send(self._shared.agent.refuse_register(event.request, 503, self._shared.clock(), BUSY_RETRY_S))

    # A call begins

    def _invited(self, event: sip.Invited) -> None:
        if self._closing:
            self._refuse(event, 503, "Service Unavailable")
            return
        if event.replaces:
            self._refuse(event, 603, "")  # talks are handed on by REFER, which the talking seat sends
            return
        seat = event.party.kind == "seat"
        code = codes.for_number(self._settings.codes, event.called) if seat else None
        if code is not None:
            self._spawn(self._seat_code(event, code), "seat code")
            return
        wanted = codes.to_record(self._settings.codes, self._seats[event.party.name], event.called) if seat else None
        if wanted is not None:
            self._take(event, self._caller(event), codes.recording(wanted, event.party.name), "", logged=False)
            return
        hotline = self._hotline(event)
        menu = self._menus.get(hotline)
        if menu is not None:
            caller = self._caller(event)
            # Who withholds the number is still kept out by it, where the trunk asserts it.
            refusal = None if seat else self._refusal(event)
            if refusal is not None:
                self._turn_away(event, caller, refusal)
            elif self._room():
                self._take(event, caller, menu.document, hotline, version=menu.number)
            else:
                self._refuse(event, 503, "Service Unavailable")
        elif seat:
            if not self._room():
                self._refuse(event, 503, "Service Unavailable")
            elif not self.calls_out.dialled(event, self.tasks.values()):
                self._take(event, self._caller(event), codes.document("unknown_code"), "", logged=False)
        else:
            if self._is_news(event.source.host):
                log.info("a called number leads nowhere", trunk=event.party.name, called=event.called)
            self._refuse(event, 404, "Not Found")

    def _room(self) -> bool:
        """Whether one more call may come."""
        if len(self.tasks) >= self._settings.sip.max_calls:
            log.warning("busy: the call limit is reached", limit=self._settings.sip.max_calls)
        elif not self._rate.admits(self._shared.clock()):
            log.warning("busy: calls come too fast", limit_per_s=self._settings.sip.max_call_rate)
        else:
            return True
        return False

    def _refuse(self, event: sip.Invited, status: int, reason: str, retry_after: int | None = None) -> None:
        """retry_after: the seconds after which one may call again; a 503 always names some."""
        if status == 503:
            retry_after = BUSY_RETRY_S
        self._shared.send(
            self._shared.agent.reject(event.session, status, reason, self._shared.clock(), retry_after=retry_after)
        )

    def _hotline(self, event: sip.Invited) -> str:
        """The hotline of the dialled landing number, "" for none; a seat may dial any of them."""
        trunks = self._trunks.values() if event.party.kind == "seat" else [self._trunks[event.party.name]]
        return next((trunk.numbers[event.called] for trunk in trunks if event.called in trunk.numbers), "")

    async def _seat_code(self, event: sip.Invited, code: codes.Code) -> None:
        try:
            await self._shared.store.set_status(event.party.name, code.status, code.reason)
        except RedisAway:
            self._refuse(event, 503, "Service Unavailable")
            return
        except UnknownSeat:
            log.error("a seat of the settings is not known to Redis: another node has other settings", seat=event.party.name)
            self._refuse(event, 404, "Not Found")
            return
        log.info("seat changes its status", seat=event.party.name, status=code.status)
        self._take(event, self._caller(event), codes.document(code.prompt), "", logged=False)

    def _caller(self, event: sip.Invited) -> Caller:
        if event.party.kind == "seat":
            return Caller(event.party.name, dialable=False)
        return Caller("", dialable=False) if event.private else self._number(event)

    def _number(self, event: sip.Invited) -> Caller:
        return normalise(event.asserted or event.caller, self._trunks[event.party.name].home_area_code)

    def _refusal(self, event: sip.Invited) -> Refusal | None:
        limited = self._trunks[event.party.name].limit_callers
        return self._strangers.refuses(self._number(event).number, limited=limited)

    def _turn_away(self, event: sip.Invited, caller: Caller, refusal: Refusal) -> None:
        """Before the answer, so that it costs nothing; the supervisor sees it in the console."""
        log.info("a caller is turned away", why=refusal.why, reason=refusal.reason, left_s=refusal.left_s)
        # Who is on the block list need not know until when.
        again_s = refusal.left_s if refusal.why == "too_many_calls" else None
        self._refuse(event, self._settings.callers.status, "", None if again_s is None else ceil(again_s))
        call = {"called": event.called, "trunk": event.party.name, "province": caller.province, "city": caller.city}
        self._spawn(self._strangers.tell_refused(caller.number, refusal, call), "refused")

    def _take(
        self,
        event: sip.Invited,
        caller: Caller,
        document: Document,
        hotline: str,
        *,
        version: int = 0,
        logged: bool = True,
    ) -> None:
        if hotline:
            self._shared.voicing.warm(document)
        trunk = self._trunks[event.party.name] if event.party.kind == "trunk" else None
        arrival = new_arrival(
            self._settings,
            caller,
            trunk="" if trunk is None else trunk.name,
            in_band_dtmf="auto" if trunk is None else trunk.in_band_dtmf,
            early_media=trunk is not None and trunk.early_media,
            hotline=hotline,
            called=event.called,
            diverted=event.diverted,
            reference=event.reference,
            menu_version=version,
            logged=logged,
        )
        now = self._shared.clock()
        self._begin(*Call.arrive(arrival, event.session, event.offer, document, self._queues, now, self._openings, self._ears))

    def _begin(self, call: Call, actions: list[Action]) -> None:
        task = CallTask(call, self._shared.media.assign(call.call_id), self._shared)
        self._add(task)
        self._start(task, actions)

    async def restore(self, live: LiveCall) -> None:
        """Go on with a call of the engine before; call it before open(). It runs its own version of the menu; one whose menu is
        gone is told goodbye. One that can't be read, as another version of ours may have stored it, costs no other call
        anything: it ends, is owed a call if its caller waited, and hang_up_unread() tells its telephones. Raises RedisAway."""
        sessions: list[str] = []
        try:
            now = self._shared.clock()
            for session in live.state["sessions"]:
                sessions.append(self._shared.agent.restore(session, now))
            call = await self._read(live)
            worker, (instance, last) = int(live.state["worker"]), live.state["media_seen"]
        except UNREADABLE:
            log.exception("a call can't be gone on with: what is stored of it can't be read", call_id=live.call_id)
            await self._shared.store.give_up(live.call_id)
            self._unread += filter(None, sessions)
            return
        self._restored.add(live.call_id)
        took = self._shared.media.take_back(live.call_id, worker)
        self._add(CallTask(call, took, self._shared, version=live.version, media_seen=(instance, last)))

    async def _read(self, live: LiveCall) -> Call:
        saved = live.state["call"]
        own = saved["document"]
        if own is not None:
            document: Document | None = Document.model_validate(own)
        else:
            document = await self._menus.at(saved["arrival"]["hotline"], saved["arrival"].get("menu_version", 0))
        menu = document or codes.document("goodbye")
        return Call.from_json(saved, menu, self._queues, self._shared.clock(), live.elapsed_s, self._openings, self._ears)

    def hang_up_unread(self) -> None:
        """Once the transport has started: end what is left of calls that restore() could not read."""
        for session in self._unread:
            self._shared.send(self._shared.agent.bye(session, self._shared.clock()))
            self._shared.agent.forget(session)
        self._unread.clear()

    def _add(self, task: CallTask) -> None:
        self.tasks[task.call.call_id] = task
        for leg in task.call.legs:
            self._shared.legs[leg] = task

    def _start(self, task: CallTask, actions: list[Action]) -> None:
        task.running = self._spawn(task.run(actions), task.call.call_id)
        task.running.add_done_callback(lambda _: self._over(task))

    def _over(self, task: CallTask) -> None:
        del self.tasks[task.call.call_id]
        self._restored.discard(task.call.call_id)
        task.worker.calls.discard(task.call.call_id)
        for leg in task.call.legs:
            self._shared.legs.pop(leg, None)
            self._shared.agent.forget(leg)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        assert self._group is not None, "the reception is not open"
        return self._group.create_task(work, name=name)
