"""Turns in which callers are heard: barge-in, timers, doubts, misunderstandings, and nobody who hears."""

from __future__ import annotations

from typing import Literal

import pytest

from ivr.flow.events import (
    Alternative,
    EnterQueue,
    FlowAction,
    HangUp,
    Key,
    Listen,
    Misheard,
    NotHeard,
    NotHearing,
    NotUnderstood,
    Play,
    Pressed,
    PromptDone,
    Resume,
    Said,
    Speech,
    SpeechBegan,
    StopListening,
    StopPlay,
    Visit,
    Words,
)
from ivr.flow.hearing import Ears
from ivr.flow.listening import CONFIRM_S, SLACK_S
from ivr.flow.run import NO_OPENINGS, FlowRun
from tests.ivr.flow.walks import document

EARS = Ears()
MENU = """
  a:
    kind: menu
    prompt: m
    keys: {"1": {to: orders, words: {zh: [查询订单, 订单], en: orders}}, "2": {to: back, words: {zh: 退货, en: returns}}}
  orders: {kind: menu, prompt: o, keys: {"1": {to: bye, words: 再见}}}
  back: {kind: say, prompt: b, then: bye}
"""
WORDS = ("查询订单", "订单", "退货", "人工", "返回", "重复", "人工服务", "返回上一级", "再听一遍", "转人工", "再说一遍", "客服")
YES_NO = ("是", "是的", "对", "对的", "没错", "好的", "确认", "不是", "不对", "人工", "人工服务", "转人工")
QUEUED = EnterQueue("service")
ORDERS = (Speech("您是要查询订单，"), "speech_yes_no")


def listen(turn: int, *words: str, language: str = "zh", barge_in: bool = True) -> Listen:
    return Listen(turn, language, words or WORDS, barge_in=barge_in)


def play(number: int, *prompts: str | Speech, language: str = "zh") -> Play:
    return Play(number, prompts, language)


def heard(text: str, turn: int, sure: float = 0.9, **others: float) -> Words:
    return Words(text, turn, sure, tuple(Alternative(*each) for each in others.items()))


def at_menu(nodes: str = MENU, ears: Ears | None = EARS, head: str = "start: a") -> FlowRun:
    """A caller who hears prompt 1, in turn 1."""
    run = FlowRun(document(nodes, head), NO_OPENINGS, ears)
    run.start(0.0)
    return run


def waiting(head: str = "start: a") -> FlowRun:
    """A caller who has heard prompt 1 to its end at 2.0 and is waited for until 7.0."""
    run = at_menu(head=head)
    run.receive(PromptDone(1), 2.0)
    return run


def doubtful(run: FlowRun) -> list[FlowAction]:
    """At 3.0 the caller has said something like 订单; turn 2."""
    return run.receive(heard("订单", 1, 0.5), 3.0)


# A turn


def test_a_question_is_asked_and_listened_for() -> None:
    run = FlowRun(document(MENU), NO_OPENINGS, EARS)
    assert run.start(0.0) == [Visit("a"), listen(1), play(1, "m")]
    assert (run.turn, run.receive(PromptDone(1), 2.0), run.deadline()) == (1, [], 7.0)


@pytest.mark.parametrize("ears", [None, Ears(languages=frozenset({"en"}))])
def test_without_speech_in_the_language_nothing_is_listened_for(ears: Ears | None) -> None:
    run = FlowRun(document(MENU), NO_OPENINGS, ears)
    assert run.start(0.0) == [Visit("a"), play(1, "m")]
    assert run.turn is None
    assert run.receive(SpeechBegan(0), 1.0) == run.receive(heard("订单", 0), 1.0) == []


def test_the_language_spoken_chooses_the_words() -> None:
    run = FlowRun(document(MENU, "start: a\nlanguage: en"), NO_OPENINGS, EARS)
    words = ("orders", "returns", "operator", "back", "repeat", "agent", "again", "representative")
    assert run.start(0.0) == [Visit("a"), listen(1, *words, language="en"), play(1, "m", language="en")]


def test_a_menu_without_words_is_for_keys() -> None:
    run = FlowRun(document('  a: {kind: menu, prompt: m, keys: {"1": bye}}'), NO_OPENINGS, EARS)
    assert run.start(0.0) == [Visit("a"), play(1, "m")]
    run = FlowRun(document(MENU.replace("prompt: m\n", "prompt: m\n    by_voice: false\n")), NO_OPENINGS, EARS)
    assert run.start(0.0) == [Visit("a"), play(1, "m")]


def test_onset_hushes_the_prompt_and_holds_the_timer() -> None:
    run = at_menu()
    assert run.receive(SpeechBegan(1), 1.0) == [StopPlay()]
    assert run.receive(PromptDone(1), 1.1) == []
    assert run.deadline() == 1.0 + 8.0 + SLACK_S
    assert run.receive(SpeechBegan(1), 1.2) == []
    assert run.receive(heard("退货", 1), 2.0) == [Said("a", "退货", 0.9), Visit("back"), play(2, "b")]
    assert run.turn is None


def test_onset_after_the_prompt_holds_the_timer() -> None:
    run = waiting()
    assert run.receive(SpeechBegan(1), 6.9) == []
    assert run.tick(7.5) == []
    assert run.receive(heard("订单", 1), 8.0)[1:] == [Visit("orders"), listen(2, *orders_words()), play(2, "o")]


def orders_words() -> tuple[str, ...]:
    return ("再见", *WORDS[3:])


def test_words_alone_end_the_prompt() -> None:
    run = at_menu()
    assert run.receive(heard("退货", 1), 1.0) == [Said("a", "退货", 0.9), StopPlay(), Visit("back"), play(2, "b")]


def test_other_turns_are_over() -> None:
    run = waiting()
    for turn in (0, 2):
        assert run.receive(SpeechBegan(turn), 3.0) == []
        assert run.receive(heard("订单", turn), 3.0) == []
        assert run.receive(Misheard(turn, "unknown"), 3.0) == []
        assert run.receive(NotHearing(turn, "failed"), 3.0) == []
    assert run.deadline() == 7.0
    run.receive(heard("订单", 1), 3.0)
    assert run.receive(heard("订单", 1), 3.1) == []


def test_silence_is_asked_about_in_a_new_turn() -> None:
    run = waiting()
    assert run.tick(7.0) == [listen(2), play(2, "no_input", "m")]
    run.receive(PromptDone(2), 9.0)
    assert run.tick(14.0) == [StopListening(), Visit("person"), QUEUED]


def test_a_key_ends_the_turn() -> None:
    run = at_menu()
    assert run.receive(Key("2"), 1.0) == [Pressed("a", "2"), StopPlay(), StopListening(), Visit("back"), play(2, "b")]
    run = at_menu()
    assert run.receive(Key("8"), 1.0) == [Pressed("a", "8"), StopPlay(), listen(2), play(2, "no_match", "m")]


def test_a_menu_that_is_heard_to_its_end_is_listened_to_from_then_on() -> None:
    run = FlowRun(document(MENU.replace("prompt: m\n", "prompt: m\n    barge_in: false\n")), NO_OPENINGS, EARS)
    assert run.start(0.0)[1] == listen(1, barge_in=False)


def test_the_end_ends_the_turn() -> None:
    run = waiting()
    assert run.after_talk(3.0)[:1] == [StopListening()]


# What is not understood


@pytest.mark.parametrize("why", ["unknown", "too_much"])
def test_two_misunderstandings_lead_to_a_person(why: Literal["unknown", "too_much"]) -> None:
    run = waiting()
    run.receive(SpeechBegan(1), 3.0)
    assert run.receive(Misheard(1, why), 4.0) == [NotUnderstood("a", why), listen(2), play(2, "no_match", "m")]
    assert run.receive(Misheard(2, why), 5.0) == [NotUnderstood("a", why), StopPlay(), Visit("person"), QUEUED]


def test_words_without_meaning_are_not_understood() -> None:
    run = waiting()
    assert run.receive(heard("退款", 1), 3.0) == [Said("a", "退款", 0.9), listen(2), play(2, "no_match", "m")]
    assert run.receive(Key("8"), 4.0)[-2:] == [Visit("person"), QUEUED]


def test_noise_in_the_wait_begins_it_anew() -> None:
    run = waiting()
    run.receive(SpeechBegan(1), 6.0)
    assert run.receive(Misheard(1, "noise"), 6.5) == [NotUnderstood("a", "noise"), listen(2)]
    assert run.deadline() == 11.5
    run.receive(Misheard(2, "noise"), 8.0)
    assert run.receive(Misheard(3, "noise"), 9.0) == [NotUnderstood("a", "noise")]
    assert (run.turn, run.deadline()) == (None, 14.0)


def test_noise_that_cut_a_prompt_off_has_it_said_again_undisturbed() -> None:
    run = at_menu()
    run.receive(SpeechBegan(1), 1.0)
    assert run.receive(Misheard(1, "noise"), 1.5) == [NotUnderstood("a", "noise"), listen(2, barge_in=False), play(2, "m")]


def test_noise_that_cut_nothing_off_leaves_the_prompt() -> None:
    run = at_menu()
    assert run.receive(Misheard(1, "noise"), 1.5) == [NotUnderstood("a", "noise"), listen(2)]
    assert run.receive(PromptDone(1), 2.0) == []
    assert run.deadline() == 7.0


def test_after_much_noise_a_prompt_is_for_keys() -> None:
    run = at_menu()
    run.receive(Misheard(1, "noise"), 0.5)
    run.receive(Misheard(2, "noise"), 1.0)
    run.receive(SpeechBegan(3), 1.5)
    assert run.receive(Misheard(3, "noise"), 2.0) == [NotUnderstood("a", "noise"), play(2, "m")]


# What else it may have been


def test_an_alternative_that_is_a_choice_counts_where_the_best_is_none() -> None:
    run = waiting()
    said = heard("退款", 1, 0.9, 退货=0.7)
    assert run.receive(said, 3.0) == [Said("a", "退款", 0.9, said.alternatives), Visit("back"), play(2, "b")]


def test_a_faint_alternative_is_asked_about_or_none_at_all() -> None:
    run = waiting()
    assert run.receive(heard("退款", 1, 0.5, 退货=0.3), 3.0)[1:] == [
        listen(2, *YES_NO),
        play(2, Speech("您是要退货，"), "speech_yes_no"),
    ]
    run = waiting()
    assert run.receive(heard("退款", 1, 0.9, 退货=0.05), 3.0)[1:] == [listen(2), play(2, "no_match", "m")]


# Doubts


def test_a_doubtful_answer_is_asked_about() -> None:
    run = waiting()
    assert doubtful(run) == [Said("a", "订单", 0.5), listen(2, *YES_NO), play(2, *ORDERS)]
    assert run.receive(PromptDone(2), 5.0) == []
    assert run.deadline() == 5.0 + CONFIRM_S
    assert run.receive(heard("对", 2, 0.3), 6.0) == [
        Said("a", "对", 0.3),
        Visit("orders"),
        listen(3, *orders_words()),
        play(3, "o"),
    ]


def test_a_doubtful_answer_in_english() -> None:
    run = waiting(head="start: a\nlanguage: en")
    asked = run.receive(heard("orders", 1, 0.5), 3.0)
    assert asked[2] == play(2, Speech("You said: orders."), "speech_yes_no", language="en")
    assert run.receive(heard("yes", 2), 4.0)[2] == Visit("orders")


@pytest.mark.parametrize(
    ("menu", "ears", "asked"),
    [
        ("", Ears(unsure_below=0.4), False),
        ("", Ears(unsure_below=0.6), True),
        ("    unsure_below: 0.4\n", Ears(unsure_below=0.6), False),
        ("    unsure_below: 0.8\n", Ears(unsure_below=0.1), True),
    ],
)
def test_how_sure_is_sure(menu: str, ears: Ears, asked: bool) -> None:
    run = at_menu(MENU.replace("prompt: m\n", f"prompt: m\n{menu}"), ears)
    assert (doubtful(run)[-1] == play(2, *ORDERS)) is asked
    run = at_menu(MENU, ears, f"start: a\nunsure_below: {0.8 if asked else 0.2}")
    assert (doubtful(run)[-1] == play(2, *ORDERS)) is asked


def test_yes_and_no_by_key() -> None:
    run = waiting()
    doubtful(run)
    assert run.receive(Key("1"), 4.0)[:4] == [
        StopPlay(),
        Pressed("a", "1"),
        Visit("orders"),
        listen(3, *orders_words()),
    ]
    run = waiting()
    doubtful(run)
    assert run.receive(Key("2"), 4.0) == [StopPlay(), Pressed("a", "2"), listen(3), play(3, "no_match", "m")]


def test_another_key_answers_the_question_itself() -> None:
    run = waiting()
    doubtful(run)
    assert run.receive(Key("0"), 4.0)[-2:] == [Visit("person"), QUEUED]


def test_after_no_another_guess_comes_first() -> None:
    run = waiting()
    doubtful(run)
    assert run.receive(heard("不是", 2), 5.0) == [Said("a", "不是", 0.9), StopPlay(), listen(3), play(3, "no_match", "m")]
    assert run.receive(heard("订单", 3, 0.9, 退货=0.7), 6.0)[-2:] == [Visit("back"), play(4, "b")]


def test_the_same_guess_after_no_is_asked_about_however_sure_and_twice_no_leads_to_a_person() -> None:
    run = waiting()
    doubtful(run)
    run.receive(heard("不是", 2), 5.0)
    assert run.receive(heard("订单", 3, 0.99), 6.0)[-1] == play(4, *ORDERS)
    assert run.receive(heard("不对", 4), 7.0)[-2:] == [Visit("person"), QUEUED]


def test_neither_yes_nor_no_is_asked_again_once() -> None:
    run = waiting()
    doubtful(run)
    assert run.receive(Misheard(2, "unknown"), 5.0) == [
        NotUnderstood("a", "unknown"),
        StopPlay(),
        listen(3, *YES_NO),
        play(3, *ORDERS),
    ]
    run.receive(PromptDone(3), 6.0)
    assert run.tick(11.0) == [listen(4), play(4, "no_match", "m")]


def test_other_words_are_neither_yes_nor_no() -> None:
    run = waiting()
    doubtful(run)
    assert run.receive(heard("嗯", 2), 5.0)[-1] == play(3, *ORDERS)


def test_noise_while_a_yes_is_waited_for() -> None:
    run = waiting()
    doubtful(run)
    run.receive(PromptDone(2), 4.0)
    assert run.receive(Misheard(2, "noise"), 6.0) == [NotUnderstood("a", "noise"), listen(3, *YES_NO)]
    assert run.deadline() == 11.0


def test_a_doubt_is_kept_over_a_restart() -> None:
    run = waiting()
    doubtful(run)
    again = FlowRun.from_json(run.document, run.to_json(4.0), 104.0, 0.0, NO_OPENINGS, EARS)
    assert again.receive(Resume(), 104.0) == [listen(3, *YES_NO), play(3, *ORDERS)]
    deaf = FlowRun.from_json(run.document, run.to_json(4.0), 104.0, 0.0)
    assert deaf.receive(Resume(), 104.0) == [play(3, *ORDERS)]
    assert deaf.receive(Key("1"), 105.0)[2] == Visit("orders")


def test_a_turn_is_picked_up() -> None:
    run = at_menu()
    run.receive(SpeechBegan(1), 1.0)
    again = FlowRun.from_json(run.document, run.to_json(1.5), 101.5, 0.0, NO_OPENINGS, EARS)
    assert (again.turn, again.deadline()) == (1, 114.0)
    assert again.receive(heard("退货", 1), 102.0)[1] == Visit("back")


def test_a_run_put_down_before_there_was_speech_is_picked_up() -> None:
    saved = at_menu().to_json(1.0)
    del saved["ear"]
    assert FlowRun.from_json(document(MENU), saved, 1.0, 0.0, NO_OPENINGS, EARS).receive(Resume(), 1.0)[0] == listen(1)


def test_a_turn_of_a_node_that_is_gone_is_over() -> None:
    run = at_menu()
    other = document('  b: {kind: menu, prompt: x, keys: {"1": {to: bye, words: 再见}}}', "start: b")
    again = FlowRun.from_json(other, run.to_json(1.0), 1.0, 0.0, NO_OPENINGS, EARS)
    assert again.receive(heard("再见", 1), 1.0) == []
    assert again.receive(Resume(), 1.0) == [listen(2, *orders_words()), play(2, "x")]


# Habits


@pytest.mark.parametrize(
    ("word", "ways"),
    [
        ("人工", [StopPlay(), Visit("person"), QUEUED]),
        ("返回", [StopPlay(), Visit("a"), listen(3), play(3, "m")]),
        ("重复", [StopPlay(), listen(3, *orders_words()), play(3, "o")]),
    ],
)
def test_habits_are_said(word: str, ways: list[FlowAction]) -> None:
    run = waiting()
    run.receive(heard("订单", 1), 3.0)
    assert run.receive(heard(word, 2, 0.2), 4.0) == [Said("orders", word, 0.2), *ways]


def test_a_person_may_be_asked_for_instead_of_yes_or_no() -> None:
    run = waiting()
    doubtful(run)
    assert run.receive(heard("人工", 2, 0.3), 4.0)[-2:] == [Visit("person"), QUEUED]


def test_what_can_not_be_followed_is_not_listened_for() -> None:
    run = waiting()
    for turn in range(1, 6):
        run.receive(heard("重复", turn), 3.0)
    run = FlowRun(run.document, NO_OPENINGS, EARS)
    run.start(0.0)
    for turn in range(1, 6):
        said = run.receive(heard("重复", turn), 3.0)
    assert said[-2] == listen(
        6, *(word for word in WORDS if word in ("查询订单", "订单", "退货", "人工", "人工服务", "转人工", "客服"))
    )


def test_a_menu_s_own_word_keeps_its_meaning() -> None:
    run = at_menu('  a: {kind: menu, prompt: m, keys: {"1": {to: bye, words: 人工}}}')
    assert run.receive(heard("人工", 1), 1.0)[2] == Visit("bye")


def test_a_full_grammar_has_no_room_for_habits() -> None:
    many = ", ".join(f"词{number}" for number in range(38))
    run = FlowRun(document(f'  a: {{kind: menu, prompt: m, keys: {{"1": {{to: bye, words: [{many}]}}}}}}'), NO_OPENINGS, EARS)
    turn = run.start(0.0)[1]
    assert isinstance(turn, Listen)
    assert turn.words[38:] == ("人工", "返回")


# Nobody hears


@pytest.mark.parametrize("why", ["busy", "off"])
def test_a_turn_that_nobody_hears_goes_on_by_keys_and_says_so_once(why: Literal["busy", "off"]) -> None:
    run = at_menu()
    assert run.receive(NotHearing(1, why), 0.1) == [NotHeard("a", why), StopPlay(), play(2, "speech_away", "m")]
    assert run.receive(heard("订单", 1), 1.0) == []
    assert run.receive(Key("1"), 2.0)[-2:] == [listen(2, *orders_words()), play(3, "o")]
    assert run.receive(NotHearing(2, why), 2.1) == [NotHeard("orders", why)]
    assert run.receive(PromptDone(3), 3.0) == []
    assert run.deadline() == 8.0


@pytest.mark.parametrize("why", ["failed", "slow"])
def test_a_recogniser_that_dies_in_a_word_costs_one_more_prompt(why: Literal["failed", "slow"]) -> None:
    run = waiting()
    run.receive(SpeechBegan(1), 3.0)
    assert run.receive(NotHearing(1, why), 3.5) == [NotHeard("a", why), listen(2, barge_in=False), play(2, "speech_away", "m")]
    assert run.receive(heard("订单", 2), 5.0)[2] == Visit("orders")
    run.receive(SpeechBegan(3), 6.0)
    assert run.receive(NotHearing(3, why), 6.5) == [
        NotHeard("orders", why),
        listen(4, *orders_words(), barge_in=False),
        play(4, "o"),
    ]
    run.receive(SpeechBegan(4), 7.0)
    assert run.receive(NotHearing(4, why), 7.5) == [NotHeard("orders", why), play(5, "o")]


def test_one_that_dies_before_a_word_is_replaced_unheard() -> None:
    run = waiting()
    run.receive(NotHearing(1, "failed"), 3.0)
    run.receive(heard("订单", 2), 4.0)
    run.receive(PromptDone(3), 5.0)
    assert run.receive(NotHearing(3, "failed"), 6.0) == [NotHeard("orders", "failed"), listen(4, *orders_words())]
    assert run.deadline() == 10.0


def test_a_word_of_which_nothing_is_heard_any_more() -> None:
    run = waiting()
    run.receive(SpeechBegan(1), 3.0)
    assert run.tick(16.0) == [NotHeard("a", "slow"), listen(2, barge_in=False), play(2, "speech_away", "m")]
    run.receive(SpeechBegan(2), 17.0)
    assert run.tick(30.0) == [StopListening(), NotHeard("a", "slow"), play(3, "m")]


def test_nobody_hears_a_yes() -> None:
    run = waiting()
    doubtful(run)
    assert run.receive(NotHearing(2, "busy"), 4.0) == [NotHeard("a", "busy"), StopPlay(), play(3, "speech_away", *ORDERS)]
    assert run.receive(Key("1"), 5.0)[2] == Visit("orders")


def test_a_hung_up_caller_says_nothing_more() -> None:
    run = waiting()
    assert HangUp("menu_ended") in run.receive(heard("退货", 1), 3.0) + run.receive(PromptDone(2), 4.0)
    assert run.receive(heard("退货", 1), 5.0) == run.receive(SpeechBegan(1), 5.0) == []
