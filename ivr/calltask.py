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
from pathlib import Path
from typing import Any

import structlog
from redis.exceptions import RedisError

from ivr import steps
from ivr.asking import Asking
from ivr.call import Call, LegState, Phase, message
from ivr.call.answering import NEXT_ADDRESS
from ivr.callees import Callees
from ivr.codes import STUDIO
from ivr.flow.events import LookUp
from ivr.inbox import Inbox
from ivr.listeners import Listeners
from ivr.media.client import MediaError
from ivr.media.control import Close, Play, Played, Stop
from ivr.media.pool import MediaPool, Worker
from ivr.questions import Question
from ivr.registrations import Registrations
from ivr.sip import sdes
from ivr.sip.agent import UserAgent
from ivr.sip.events import Address, Answered, Output, Over, Rejected
from ivr.sip.target import Target
from ivr.steps import Action, Happening
from ivr.studio import Studio
from ivr.trunks import Trunks
from ivr.voicing import Voicing
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
    asking: Asking
    voicing: Voicing
    studio: Studio
    listeners: Listeners
    legs: dict[str, CallTask] = field(default_factory=dict)


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
        self._inbox: Inbox[tuple[Happening | _Tick, int]] = Inbox()
        self._timer: asyncio.TimerHandle | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._plays: dict[str, int] = {}
        """By leg, how often what it hears was ordered anew: an order that was slow to be ready is dropped for a newer one."""
        self._acks: dict[str, Sequence[Output]] = {}
        """Of the legs whose answer is not stored yet."""
        self._targets: dict[str, Target] = {}
        """Of the legs that are called."""

    def tell(self, event: Happening, media_seq: int = 0) -> None:
        """Something happened to the call. media_seq: the number of a media event, to be acknowledged when its effect is
        safe."""
        if isinstance(event, Rejected) and event.status in NEXT_ADDRESS:
            self._failed(event)
        self._inbox.put((event, media_seq))

    def answered(self, event: Answered, acks: Sequence[Output]) -> None:
        """Whom the call calls has answered; `acks` leave when that is stored."""
        self._shared.agent.hold(event.session)
        self._acks[event.session] = acks
        self.tell(event)

    def _failed(self, event: Rejected) -> None:
        leg, target = self.call.legs.get(event.session), self._targets.get(event.session)
        if leg is not None and leg.callee is not None and target is not None:
            self._shared.callees.failed(leg.callee, target.destination, event.retry_after_s)

    def dialled_at(self, leg: str) -> Address | None:
        """Where this leg's INVITE went, None when an earlier engine sent it."""
        target = self._targets.get(leg)
        return target.destination if target is not None else None

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
                    self._act(action)
            else:
                await self._perform(first)
                first = []
            while not self.call.finished:
                first = await self._step(first)
        except (Fenced, asyncio.CancelledError):
            raise
        except Exception:
            # The one broad one: a fault of ours costs this one call, whatever it is, and its record says so.
            log.exception("call failed", call_id=self.call.call_id)
            await self._give_up()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            for task in self._background:
                task.cancel()
            self._shared.listeners.close(self.call.caller)

    async def _step(self, before: list[Action]) -> list[Action]:
        """One step; `before` is what an earlier one left to be stored with this. Returns what this one leaves."""
        actions: list[Action] = []
        media_seqs: list[int] = []
        taken: list[str] = []
        happened = await self._inbox.take(BATCH)
        for event, media_seq in happened:
            now = self._shared.clock()
            actions += self.call.tick(now) if isinstance(event, _Tick) else self.call.receive(event, now)
            if isinstance(event, Answered):
                taken.append(event.session)
            if media_seq:
                media_seqs.append(media_seq)
                self._media_seen = (self.worker.instance, media_seq)
        if before and not actions and not media_seqs and not taken:
            return before  # nothing but what is known of the caller: not worth a write of its own
        if all(isinstance(event, steps.SeatClaimed) for event, _ in happened) and all(
            isinstance(action, steps.Emit | steps.OpenLeg) for action in actions
        ):
            # The claim has put it into Redis that the seat is reserved for this call, and nobody has been told yet. It is
            # stored with the step that dials; who begins again before that gives the seat and the place in line back.
            for action in actions:
                self._act(action)
            self._arm()
            return [*before, *actions]
        await self._perform([a for a in before if not isinstance(a, steps.MediaAction | Question)] + actions, taken)
        for media_seq in media_seqs:
            self.worker.done(media_seq)
        return []

    async def _perform(self, actions: list[Action], taken: Sequence[str] = ()) -> None:
        """Do what is wanted. taken: the legs whose answers are stored with it."""
        sends: list[Output] = [ack for leg in taken for ack in self._acks.pop(leg, ())]
        held = [*taken]
        events: list[Event] = []
        ops: list[Op] = []
        afterwards: list[Action] = []
        for action in actions:
            if isinstance(action, steps.Emit):
                events.append(Event(action.type, action.data))
            elif isinstance(action, steps.Change):
                ops.append(action.op)
            elif steps.is_sip(action):
                sends += self._signal(action)
                self._shared.agent.hold(action.leg)
                held.append(action.leg)
            else:
                afterwards.append(action)
        if actions or taken or (self.call.finished and self._stored):
            await self._commit(tuple(events), tuple(ops))
        for leg in held:
            self._shared.agent.release(leg)
        self._shared.send(sends)
        for action in afterwards:
            self._act(action)
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
            case steps.ProgressCaller(leg, sdp):
                return agent.progress(leg, sdp, now)
            case steps.Dial(leg, callee, sdp):
                try:
                    return agent.invite(leg, self._targets[leg], sdp, now)
                except ValueError as error:
                    log.warning(
                        "an address cannot be dialled",
                        call_id=self.call.call_id,
                        callee=callee.trunk or callee.seat,
                        why=str(error),
                    )
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
            log.error(
                "a step could not be stored", call_id=call.call_id, why=str(error), events=[event.type for event in events]
            )

    def _state(self) -> dict[str, Any]:
        now, agent = self._shared.clock(), self._shared.agent
        return {
            "call": self.call.to_json(now),
            "sessions": [session for leg in self.call.legs if (session := agent.dump(leg, now))],
            "worker": self.worker.index,
            "media_seen": list(self._media_seen),
        }

    def _act(self, action: Action) -> None:
        """What is done after the commit, and by no SIP message."""
        match action:
            case steps.OpenLeg(leg):
                self._spawn(self._open(leg))
            case steps.PlayPrompts():
                self._order(action)
            case steps.Tell(command):
                if isinstance(command, Stop | Close):
                    self._plays[command.leg] = self._plays.get(command.leg, 0) + 1
                self._shared.media.send(self.worker, command)
            case steps.OpenTurn(leg, wish):
                self._spawn(self._shared.listeners.open(self.call.call_id, leg, self.worker, wish, self.tell))
            case steps.CloseTurn(leg):
                self._shared.listeners.close(leg)
            case steps.TakeSeat(seat):
                self._spawn(self._take_seat(seat))
            case _ if isinstance(action, Question):
                self._spawn(self._ask(action))

    def _order(self, order: steps.PlayPrompts) -> None:
        self._plays[order.leg] = turn = self._plays.get(order.leg, 0) + 1
        files = self._shared.voicing.ready(order.prompts, order.language, self._shared.catalogues)
        if files is None:
            self._spawn(self._play_later(order, turn))
        else:
            self._play(order, files)

    async def _play_later(self, order: steps.PlayPrompts, turn: int) -> None:
        files = await self._shared.voicing.files(order.prompts, order.language, self._shared.catalogues)
        if self._plays[order.leg] == turn:
            self._play(order, files)

    def _play(self, order: steps.PlayPrompts, files: tuple[str, ...]) -> None:
        if files:
            self._shared.media.send(self.worker, Play(order.leg, order.play, files, order.loop))
        else:  # nothing of it can be said: it has been heard
            self.tell(Played(order.leg, order.play, False))

    async def _ask(self, question: Question) -> None:
        arrival = self.call.arrival
        if isinstance(question, LookUp) and question.lookup == STUDIO and not arrival.logged:
            self.tell(await self._shared.studio.answer(question, Path(arrival.recordings, message.last(self.call))))
            return
        answer = await self._shared.asking.answer(question, self.call.call_id, self.worker)
        if answer is not None:
            self.tell(answer)

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
            log.warning("no media for a leg", call_id=self.call.call_id, leg=leg, why=str(error))
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
        targets = await self._shared.callees.targets(leg.callee, caller=self.call.arrival.caller.number)
        if not targets:
            return None
        if targets[1:]:
            self.tell(steps.MoreTelephones(name, tuple(target.uri for target in targets[1:])))
        self._targets[name] = targets[0]
        return targets[0].destination

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.call.deadline()
        if deadline is not None and not self.call.finished:
            delay = max(0.0, deadline - self._shared.clock())
            self._timer = asyncio.get_running_loop().call_later(delay, self._inbox.put, (_TICK, 0))

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
            log.exception("the end of a failed call could not be stored", call_id=call.call_id)
        self._shared.send(sends)
