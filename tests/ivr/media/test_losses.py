"""What a recording holds of a stream that loses, doubles, delays and pauses: what came, at its time, and silence elsewhere."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.media.g711 import SILENCE
from ivr.media.recording import HOLD
from ivr.media.timeline import Timeline

SECOND = 8000


@settings(deadline=None)
@given(
    ptime_ms=st.sampled_from([10, 20, 30, 40, 60]),
    begin=st.integers(0, 2**32 - 1),
    loss=st.floats(0, 0.6),
    burst=st.integers(1, 40),
    pauses=st.booleans(),
    phase=st.integers(0, SECOND - 1),
    random=st.builds(Random, st.integers(0, 2**32)),
)
def test_each_sample_that_came_is_at_its_time_and_no_other(
    ptime_ms: int, begin: int, loss: float, burst: int, pauses: bool, phase: int, random: Random
) -> None:
    count = ptime_ms * 8
    wanted = bytearray(SILENCE["PCMA"] * (6 * SECOND))
    arrivals: list[tuple[float, int, bytes]] = []
    at = losing = number = 0
    while at + count <= 5 * SECOND:
        payload = bytes([number % 200 + 1]) * count
        losing = max(losing - 1, 0) or (burst if random.random() < loss / burst else 0)
        if number == 0 or not losing:
            late = random.random() * (HOLD - count) if number else 0
            arrivals.append((at + count + late, at, payload))
            if random.random() < 0.1:
                arrivals.append((at + count + random.random() * (HOLD - count), at, payload))
            wanted[at : at + count] = payload
        number += 1
        at += count
        if pauses and random.random() < 0.05:  # silence suppression
            at += random.randrange(1, 2 * SECOND)
    timeline, taken, due = Timeline(0), b"", phase
    for now, place, payload in sorted(arrivals):
        while due <= now:
            taken += timeline.take(due - HOLD, due)
            due += SECOND
        timeline.place((begin + place) & 0xFFFFFFFF, payload, int(now))
    while timeline.start < 6 * SECOND:
        taken += timeline.take(due - HOLD, due)
        due += SECOND
    assert taken[: 6 * SECOND] == wanted
