"""All legs of a media process and who hears whom: what commands and the clock do to them. READ THIS FIRST.

A leg hears, in this order: its play; the one leg it is mixed with, relayed on arrival; the mix of several; silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any, Protocol

from ivr.media.control import (
    Close,
    Command,
    LegState,
    Message,
    Mix,
    Open,
    Play,
    Played,
    Record,
    RecordingState,
    Remote,
    Silent,
    Stop,
    StopRecord,
)
from ivr.media.g711 import Law
from ivr.media.leg import Leg
from ivr.media.outgoing import Address, Outgoing, Send
from ivr.media.packet import Buffers, Counters
from ivr.media.recordings import GROUPS, Disk, Recordings
from ivr.media.schedule import SLOTS
from ivr.media.timeline import CAPACITY, Timeline

HOUSE_TICKS = 5
"""Recordings are taken, and keys whose end was lost are reported, every 100 ms."""

SCAN_TICKS = 25
"""Legs are looked at for silence every half second."""

RELEARN_S = 2.0
"""A source silent for so long may have moved (a router forgot its mapping): another one is believed from then on."""


class Refused(Exception):
    """A command can't be done; the text is the reply's error."""


class Network(Protocol):
    """What is asked of the sockets (ports.Ports)."""

    def open(self) -> tuple[int, Send]: ...

    def attach(self, port: int, receive: Callable[[int, Address, int], None]) -> None: ...

    def hurry(self, port: int, hurried: bool) -> None: ...

    def close(self, port: int, hurried: bool) -> None: ...


class Line:
    """A leg and what the commands want of it."""

    __slots__ = (
        "files",
        "filling",
        "heard_at",
        "hears",
        "hurried",
        "leg",
        "play",
        "play_whole",
        "relayed_from",
        "scanned_received",
        "scanned_sequence",
        "slot",
        "told_silent",
        "voice",
    )

    def __init__(self, leg: Leg, slot: int, now: float) -> None:
        self.leg = leg
        self.slot = slot
        self.hears: tuple[str, ...] = ()
        self.relayed_from: Line | None = None
        self.voice: Timeline | None = None
        """What it says, for those who hear it in a mix."""
        self.hurried = False
        self.filling = False
        """It gets silence because nothing comes that could be relayed."""
        self.play: int | None = None
        self.play_whole = True
        self.files: tuple[str, ...] = ()
        self.heard_at = now
        self.scanned_received = self.scanned_sequence = 0
        self.told_silent = False


class Exchange:
    """Commands, ticks and packets meet here. `now` and `clock` are the schedule's positions in samples, `seconds` its clock."""

    def __init__(
        self,
        network: Network,
        disk: Disk,
        *,
        frames: Callable[[str, Law], Sequence[bytes]],
        random: Callable[[int], int],
        report: Callable[[Message], None],
        answer: Callable[[object, Mapping[str, Any], str | None], None],
        rtp_timeout_s: float,
        buffers: Buffers,
        counters: Counters,
    ) -> None:
        """`frames` reads a file or raises ValueError; `random(bits)` gives a number; `answer` takes late replies by token."""
        self._network = network
        self._frames = frames
        self._random = random
        self._report = report
        self._rtp_timeout_s = rtp_timeout_s
        self._buffers = buffers
        self._counters = counters
        self.lines: dict[str, Line] = {}
        self.recordings = Recordings(disk, report=report, answer=answer)
        self._slots: tuple[dict[Line, None], ...] = tuple({} for _ in range(SLOTS))

    # Commands

    def do(self, command: Command, token: object, now: int, seconds: float) -> Mapping[str, Any] | None:
        """Carry out a command on legs and recordings. Returns the reply; None when it follows by `answer`. Raises Refused."""
        match command:
            case Open():
                return {"port": self._open(command, seconds)}
            case Remote():
                self._remote(command, seconds)
            case Play():
                self._play(command)
            case Stop():
                self._end_play(self._line(command.leg))
            case Mix():
                self._mix(command, now)
            case Record():
                legs = {name: self._line(name).leg for name in (command.left, command.right)}
                return {"path": self.recordings.start(command, legs, now)}
            case StopRecord():
                return self.recordings.stop(command.recording, token, now)
            case Close():
                self._close(command.leg, now)
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
            return line.leg.port
        try:
            port, send = self._network.open()
        except OSError as error:
            raise Refused(str(error)) from error
        out = Outgoing(
            ssrc=self._random(32),
            sequence=self._random(16),
            timestamp=self._random(32),
            send=send,
            moved=lambda: self._moved(command.leg),
            buffers=self._buffers,
            counters=self._counters,
        )
        leg = Leg(
            command.leg, command.call, port=port, out=out, report=self._report, buffers=self._buffers, counters=self._counters
        )
        loads = [0] * SLOTS
        for other in self.lines.values():
            loads[other.slot] += 1
        self.lines[command.leg] = Line(leg, loads.index(min(loads)), seconds)
        self._network.attach(port, leg.receive)
        return port

    def _remote(self, command: Remote, seconds: float) -> None:
        line = self._line(command.leg)
        try:
            ip_address(command.host)  # a name would be looked up for every packet
        except ValueError as error:
            raise Refused(str(error)) from error
        types = (command.payload_type, command.dtmf_payload_type or 0)
        if not 0 <= command.port <= 65535 or any(not 0 <= kind <= 127 for kind in types):
            raise Refused(f"port {command.port} or payload types {types} out of range")
        before = line.leg.signalled
        line.leg.set_remote(command)
        if before is None or not before.receive:
            line.heard_at = seconds
        if line.play is not None and before is not None and before.codec != command.codec:
            line.leg.out.frames = self._load(line)
        self._rewire(line)

    def _play(self, command: Play) -> None:
        line, out = self._line(command.leg), self._line(command.leg).leg.out
        line.play, line.files, line.play_whole = command.play, command.files, True
        out.frames, out.frame_at = self._load(line), 0
        out.loop = command.loop and len(out.frames) > 0  # what can't be read would else be silence for ever
        self._rewire(line)

    def _load(self, line: Line) -> Sequence[bytes]:
        """The frames of all files that can be read."""
        found: list[Sequence[bytes]] = []
        for file in line.files:
            try:
                found.append(self._frames(file, line.leg.law))
            except ValueError:
                line.play_whole = False
        return found[0] if len(found) == 1 else [frame for frames in found for frame in frames]

    def _end_play(self, line: Line) -> None:
        line.play, line.files = None, ()
        line.leg.out.frames = None
        self._rewire(line)

    def _mix(self, command: Mix, now: int) -> None:
        lines = [self._line(name) for name in command.legs]
        for name in {name for names in command.hears.values() for name in names}:
            self._line(name)
        for line in lines:
            line.hears = tuple(name for name in dict.fromkeys(command.hears.get(line.leg.name, ())) if name != line.leg.name)
        self._revoice(now)
        for line in lines:
            self._rewire(line)

    def _close(self, name: str, now: int) -> None:
        line = self.lines.pop(name, None)
        if line is None:
            return
        self._slots[line.slot].pop(line, None)
        line.hears, line.leg.out.frames, line.leg.out.remote = (), None, None
        self._relay_from(line, None)
        for other in self.lines.values():
            if name in other.hears:
                other.hears = tuple(heard for heard in other.hears if heard != name)
                self._rewire(other)
        self._revoice(now)
        self._network.close(line.leg.port, line.hurried)
        self.recordings.leg_closed(line.leg, now)

    def close_all(self, now: int) -> None:
        """No engine came back: free everything."""
        for name in list(self.lines):
            self._close(name, now)
        self.recordings.stop_all(now)

    # Who hears whom

    def _revoice(self, now: int) -> None:
        """Keep what legs say as long as somebody hears it in a mix."""
        wanted = {name for line in self.lines.values() if len(line.hears) > 1 for name in line.hears}
        for name, line in self.lines.items():
            if name in wanted and line.voice is None:
                line.voice = Timeline(now)
                line.leg.timelines += (line.voice,)
            elif name not in wanted and line.voice is not None:
                line.leg.timelines = tuple(each for each in line.leg.timelines if each is not line.voice)
                line.voice = None

    def _rewire(self, line: Line) -> None:
        """Bring a leg's outgoing stream in line with what is wanted of it."""
        out = line.leg.out
        playing = out.frames is not None
        sources = [self.lines[name] for name in line.hears if name in self.lines]
        relayed = len(sources) == 1 and not playing and out.remote is not None
        self._relay_from(line, sources[0] if relayed else None)
        out.voices = tuple(source.voice for source in sources if source.voice is not None) if len(sources) > 1 else ()
        out.ticking = playing or (out.remote is not None and (line.relayed_from is None or line.filling))
        if out.ticking:
            self._slots[line.slot][line] = None
        else:
            self._slots[line.slot].pop(line, None)

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
                if end.hurried != bool(end.leg.listeners):
                    end.hurried = not end.hurried
                    self._network.hurry(end.leg.port, end.hurried)

    def _moved(self, name: str) -> None:
        """The source that was silent talks again."""
        line = self.lines[name]
        line.filling = False
        self._rewire(line)

    # The clock

    def tick(self, number: int, clock: int, seconds: float) -> None:
        """Slot `number`, due at `clock`: its legs send; at every fifth tick of slot 0 the house is kept."""
        ended = [line for line in self._slots[number % SLOTS] if line.leg.out.send_frame(clock)]
        for line in ended:
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
        if tick % SCAN_TICKS == 0:
            self._scan(clock, seconds)

    def _scan(self, clock: int, seconds: float) -> None:
        for line in self.lines.values():
            leg = line.leg
            if leg.received != line.scanned_received:
                line.scanned_received = leg.received
                line.heard_at, line.told_silent = seconds, False
            elif leg.signalled is not None:
                self._silent(line, seconds - line.heard_at)
            if line.voice is not None:
                line.voice.take(clock - CAPACITY // 2, clock)
            if line.relayed_from is not None and not line.filling:
                if leg.out.sequence == line.scanned_sequence:
                    line.filling = True
                    leg.out.leave_relay()
                    self._rewire(line)
                line.scanned_sequence = leg.out.sequence

    def _silent(self, line: Line, silence_s: float) -> None:
        leg = line.leg
        if silence_s >= RELEARN_S:
            leg.forget_source()
        if leg.signalled is not None and leg.signalled.receive and silence_s >= self._rtp_timeout_s and not line.told_silent:
            line.told_silent = True
            self._report(Silent(leg.name, round(silence_s, 1)))

    # For the engine

    @property
    def idle(self) -> bool:
        """Whether nothing needs the clock."""
        return not self.lines and not len(self.recordings)

    def states(self, seconds: float) -> dict[str, LegState]:
        """All legs."""
        return {name: self._state(line, seconds) for name, line in self.lines.items()}

    def _state(self, line: Line, seconds: float) -> LegState:
        leg = line.leg
        return LegState(
            call=leg.call,
            port=leg.port,
            remote="{}:{}".format(*leg.out.remote) if leg.out.remote else "",
            codec=leg.law if leg.signalled else "",
            playing=line.play,
            hears=line.hears,
            heard_s=round(max(0.0, seconds - line.heard_at), 1),
        )

    def recording_states(self) -> tuple[RecordingState, ...]:
        """All running recordings."""
        return self.recordings.states()
