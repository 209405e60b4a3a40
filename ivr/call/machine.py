"""The call's machine: which event leads where. What is done there stands in the phases' own modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self, assert_never

from ivr.call import (
    announcing,
    answering,
    calling,
    connecting,
    dialling,
    early,
    ending,
    hearing,
    leaving,
    menu,
    message,
    offering,
    recovery,
    redirecting,
    talking,
    transferring,
    waiting,
)
from ivr.call.arrival import Arrival, Kind
from ivr.call.leg import Leg, LegState
from ivr.call.state import WAIT_PLAY, Phase, State, Times
from ivr.dialplan import Callee
from ivr.flow.events import Key, LookedUp, Misheard, NotHearing, PromptDone, QueueSeen, SpeechBegan, Words
from ivr.flow.hearing import Ears
from ivr.flow.model import Document
from ivr.flow.node import Openings
from ivr.flow.run import NO_OPENINGS, FlowRun
from ivr.media import control as media
from ivr.questions import AskCaller, CalleeFound, CallerKnown, PlaceSeen, RoomSeen
from ivr.sections import Queue
from ivr.sip import events as sip
from ivr.sip import sdp
from ivr.steps import (
    Action,
    Consulting,
    EngineRestarted,
    Happening,
    LegFailed,
    LegOpened,
    MediaBack,
    MediaLost,
    MoreTelephones,
    OpenLeg,
    Redirected,
    SeatBusy,
    SeatClaimed,
    SeatTaken,
    Shutdown,
    Tell,
    TransferAsked,
    Unreachable,
)


class Call(State):
    """A call. Create it with `arrive`, `dialled` or `originate`, feed it with `receive` and `tick`, put it down with
    `to_json`."""

    @classmethod
    def arrive(
        cls,
        arrival: Arrival,
        leg: str,
        offer: bytes,
        document: Document,
        queues: Mapping[str, Queue],
        now: float,
        openings: Openings = NO_OPENINGS,
        ears: Ears | None = None,
    ) -> tuple[Self, list[Action]]:
        """A call comes in; `offer` is the SDP of its INVITE, empty for a late offer."""
        legs = {leg: Leg(leg, state=LegState.INVITED, offer=offer)}
        run = FlowRun(document, openings, ears)
        call = cls(arrival, run, queues, legs, Times(now), leg, now=now, openings=openings, ears=ears)
        call.do(OpenLeg(leg))
        caller = arrival.caller
        if arrival.logged and caller.number:
            call.do(AskCaller(caller.number))
        call.emit(
            "arrived",
            node=arrival.node,
            trunk=arrival.trunk,
            hotline=arrival.hotline,
            called=arrival.called,
            caller=caller.number,
            dialable=caller.dialable,
            province=caller.province,
            city=caller.city,
            **({"diverted": list(arrival.diverted)} if arrival.diverted else {}),
            **({"reference": arrival.reference} if arrival.reference else {}),
        )
        return call, call.take()

    @classmethod
    def dialled(
        cls,
        arrival: Arrival,
        leg: Leg,
        callee: Callee,
        queue: str,
        document: Document,
        queues: Mapping[str, Queue],
        now: float,
    ) -> tuple[Self, list[Action]]:
        """A seat's telephone dials, by its `leg`, a colleague (a Kind.INTERNAL call) or an outside number. `queue`: the seat's,
        whose ring time, wrap-up and recording it follows."""
        call = cls(arrival, FlowRun(document), queues, {leg.leg: leg}, Times(now), "", Phase.DIALLING, now=now)
        far = dialling.new_leg(call, callee)
        if arrival.kind is Kind.INTERNAL:
            call.caller, call.line, call.seat = leg.leg, far.leg, far.seat
        else:
            call.caller, call.line, call.seat, call.queue = far.leg, leg.leg, leg.seat, queue
        calling.begin(call)
        return call, call.take()

    @classmethod
    def originate(
        cls,
        arrival: Arrival,
        seat: Callee,
        callee: Callee,
        queue: str,
        document: Document,
        queues: Mapping[str, Queue],
        now: float,
    ) -> tuple[Self, list[Action]]:
        """A seat is to call somebody: its own telephone is called first. `queue` as in dialled()."""
        call = cls(arrival, FlowRun(document), queues, {}, Times(now), "", Phase.SUMMONING, queue, seat.seat, now=now)
        call.line = dialling.new_leg(call, seat).leg
        call.caller = dialling.new_leg(call, callee).leg
        calling.begin(call)
        return call, call.take()

    def receive(self, event: Happening, now: float) -> list[Action]:
        """Something happened; events that no longer fit give []."""
        self.now = now
        match event:
            case LegOpened():
                self._leg_opened(event)
            case LegFailed(leg):
                recovery.leg_failed(self, leg)
            case sip.Acknowledged(leg, answer, reinvite):
                if reinvite and answer:
                    recovery.reinvite_answered(self, leg, answer)
                elif not reinvite:
                    self._acknowledged(leg, answer)
            case media.Digit(leg, digit) | sip.Digit(leg, digit):
                if leg == self.caller and (self.in_menu or waiting.is_way_out(self, digit)):
                    self.hear(Key(digit))
                else:
                    answering.pressed(self, leg, digit)
            case media.Played(_, play):
                if play == self.playing:
                    self.playing = None
                if self.in_menu and play > 0:  # also when a file could not be played: the menu goes on
                    self.hear(PromptDone(play))
                elif play == WAIT_PLAY:
                    announcing.heard(self)
            case SpeechBegan() | Words() | Misheard() | NotHearing():
                hearing.heard(self, event)
            case LookedUp() | QueueSeen():
                self.hear(event)
            case RoomSeen():
                waiting.room_seen(self, event)
            case PlaceSeen():
                announcing.place_seen(self, event)
            case CalleeFound():
                connecting.found(self, event)
            case CallerKnown(values):
                self.underway.known = values
            case SeatClaimed(callee, skipped):
                offering.seat_claimed(self, callee, skipped)
            case SeatTaken(seat):
                answering.seat_had(self, seat)
            case SeatBusy(seat):
                answering.seat_busy(self, seat)
            case MoreTelephones(leg, contacts):
                answering.more_telephones(self, leg, contacts)
            case Unreachable(leg):
                answering.unreachable(self, leg)
            case sip.Progressed(leg, _):
                answering.rings(self, leg)
            case sip.Answered(leg, answer):
                answering.answered(self, leg, answer)
            case Redirected(leg, status, targets):
                redirecting.redirected(self, leg, status, targets)
            case sip.Rejected(leg, status):
                answering.refused(self, leg, status, event.retry_after_s)
            case sip.Cancelled(leg):
                leaving.cancelled(self, leg)
            case sip.HungUp(leg, cause):
                leaving.hung_up(self, leg, cause)
            case sip.Broken(leg, why):
                leaving.broken(self, leg, why)
            case sip.Over(leg):
                leaving.over(self, leg)
            case sip.Reinvited(leg, offer):
                talking.reinvited(self, leg, offer)
            case sip.ReinviteAnswered(leg, answer):
                recovery.reinvite_answered(self, leg, answer)
            case sip.ReinviteRejected(leg, status, owner):
                recovery.reinvite_rejected(self, leg, status, owner=owner)
            case Consulting():
                transferring.consult(self, event)
            case TransferAsked():
                transferring.asked(self, event)
            case media.Silent(leg):
                leaving.silent(self, leg)
            case media.Recording(_, what, detail):
                if message.is_of(self, event):
                    message.noticed(self, event)
                elif what in ("gap", "failed", "low_space"):
                    self.emit("recording_gap", detail=f"{what}: {detail}")
            case MediaLost():
                recovery.media_lost(self)
            case MediaBack():
                recovery.media_back(self)
            case EngineRestarted():
                recovery.engine_restarted(self)
            case Shutdown():
                ending.end(self, "system", "shutdown")
            case _:  # pragma: no cover
                assert_never(event)
        menu.hear(self)
        hearing.settle(self)
        return self.take()

    def deadline(self) -> float | None:
        """When tick() is wanted, or None."""
        times = [at for name, at in self.timers.items() if self._applies(name)]
        flow = self.flow.deadline() if self.in_menu else None
        if flow is not None:
            times.append(flow)
        return min(times, default=None)

    def tick(self, now: float) -> list[Action]:
        """Time passed: timers that are due run out in their order."""
        self.now = now
        for name in sorted((n for n, at in self.timers.items() if at <= now and self._applies(n)), key=self.timers.__getitem__):
            if self.timers.pop(name, None) is None:
                continue  # an earlier one ended it
            kind, _, leg = name.partition(":")
            if kind == "ring":
                answering.no_answer(self, leg)
            elif kind == "queue":
                waiting.time_limit(self)
            elif kind == "announce":
                announcing.due(self)
            elif kind == "early":
                early.take(self)
            else:
                recovery.offer_again(self, self.legs[leg])
            menu.hear(self)
        if self.in_menu:
            menu.flow(self, self.flow.tick(now))
        hearing.settle(self)
        return self.take()

    def _applies(self, timer: str) -> bool:
        """The queue's limit and its announcements rest while a seat rings: they are looked at again when the caller comes
        back."""
        return timer not in ("queue", "announce") or self.phase is Phase.QUEUED

    def _leg_opened(self, opened: LegOpened) -> None:
        leg = self.legs.get(opened.leg)
        if leg is None or self.phase is Phase.ENDED or leg.state in (LegState.CLOSING, LegState.OVER):
            self.do(Tell(media.Close(opened.leg)))
            return
        leg.port, leg.host = opened.port, opened.host
        leg.srtp_key, leg.srtp_required = opened.srtp_key, opened.srtp_required
        if leg.up:
            recovery.reopened(self, leg)
        elif leg.state is LegState.INVITED and self.phase is Phase.ARRIVED:
            menu.take(self, leg)
        elif leg.state is LegState.INVITED:
            self._port_for_a_seat(leg)
        elif leg.state is LegState.NEW and answering.role(self, leg):
            dialling.dial(self, leg)

    def _port_for_a_seat(self, leg: Leg) -> None:
        """A seat that dials has its port: should the other have answered already, they are joined now."""
        third = self.other_leg
        if leg is self.aside and third is not None and self.has_taken(third):
            transferring.taken(self)
        elif self.phase is Phase.DIALLING and self.has_taken(calling.far(self)):
            calling.taken(self)

    def _acknowledged(self, name: str, answer: bytes) -> None:
        """The ACK of our 200, with the peer's answer if the offer was ours."""
        leg = self.legs.get(name)
        if leg is None or not leg.up:
            return
        if answer and leg.stream is None:
            try:
                leg.accept(answer)
            except sdp.SdpError:
                leaving.gone(self, leg, "system", "no_common_codec")
                return
            self.do(self.remote(leg))
        leg.offer = b""
        if self.phase is Phase.ARRIVED:
            menu.begin(self)
