"""[io] A recording heard as a speech process hears a caller: telephone sound, packet by packet, through the same gate, decoding
and early end; only at once, in the thread that asks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from ivr.flow.listening import NOISES
from ivr.media.g711 import Samples, encode
from ivr.media.rtp import SAMPLE_RATE
from ivr.speech.control import Failed, Misheard, Open, Understood
from ivr.speech.decoding import Decoding, Outcome, Partial, Result, Threads
from ivr.speech.frames import Frame
from ivr.speech.ground import Ground
from ivr.speech.listening import Do, Listening, Tell
from ivr.speech.recogniser import Recogniser
from ivr.speech.voice import VoiceDetector

PACKET_S = 0.02
BEFORE_S, AFTER_S = 0.4, 1.0
"""Silence around a recording: a turn is open before the caller speaks, and beyond the pause that ends it."""


class AtOnce(Threads):
    """No thread at all: what is submitted is done before submit() returns."""

    idle = True

    def __init__(self) -> None:
        pass

    def submit(self, work: Callable[[], None]) -> None:
        work()

    def close(self) -> None:
        pass


def hear(
    recogniser: Recogniser, ground: Ground, samples: Samples, *, before_s: float = BEFORE_S
) -> Understood | Misheard | Failed | None:
    """What the engine would be told of a caller who says this (8 kHz); None: nobody seems to have spoken. Raises
    RecogniserError when the model knows no word of the ground.

    before_s: silence put before it, for a recording that is cut close. A menu goes on hearing after mere noise, in turns
    of their own: so it is here.
    """
    size = round(SAMPLE_RATE * PACKET_S)
    before, after = (np.zeros(round(seconds * SAMPLE_RATE), np.int16) for seconds in (before_s, ground.pause_s + AFTER_S))
    sound = encode("PCMA", np.concatenate([before, samples, after]))
    packets = iter([(at, sound[at : at + size]) for at in range(0, len(sound), size)])
    told: Understood | Misheard | Failed | None = None
    for _ in range(NOISES):
        turn = _turn(recogniser, ground, packets)
        told = turn or told
        if not (isinstance(turn, Misheard) and turn.why == "noise"):
            break
    return told


def _turn(
    recogniser: Recogniser, ground: Ground, packets: Iterator[tuple[int, bytes]]
) -> Understood | Misheard | Failed | None:
    """One turn, of as many of the packets as it takes: position in samples, A-law."""
    outcomes: deque[Outcome] = deque()
    decoding = Decoding(recogniser, ground.grammar, AtOnce(), outcomes.append)
    order = Open(1, "", "", ground.grammar.phrases, ground.grammar.repeat, ground.pause_s, ground.max_s)
    listening: Listening | None = None
    for number, (at, packet) in enumerate(packets):
        now = at / SAMPLE_RATE
        listening = listening or Listening(order, VoiceDetector(), now)
        told = _follow(listening, decoding, outcomes, listening.frame(Frame(1, number, at, packet), now), now)
        if told is not None:
            return told
    return None


def _follow(
    listening: Listening, decoding: Decoding, outcomes: deque[Outcome], orders: list[Do], now: float
) -> Understood | Misheard | Failed | None:
    """Do what is ordered, and what follows from that; what ends the turn, if anything does."""
    waiting = deque(orders)
    while waiting:
        order = waiting.popleft()
        if not isinstance(order, Tell):
            decoding.put(order)
        elif isinstance(order.message, Understood | Misheard | Failed):
            return order.message
        while outcomes:
            match outcomes.popleft():
                case Partial(complete):
                    waiting += listening.partial(now, complete=complete)
                case Result(number, heard):
                    waiting += listening.result(number, heard, now)
                case _:
                    waiting += listening.failed()
    return None
