"""[io] The loops in which a media process spends its time, packet by packet: here, and in C where that was built.

The C ones (_fast.c) do the quick case of what is called here, upon the same objects, and call the same methods for all else:
the rules are those of Leg.receive and Outgoing.send_frame in both.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterable, Mapping
from time import monotonic
from typing import Any, Literal, NamedTuple, TypeAlias

from ivr.media.arrivals import Arrivals
from ivr.media.g711 import ALAW_TO_ULAW, ULAW_TO_ALAW
from ivr.media.leg import Leg
from ivr.media.line import Line
from ivr.media.outgoing import Address, Outgoing, Receive
from ivr.media.packet import Counters
from ivr.media.pair import Pair
from ivr.media.schedule import Schedule
from ivr.media.timeline import Timeline

Taker: TypeAlias = tuple[Callable[..., Any], Receive, Address | None]
"""What takes a packet into the buffer, who gets it, and whose it is where that is certain: else it is told with the packet."""

Choice: TypeAlias = Literal["auto", "python", "fast"]


class NotBuilt(RuntimeError):
    """The C loops are wanted and not there."""


MOST = 1024
"""Packets that are taken in a slot; more wait for the next one."""


class Loops(NamedTuple):
    """`take`, `take_slots` and `send_frames` of this module, or what does the same."""

    name: Literal["python", "fast"]
    take: Callable[[list[tuple[int, int]], Mapping[int, Taker], bytearray, int, Counters], list[int]]
    take_slots: Callable[[select.epoll, Schedule, Mapping[int, Taker], bytearray, Counters], list[int]]
    send_frames: Callable[[Iterable[Line], int], list[Line]]


def take(
    ready: list[tuple[int, int]], takers: Mapping[int, Taker], packet: bytearray, now: int, counters: Counters
) -> list[int]:
    """Take a packet from each socket that epoll found ready, by descriptor; returns the descriptors that have no taker."""
    others = []
    for descriptor, _ in ready:
        found = takers.get(descriptor)
        if found is None:
            others.append(descriptor)
            continue
        receive_into, receive, source = found
        try:
            if source is None:
                size, source = receive_into(packet)
            else:
                size = receive_into(packet)
        except OSError:  # none there after all, or an earlier packet's ICMP error
            continue
        receive(size, source, now)
    counters.received += len(ready) - len(others)
    return others


def take_slots(
    poll: select.epoll, schedule: Schedule, takers: Mapping[int, Taker], packet: bytearray, counters: Counters
) -> list[int]:
    """Take what has come, slot by slot, a packet from each socket: until the schedule's next slot is due, or something has come
    for descriptors that have no taker, which are returned."""
    while True:
        time.sleep(schedule.until_slot(monotonic()))
        seconds = monotonic()
        others = take(poll.poll(0, MOST), takers, packet, schedule.samples(seconds), counters)
        if others or seconds >= schedule.deadline:
            return others


def send_frames(lines: Iterable[Line], clock: int) -> list[Line]:
    """Have each leg send its frame; returns those whose play had already ended."""
    return [line for line in lines if line.leg.out.send_frame(clock)]


PYTHON = Loops("python", take, take_slots, send_frames)


def choose(wanted: Choice) -> Loops:
    """The loops by their name, or for "auto" those in C where they were built. Raises NotBuilt."""
    if wanted == "python":
        return PYTHON
    try:
        from ivr.media import _fast
    except ImportError as error:
        if wanted == "fast":
            raise NotBuilt(f"the C loops of ivr.media were not built here: {error}") from error
        return PYTHON
    _fast.learn((Leg, Arrivals, Timeline, Outgoing, Pair, Line, Counters, Schedule), ALAW_TO_ULAW, ULAW_TO_ALAW)
    return Loops("fast", _fast.take, _fast.take_slots, _fast.send_frames)
