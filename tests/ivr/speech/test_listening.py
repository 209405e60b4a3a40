"""One turn: frames and the time in, what is to be decoded and told out."""

from __future__ import annotations

from ivr.speech.control import Began, Failed, Misheard, Open, Understood
from ivr.speech.frames import Frame
from ivr.speech.listening import LIMIT_S, SLOW_S, SURE, Decode, Do, Finish, Forget, Listening, Tell
from ivr.speech.recogniser import Guess, Heard

LOUD, FAR_OFF, QUIET = b"\x2a" * 160, b"\x2b" * 160, b"\xd5" * 160
_LEVELS = {LOUD: 1000.0, FAR_OFF: 10.0}


class Turn:
    """A turn in which a block is voice when it is LOUD or FAR_OFF; time passes with its frames."""

    def __init__(self, **terms: float) -> None:
        order = Open(7, "call", "zh", ("订单", "订单号"), **terms)  # type: ignore[arg-type]
        self.listening = Listening(order, lambda block: _LEVELS.get(block, 0.0), 0.0)
        self.now = 0.0
        self.number = self.position = 0
        self.done: list[Do] = []
        self.frames(QUIET, 10)

    def frames(self, sound: bytes, count: int = 1) -> None:
        for _ in range(count):
            self.now += 0.02
            self.take(self.listening.frame(Frame(7, self.number, self.position, sound), self.now))
            self.number += 1
            self.position += len(sound)

    def tick(self, seconds: float, step: float = 0.04) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += step
            self.take(self.listening.tick(self.now))

    def take(self, done: list[Do]) -> None:
        self.done += done

    def result(self, number: int, heard: Heard) -> None:
        self.take(self.listening.result(number, heard, self.now))

    @property
    def told(self) -> list[object]:
        return [each.message for each in self.done if isinstance(each, Tell)]

    @property
    def finishes(self) -> list[int]:
        return [each.number for each in self.done if isinstance(each, Finish)]

    @property
    def decoded(self) -> bytes:
        return b"".join(each.sound for each in self.done if isinstance(each, Decode))


SURELY = Heard("订单", 0.95, (Guess("订单号", 0.05),))


def test_what_is_said_is_told_with_how_long_it_took() -> None:
    turn = Turn()
    turn.frames(LOUD, 20)
    assert turn.told == [Began(7)]
    turn.frames(QUIET, 25)
    assert turn.finishes == [1]
    assert turn.decoded.count(LOUD) == 20
    turn.now += 0.05
    turn.result(1, SURELY)
    assert turn.told == [Began(7), Understood(7, "订单", 0.95, (Guess("订单号", 0.05),), 500, 50, 0)]
    assert turn.listening.over
    turn.frames(LOUD, 50)
    assert len(turn.told) == 2


def test_what_was_none_of_the_words() -> None:
    for heard, why in ((Heard(confidence=0.9, unknown=True), "unknown"), (Heard(), "noise")):
        turn = Turn()
        turn.frames(LOUD, 20)
        turn.frames(QUIET, 25)
        turn.result(1, heard)
        assert turn.told == [Began(7), Misheard(7, why)]  # type: ignore[arg-type]


def missed(heard: Heard) -> Turn:
    """What was a word as it went, and none in the end."""
    turn = Turn()
    turn.frames(LOUD, 20)
    turn.take(turn.listening.partial(turn.now, complete=True))
    turn.frames(QUIET, 12)
    turn.result(1, heard)
    turn.frames(QUIET, 13)
    return turn


def second_look(turn: Turn) -> bytes:
    """What is decoded in it."""
    forgot = turn.done.index(Forget())
    return b"".join(each.sound for each in turn.done[forgot:] if isinstance(each, Decode))


def test_what_was_a_word_as_it_went_and_none_in_the_end_is_looked_at_once_more() -> None:
    turn = missed(Heard(confidence=0.9, unknown=True))
    assert (turn.told, turn.finishes) == ([Began(7)], [1, 2])
    assert second_look(turn) == QUIET * 10 + LOUD * 20 + QUIET * 25, "all of it, though less was decoded before"
    turn.take(turn.listening.partial(turn.now, complete=False))  # as it was forgotten
    turn.take(turn.listening.partial(turn.now, complete=True))
    turn.now += 0.05
    turn.result(2, SURELY)
    assert turn.told[-1] == Understood(7, "订单", 0.95, (Guess("订单号", 0.05),), 500, 50, 0)


def test_nobody_looks_a_third_time() -> None:
    turn = missed(Heard(confidence=0.9, unknown=True))
    turn.take(turn.listening.partial(turn.now, complete=True))
    turn.result(2, Heard())
    assert (turn.told, turn.finishes) == ([Began(7), Misheard(7, "unknown")], [1, 2])


def test_a_second_look_that_comes_too_late_ends_the_turn() -> None:
    turn = missed(Heard())
    turn.tick(SLOW_S + 0.1)
    assert turn.told == [Began(7), Failed(7, "slow")]


def test_what_is_too_short_to_be_a_word_is_looked_at_where_it_seems_to_be_one() -> None:
    for complete in (False, True):
        turn = Turn()
        turn.frames(LOUD, 4)
        turn.take(turn.listening.partial(turn.now, complete=complete))
        turn.frames(QUIET, 25)
        if complete:
            assert (turn.told, turn.finishes) == ([Began(7)], [1])
            assert second_look(turn) == QUIET * 10 + LOUD * 4 + QUIET * 25
            turn.result(1, Heard(confidence=0.9, unknown=True))
        assert turn.told == [Began(7), Misheard(7, "noise")], "menus go on hearing after it"


def test_too_much_needs_no_decoding() -> None:
    turn = Turn(max_s=1.0)
    turn.frames(LOUD, 60)
    assert turn.told == [Began(7), Misheard(7, "too_much")]
    assert turn.finishes == []


def early(turn: Turn) -> None:
    turn.frames(LOUD, 20)
    turn.take(turn.listening.partial(turn.now, complete=True))
    turn.frames(QUIET, 12)
    assert turn.finishes == [1]


def test_what_is_complete_and_sure_is_not_waited_for() -> None:
    turn = Turn()
    early(turn)
    turn.result(1, SURELY)
    assert isinstance(turn.told[-1], Understood)


def test_what_is_complete_and_unsure_has_its_whole_pause_and_is_decoded_once() -> None:
    turn = Turn()
    early(turn)
    turn.result(1, Heard("订单", SURE - 0.01))
    assert turn.told == [Began(7)]
    turn.frames(QUIET, 13)
    assert turn.finishes == [1]
    assert turn.told[-1] == Understood(7, "订单", SURE - 0.01, (), 240, 0, 0)


def test_a_whole_pause_over_before_the_early_result_came() -> None:
    turn = Turn()
    early(turn)
    turn.frames(QUIET, 13)
    assert turn.told == [Began(7)]
    turn.result(1, Heard("订单", 0.2))
    assert isinstance(turn.told[-1], Understood)


def test_who_goes_on_after_an_early_end_is_heard_to_the_end() -> None:
    turn = Turn()
    early(turn)
    turn.frames(LOUD, 10)
    turn.result(1, Heard("订单", 0.5))
    assert turn.told == [Began(7)]
    turn.frames(QUIET, 25)
    assert turn.finishes == [1, 2]
    turn.result(1, SURELY)  # of the earlier end: it is no more asked for
    assert turn.told == [Began(7)]
    turn.result(2, Heard("订单号", 0.9))
    assert turn.told[-1] == Understood(7, "订单号", 0.9, (), 500, 0, 0)


def test_no_frames_are_silence() -> None:
    turn = Turn()
    turn.frames(LOUD, 20)
    turn.tick(0.9)
    assert turn.finishes == [1]
    turn.result(1, SURELY)
    assert isinstance(turn.told[-1], Understood)


def test_frames_that_come_after_a_pause_without_any_are_heard() -> None:
    turn = Turn()
    turn.tick(1.0)
    turn.position += 8000
    turn.frames(LOUD, 20)
    assert turn.told == [Began(7)]


def test_a_gap_in_the_sound_is_filled_and_counted_where_frames_were_dropped() -> None:
    turn = Turn()
    turn.frames(LOUD, 10)
    turn.number, turn.position = turn.number + 3, turn.position + 480
    turn.frames(LOUD, 10)
    turn.position += 160  # the network lost this one: its number was never given
    turn.frames(LOUD, 10)
    assert turn.listening.lost == 480
    turn.frames(QUIET, 25)
    assert turn.decoded.count(QUIET) >= 4
    assert turn.decoded.count(LOUD) == 30


def test_decoding_that_takes_too_long_ends_the_turn() -> None:
    turn = Turn()
    turn.frames(LOUD, 20)
    turn.frames(QUIET, 25)
    turn.tick(SLOW_S + 0.1)
    assert turn.told == [Began(7), Failed(7, "slow")]
    turn.result(1, SURELY)
    assert len(turn.told) == 2


def test_decoding_that_breaks_down_ends_the_turn() -> None:
    turn = Turn()
    turn.frames(LOUD, 20)
    turn.take(turn.listening.failed())
    turn.take(turn.listening.failed())
    assert turn.told == [Began(7), Failed(7, "failed")]


def test_a_turn_that_was_forgotten_ends() -> None:
    turn = Turn()
    turn.tick(LIMIT_S, step=1.0)
    assert turn.told == [Failed(7, "failed")]


def test_another_turns_frames_are_nothing() -> None:
    turn = Turn()
    for number in range(20):
        turn.take(turn.listening.frame(Frame(6, number, number * 160, LOUD), turn.now))
    assert turn.done == []


def test_frames_of_any_length_are_blocks() -> None:
    turn = Turn()
    for size in (80, 240, 400, 1600, 40, 120, 800):
        turn.frames(b"\x2a" * size)
    turn.frames(QUIET, 30)
    assert turn.finishes == [1]
    assert turn.decoded.count(b"\x2a") == 3280


def test_what_others_said_is_forgotten_when_the_caller_speaks_and_an_answer_to_it_is_late() -> None:
    turn = Turn()
    turn.frames(FAR_OFF, 30)
    turn.take(turn.listening.partial(turn.now, complete=True))
    turn.frames(QUIET, 14)
    assert turn.finishes == [1]
    turn.frames(LOUD, 20)
    turn.result(1, SURELY)
    assert turn.told == [Began(7)], "what was asked of the others' words is not the caller's answer"
    forgot = turn.done.index(Forget())
    heard = b"".join(each.sound for each in turn.done[forgot:] if isinstance(each, Decode))
    assert FAR_OFF not in heard
    turn.frames(QUIET, 30)
    turn.result(2, SURELY)
    assert isinstance(turn.told[-1], Understood)
