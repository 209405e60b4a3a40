"""When somebody speaks: a row of blocks, each with how loud a voice is in it."""

from __future__ import annotations

import pytest

from ivr.speech.gate import DROP_MS, FAR, PRE_ROLL_MS, SOFT_MS, TAIL_MS, WIDE_MS, Anew, End, Gate, Onset, Sound, Step

DEAF = "....."
LEVELS = {".": 0.0, "x": 100.0, "f": 100.0 / FAR - 1, "n": 100.0 / FAR + 1}
"""Nothing, the caller, somebody farther away, and what is just near enough."""


class Told:
    """What a gate said of a row of blocks: see LEVELS."""

    def __init__(self, row: str = "", *, pause_s: float = 0.5, max_s: float = 8.0) -> None:
        self.gate = Gate(pause_s=pause_s, max_s=max_s)
        self.steps: list[Step] = []
        self.count = 0
        self.at: list[int] = []
        self.hear(row)

    def hear(self, row: str) -> Told:
        for each in row:
            self.take(self.gate.block(bytes([self.count % 256]), voice=LEVELS[each]))
            self.count += 1
        return self

    def take(self, steps: list[Step]) -> None:
        self.steps += steps
        self.at += [self.count] * len(steps)

    @property
    def sound(self) -> list[int]:
        return list(b"".join(step.sound for step in self.steps if isinstance(step, Sound)))

    @property
    def kinds(self) -> list[str]:
        names = {Onset: "onset", Anew: "anew"}
        return [step.why if isinstance(step, End) else names[type(step)] for step in self.steps if not isinstance(step, Sound)]


def test_nothing_is_decoded_before_somebody_speaks() -> None:
    assert Told("." * 100).steps == []


@pytest.mark.parametrize("row", ["xx..", "x.x.", "x...x...x"])
def test_clicks_are_no_onset(row: str) -> None:
    assert Told(DEAF + row * 10).steps == []


def test_the_detector_is_not_believed_while_it_learns_the_noise() -> None:
    assert Told("xxxx" + "." * 50).steps == []
    assert Told("xxxxxxxx").kinds == ["onset"]


def test_an_onset_takes_with_it_what_was_before() -> None:
    told = Told(DEAF + "." * 20 + "xxx")
    assert told.kinds == ["onset"]
    first = told.count - PRE_ROLL_MS // 20
    assert told.sound == list(range(first, told.count))


def test_a_pause_ends_what_is_said_and_its_end_is_not_decoded() -> None:
    told = Told(DEAF + "x" * 20 + "." * 24)
    assert told.kinds == ["onset"]
    told.hear(".")
    assert told.kinds == ["onset", "pause"]
    assert told.sound[-1] == len(DEAF) + 20 + TAIL_MS // 20 - 1
    assert told.hear("x" * 20).kinds == ["onset", "pause"], "it is over"


def test_a_pause_between_words_is_decoded_whole_once_the_next_word_comes() -> None:
    told = Told(DEAF + "x" * 20 + "." * 15 + "x")
    assert told.kinds == ["onset"]
    assert told.sound == list(range(told.count)), "the onset came so early that all that was before is decoded too"


def test_a_bang_is_noise() -> None:
    assert Told(DEAF + "xxx" + "." * 30).kinds == ["onset", "noise"]


def test_too_much_is_too_much() -> None:
    told = Told(DEAF + "x" * 400, max_s=2.0)
    assert told.kinds == ["onset", "too_much"]
    assert told.at[-1] <= len(DEAF) + 101


def test_what_is_complete_ends_early_and_once() -> None:
    told = Told(DEAF + "x" * 20)
    told.take(told.gate.complete(True))
    assert told.hear("." * 11).kinds == ["onset"]
    assert told.hear(".").kinds == ["onset", "early"]
    assert told.hear("." * 5).kinds == ["onset", "early"]
    told.gate.go_on()  # it was not sure
    assert told.hear("." * 8).kinds == ["onset", "early", "pause"]


def test_what_becomes_complete_in_the_pause_ends_at_once() -> None:
    told = Told(DEAF + "x" * 20 + "." * 14)
    told.take(told.gate.complete(True))
    assert told.kinds == ["onset", "early"]


def test_more_words_after_an_early_end_may_end_early_again() -> None:
    told = Told(DEAF + "x" * 20)
    told.take(told.gate.complete(True))
    told.hear("." * 12)
    told.gate.go_on()
    told.hear("x" * 10)
    told.take(told.gate.complete(True))
    assert told.hear("." * 12).kinds == ["onset", "early", "early"]


def test_others_in_the_room_are_silence_once_the_caller_spoke() -> None:
    told = Told(DEAF + "x" * 20 + "f" * 60)
    assert told.kinds == ["onset", "pause"]
    late = len(DEAF) + 20 + SOFT_MS // 20 + 25
    assert told.at[-1] in range(late - 2, late)
    assert Told(DEAF + "x" * 20 + "n" * 60).kinds == ["onset"], "the caller's own quieter words"


def test_syllables_that_are_far_quieter_belong_to_the_louder_ones_around() -> None:
    told = Told(DEAF + "xxxffffff" * 5)
    assert told.sound == list(range(told.count))


def test_what_others_said_before_the_caller_is_dropped_when_the_caller_speaks() -> None:
    told = Told(DEAF + "f" * 40 + "xx")
    assert told.kinds == ["onset", "anew"]
    told.hear("x" * 8 + "." * 25)
    assert told.kinds == ["onset", "anew", "pause"]
    after = told.steps.index(Anew())
    kept = b"".join(step.sound for step in told.steps[after:] if isinstance(step, Sound))
    spoke = len(DEAF) + 40
    assert list(kept) == list(range(spoke - PRE_ROLL_MS // 20, spoke + 10 + TAIL_MS // 20))


def test_what_others_said_is_dropped_however_slowly_the_caller_grows_louder() -> None:
    told = Told(DEAF + "f" * 40 + "n" * 15)
    assert told.kinds == ["onset"], "it may be one voice yet"
    told.hear("x" * 5)
    assert told.kinds == ["onset", "anew"]
    kept = b"".join(step.sound for step in told.steps[told.steps.index(Anew()) :] if isinstance(step, Sound))
    assert list(kept) == list(range(len(DEAF) + 40 - PRE_ROLL_MS // 20, told.count))


def test_a_moment_of_others_is_not_worth_beginning_anew() -> None:
    before = 3  # blocks of a voice until its onset; what was before these fills the pre-roll
    least = before + DROP_MS // 20
    assert Told(DEAF + "." * 20 + "f" * (least - 1) + "xx").kinds == ["onset"]
    assert Told(DEAF + "." * 20 + "f" * least + "xx").kinds == ["onset", "anew"]


def test_what_others_say_after_a_word_is_decoded_only_if_the_caller_goes_on() -> None:
    told = Told(DEAF + "x" * 20 + "f" * 20)
    assert told.sound[-1] == len(DEAF) + 20 + TAIL_MS // 20 - 1
    told.hear("x")
    assert told.sound == list(range(told.count))


def test_a_click_among_quiet_words_drops_nothing() -> None:
    assert Told(DEAF + "f" * 40 + "x" + "f" * 5).kinds == ["onset"]


@pytest.mark.parametrize("soft", range(1, 20))
def test_a_word_that_begins_softly_is_heard_from_its_begin_or_the_pre_roll(soft: int) -> None:
    told = Told(DEAF + "." * 20 + "f" * soft + "x" * 20)
    last = [step for step in told.steps if isinstance(step, Anew | Onset)][-1]
    heard = b"".join(step.sound for step in told.steps[told.steps.index(last) :] if isinstance(step, Sound))
    spoke = len(DEAF) + 20 + soft
    assert list(heard) == list(range(heard[0], told.count))
    assert heard[0] <= max(spoke - soft, spoke - PRE_ROLL_MS // 20)


def test_what_others_completed_does_not_end_the_caller_early() -> None:
    told = Told(DEAF + "f" * 40)
    told.take(told.gate.complete(True))
    assert told.hear("xxxxxx" + "." * 15).kinds == ["onset", "anew"]


def test_everything_is_more_than_was_decoded_before_and_after() -> None:
    told = Told(DEAF + "." * 30 + "x" * 20 + "." * 25)
    assert told.kinds == ["onset", "pause"]
    assert list(told.gate.everything()) == list(range(told.sound[0] - WIDE_MS // 20, told.count))
    assert told.sound[-1] < told.count - 1


def test_everything_begins_with_the_turn_where_somebody_speaks_at_once() -> None:
    assert list(Told(DEAF + "x" * 20 + "." * 25).gate.everything()) == list(range(50))


def test_everything_after_somebody_else_is_the_callers() -> None:
    told = Told(DEAF + "f" * 40 + "x" * 10 + "." * 25)
    assert told.kinds == ["onset", "anew", "pause"]
    spoke = len(DEAF) + 40
    assert list(told.gate.everything()) == list(range(spoke - (PRE_ROLL_MS + WIDE_MS) // 20, told.count))
