"""All legs of a media process and who hears whom: what commands and the clock do to them. READ THIS FIRST.

A leg hears, in this order: its play; the one leg it is mixed with, relayed on arrival; the mix of several; silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from ipaddress import ip_address
from typing import Any, Protocol

from ivr.media.control import (
    Close,
    Command,
    Hear,
    LegState,
    Message,
    Mix,
    Open,
    Play,
    Played,
    Quality,
    Record,
    RecordingState,
    Remote,
    Silent,
    Stats,
    Stop,
    StopRecord,
    Unhear,
)
from ivr.media.ears import Ears
from ivr.media.g711 import Law
from ivr.media.hearing import Hearings, Sink
from ivr.media.jitter import Jitter
from ivr.media.leg import Leg
from ivr.media.line import Line, Network
from ivr.media.loops import Loops
from ivr.media.outgoing import Outgoing
from ivr.media.packet import Buffers, Counters
from ivr.media.recordings import GROUPS, Disk, Recordings
from ivr.media.reports import Reports
from ivr.media.schedule import SLOT_SAMPLES, SLOTS

HOUSE_TICKS = 5
"""Recordings are taken, keys looked for in the sound, and those whose end was lost reported, every 100 ms."""

SCAN_TICKS = 25
"""Legs are looked at for silence every half second."""

RELEARN_S = 2.0
"""A source silent for so long may have moved (a router forgot its mapping): its stream is then believed from elsewhere."""

TOLD_S = 1.0
"""The quality of a leg that lived for less is not told."""

FULL = 50
"""So many legs send in one slot before another is used: each slot in use wakes the process 50 times a second."""

_WHEEL = 24
"""Slots in 120 ms, after which frames of every length begin anew."""


class Refused(Exception):
    """A command can't be done; the text is the reply's error."""


class Shelf(Protocol):
    """Who reads sound files (sounds.Sounds): what is not at hand is asked for, and Exchange.loaded() called later, never from
    within ask()."""

    def at_hand(self, files: tuple[str, ...], law: Law) -> bytes | None: ...

    def ask(self, key: object, files: tuple[str, ...], law: Law) -> None: ...


class Exchange:
    """Commands, ticks and packets meet here. `now` and `clock` are the schedule's positions in samples, `seconds` its clock."""

    def __init__(
        self,
        network: Network,
        disk: Disk,
        shelf: Shelf,
        sink: Sink,
        *,
        wall: Callable[[], float],
        random: Callable[[int], int],
        report: Callable[[Message], None],
        answer: Callable[[object, Mapping[str, Any], str | None], None],
        rtp_timeout_s: float,
        buffers: Buffers,
        counters: Counters,
        loops: Loops,
    ) -> None:
        """`wall()` is the time since 1970; `random(bits)` gives a number; `answer` takes late replies by token."""
        self._network = network
        self._shelf = shelf
        self._wall = wall
        self._random = random
        self._report = report
        self._rtp_timeout_s = rtp_timeout_s
        self._buffers = buffers
        self._counters = counters
        self._send_frames = loops.send_frames
        self.lines: dict[str, Line] = {}
        self.recordings = Recordings(disk, report=report, answer=answer)
        self._ears = Ears()
        self.hearings = Hearings(sink, report)
        self._wheel: tuple[dict[Line, None], ...] = tuple({} for _ in range(_WHEEL))
        self._cname = f"{random(96):024x}"  # RFC 7022: means nothing, lasts as long as the process
        self._mixed: set[Line] = set()
        """Those who hear several."""
        self._voiced: set[Line] = set()
        """Those whom they hear."""
        self._gone = dict.fromkeys(("sent", "lost", "duplicates", "reordered"), 0)  # of closed legs

    # Commands

    def do(self, command: Command, token: object, now: int, seconds: float) -> Mapping[str, Any] | None:
        """Carry out a command on legs and recordings. Returns the reply; None when it follows by `answer`. Raises Refused."""
        match command:
            case Open():
                return {"port": self._open(command, seconds)}
            case Remote():
                self._remote(command, now, seconds)
            case Play():
                self._play(command)
            case Stop():
                line = self._line(command.leg)
                line.break_off()
                self._end_play(line)
            case Mix():
                self._mix(command, now)
            case Record():
                legs = {name: self._line(name).leg for name in command.legs}
                return {"path": self.recordings.start(command, legs, now)}
            case StopRecord():
                return self.recordings.stop(command.recording, token, now)
            case Hear():
                self.hearings.begin(self._line(command.leg).leg, command.turn, command.socket, now)
            case Unhear():
                heard = self.lines.get(command.leg)
                return self.hearings.end(None if heard is None else heard.leg, command.turn)
            case Close():
                self._close(command.leg, now, seconds)
            case Stats():
                return self._line(command.leg).quality()
            case _:
                raise Refused(f"{command.do}: not for the exchange")
        return {}

    def _line(self, name: str) -> Line:
        line = self.lines.get(name)
        if line is None:
            raise Refused(f"no such leg: {name}")
        return line

    def _open(self, command: Open, seconds: float) -> int:
        line = self.lines.get(command.leg)
        if line is not None:
            return line.pair.port
        try:
            pair = self._network.open(command.host)
        except OSError as error:
            raise Refused(str(error)) from error
        chosen = self._random(80)
        out = Outgoing(
            ssrc=chosen & 0xFFFFFFFF,
            sequence=chosen >> 32 & 0x7FFF,  # room for losses before it wraps, which SRTP needs (RFC 3711 3.3.1)
            timestamp=chosen >> 48,
            send=pair.send,
            moved=lambda: self._moved(command.leg),
            buffers=self._buffers,
            counters=self._counters,
        )
        leg = Leg(
            command.leg,
            command.call,
            out=out,
            reports=Reports(out.ssrc, self._cname, pair.report_arrived),
            arrived=pair.arrived,
            report=self._report,
            buffers=self._buffers,
            counters=self._counters,
        )
        line = self.lines[command.leg] = Line(leg, pair, seconds)
        line.report_at += leg.reports.interval_s(self._random(16)) / 2
        self._network.attach(pair, leg.receive, leg.receive_report)
        return pair.port

    def _remote(self, command: Remote, now: int, seconds: float) -> None:
        line = self._line(command.leg)
        try:
            host = str(ip_address(command.host))  # a name would be looked up for every packet
        except ValueError as error:
            raise Refused(str(error)) from error
        if host != command.host:
            command = replace(command, host=host)  # as packets' sources are written
        types, ports = (command.payload_type, command.dtmf_payload_type or 0), (command.port, command.rtcp_port)
        if any(not 0 <= port <= 65535 for port in ports) or any(not 0 <= kind <= 127 for kind in types):
            raise Refused(f"ports {ports} or payload types {types} out of range")
        before = line.leg.signalled
        line.leg.set_remote(command)
        if line.protect(command.srtp, self._buffers, self._counters):
            ends = line.shield or line.leg
            self._network.redirect(line.pair, ends.receive, ends.receive_report)
        self._lock(line, now)
        if before is None or not before.receive:
            line.heard_at = seconds
        if line.play is not None and before is not None and before.codec != command.codec:
            self._ask(line)
        self._rewire(line)

    def _play(self, command: Play) -> None:
        line = self._line(command.leg)
        line.break_off()
        line.play, line.files, line.loop = command.play, command.files, command.loop
        line.leg.out.sound_at = 0
        self._ask(line)
        self._rewire(line)

    def _ask(self, line: Line) -> None:
        """Until the sound is there the leg hears silence."""
        line.loading = object()
        sound, key = self._shelf.at_hand(line.files, line.leg.law), (line, line.loading)
        if sound is not None:
            self.loaded(key, sound, True)
        else:
            line.leg.out.sound = None
            self._shelf.ask(key, line.files, line.leg.law)

    def loaded(self, key: object, sound: bytes, whole: bool) -> None:
        """What was asked for by `key`: the sound of all files that could be read, `whole` when that is all of them."""
        assert isinstance(key, tuple)
        line, loading = key
        if line.loading is loading:  # else it plays something else by now
            line.loading, line.play_whole = None, whole
            line.leg.out.sound, line.leg.out.loop = sound, line.loop

    def _end_play(self, line: Line) -> None:
        line.play, line.files, line.loading = None, (), None
        line.leg.out.sound = None
        self._rewire(line)

    def _mix(self, command: Mix, now: int) -> None:
        lines = [self._line(name) for name in command.legs]
        for name in {name for names in command.hears.values() for name in names}:
            self._line(name)
        for line in lines:
            names = dict.fromkeys(command.hears.get(line.leg.name, ()))
            self._listen(line, tuple(name for name in names if name != line.leg.name))
        self._revoice(now)
        for line in lines:
            self._rewire(line)

    def _close(self, name: str, now: int, seconds: float) -> None:
        line = self.lines.get(name)
        if line is None:
            return
        leg = line.leg
        self.hearings.end(leg)
        line.send_report(now, self._wall(), bye=True)
        line.play, line.loading, leg.out.sound, leg.out.remote = None, None, None, None
        listeners = tuple(line.heard_by)
        for other in listeners:
            self._listen(other, tuple(heard for heard in other.hears if heard != name))
        self._listen(line, ())
        self._revoice(now)
        for each in (line, *listeners):
            self._rewire(each)
        del self.lines[name]
        self._network.close(line.pair)
        self.recordings.leg_closed(leg, now)
        told = line.quality()
        for count in self._gone:
            self._gone[count] += told[count]
        if seconds - line.opened_at >= TOLD_S:
            self._report(Quality(name, leg.call, **told))

    def close_all(self, now: int, seconds: float) -> None:
        """No engine came back: free everything."""
        for name in list(self.lines):
            self._close(name, now, seconds)
        self.recordings.stop_all(now)

    # Who hears whom

    def _listen(self, line: Line, names: tuple[str, ...]) -> None:
        for name in line.hears:
            self.lines[name].heard_by.discard(line)
        line.hears = names
        for name in names:
            self.lines[name].heard_by.add(line)
        (self._mixed.add if len(names) > 1 else self._mixed.discard)(line)

    def _revoice(self, now: int) -> None:
        """Keep what legs say as long as somebody hears it in a mix."""
        wanted = {self.lines[name] for line in self._mixed for name in line.hears}
        for line in wanted - self._voiced:
            line.voice = Jitter(now)
            line.leg.timelines += (line.voice,)
        for line in self._voiced - wanted:
            line.leg.timelines = tuple(each for each in line.leg.timelines if each is not line.voice)
            line.voice = None
        self._voiced = wanted

    def _rewire(self, line: Line) -> None:
        """Bring a leg's outgoing stream in line with what is wanted of it."""
        out = line.leg.out
        playing = line.play is not None
        sources = [self.lines[name] for name in line.hears]
        relayed = len(sources) == 1 and not playing and out.remote is not None
        self._relay_from(line, sources[0] if relayed else None)
        out.voices = tuple(source.voice for source in sources if source.voice is not None) if len(sources) > 1 else ()
        out.ticking = playing or (out.remote is not None and (line.relayed_from is None or line.filling))
        step = out.samples // SLOT_SAMPLES
        if out.ticking and not line.slots:
            line.slot = self._choose_slot()
        slots = range(line.slot % step, _WHEEL, step) if out.ticking else range(0)
        if slots != line.slots:
            for slot in line.slots:
                del self._wheel[slot][line]
            for slot in slots:
                self._wheel[slot][line] = None
            line.slots = slots

    def _choose_slot(self) -> int:
        """Where a leg sends that begins to."""
        loads = [len(lines) for lines in self._wheel[:SLOTS]]
        return next((slot for slot, load in enumerate(loads) if load < FULL), loads.index(min(loads)))

    def _relay_from(self, line: Line, source: Line | None) -> None:
        before = line.relayed_from
        if before is source:
            return
        out = line.leg.out
        out.leave_relay()
        line.relayed_from = source
        line.filling = False
        line.scanned_sequence = out.sequence
        for end in (before, source):
            if end is not None:
                others = tuple(each for each in end.leg.listeners if each is not out)
                end.leg.listeners = (*others, out) if end is source else others
                if end.pair.hurried != bool(end.leg.listeners):
                    self._network.hurry(end.pair, not end.pair.hurried)

    def _moved(self, name: str) -> None:
        """The source that was silent talks again."""
        line = self.lines[name]
        line.filling = False
        self._rewire(line)

    # The clock

    def busy(self, number: int) -> bool:
        """Whether slot `number` has anything to do."""
        return number % SLOTS == 0 or bool(self._wheel[number % _WHEEL])

    def tick(self, number: int, clock: int, seconds: float) -> None:
        """Slot `number`, due at `clock`: its legs send; at every fifth tick of slot 0 the house is kept."""
        for line in self._send_frames(self._wheel[number % _WHEEL], clock):
            play, whole = line.play, line.play_whole
            self._end_play(line)
            if play is not None:
                self._report(Played(line.leg.name, play, whole))
        if number % SLOTS:
            return
        tick = number // SLOTS
        if tick % HOUSE_TICKS == 0:
            self.recordings.take(tick // HOUSE_TICKS % GROUPS, clock)
            for line in self.lines.values():
                if line.leg.digits.pressed:
                    line.leg.tick_digits(clock)
            self._ears.attend({line.leg for line in self.lines.values() if line.speaks_keys}, clock)
            self._ears.hear(clock)
            self.hearings.tick(clock)
        if tick % SCAN_TICKS == 0:
            self._scan(clock, seconds)

    def _scan(self, clock: int, seconds: float) -> None:
        for line in self.lines.values():
            leg = line.leg
            received = leg.arrivals.received
            if received != line.scanned_received:
                line.scanned_received = received
                line.heard_at, line.told_silent, leg.quiet = seconds, False, False
            elif leg.signalled is not None:
                self._silent(line, seconds - line.heard_at)
            self._lock(line, clock)
            if seconds >= line.report_at:
                line.report_at = seconds + leg.reports.interval_s(self._random(16))
                line.send_report(clock, self._wall())
            if line.relayed_from is not None and not line.filling:
                if leg.out.sequence == line.scanned_sequence:
                    line.filling = True
                    leg.out.leave_relay()
                    self._rewire(line)
                line.scanned_sequence = leg.out.sequence

    def _lock(self, line: Line, now: int) -> None:
        peer = line.leg.certain
        if peer != line.pair.peer:
            self._network.lock(line.pair, peer, now)
            line.take_send()

    def _silent(self, line: Line, silence_s: float) -> None:
        leg = line.leg
        leg.quiet = silence_s >= RELEARN_S
        if leg.signalled is not None and leg.signalled.receive and silence_s >= self._rtp_timeout_s and not line.told_silent:
            line.told_silent = True
            self._report(Silent(leg.name, round(silence_s, 1)))

    # For the engine

    @property
    def idle(self) -> bool:
        """Whether nothing needs the clock."""
        return not self.lines and not len(self.recordings)

    def totals(self) -> dict[str, int]:
        """Packets of all legs since the process began."""
        told = [line.quality() for line in self.lines.values()]
        return {name: count + sum(each[name] for each in told) for name, count in self._gone.items()}

    def states(self, seconds: float) -> dict[str, LegState]:
        """All legs."""
        return {name: line.state(seconds) for name, line in self.lines.items()}

    def recording_states(self) -> tuple[RecordingState, ...]:
        """All running recordings."""
        return self.recordings.states()
