"""Events for the engine: numbered, kept until acknowledged, so that an engine that comes back misses none."""

from __future__ import annotations

from collections import deque

from ivr.lines.wire import Event
from ivr.media.control import Message

MAX_KEPT = 10_000
"""Events kept for an engine that stays away; then the oldest are dropped and counted."""


class Outbox:
    """The events of one instance of the process, from 1 on."""

    __slots__ = ("_kept", "dropped", "last")

    def __init__(self) -> None:
        self._kept: deque[Event] = deque()
        self.last = 0
        self.dropped = 0

    def add(self, message: Message) -> Event:
        """Number an event."""
        self.last += 1
        event = Event(self.last, message)
        self._kept.append(event)
        if len(self._kept) > MAX_KEPT:
            self._kept.popleft()
            self.dropped += 1
        return event

    def ack(self, seq: int) -> None:
        """The engine has dealt with all up to `seq`."""
        while self._kept and self._kept[0].seq <= seq:
            self._kept.popleft()

    def after(self, seq: int) -> tuple[Event, ...]:
        """Those kept above `seq`."""
        return tuple(event for event in self._kept if event.seq > seq)
