"""collect, extension, language: keys that belong together."""

from __future__ import annotations

import pytest

from ivr.flow.events import Connect, Entered, HangUp, Key, Pressed, PromptDone, Resume, Visit
from ivr.flow.load import load
from ivr.flow.nodes.collect import Check, is_valid
from ivr.flow.run import FlowRun
from ivr.flow.simulate import World
from tests.ivr.flow.walks import document, done, walk

ORDER = "  a: {kind: collect, prompt: ask, into: order, min: 4, max: 6, then: bye}"
BACK = "  a: {kind: collect, prompt: ask, into: order, min: 4, max: 6, read_back: {as: order}, then: bye}"
PIN = "  a: {kind: collect, prompt: ask, into: pin, min: 4, max: 4, secret: true, then: bye}"


def test_digits_end_with_the_key_the_last_one_or_a_pause() -> None:
    for inputs in (("1234#",), ("123456",), ("1234", "")):
        found = walk(ORDER, *inputs)
        assert found.path == ["a", "bye"]
        assert found.run.values["order"] == inputs[0].rstrip("#")
        assert done(found, Entered) == [Entered("a", "order", inputs[0].rstrip("#"))]


def test_too_few_digits_are_asked_for_again_and_at_last_a_person_helps() -> None:
    found = walk(ORDER, "123#", "12#")
    assert found.heard[:2] == ["<ask>", "<collect_invalid><ask>"]
    assert (found.path, found.end) == (["a", "person"], "queue service")
    assert "order" not in found.run.values


def test_silence_asks_again_and_leads_to_a_person() -> None:
    found = walk(ORDER, "", "")
    assert found.heard == ["<ask>", "<no_input><ask>"]
    assert found.end == "queue service"


def test_star_clears_what_was_typed() -> None:
    found = walk(ORDER, "999", "*", "1234#")
    assert found.heard == ["<ask>", "<ask>"]
    assert found.run.values["order"] == "1234"


def test_star_alone_goes_back_and_hash_alone_hears_again() -> None:
    menu = "  m: {kind: menu, prompt: m, keys: {'1': a}}\n" + ORDER
    found = walk(document(menu, "start: m"), "1", "#", "*")
    assert found.heard == ["<m>", "<ask>", "<ask>", "<m>"]
    assert found.path == ["m", "a", "m"]


def test_nought_is_a_digit_but_nought_alone_is_a_person() -> None:
    assert walk(ORDER, "0000#").run.values["order"] == "0000"
    assert walk(ORDER, "0#").end == "queue service"


def test_one_digit_may_be_nought() -> None:
    found = walk("  a: {kind: collect, prompt: ask, into: n, max: 1, then: bye}", "0")
    assert (found.run.values["n"], found.end) == ("0", "hangup")


def test_a_value_is_read_back_and_confirmed() -> None:
    found = walk(BACK, "12345#", "1")
    assert found.heard == ["<ask>", "<collect_entered><order 12345><collect_confirm>"]
    assert done(found, Entered) == [Entered("a", "order", "12345")]
    assert found.path == ["a", "bye"]


@pytest.mark.parametrize("key", ["2", "*"])
def test_a_value_that_is_not_confirmed_is_asked_for_again(key: str) -> None:
    found = walk(BACK, "12345#", key, "99999#", "1")
    assert found.run.values["order"] == "99999"
    assert found.heard[2] == "<ask>"


def test_who_neither_confirms_nor_corrects_comes_to_a_person() -> None:
    assert walk(BACK, "12345#", "0").end == "queue service"
    assert walk(BACK, "12345#", "7").heard[-1].startswith("<collect_entered>")
    assert walk(BACK, "12345#", "7", "").end == "queue service"


def test_a_secret_is_told_to_nobody() -> None:
    found = walk(PIN, "8642")
    assert found.run.values["pin"] == "8642"
    assert "8642" not in str(found.done)
    assert done(found, Entered) == [Entered("a", "pin", "***")]
    short = walk(PIN, "86#")
    assert "86" not in str(short.done)


def test_digits_pressed_early_are_taken() -> None:
    menu = "  n: {kind: say, prompt: n, notice: true, then: a}\n" + ORDER
    run = FlowRun(document(menu, "start: n"))
    run.start(0.0)
    for digit in "1234#":
        run.receive(Key(digit), 1.0)
    assert Entered("a", "order", "1234") in run.receive(PromptDone(1), 2.0)
    half = FlowRun(document(menu, "start: n"))
    half.start(0.0)
    half.receive(Key("1"), 1.0)
    half.receive(PromptDone(1), 2.0)
    assert (half.typed, half.deadline()) == ("1", 6.0)


def test_a_confirmation_pressed_early_counts() -> None:
    menu = "  n: {kind: say, prompt: n, notice: true, then: a}\n" + BACK
    run = FlowRun(document(menu, "start: n"))
    run.start(0.0)
    for digit in "12345#1":
        run.receive(Key(digit), 1.0)
    assert run.receive(PromptDone(1), 2.0)[-3:] == [Pressed("a", "1"), Visit("bye"), HangUp("menu_ended")]


@pytest.mark.parametrize("early", [True, False])
def test_the_end_key_after_the_last_digit_means_nothing_more(early: bool) -> None:
    menu = "  n: {kind: say, prompt: n, notice: true, then: a}\n" + BACK
    run = FlowRun(document(menu, "start: n"))
    run.start(0.0)
    if not early:
        run.receive(PromptDone(1), 0.5)
    for digit in "123456#1":
        run.receive(Key(digit), 1.0)
    if early:
        run.receive(PromptDone(1), 2.0)
    assert (run.node, run.values["order"]) == ("bye", "123456")


def test_resume_reads_back_or_asks() -> None:
    asked = walk(BACK, "12", world=World(ears=None))
    assert [str(action) for action in asked.run.receive(Resume(), 99.0)] == ["Play(play=2, prompts=('ask',), language='zh')"]
    assert asked.run.typed == ""
    entered = walk(BACK, "12345#")
    assert "collect_entered" in str(entered.run.receive(Resume(), 99.0))


@pytest.mark.parametrize(
    ("check", "value", "valid"),
    [
        ("phone", "13912345678", True),
        ("phone", "04714613311", True),
        ("phone", "4008123123", True),
        ("phone", "4613311", False),
        ("phone", "12912345678", False),
        ("mobile", "13912345678", True),
        ("mobile", "04714613311", False),
        ("id_card", "11010519491231002X", True),
        ("id_card", "110105194912310021", False),
        ("id_card", "11010519491331002X", False),
        ("id_card", "1101051949123100", False),
        ("luhn", "4111111111111111", True),
        ("luhn", "4111111111111112", False),
        ("date", "20260229", True),  # whether the month has that day is not asked
        ("date", "20261301", False),
        ("", "1", True),
    ],
)
def test_checks(check: Check, value: str, valid: bool) -> None:
    assert is_valid(check, value) is valid


def test_an_id_card_ends_with_a_star_for_x() -> None:
    found = walk(
        "  a: {kind: collect, prompt: ask, into: id, min: 18, max: 18, check: id_card, then: bye}", "11010519491231002*"
    )
    assert found.run.values["id"] == "11010519491231002X"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("min: 5, max: 4", "min is more than max"),
        ("secret: true, read_back: {}", "what is secret is not read back"),
        ("terminator: '5'", "a digit can't end the input"),
    ],
)
def test_what_makes_no_sense_is_refused(fields: str, words: str) -> None:
    loaded = load(f"start: a\nnodes: {{a: {{kind: collect, prompt: p, into: x, then: a, {fields}}}}}")
    assert words in str(loaded.findings[0])


EXTENSIONS = """
  a:
    kind: extension
    digits: 3
    connecting: please_wait
    directory: {"801": {seat: "1026"}, "802": bye}
"""


def test_an_extension_calls_its_seat() -> None:
    found = walk(EXTENSIONS, "801")
    assert (found.end, found.heard[-1]) == ("seat 1026", "<please_wait>")
    assert done(found, Connect) == [Connect("seat", "1026", ring_s=30.0)]
    assert Pressed("a", "801") in found.done


def test_an_extension_may_lead_to_a_node() -> None:
    assert walk(EXTENSIONS, "802").path == ["a", "bye"]


def test_the_operator_is_on_nought() -> None:
    assert walk(EXTENSIONS, "0").end == "queue service"


def test_an_unknown_extension_is_asked_for_again_then_a_person() -> None:
    found = walk(EXTENSIONS, "999", "888")
    assert found.heard == ["<extension_ask>", "<extension_unknown><extension_ask>"]
    assert found.end == "queue service"


def test_a_busy_extension_is_asked_for_again_then_a_person() -> None:
    found = walk(EXTENSIONS, "801")
    found.not_reached("busy")
    assert found.heard[-1] == "<extension_busy><extension_ask>"
    found.press("801")
    found.not_reached("no_answer")
    assert found.end == "queue service"


def test_without_a_directory_seats_are_called_by_their_numbers() -> None:
    found = walk("  a: {kind: extension}", "1026")
    assert found.end == "seat 1026"
    found.not_reached("unknown")
    assert found.heard[-1] == "<extension_unknown><extension_ask>"
    assert walk("  a: {kind: extension}", "10", "").end == "seat 10"
    assert walk("  a: {kind: extension}", "", "").end == "queue service"


def test_keys_while_it_rings_mean_nothing_and_a_late_failure_either() -> None:
    found = walk(EXTENSIONS, "801", "5")
    assert found.end == "seat 1026"
    waiting = walk(EXTENSIONS)
    waiting.not_reached("busy")
    assert waiting.heard == ["<extension_ask>"]


def test_a_restart_while_it_rings_asks_again() -> None:
    found = walk(EXTENSIONS, "801")
    assert "extension_ask" in str(found.run.receive(Resume(), 99.0))


LANGUAGES = """
  a: {kind: language, keys: {"1": zh, "2": en}, then: m}
  m: {kind: menu, prompt: m, keys: {"1": bye, "5": bye}}
"""


def test_a_language_is_chosen() -> None:
    assert walk(LANGUAGES, "2").run.language == "en"
    assert walk(LANGUAGES, "1").run.language == "zh"
    assert walk(LANGUAGES, "").path == ["a", "m"]


def test_a_key_that_is_no_language_counts_in_the_menu() -> None:
    assert walk(LANGUAGES, "5").path == ["a", "m", "bye"]
