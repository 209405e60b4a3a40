"""The legs whose sound is searched for keys (tones.py): which they are, and what each has said since the last time."""

from __future__ import annotations

from ivr.media.leg import Leg
from ivr.media.timeline import Timeline
from ivr.media.tones import SOUND, ToneReceiver, hear

PATIENCE = 800
"""Samples for which late packets are waited for: 100 ms."""


class Ears:
    """Listens to legs."""

    def __init__(self) -> None:
        self._ears: dict[Leg, tuple[Timeline, ToneReceiver]] = {}

    def attend(self, wanted: set[Leg], now: int) -> None:
        """Listen to these legs and to no others."""
        for leg in wanted - self._ears.keys():
            timeline = Timeline(now)
            leg.timelines += (timeline,)
            self._ears[leg] = (timeline, ToneReceiver())
        for leg in self._ears.keys() - wanted:
            timeline, _ = self._ears.pop(leg)
            leg.timelines = tuple(each for each in leg.timelines if each is not timeline)

    def hear(self, now: int) -> None:
        """Search what was said since, and have the legs tell their keys."""
        while ready := [leg for leg, (timeline, _) in self._ears.items() if timeline.start + SOUND + PATIENCE <= now]:
            ears = [self._ears[leg] for leg in ready]
            sounds = [timeline.take(timeline.start + SOUND, now) for timeline, _ in ears]
            for leg, keys in zip(ready, hear([receiver for _, receiver in ears], sounds), strict=True):
                leg.let_go(keys)
