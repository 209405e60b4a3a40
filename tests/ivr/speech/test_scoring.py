"""What was heard against what was said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.speech.evalreport import lines
from ivr.speech.ground import by_kind, kind_of, of_lines, of_phrases
from ivr.speech.recogniser import Grammar
from ivr.speech.scoring import Evaluation, Pair, Trial, align, interval, score
from tests.ivr.speech.test_verdict import of


def trial(said: str, heard: str, confidence: float = 0.9, file: str = "", **more: object) -> Trial:
    values: dict[str, object] = {
        "file": file or f"{said}.wav",
        "kind": kind_of(said),
        "ground": "main",
        "said": said,
        "meaning": said,
        "heard": heard,
        "heard_meaning": heard,
        "confidence": confidence,
        "sure": confidence >= 0.6,
        "seconds": 2.0,
        "took_s": 0.1,
        **more,
    }
    return Trial(**values)  # type: ignore[arg-type]


def test_outcomes() -> None:
    assert trial("订单", "订单").outcome == "understood"
    assert trial("订单", "订单", 0.3).outcome == "understood"
    assert trial("订单", "退货").outcome == "misled"
    assert trial("订单", "退货", 0.3).outcome == "doubtful"
    assert trial("订单", "").outcome == "missed"
    assert trial("", "").outcome == "refused"
    assert trial("", "退货", 0.1).outcome == "accepted"


def test_a_score() -> None:
    found = score(
        [
            trial("订单", "订单", file="1"),
            trial("订单", "订单", 0.5, file="2"),
            trial("订单", "退货", file="3"),
            trial("退货", "", file="4"),
            trial("1234", "124", file="5"),
            trial("", "", file="6"),
            trial("", "订单", file="7", seconds=8.0, took_s=0.4),
        ]
    )
    measured = found.measured
    assert (measured.said, measured.foreign) == (5, 2)
    assert measured.accuracy == 2 / 5
    assert measured.misled == 2 / 5
    assert measured.foreign_accepted == 1 / 2
    assert measured.real_time == pytest.approx(1.0 / 20.0)
    assert [(row.name, row.trials, row.right, row.asked, row.missed, row.misled, row.accepted) for row in found.kinds] == [
        ("digits", 1, 0, 0, 0, 1, 0),
        ("foreign", 2, 1, 0, 0, 0, 1),
        ("words", 4, 2, 1, 1, 1, 0),
    ]
    assert [row.name for row in found.grounds] == ["main"]
    assert found.pairs == (Pair("3", "", 1), Pair("订单", "退货", 1))
    assert found.accepted == (Pair("7", "订单", 1),)


def test_a_recording_heard_at_several_places_is_one_recording() -> None:
    found = score([trial("订单", "订单", file="1", ground=ground) for ground in ("a", "b")])
    assert found.measured.said == 1
    assert [(row.name, row.trials) for row in found.grounds] == [("a", 1), ("b", 1)]


def test_no_trials() -> None:
    assert score([]).measured.said == 0


@given(st.text("ab", max_size=6), st.text("ab", max_size=6))
def test_an_alignment_is_both_strings_and_the_fewest_changes(said: str, heard: str) -> None:
    pairs = align(said, heard)
    assert "".join(one for one, _ in pairs) == said
    assert "".join(other for _, other in pairs) == heard
    assert ("", "") not in pairs
    changes = sum(one != other for one, other in pairs)
    assert abs(len(said) - len(heard)) <= changes <= max(len(said), len(heard))
    assert sum(one != other for one, other in align(heard, said)) == changes


def test_alignments() -> None:
    assert align("1234", "134") == [("1", "1"), ("2", ""), ("3", "3"), ("4", "4")]
    assert align("12", "192") == [("1", "1"), ("", "9"), ("2", "2")]
    assert align("129", "123") == [("1", "1"), ("2", "2"), ("9", "3")]


@given(st.integers(0, 300), st.integers(0, 300))
def test_an_interval_holds_what_was_seen(one: int, other: int) -> None:
    right, of_all = min(one, other), max(one, other)
    low, high = interval(right, of_all)
    assert 0 <= low <= high <= 1
    if of_all:
        assert low - 1e-9 <= right / of_all <= high + 1e-9


def test_an_interval_of_a_known_table() -> None:
    low, high = interval(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)  # Newcombe 1998, table I, method 3


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "foreign"),
        (" ", "foreign"),
        ("幺三九", "digits"),
        ("139 0000", "digits"),
        ("five", "digits"),
        ("二十三", "number"),
        ("twenty three", "number"),
        ("是的", "yes/no"),
        ("No.", "words"),
        ("订单", "words"),
    ],
)
def test_kinds(text: str, kind: str) -> None:
    assert kind_of(text) == kind


def test_grounds_of_kinds() -> None:
    grounds = by_kind(["订单", "幺三九", "退货", "订单", "", "是"], "zh")
    assert grounds["words"].grammar == Grammar(("订单", "退货"))
    assert grounds["foreign"] is grounds["words"]
    assert grounds["digits"].grammar.repeat
    assert grounds["digits"].meaning("幺 三 九") == grounds["digits"].meaning("139") == "139"
    assert grounds["yes/no"].meaning("没错") == "yes"
    assert grounds["number"].meaning("二 十 三") == "23"
    assert grounds["number"].meaning("订单") is None
    assert grounds["yes/no"].meaning("订单") is None
    assert by_kind(["是"], "zh")["foreign"].name == "yes/no"


def test_phrases_of_one_choice_mean_the_same() -> None:
    ground = of_phrases("main", [("人工", "转人工"), ("Track an order",)])
    assert ground.meaning("转 人工") == ground.meaning("人工。") == "人工"
    assert ground.meaning("track an ORDER") == "Track an order"
    assert ground.meaning("退货") is None
    assert of_lines("a", "人工 | 转人工  # a person\n\n# nothing\nTrack an order\n").grammar == ground.grammar
    with pytest.raises(ValueError, match="no phrase"):
        of_lines("a", "# nothing\n |\n")


def test_a_report_names_all() -> None:
    trials = tuple(
        [trial("订单", "退货", file=f"{n}.wav") for n in range(25)] + [trial("", "退货", file=f"f{n}") for n in range(16)]
    )
    text = "\n".join(
        lines(Evaluation(score(trials), trials, ("x.wav: it is silent",), ("特殊",)), of(changed={"accuracy": 0.5}))
    )
    for line in (
        "left out: x.wav: it is silent",
        "the model has no words for: 特殊",
        "    25 × 订单 → 退货",
        "  and 1 more",
        "  0.wav: 订单 → 退货 (0.90)",
        "  and 21 more (--json has all)",
        "DID NOT PASS: tiny on zh\n  50.0% understood, 90.0% needed",
    ):
        assert line in text
    assert "PASSED: tiny on zh" in "\n".join(lines(Evaluation(score(()), (), (), ()), of()))
