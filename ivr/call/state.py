"""What a call remembers, and how it is put down and picked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self

from ivr.call.arrival import Arrival, Kind
from ivr.call.leg import Leg, LegState
from ivr.call.underway import Underway
from ivr.flow.events import FlowEvent, Listen
from ivr.flow.hearing import Ears
from ivr.flow.model import Document
from ivr.flow.node import Openings
from ivr.flow.run import NO_OPENINGS, FlowRun
from ivr.media import control as media
from ivr.sections import Queue
from ivr.sip import sdp
from ivr.sip.number import Caller
from ivr.steps import Action, Change, Emit, Tell
from routing.commit import FreeSeat

MUSIC_PLAY = -1
ANNOUNCEMENT_PLAY = -2
WAIT_PLAY = -3
"""Play numbers of the call's own; the menu's are positive."""


class Phase(StrEnum):
    """Where a call is."""

    ARRIVED = "ARRIVED"
    MENU = "MENU"
    QUEUED = "QUEUED"
    OFFERED = "OFFERED"
    SUMMONING = "SUMMONING"
    DIALLING = "DIALLING"
    CONNECTING = "CONNECTING"
    TALKING = "TALKING"
    TRANSFERRING = "TRANSFERRING"
    RATING = "RATING"
    ENDED = "ENDED"


FOLLOWS: Mapping[Phase, frozenset[Phase]] = {
    # inbound
    Phase.ARRIVED: frozenset({Phase.MENU, Phase.ENDED}),
    Phase.MENU: frozenset({Phase.QUEUED, Phase.CONNECTING, Phase.ENDED}),
    Phase.QUEUED: frozenset({Phase.OFFERED, Phase.MENU, Phase.ENDED}),
    Phase.OFFERED: frozenset({Phase.TALKING, Phase.QUEUED, Phase.ENDED}),
    Phase.CONNECTING: frozenset({Phase.TALKING, Phase.MENU, Phase.ENDED}),
    Phase.RATING: frozenset({Phase.QUEUED, Phase.CONNECTING, Phase.ENDED}),
    # outbound: the seat's own telephone first; then, and where the seat itself has dialled, the other's
    Phase.SUMMONING: frozenset({Phase.DIALLING, Phase.ENDED}),
    Phase.DIALLING: frozenset({Phase.TALKING, Phase.ENDED}),
    # all
    Phase.TALKING: frozenset({Phase.TRANSFERRING, Phase.QUEUED, Phase.MENU, Phase.RATING, Phase.ENDED}),
    Phase.TRANSFERRING: frozenset({Phase.TALKING, Phase.QUEUED, Phase.ENDED}),
    Phase.ENDED: frozenset(),
}


@dataclass(slots=True)
class Times:
    """Moments of a call on its own clock, None until they come."""

    began: float
    queued: float | None = None
    talking: float | None = None
    talked: float = 0.0
    """Seconds of talks before the caller was put in line again."""


@dataclass(slots=True)
class Other:
    """A third party, on `leg`: the talking `seat` consults it from its second line `aside`, or the caller is being transferred
    to it as the REFER `refer`, which came by leg `by`, asks."""

    leg: str
    seat: str
    aside: str = ""
    refer: str = ""
    by: str = ""


@dataclass(slots=True)
class Turn:
    """What the menu wants to hear now. open: a recogniser was asked for it."""

    wish: Listen
    open: bool = False


@dataclass
class State:
    """The data of a call and the few verbs that all phases share."""

    arrival: Arrival
    flow: FlowRun
    queues: Mapping[str, Queue]
    legs: dict[str, Leg]
    times: Times
    caller: str
    """Name of the caller's leg."""
    phase: Phase = Phase.ARRIVED
    queue: str = ""
    seat: str = ""
    """Agent number of the seat that is dialled or talking."""
    line: str = ""
    """Name of that seat's leg, or of the outside party's that the seat has transferred the caller to."""
    other: Other | None = None
    taken: list[str] = field(default_factory=list)
    """Seats that Redis holds for this call."""
    dials: int = 0
    """Telephones called so far; numbers their legs."""
    takes: int = 0
    """Recordings begun so far; each media process writes its own, and each seat has its own."""
    sent_away: bool = False
    """The queue's time limit sent the caller back: a return call is owed however the call ends."""
    media_there: bool = True
    underway: Underway = field(default_factory=Underway)
    result: str = ""
    """What became of an outbound call: reached, busy, no_answer, refused, invalid; not_called: its seat could not be had."""
    timers: dict[str, float] = field(default_factory=dict)
    """"queue", "announce", "early", "ring:<leg>", "reinvite:<leg>" to when they run out."""
    now: float = 0.0
    openings: Openings = field(default_factory=lambda: NO_OPENINGS)
    """Working hours, as they are now; not put down with the call."""
    ears: Ears | None = None
    """Speech, where it is to be had; not put down either,"""
    turn: Turn | None = None
    playing: int | None = None
    """nor who is heard, and what of the menu's plays meanwhile: it is said again."""
    heard: list[FlowEvent] = field(default_factory=list, repr=False)
    """What happened in this step that the menu is to hear, once the step's own work is done."""
    _out: list[Action] = field(default_factory=list, repr=False)

    # What the shell sees

    @property
    def call_id(self) -> str:
        return self.arrival.call_id

    @property
    def caller_leg(self) -> Leg:
        return self.legs[self.caller]

    @property
    def seat_leg(self) -> Leg | None:
        """The telephone of the seat that is dialled or talking, or of whom the seat has transferred the caller to."""
        return self.legs.get(self.line)

    @property
    def other_leg(self) -> Leg | None:
        """The third party's telephone."""
        return self.legs[self.other.leg] if self.other is not None else None

    @property
    def aside(self) -> Leg | None:
        """The second line on which the seat consults somebody."""
        return self.legs.get(self.other.aside) if self.other is not None else None

    @property
    def in_menu(self) -> bool:
        """Whether the caller is in a menu: what happens is the interpreter's."""
        return self.phase in (Phase.MENU, Phase.RATING)

    @property
    def finished(self) -> bool:
        """Ended, and every last message is answered: nothing is left to keep."""
        return self.phase is Phase.ENDED and not any(leg.state is LegState.CLOSING for leg in self.legs.values())

    @property
    def summary(self) -> dict[str, str | float]:
        """What the floor shows of a live call."""
        caller = self.arrival.caller
        return {
            "kind": self.arrival.kind.value,
            "phase": self.phase.value,
            "trunk": self.arrival.trunk,
            "hotline": self.arrival.hotline,
            "called": self.arrival.called,
            "caller": caller.number,
            "place": caller.province if caller.city == caller.province else caller.province + caller.city,
            "queue": self.queue,
            "seat": self.seat,
            "menu": self.flow.title,
            "since": self.arrival.started_at,
            **({} if self.times.queued is None else {"waited_s": self.wait_s()}),
        }

    def has_taken(self, leg: Leg) -> bool:
        """Whether somebody has taken the call there: answered, and confirmed it where that is needed."""
        return leg.up and f"ring:{leg.leg}" not in self.timers

    # What the phases share

    def do(self, action: Action) -> None:
        """This is to be done, after what was said before."""
        self._out.append(action)

    def hear(self, event: FlowEvent) -> None:
        """The menu's interpreter is to hear of this."""
        self.heard.append(event)

    def take(self) -> list[Action]:
        """Hand out what is to be done."""
        out, self._out = self._out, []
        return out

    def go(self, phase: Phase) -> None:
        assert phase in FOLLOWS[self.phase], f"{self.phase} to {phase}"
        self.phase = phase

    def emit(self, kind: str, /, **data: Any) -> None:
        if self.arrival.logged:
            self.do(Emit(kind, data))

    def free(self, seat: str, *, wrap_up_s: float = 0.0, set_aside_s: float = 0.0, reason: str = "") -> None:
        """The seat is no longer this call's."""
        if seat in self.taken:
            self.taken.remove(seat)
        self.do(Change(FreeSeat(seat, wrap_up_s=wrap_up_s, set_aside_s=set_aside_s, reason=reason)))

    def release(self, seat: str) -> None:
        """A seat that has talked is free after its wrap-up."""
        queue = self.queues.get(self.queue)
        self.free(seat, wrap_up_s=queue.wrap_up_s if queue is not None else 0.0, reason="wrap_up")

    def wait_s(self) -> float:
        """Seconds from the queue to the talk, or to now."""
        if self.times.queued is None:
            return 0.0
        until = self.now if self.times.talking is None else self.times.talking
        return round(until - self.times.queued, 3)

    def talk_s(self) -> float:
        """Seconds of talk until now."""
        running = 0.0 if self.times.talking is None else self.now - self.times.talking
        return round(self.times.talked + running, 3)

    def stop_talking(self) -> None:
        """The caller talks to nobody any more, and goes on."""
        self.times.talked, self.times.talking = self.talk_s(), None

    def recording(self) -> tuple[str, str]:
        """Name of the running take in media, and its path below the recordings directory."""
        part = "" if self.takes == 1 else f"-{self.takes}"
        return f"{self.call_id}-{self.takes}", f"{self.arrival.recording}{part}.wav"

    def sdp_terms(self, leg: Leg) -> dict[str, Any]:
        """Our side of an offer or answer. The SDP session's number is the call's start, its version counts our descriptions
        (RFC 3264 8)."""
        return {
            "host": leg.host or self.arrival.media_host,
            "port": leg.port,
            "session_id": int(self.arrival.started_at),
            "version": leg.sdp_version,
            "srtp_key": leg.srtp_key,
            "srtp_required": leg.srtp_required,
        }

    def remote(self, leg: Leg) -> Action:
        """Tell media where the leg's peer listens and what it speaks."""
        stream = leg.stream
        assert stream is not None, f"{leg.leg} has no negotiated stream"
        return Tell(
            media.Remote(
                leg.leg,
                stream.host,
                stream.port,
                stream.codec,
                stream.payload_type,
                stream.dtmf_payload_type,
                stream.ptime_ms,
                send=stream.sends,
                receive=stream.receives,
                rtcp_port=stream.rtcp_port,
                rtcp_mux=stream.rtcp_mux,
                comfort_noise=stream.comfort_noise,
                hush_payload_type=stream.hush_payload_type,
                srtp=stream.srtp,
                tones=self._has_tones(leg, stream),
            )
        )

    def _has_tones(self, leg: Leg, stream: sdp.Stream) -> bool:
        """Whether this leg's keys are looked for in its sound: the caller's only."""
        wanted = self.arrival.in_band_dtmf
        return leg.leg == self.caller and (wanted == "always" or (wanted == "auto" and stream.dtmf_payload_type is None))

    # Put down and picked up

    def to_json(self, now: float) -> dict[str, Any]:
        """The state as JSON values; times as seconds that remain or have passed."""
        arrival, times = self.arrival, self.times
        caller = arrival.caller
        return {
            "arrival": {
                "call_id": arrival.call_id,
                "trunk": arrival.trunk,
                "hotline": arrival.hotline,
                "called": arrival.called,
                "started_at": arrival.started_at,
                "node": arrival.node,
                "media_host": arrival.media_host,
                "recordings": arrival.recordings,
                "recording": arrival.recording,
                "logged": arrival.logged,
                "in_band_dtmf": arrival.in_band_dtmf,
                "diverted": list(arrival.diverted),
                "early_media": arrival.early_media,
                "callback_id": arrival.callback_id,
                "asked": arrival.asked,
                "menu_version": arrival.menu_version,
                "reference": arrival.reference,
            },
            "kind": arrival.kind.value,
            "caller": {"number": caller.number, "dialable": caller.dialable, "province": caller.province, "city": caller.city},
            "document": None if arrival.hotline else self.flow.document.model_dump(mode="json", exclude_defaults=True),
            "flow": self.flow.to_json(now),
            "legs": [leg.to_json() for leg in self.legs.values()],
            "ago_s": {
                "began": now - times.began,
                "queued": None if times.queued is None else now - times.queued,
                "talking": None if times.talking is None else now - times.talking,
                "talked": times.talked,
            },
            "phase": self.phase.value,
            "queue": self.queue,
            "seat": self.seat,
            "ends": {"caller": self.caller, "line": self.line},
            "other": asdict(self.other) if self.other else None,
            "taken": self.taken,
            "dials": self.dials,
            "result": self.result,
            "takes": self.takes,
            "sent_away": self.sent_away,
            "media_there": self.media_there,
            "underway": self.underway.to_json(now),
            "remaining_s": {name: at - now for name, at in self.timers.items()},
        }

    @classmethod
    def from_json(
        cls,
        data: Mapping[str, Any],
        document: Document,
        queues: Mapping[str, Queue],
        now: float,
        elapsed_s: float,
        openings: Openings = NO_OPENINGS,
        ears: Ears | None = None,
    ) -> Self:
        """Pick up what to_json() put down `elapsed_s` ago; deadlines that passed meanwhile are due at once, in their order."""

        def moment(ago: float | None) -> float | None:
            return None if ago is None else now - ago - elapsed_s

        ago, other = data["ago_s"], data["other"]
        known = {**data["arrival"], "diverted": tuple(data["arrival"]["diverted"])}
        return cls(
            Arrival(**known, caller=Caller(**data["caller"]), kind=Kind(data["kind"])),
            FlowRun.from_json(document, data["flow"], now, elapsed_s, openings, ears),
            queues,
            {leg["leg"]: Leg.from_json(leg) for leg in data["legs"]},
            Times(now - ago["began"] - elapsed_s, moment(ago["queued"]), moment(ago["talking"]), ago["talked"]),
            **data["ends"],
            phase=Phase(data["phase"]),
            queue=data["queue"],
            seat=data["seat"],
            other=Other(**other) if other else None,
            taken=list(data["taken"]),
            dials=data["dials"],
            result=data["result"],
            takes=data["takes"],
            sent_away=data["sent_away"],
            media_there=data["media_there"],
            underway=Underway.from_json(data["underway"], now, elapsed_s),
            timers={name: now + left - elapsed_s for name, left in data["remaining_s"].items()},
            now=now,
            openings=openings,
            ears=ears,
        )
