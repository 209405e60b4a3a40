"""[io] One call's task: what happens goes in, the call decides, and what it wants is done.

Each step in this order: the call's new state, events, queue and seat changes are in Redis (or, while Redis is away, in the
journal); then SIP messages leave; then media is told. A crash between any two of them is mended by the next engine
(Call.receive(EngineRestarted())).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from redis.exceptions import RedisError

from ivr import steps
from ivr.call import Call, LegState, Phase
from ivr.call.answering import NEXT_ADDRESS
from ivr.callees import Callees
from ivr.media.client import MediaError
from ivr.media.control import Close, Play
from ivr.media.pool import MediaPool, Worker
from ivr.registrations import Registrations
from ivr.sip import sdes
from ivr.sip.agent import UserAgent
from ivr.sip.events import Address, Output, Over, Rejected
from ivr.sip.target import Target
from ivr.steps import Action, Happening
from ivr.trunks import Trunks
from prompts.catalogue import Catalogue
from routing.commit import Commit, Op
from routing.events import Event
from routing.store import Fenced, Store

BUSY_RETRY_S = 10
"""Retry-After of a 503."""
BATCH = 32
"""So many happenings are taken in one step, with one write to Redis."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Shared:
    """What all calls of a node share. `send` puts datagrams on the wire and hands on events; `legs` finds a leg's call."""

    store: Store
    agent: UserAgent
    send: Callable[[Sequence[Output]], None]
    registrations: Registrations
    callees: Callees
    media: MediaPool
    catalogues: Mapping[str, Catalogue]
    clock: Callable[[], float]
    trunks: Trunks
    legs: dict[str, CallTask] = field(default_factory=dict)

    def files(self, names: Sequence[str], language: str) -> tuple[str, ...]:
        """The WAV files of prompts. Raises PromptMissing."""
        return tuple(str(path) for path in self.catalogues[language].paths(names))


@dataclass(frozen=True, slots=True)
class _Tick:
    """The call's deadline has come."""


_TICK = _Tick()


class CallTask:
    """Runs one call until nothing of it is left."""

    def __init__(
        self, call: Call, worker: Worker, shared: Shared, *, version: int = 0, media_seen: tuple[str, int] = ("", 0)
    ) -> None:
        self.call = call
        self.worker = worker
        self.version = version
        self.running: asyncio.Task[None] | None = None
        self._stored = version > 0
        self._media_seen = media_seen
        self._shared = shared
        self._inbox: asyncio.Queue[tuple[Happening | _Tick, int]] = asyncio.Queue()
        self._timer: asyncio.TimerHandle | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._targets: dict[str, Target] = {}
        """Of the legs that are called."""
        self._log = log.bind(call_id=call.call_id)

    def tell(self, event: Happening, media_seq: int = 0) -> None:
        """Something happened to the call. media_seq: the number of a media event, to be acknowledged when its effect is
        safe."""
        if isinstance(event, Rejected) and event.status in NEXT_ADDRESS:
            self._failed(event.session)
        self._inbox.put_nowait((event, media_seq))

    def _failed(self, name: str) -> None:
        leg, target = self.call.legs.get(name), self._targets.get(name)
        if leg is not None and leg.callee is not None and target is not None:
            self._shared.callees.failed(leg.callee, target.destination)

    def seen(self, media_seq: int) -> bool:
        """Whether this media event was dealt with before the engine died."""
        instance, last = self._media_seen
        return instance == self.worker.instance and media_seq <= last

    async def run(self, first: list[Action]) -> None:
        """Until the call is over. Raises Fenced when another engine owns the call."""
        try:
            if self.worker.connected.is_set() and not any(isinstance(action, steps.TakeSeat) for action in first):
                # Nobody has been told anything yet: the arrival is stored with the step that opens or refuses it.
                for action in first:
                    self._tell_media(action)
            else:
                await self._perform(first)
                first = []
            while not self.call.finished:
                await self._step(first)
                first = []
        except (Fenced, asyncio.CancelledError):
            raise
        except Exception:  # noqa: BLE001 - the one broad one: whatever fails, the call's end is written
            # A fault of ours costs this one call, and its record says so.
            self._log.exception("call failed")
            await self._give_up()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            for task in self._background:
                task.cancel()

    async def _step(self, before: Sequence[Action]) -> None:
        """One step; `before` is what an earlier one left to be stored with this."""
        actions: list[Action] = [action for action in before if not isinstance(action, steps.MediaAction)]
        media_seqs: list[int] = []
        batch = [await self._inbox.get()]
        while not self._inbox.empty() and len(batch) < BATCH:
            batch.append(self._inbox.get_nowait())
        for event, media_seq in batch:
            now = self._shared.clock()
            actions += self.call.tick(now) if isinstance(event, _Tick) else self.call.receive(event, now)
            if media_seq:
                media_seqs.append(media_seq)
                self._media_seen = (self.worker.instance, media_seq)
        await self._perform(actions)
        for media_seq in media_seqs:
            self.worker.done(media_seq)

    async def _perform(self, actions: list[Action]) -> None:
        sends: list[Output] = []
        held: list[str] = []
        events: list[Event] = []
        ops: list[Op] = []
        for action in actions:
            match action:
                case steps.Emit(kind, data):
                    events.append(Event(kind, data))
                case steps.Change(op):
                    ops.append(op)
                case steps.OpenLeg() | steps.PlayPrompts() | steps.Tell() | steps.TakeSeat():
                    pass
                case _:
                    sends += self._signal(action)
                    self._shared.agent.hold(action.leg)
                    held.append(action.leg)
        if actions or (self.call.finished and self._stored):
            await self._commit(tuple(events), tuple(ops))
        for leg in held:
            self._shared.agent.release(leg)
        self._shared.send(sends)
        for action in actions:
            if isinstance(action, steps.TakeSeat):
                self._spawn(self._take_seat(action.seat))
            else:
                self._tell_media(action)
        self._arm()

    def _signal(self, action: steps.SipAction) -> list[Output]:
        """Have the user agent prepare the message. It leaves after the commit."""
        agent, now = self._shared.agent, self._shared.clock()
        match action:
            case steps.AnswerCaller(leg, sdp):
                return agent.answer(leg, sdp, now)
            case steps.RejectCaller(leg, status, reason):
                return agent.reject(leg, status, reason, now, retry_after=BUSY_RETRY_S if status == 503 else None)
            case steps.RingCaller(leg):
                return agent.ring(leg, now)
            case steps.Dial(leg, callee, sdp):
                try:
                    return agent.invite(leg, self._targets[leg], sdp, now)
                except ValueError as error:
                    self._log.warning("an address cannot be dialled", callee=callee.trunk or callee.seat, why=str(error))
                    self.tell(steps.Unreachable(leg))
                    return []
            case steps.CancelDial(leg):
                return self._closing(leg, agent.cancel(leg, now))
            case steps.HangUpLeg(leg):
                return self._closing(leg, agent.bye(leg, now))
            case steps.ConfirmBye(leg):
                return agent.confirm_bye(leg, now)
            case steps.Reinvite(leg, sdp):
                return agent.reinvite(leg, sdp, now)
            case steps.AnswerReinvite(leg, sdp):
                return agent.answer_reinvite(leg, sdp, now)
            case steps.RejectReinvite(leg, status):
                return agent.reject_reinvite(leg, status, now)
            case steps.AcceptRefer(leg, refer):
                return agent.accept_refer(leg, refer, now)
            case steps.NotifyRefer(leg, refer, status):
                return agent.notify_refer(leg, refer, status, now)
            case steps.RefuseRefer(leg, refer, status):
                return agent.refuse_refer(leg, refer, status, now)

    def _closing(self, leg: str, outputs: list[Output]) -> list[Output]:
        """What ends a leg. Where its dialog is gone already, nothing will come that says so."""
        if not outputs and not self._shared.agent.knows(leg):
            self.tell(Over(leg))
        return outputs

    async def _commit(self, events: tuple[Event, ...], ops: tuple[Op, ...]) -> None:
        self.version += 1
        call = self.call
        state = None if call.finished else self._state()
        self._stored = state is not None
        try:
            await self._shared.store.commit(Commit(call.call_id, self.version, state, call.summary, events, ops))
        except OSError as error:
            # Redis is away and the journal's disk is full or broken: the callers' talks are worth more than this record.
            self._log.error("a step could not be stored", why=str(error), events=[event.type for event in events])

    def _state(self) -> dict[str, Any]:
        now, agent = self._shared.clock(), self._shared.agent
        return {
            "call": self.call.to_json(now),
            "sessions": [session for leg in self.call.legs if (session := agent.dump(leg, now))],
            "worker": self.worker.index,
            "media_seen": list(self._media_seen),
        }

    def _tell_media(self, action: Action) -> None:
        media = self._shared.media
        match action:
            case steps.OpenLeg(leg):
                self._spawn(self._open(leg))
            case steps.PlayPrompts(leg, play, names, language, loop):
                media.send(self.worker, Play(leg, play, self._shared.files(names, language), loop))
            case steps.Tell(command):
                media.send(self.worker, command)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _take_seat(self, seat: str) -> None:
        taken = await self._shared.store.take_seat(seat, self.call.call_id)
        self.tell(steps.SeatTaken(seat) if taken else steps.SeatBusy(seat))

    async def _open(self, leg: str) -> None:
        self._shared.legs[leg] = self
        peer = await self._peer(leg)
        if peer is None:
            self.tell(steps.Unreachable(leg))
            return
        listener = self._shared.agent.listener(peer)
        try:
            port = await self._shared.media.open(self.worker, leg, self.call.call_id, listener.media_bind)
        except MediaError as error:
            self._log.warning("no media for a leg", leg=leg, why=str(error))
            self.tell(steps.LegFailed(leg, str(error)))
        else:
            key = "" if listener.srtp == "off" else sdes.key(secrets.token_bytes(sdes.KEY_BYTES))
            host, required = listener.media_host(peer.host), listener.srtp == "required"
            self.tell(steps.LegOpened(leg, port, host, key, required))

    async def _peer(self, name: str) -> Address | None:
        """Where the leg's telephone is, None for one that can't be reached."""
        leg = self.call.legs[name]
        if leg.callee is None or leg.state is not LegState.NEW:
            return self._shared.agent.peer(name)
        target = await self._shared.callees.target(leg.callee, caller=self.call.arrival.caller.number)
        if target is None:
            return None
        self._targets[name] = target
        return target.destination

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.call.deadline()
        if deadline is not None and not self.call.finished:
            delay = max(0.0, deadline - self._shared.clock())
            self._timer = asyncio.get_running_loop().call_later(delay, self._inbox.put_nowait, (_TICK, 0))

    async def _give_up(self) -> None:
        """The call's own logic failed: hang up, free what it held, and write its end."""
        agent, now = self._shared.agent, self._shared.clock()
        sends: list[Output] = []
        for leg in self.call.legs:
            agent.release(leg)
            sends += [*agent.cancel(leg, now), *agent.bye(leg, now)]
            self._shared.media.send(self.worker, Close(leg))
        call = self.call
        data = {"by": "system", "reason": "internal_error", "phase": call.phase.value, "queue": call.queue, "seat": call.seat}
        self.version += 1
        events = () if call.phase is Phase.ENDED else (Event("ended", {**data, "wait_s": call.wait_s(), "talk_s": 0.0}),)
        try:
            await self._shared.store.commit(Commit(call.call_id, self.version, None, call.summary, events, ()))
        except (RedisError, OSError):
            self._log.exception("the end of a failed call could not be stored")
        self._shared.send(sends)
