"""A turn's decoding: in order, in threads, from the begin again where more was said after an end."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Container, Iterator

import numpy as np
import pytest

from ivr.media.g711 import decode, encode
from ivr.speech.decoding import Broken, Decoding, Outcome, Partial, Result, Threads
from ivr.speech.listening import Decode, Finish, Forget
from ivr.speech.recogniser import Grammar, Heard, RecogniserError
from tests.ivr.media.rig import power, tone

BOUND_S = 20.0


class Parrot:
    """A recogniser whose words are how many samples it has heard: "3" after three of them. It breaks at 13."""

    def __init__(self, rate_hz: int = 8000, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.rate_hz = rate_hz
        self.turns: list[Heard8] = []
        self._meanwhile = meanwhile

    def vocabulary(self) -> Container[str]:
        return {str(number) for number in range(100)} | {"one"}

    def turn(self, grammar: Grammar) -> Heard8:
        self._meanwhile()
        self.turns.append(Heard8())
        return self.turns[-1]


class Heard8:
    """Its utterance."""

    def __init__(self) -> None:
        self.samples = b""
        self.again = False

    def hear(self, samples: bytes) -> None:
        self.samples += samples
        if len(self.samples) == 26:
            raise RecogniserError("thirteen")

    def partial(self) -> str:
        return str(len(self.samples) // 2)

    def result(self, *, again: bool = False) -> Heard:
        self.again = again
        return Heard(self.partial(), 1.0)


class Told:
    """Waits for outcomes, which come from threads."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self._came = threading.Condition()

    def __call__(self, outcome: Outcome) -> None:
        with self._came:
            self.outcomes.append(outcome)
            self._came.notify_all()

    def wait(self, outcome: Outcome) -> None:
        with self._came:
            assert self._came.wait_for(lambda: outcome in self.outcomes, BOUND_S), self.outcomes


@pytest.fixture
def threads() -> Iterator[Threads]:
    found = Threads()
    yield found
    found.close()


def test_what_was_put_is_decoded_in_order(threads: Threads) -> None:
    told = Told()
    decoding = Decoding(Parrot(), Grammar(("5",)), threads, told)
    for _ in range(10):
        decoding.put(Decode(b"\xd5" * 2))
    decoding.put(Finish(1))
    told.wait(Result(1, Heard("20", 1.0)))


def test_what_is_complete_is_told_when_it_changes(threads: Threads) -> None:
    told = Told()
    decoding = Decoding(Parrot(), Grammar(("5", "7")), threads, told)
    decoding.put(Decode(b"\xd5" * 5))
    told.wait(Partial(True))
    decoding.put(Decode(b"\xd5"))
    told.wait(Partial(False))


def test_who_goes_on_after_an_end_is_decoded_from_the_begin(threads: Threads) -> None:
    told, parrot = Told(), Parrot()
    decoding = Decoding(parrot, Grammar(("5",)), threads, told)
    decoding.put(Decode(b"\xd5" * 5))
    decoding.put(Finish(1))
    told.wait(Result(1, Heard("5", 1.0)))
    decoding.put(Decode(b"\xd5" * 4))
    decoding.put(Finish(2))
    told.wait(Result(2, Heard("9", 1.0)))
    assert len(parrot.turns) == 2


def test_what_is_forgotten_is_neither_decoded_nor_complete(threads: Threads) -> None:
    told = Told()
    decoding = Decoding(Parrot(), Grammar(("5",)), threads, told)
    decoding.put(Decode(b"\xd5" * 5))
    told.wait(Partial(True))
    decoding.put(Forget())
    told.wait(Partial(False))
    decoding.put(Decode(b"\xd5" * 3))
    decoding.put(Finish(1))
    told.wait(Result(1, Heard("3", 1.0)))


def test_a_recogniser_that_breaks_costs_its_turn(threads: Threads) -> None:
    told, other = Told(), Told()
    decoding, well = Decoding(Parrot(), Grammar(), threads, told), Decoding(Parrot(), Grammar(), threads, other)
    decoding.put(Decode(b"\xd5" * 13))
    told.wait(Broken())
    well.put(Decode(b"\xd5" * 2))
    well.put(Finish(1))
    other.wait(Result(1, Heard("2", 1.0)))


def test_many_turns_have_all_their_results(threads: Threads) -> None:
    told = [Told() for _ in range(50)]
    turns = [Decoding(Parrot(), Grammar(), threads, each) for each in told]
    for _ in range(20):
        for turn in turns:
            turn.put(Decode(b"\xd5" * 2))
    for turn in turns:
        turn.put(Finish(1))
    for each in told:
        each.wait(Result(1, Heard("40", 1.0)))


def test_what_is_unsure_is_heard_again_only_while_no_other_turn_waits(threads: Threads) -> None:
    over = threading.Event()

    def wait() -> None:
        assert over.wait(BOUND_S)

    def others_come() -> None:
        for _ in range(os.cpu_count() or 1):
            threads.submit(wait)

    for number, (parrot, again) in enumerate(((Parrot(), True), (Parrot(meanwhile=others_come), False))):
        told = Told()
        Decoding(parrot, Grammar(), threads, told).put(Finish(number))
        told.wait(Result(number, Heard("0", 1.0)))
        assert parrot.turns[0].again is again
    over.set()


def test_words_that_the_model_has_not_are_refused(threads: Threads) -> None:
    with pytest.raises(RecogniserError):
        Decoding(Parrot(), Grammar(("two",)), threads, Told())


def test_a_model_of_16_khz_hears_all_of_it_at_its_rate(threads: Threads) -> None:
    told, parrot = Told(), Parrot(16000)
    decoding = Decoding(parrot, Grammar(), threads, told)
    spoken = encode("PCMA", tone(300, 1.0))
    for at in range(0, 8000, 800):
        decoding.put(Decode(spoken[at : at + 800]))
    decoding.put(Finish(1))
    told.wait(Result(1, Heard("16000", 1.0)))
    heard = np.frombuffer(parrot.turns[0].samples, np.int16)
    assert power(heard, 150) > 0.98, "300 Hz, told as if it were 8 kHz"
    assert np.abs(heard).max() == pytest.approx(np.abs(decode("PCMA", spoken)).max(), rel=0.05)
