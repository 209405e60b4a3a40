"""A leg, its sockets, and what the commands want of it."""

from __future__ import annotations

from typing import Any, Protocol

from ivr.media.control import LegState, Srtp
from ivr.media.jitter import Jitter
from ivr.media.leg import Leg
from ivr.media.outgoing import Address, Receive, Send
from ivr.media.packet import Buffers, Counters
from ivr.media.rtp import SAMPLE_RATE
from ivr.media.srtp import Shield


class Pair(Protocol):
    """A leg's sockets (ports.Pair)."""

    @property
    def port(self) -> int: ...

    @property
    def hurried(self) -> bool: ...

    @property
    def peer(self) -> Address | None: ...

    @property
    def send(self) -> Send: ...

    def send_report(self, packet: bytes, to: Address, *, mux: bool) -> None: ...

    def arrived(self) -> float: ...

    def report_arrived(self) -> float: ...


class Network(Protocol):
    """What is asked of the sockets (ports.Ports)."""

    def open(self, host: str) -> Pair: ...

    def attach(self, pair: Any, receive: Receive, receive_report: Receive) -> None: ...

    def redirect(self, pair: Any, receive: Receive, receive_report: Receive) -> None: ...

    def hurry(self, pair: Any, hurried: bool) -> None: ...

    def lock(self, pair: Any, peer: Address | None, now: int) -> None: ...

    def close(self, pair: Any) -> None: ...


class Line:
    """A leg and what the commands want of it."""

    __slots__ = (
        "files",
        "filling",
        "heard_at",
        "heard_by",
        "hears",
        "leg",
        "loading",
        "loop",
        "opened_at",
        "pair",
        "play",
        "play_whole",
        "relayed_from",
        "report_at",
        "scanned_received",
        "scanned_sequence",
        "shield",
        "slot",
        "slots",
        "told_silent",
        "voice",
    )

    def __init__(self, leg: Leg, pair: Pair, now: float) -> None:
        self.leg = leg
        self.pair = pair
        self.shield: Shield | None = None
        """Protects what goes through the sockets, where that was agreed."""
        self.slot = 0
        self.slots = range(0)
        """Where in the wheel it sends."""
        self.hears: tuple[str, ...] = ()
        self.heard_by: set[Line] = set()
        self.relayed_from: Line | None = None
        self.voice: Jitter | None = None
        """What it says, for those who hear it in a mix."""
        self.filling = False
        """It gets silence because nothing comes that could be relayed."""
        self.play: int | None = None
        self.play_whole = True
        self.files: tuple[str, ...] = ()
        self.loop = False
        self.loading: object = None
        """By what the sound that is being read will be known."""
        self.opened_at = self.heard_at = self.report_at = now
        self.scanned_received = self.scanned_sequence = 0
        self.told_silent = False

    def protect(self, srtp: Srtp | None, buffers: Buffers, counters: Counters) -> bool:
        """Have all packets protected with these keys, or no longer. Whether others are to receive from now on."""
        leg = self.leg
        if srtp is None and self.shield is None:
            return False
        if srtp is not None and self.shield is not None:
            self.shield.rekey(srtp)
            return False
        if srtp is None:
            self.shield = None
        else:
            self.shield = Shield(srtp, self.pair, leg.receive, leg.receive_report, buffers=buffers, counters=counters)
        self.take_send()
        return True

    def take_send(self) -> None:
        """Send as the sockets, or what stands before them, want it now."""
        self.leg.out.send = (self.shield or self.pair).send

    def break_off(self) -> None:
        """What plays, if anything, ends before its end."""
        if self.play is not None:
            self.leg.out.hush()

    def send_report(self, clock: int, seconds: float, *, bye: bool = False) -> None:
        """Tell the peer how both streams are, at `seconds` since 1970 (RFC 3550 6); `bye`: and that ours ends. Nothing when
        there was none."""
        leg = self.leg
        to, signalled = leg.report_to, leg.signalled
        if to is not None and signalled is not None and (leg.out.sent or leg.arrivals.received):
            report = leg.reports.make(leg.out.sender(clock, seconds), leg.arrivals, seconds, bye=bye)
            (self.shield or self.pair).send_report(report, to, mux=signalled.rtcp_mux)

    @property
    def speaks_keys(self) -> bool:
        """Whether its keys are to be looked for in its sound: its peer presses them so, and nobody hears them."""
        leg, signalled = self.leg, self.leg.signalled
        wanted = signalled is not None and signalled.tones and not leg.digits.heard
        return wanted and not leg.listeners and self.voice is None

    def state(self, seconds: float) -> LegState:
        """For a snapshot."""
        leg = self.leg
        return LegState(
            call=leg.call,
            port=self.pair.port,
            remote="{}:{}".format(*leg.out.remote) if leg.out.remote else "",
            codec=leg.law if leg.signalled else "",
            playing=self.play,
            hears=self.hears,
            heard_s=round(max(0.0, seconds - self.heard_at), 1),
        )

    def quality(self) -> dict[str, Any]:
        """The streams so far: the numbers of control.Quality."""
        arrivals, reports = self.leg.arrivals, self.leg.reports
        return {
            "sent": self.leg.out.sent,
            "received": arrivals.received,
            "lost": arrivals.lost,
            "duplicates": arrivals.duplicates,
            "reordered": arrivals.reordered,
            "jitter_ms": round(arrivals.jitter * 1000 / SAMPLE_RATE, 2),
            "rtt_ms": reports.rtt_ms,
            "remote_lost": reports.remote_lost,
            "remote_jitter_ms": reports.remote_jitter_ms,
        }
