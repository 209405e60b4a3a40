"""The call's machine: which event leads where. What is done there stands in the phases' own modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from ivr.call import ending, menu, offering, recovery, talking
from ivr.call.leg import Leg
from ivr.call.state import Arrival, Phase, State, Times
from ivr.config import Queue
from ivr.flow.model import Document
from ivr.flow.run import FlowRun, Key, PromptDone
from ivr.media import control as media
from ivr.sip import events as sip
from ivr.steps import (
    Action,
    EngineRestarted,
    Happening,
    LegFailed,
    LegOpened,
    MediaBack,
    MediaLost,
    OpenLeg,
    SeatClaimed,
    SeatUnreachable,
    Shutdown,
    Tell,
)


class Call(State):
    """A caller's call. Create it with `arrive`, feed it with `receive` and `tick`, put it down with `to_json`."""

    @classmethod
    def arrive(
        cls, arrival: Arrival, leg: str, offer: bytes, document: Document, queues: Mapping[str, Queue], now: float
    ) -> tuple[Self, list[Action]]:
        """A call comes in; `offer` is the SDP of its INVITE, empty for a late offer."""
        call = cls(arrival, FlowRun(document), queues, {leg: Leg(leg)}, Times(now), offer=offer, now=now)
        call.do(OpenLeg(leg))
        caller = arrival.caller
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
        )
        return call, call.take()

    def receive(self, event: Happening, now: float) -> list[Action]:
        """Something happened; events that no longer fit give []."""
        self.now = now
        match event:
            case LegOpened(leg, port):
                self._leg_opened(leg, port)
            case LegFailed(leg):
                menu.leg_failed(self, leg)
            case sip.Acknowledged(leg, answer, reinvite):
                if reinvite and answer:
                    recovery.reinvite_answered(self, leg, answer)
                elif not reinvite:
                    menu.acknowledged(self, answer)
            case media.Digit(leg, digit) | sip.Digit(leg, digit):
                if self.phase is Phase.MENU and leg == self.caller_leg.leg:
                    menu.flow(self, self.flow.receive(Key(digit), now))
            case media.Played(_, play):
                if self.phase is Phase.MENU and play > 0:  # also when a file could not be played: the menu goes on
                    menu.flow(self, self.flow.receive(PromptDone(play), now))
            case SeatClaimed(seat, skipped):
                offering.seat_claimed(self, seat, skipped)
            case SeatUnreachable(leg):
                offering.rejected(self, leg, 480)
            case sip.Progressed(leg, _):
                offering.seat_rings(self, leg)
            case sip.Answered(leg, answer):
                offering.seat_answered(self, leg, answer)
            case sip.Rejected(leg, status):
                offering.rejected(self, leg, status)
            case sip.Cancelled():
                ending.end(self, "caller", ending.reason_of_hangup(self))
            case sip.HungUp(leg):
                ending.hung_up(self, leg)
            case sip.Broken(leg, why):
                ending.broken(self, leg, why)
            case sip.Over(leg):
                ending.bye_answered(self, leg)
            case sip.Reinvited(leg, offer):
                talking.reinvited(self, leg, offer)
            case sip.ReinviteAnswered(leg, answer):
                recovery.reinvite_answered(self, leg, answer)
            case sip.ReinviteRejected(leg, status, owner):
                recovery.reinvite_rejected(self, leg, status, owner=owner)
            case media.Silent(leg, seconds):
                ending.silent(self, leg, seconds)
            case media.Recording(_, what, detail):
                if what in ("gap", "failed", "low_space"):
                    self.emit("recording_gap", detail=f"{what}: {detail}")
            case MediaLost():
                recovery.media_lost(self)
            case MediaBack():
                recovery.media_back(self)
            case EngineRestarted():
                recovery.engine_restarted(self)
            case Shutdown():
                ending.end(self, "system", "shutdown")
        return self.take()

    def deadline(self) -> float | None:
        """When tick() is wanted, or None."""
        times = [at for name, at in self.timers.items() if self._applies(name)]
        flow = self.flow.deadline() if self.phase is Phase.MENU else None
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
                offering.no_answer(self)
            elif kind == "queue":
                menu.time_limit(self)
            else:
                recovery.offer_again(self, self.legs[leg])
        if self.phase is Phase.MENU:
            menu.flow(self, self.flow.tick(now))
        return self.take()

    def _applies(self, timer: str) -> bool:
        """The queue's limit rests while a seat rings: it is looked at again when the caller comes back."""
        return timer != "queue" or self.phase is Phase.QUEUED

    def _leg_opened(self, name: str, port: int) -> None:
        leg = self.legs.get(name)
        stale = leg is not None and leg.seat and not leg.up and leg is not self.seat_leg
        if leg is None or stale or self.phase is Phase.ENDED:
            self.do(Tell(media.Close(name)))
            return
        leg.port = port
        if leg.up:
            recovery.reopened(self, leg)
        elif leg.seat:
            offering.dial(self, leg)
        else:
            menu.answer(self, leg)
