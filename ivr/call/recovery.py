"""Media or the engine died and came back: what the caller was hearing is heard again, in the same dialogs."""

from __future__ import annotations

from ivr.call import answering, calling, connecting, hearing, message, transferring
from ivr.call.dialling import let_go, redial, want
from ivr.call.ending import end
from ivr.call.leg import Leg, LegState
from ivr.call.state import Phase, State
from ivr.call.talking import change, connect, join, record, record_on
from ivr.call.waiting import back_to_queue, music, requeue
from ivr.flow.events import Resume
from ivr.media import control as media
from ivr.sip import sdp
from ivr.steps import HangUpLeg, OpenLeg, Reinvite, TakeSeat, Tell


def media_lost(call: State) -> None:
    """The legs' ports are gone, and with them whoever was being called: a seat is given back, a third party let go."""
    if call.phase is Phase.ENDED or not call.media_there:
        return
    call.media_there = False
    hearing.stop(call)
    call.emit("media_lost")
    message.cut(call)
    if call.other is not None:
        transferring.lost(call, "media_lost", 480)
    if call.phase is Phase.OFFERED:
        back_to_queue(call, "media_lost")
    elif call.phase is Phase.CONNECTING:  # the menu connects again, or asks again, when media is back
        connecting.let_go(call)
        connecting.back_to_menu(call, "media_lost")
    elif call.phase in (Phase.SUMMONING, Phase.DIALLING) or (call.phase is Phase.MENU and call.caller_leg.waits):
        end(call, "system", "media_lost")
    for each in call.legs.values():
        each.port = 0


def media_back(call: State) -> None:
    """Another media process is there: a new port for each side."""
    if call.phase is Phase.ENDED or call.media_there:
        return
    call.media_there = True
    for leg in (call.caller_leg, call.seat_leg):
        if leg is not None:
            call.do(OpenLeg(leg.leg))


def leg_failed(call: State, name: str) -> None:
    """Media has no port. Without one for the caller there is no call; without one for a seat the caller waits on."""
    leg = call.legs.get(name)
    if leg is None or call.phase is Phase.ENDED:
        return
    if answering.role(call, leg):
        answering.lost(call, leg, "no_port", 503)
    elif leg is call.aside:
        transferring.lost(call, "no_port", 503)
    elif name in (call.caller, call.line):
        end(call, "system", "busy" if leg.state is LegState.INVITED else "media_lost")


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
        stream = sdp.accept(answer, srtp_key=leg.srtp_key, srtp_required=leg.srtp_required)
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
    if call.underway.message is not None:
        message.go_on(call)
        return
    if call.in_menu:
        call.hear(Resume())
    elif call.phase is Phase.CONNECTING:
        connecting.ringback(call)
    elif call.phase in (Phase.QUEUED, Phase.OFFERED, Phase.TRANSFERRING):
        music(call, call.caller_leg)
    elif call.phase is Phase.TALKING:
        seat = call.seat_leg
        for each in (call.caller_leg, seat):  # the engine may have died before it ended the music that was heard until then
            if each is not None:
                call.do(Tell(media.Stop(each.leg)))
        join(call)
        if new_media:
            record(call)
        elif seat is not None and call.takes:
            record_on(call, seat)


def engine_restarted(call: State) -> None:
    """A new engine read this call from Redis. A ringing seat is cancelled and the caller offered again; whoever else was being
    called is called again; the rest goes on."""
    if call.phase is Phase.ENDED:
        for each in call.legs.values():
            if each.state is LegState.CLOSING:
                call.do(HangUpLeg(each.leg))
        return
    call.emit("engine_restarted")
    for each in call.legs.values():
        if (each.up or each.waits) and each.stream is not None:
            call.do(call.remote(each))
        elif each.state is LegState.INVITED:
            call.do(OpenLeg(each.leg))
    if call.phase is Phase.OFFERED:
        back_to_queue(call, "engine_restarted")
    if call.phase is Phase.QUEUED:
        requeue(call)
    if call.phase is Phase.CONNECTING and call.seat_leg is None:
        connecting.ask(call)
    for leg in call.legs.values():
        if leg.fork_of:  # its seat's telephones are called again, or one of them has answered
            leg.fork_of = ""
            let_go(call, leg)
    for leg in tuple(call.legs.values()):
        if answering.role(call, leg) and not leg.up:
            call_again(call, leg)
    third, aside = call.other_leg, call.aside
    if third is not None and aside is not None and aside.up and call.has_taken(third):
        connect(call, aside, third)
    sound_again(call, new_media=False)


def call_again(call: State, leg: Leg) -> None:
    """Whoever was being called when the engine died. A seat that was only reserved has been given back by Redis meanwhile."""
    if call.phase is Phase.DIALLING and calling.near(call).seat not in call.taken:
        call.do(TakeSeat(calling.near(call).seat))
    elif leg.callee is not None and leg.state is not LegState.NEW:
        redial(call, leg, leg.callee)
    else:
        want(call, leg)
