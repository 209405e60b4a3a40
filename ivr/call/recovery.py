"""Media or the engine died and came back: what the caller was hearing is heard again, in the same dialogs."""

from __future__ import annotations

from ivr.call.ending import end
from ivr.call.leg import Leg
from ivr.call.menu import flow
from ivr.call.state import Phase, State
from ivr.call.talking import change, join, record, record_on
from ivr.call.waiting import back_to_queue, music
from ivr.flow.run import Resume
from ivr.sip import sdp
from ivr.steps import CancelDial, Change, HangUpLeg, OpenLeg, Reinvite
from routing.commit import Requeue


def media_lost(call: State) -> None:
    """The legs' ports are gone. A seat that was ringing is given back."""
    if call.phase is Phase.ENDED or not call.media_there:
        return
    call.media_there = False
    call.emit("media_lost")
    leg = call.seat_leg
    if call.phase is Phase.OFFERED and leg is not None:
        if leg.closing:
            call.do(CancelDial(leg.leg))
        back_to_queue(call, "media_lost", set_aside_s=0.0)
    for each in call.legs.values():
        each.port = 0


def media_back(call: State) -> None:
    """Another media process is there: a new port for each side."""
    if call.phase is Phase.ENDED or call.media_there:
        return
    call.media_there = True
    seat = call.seat_leg
    for leg in call.legs.values():
        if leg is call.caller_leg or (leg is seat and leg.up):
            call.do(OpenLeg(leg.leg))


def reopened(call: State, leg: Leg) -> None:
    """A leg that is in a call has a new port: the peer is told by re-INVITE; where it listens has not changed."""
    offer_again(call, leg)
    if leg.stream is not None:
        call.do(call.remote(leg))
    if all(each.port for each in call.legs.values() if each.up):
        call.emit("media_back")
        sound_again(call, new_media=True)


def offer_again(call: State, leg: Leg) -> None:
    """Re-INVITE with the leg's port."""
    if leg.up and leg.port:
        leg.sdp_version += 1
        call.do(Reinvite(leg.leg, sdp.offer(**call.sdp_terms(leg))))


def reinvite_answered(call: State, name: str, answer: bytes) -> None:
    """The peer took our offer."""
    leg = call.legs.get(name)
    if leg is None or not leg.up:
        return
    try:
        stream = sdp.accept(answer)
    except sdp.SdpError:
        end(call, "system", "no_common_codec")
        return
    change(call, leg, stream)


def reinvite_rejected(call: State, name: str, status: int, *, owner: bool) -> None:
    """After glare it is tried again: 2.1 to 4 s later by the owner of the Call-ID, up to 2 s later by the other (RFC 3261
    14.1)."""
    leg = call.legs.get(name)
    if leg is None or not leg.up:
        return
    if status in (491, 500):
        call.timers[f"reinvite:{name}"] = call.now + (3.0 if owner else 1.0)
    else:
        # The peer keeps sending to a port that is gone: this talk can't be saved.
        end(call, "system", "media_lost")


def sound_again(call: State, *, new_media: bool) -> None:
    """What the caller was hearing is heard again. Without new media this repeats commands that media may have missed."""
    if call.phase is Phase.MENU:
        flow(call, call.flow.receive(Resume(), call.now))
    elif call.phase in (Phase.QUEUED, Phase.OFFERED):
        music(call, call.caller_leg)
    elif call.phase is Phase.TALKING:
        join(call)
        seat = call.seat_leg
        if new_media:
            record(call)
        elif seat is not None and call.takes:
            record_on(call, seat)


def engine_restarted(call: State) -> None:
    """A new engine read this call from Redis. A ringing seat is cancelled and the caller offered again; the rest goes on."""
    if call.phase is Phase.ENDED:
        for each in call.legs.values():
            if each.closing:
                call.do(HangUpLeg(each.leg))
        return
    call.emit("engine_restarted")
    for each in call.legs.values():
        if each.up and each.stream is not None:
            call.do(call.remote(each))
    if call.phase is Phase.ARRIVED and not call.caller_leg.up:
        call.do(OpenLeg(call.caller_leg.leg))
        return
    leg = call.seat_leg
    if call.phase is Phase.OFFERED and leg is not None:
        if leg.closing:
            call.do(CancelDial(leg.leg))
        back_to_queue(call, "engine_restarted", set_aside_s=0.0)
    if call.phase is Phase.QUEUED:
        call.do(Change(Requeue(call.queue)))
    sound_again(call, new_media=False)
