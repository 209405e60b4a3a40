import select
from collections.abc import Iterable, Mapping

from ivr.media.line import Line
from ivr.media.loops import Taker
from ivr.media.packet import Counters
from ivr.media.schedule import Schedule

def learn(classes: tuple[type, ...], alaw_to_ulaw: bytes, ulaw_to_alaw: bytes, /) -> None: ...
def take(
    ready: list[tuple[int, int]], takers: Mapping[int, Taker], packet: bytearray, now: int, counters: Counters, /
) -> list[int]: ...
def take_slots(
    poll: select.epoll, schedule: Schedule, takers: Mapping[int, Taker], packet: bytearray, counters: Counters, /
) -> list[int]: ...
def send_frames(lines: Iterable[Line], clock: int, /) -> list[Line]: ...
