"""What each kind of node hears, and what it takes from it."""

from __future__ import annotations

from typing import Literal

import pytest

from ivr.flow.events import (
    Alternative,
    Connect,
    Entered,
    FlowAction,
    Key,
    Listen,
    Misheard,
    NotHearing,
    Play,
    Pressed,
    Promise,
    PromptDone,
    Rated,
    Resume,
    Said,
    SpeechBegan,
    StopListening,
    StopPlay,
    Words,
)
from ivr.flow.hearing import Ears
from ivr.flow.load import load
from ivr.flow.run import NO_OPENINGS, FlowRun
from ivr.flow.simulate import Simulation, World
from tests.ivr.flow.walks import document, done, text

FACTS = {"caller": "13900001111", "dialable": "yes"}


def caller(nodes: str, head: str = "start: a", world: World | None = None) -> Simulation:
    found = Simulation(document(nodes, head), text, world or World(FACTS))
    found.begin()
    found.listen()
    return found


def asked(nodes: str, head: str = "start: a") -> Listen:
    """What is listened for first."""
    [turn] = [action for action in FlowRun(document(nodes, head), NO_OPENINGS, Ears()).start(0.0) if isinstance(action, Listen)]
    return turn


# collect

ORDER = "  a: {kind: collect, prompt: ask, into: order, min: 4, max: 8, then: bye, MORE}"
BACK = ORDER.replace("MORE", "read_back: {}")


def test_digits_are_listened_for() -> None:
    turn = asked(BACK)
    digits = ("零", "一", "二", "三", "四", "五", "六", "七", "八", "九", "幺", "两", "洞")
    assert turn.words == ("人工", "返回", "重复", *digits)
    assert (turn.repeat, turn.pause_s, turn.max_s) == (True, 1.0, 15.0)
    english = asked(BACK, "start: a\nlanguage: en").words
    assert english[:3] == ("operator", "back", "repeat")
    assert {"oh", "zero", "double"} < set(english)
    assert {"十", "百"} < set(asked(ORDER.replace("MORE", "said_as: number")).words)


@pytest.mark.parametrize("said", ["幺二三四", "一 二 三 四", "one two three four"])
def test_digits_are_said_and_read_back(said: str) -> None:
    found = caller(BACK)
    found.speak(said, 0.3)
    assert found.heard[-1] == "<collect_entered><digits 1234><collect_confirm>"
    found.speak("是的", 0.2)
    assert (found.path, found.run.values["order"]) == (["a", "bye"], "1234")
    assert done(found, Entered) == [Entered("a", "order", "1234")]
    assert done(found, Pressed) == []


def test_no_asks_anew_and_keys_do_as_well() -> None:
    found = caller(BACK)
    found.speak("幺二三四")
    found.speak("不是")
    assert found.heard[-1] == "<ask>"
    found.press("5678#1")
    assert found.run.values["order"] == "5678"


def test_an_end_key_that_came_too_late_ends_no_turn() -> None:
    found = caller(BACK.replace("max: 8", "max: 4"))
    found.press("1234#")
    found.speak("是")
    assert found.path == ["a", "bye"]


def test_a_person_may_be_asked_for_while_it_is_read_back() -> None:
    found = caller(BACK)
    found.speak("幺二三四")
    found.speak("人工")
    assert found.path == ["a", "person"]


def test_a_confirmation_that_is_not_understood_is_asked_for_again() -> None:
    found = caller(BACK)
    found.speak("幺二三四")
    found.mumble("unknown")
    assert found.heard[-1] == "<collect_entered><digits 1234><collect_confirm>"
    found.mumble("unknown")
    assert found.path == ["a", "person"]


def test_doubtful_digits_without_a_read_back_are_asked_about() -> None:
    found = caller(ORDER.replace("MORE", "by_voice: true"))
    found.speak("幺二三四", 0.5)
    assert found.heard[-1] == "<speech_said><digits 1234><speech_yes_no>"
    found.speak("不对")
    assert found.heard[-1] == "<collect_invalid><ask>"
    found.speak("幺二三五", 0.9)
    assert found.run.values["order"] == "1235"


def test_of_what_it_may_have_been_that_counts_which_can_be_right() -> None:
    found = caller(ORDER.replace("MORE", "check: date"))
    found.speak("二零二六幺三零幺", 0.7, [Alternative("二零二六幺二零幺", 0.65)])
    assert found.run.values["order"] == "20261201"


@pytest.mark.parametrize("said", ["一二三", "一二三四五六七八九", "退货"])
def test_what_can_not_be_right_is_asked_for_again_and_leads_to_a_person(said: str) -> None:
    found = caller(BACK)
    found.speak(said, 0.2)
    assert found.heard[-1] == "<collect_invalid><ask>"
    found.speak(said)
    assert found.path == ["a", "person"]


def test_a_number_is_said() -> None:
    nodes = "  a: {kind: collect, prompt: ask, into: n, min: 1, max: 4, then: bye, said_as: number}"
    for said, value in (("一百零五", "105"), ("零零五", "005"), ("二十三", "23")):
        found = caller(nodes)
        found.speak(said)
        assert found.run.values["n"] == value
    plain = caller(nodes.replace(", said_as: number", ""))
    plain.speak("二十三")
    assert plain.heard[-1] == "<collect_invalid><ask>"


def test_who_types_is_not_listened_to() -> None:
    run = FlowRun(document(BACK), NO_OPENINGS, Ears())
    run.start(0.0)
    assert run.receive(Key("1"), 1.0) == [StopPlay(), StopListening()]
    assert run.receive(Words("幺二三四", 1), 2.0) == []
    assert isinstance(run.receive(Key("*"), 3.0)[0], Listen)


SECRET = "  a: {kind: collect, prompt: ask, into: pin, min: 4, max: 4, secret: true, then: bye, by_voice: SAID}"


def test_what_is_secret_is_not_asked_for_by_voice() -> None:
    for nodes in (SECRET.replace("SAID", "false"), SECRET.replace(", by_voice: SAID", "")):
        assert not done(caller(nodes), Listen)


def test_a_secret_that_may_be_said_is_in_no_log() -> None:
    found = caller(SECRET.replace("SAID", "true"))
    found.speak("三四三四", 0.4, [Alternative("四四四四", 0.3)])
    assert found.heard[-1] == "<collect_invalid><ask>", "what is secret is not said to ask about it"
    found.speak("三四三四", 0.9, [Alternative("四四四四", 0.1)])
    assert found.run.values["pin"] == "3434"
    assert done(found, Said) == [Said("a", "***", 0.4), Said("a", "***", 0.9)]
    assert done(found, Entered) == [Entered("a", "pin", "***")]


# language

LANGUAGE = '  a: {kind: language, keys: {"1": zh, "2": en}, then: b}\n  b: {kind: hangup}'


@pytest.mark.parametrize(("said", "language"), [("English", "en"), ("英语", "en"), ("中文", "zh"), ("mandarin", "zh")])
def test_a_language_is_called_by_its_name(said: str, language: str) -> None:
    found = caller(LANGUAGE)
    found.speak(said)
    assert (found.run.language, found.path, done(found, Pressed)) == (language, ["a", "b"], [])


def test_a_language_that_is_not_understood_is_asked_for_once_more() -> None:
    found = caller(LANGUAGE)
    found.speak("English", 0.3)
    assert (found.path, len(found.heard)) == (["a"], 2)
    found.mumble("unknown")
    assert (found.run.language, found.path) == ("zh", ["a", "b"])


def test_a_language_by_keys_only() -> None:
    assert not done(caller(LANGUAGE.replace("then: b", "then: b, by_voice: false")), Listen)


# extension

EXTENSION = """
  a:
    kind: extension
    digits: 3
    directory: {"801": {seat: "1026", words: [售后, 王经理]}, "802": {to: bye, words: {zh: 财务, en: billing}}, "803": {}}
"""


@pytest.mark.parametrize("said", ["八零幺", "售后", "eight oh one"])
def test_an_extension_is_said_by_number_or_by_name(said: str) -> None:
    found = caller(EXTENSION)
    found.speak(said)
    assert found.end == "seat 1026"
    assert (done(found, Pressed), done(found, Connect)) == ([], [Connect("seat", "1026")])


def test_a_department_that_is_a_node() -> None:
    found = caller(EXTENSION)
    found.speak("财务")
    assert found.path == ["a", "bye"]


@pytest.mark.parametrize("said", ["八零三", "九九九", "退货"])
def test_an_extension_that_is_not_there(said: str) -> None:
    found = caller(EXTENSION)
    found.speak(said)
    assert found.heard[-1] == "<extension_unknown><extension_ask>"
    found.speak(said)
    assert found.path == ["a", "person"]


def test_a_doubtful_extension_is_asked_about() -> None:
    found = caller(EXTENSION)
    found.speak("售后", 0.3)
    assert found.heard[-1] == "<speech_said><digits 801><speech_yes_no>"
    found.press("1")
    assert found.end == "seat 1026"


def test_without_a_directory_all_short_numbers_may_be() -> None:
    found = caller("  a: {kind: extension, digits: 4}")
    found.speak("幺零二六", 0.7)
    assert found.end == "seat 1026"
    found = caller("  a: {kind: extension, digits: 4}")
    found.speak("幺零二六八", 0.9, [Alternative("幺零二八", 0.8)])
    assert found.end == "seat 1028"


def test_the_operator_is_asked_for() -> None:
    found = caller(EXTENSION)
    found.speak("人工")
    assert found.path == ["a", "person"]


def test_nothing_is_listened_for_while_it_rings_or_is_typed() -> None:
    found = caller(EXTENSION.replace("digits: 3", "digits: 3\n    connecting: wait"))
    found.press("80")
    assert found.run.turn is None
    found.press("1")
    assert (found.run.turn, len(done(found, Listen))) == (None, 1)
    assert not done(caller(EXTENSION.replace("digits: 3", "digits: 3\n    by_voice: false")), Listen)


# rating


@pytest.mark.parametrize(
    ("language", "said", "key"),
    [("zh", "满意", "1"), ("zh", "非常满意", "1"), ("zh", "一般", "2"), ("zh", "不满意", "3"), ("en", "not satisfied", "3")],
)
def test_a_rating_is_said(language: str, said: str, key: str) -> None:
    found = caller("  a: {kind: rating}", f"start: a\nlanguage: {language}")
    found.speak(said)
    assert done(found, Rated, Pressed) == [Rated(key, {"1": "满意", "2": "一般", "3": "不满意"}[key])]


def test_ratings_of_one_s_own_are_called_as_they_are_stored_or_as_said() -> None:
    nodes = '  a: {kind: rating, keys: {"1": 好评, "2": 差评}, words: {"2": {zh: 不好}}}'
    assert asked(nodes).words == ("好评", "不好", "重复", "再听一遍", "再说一遍")
    assert asked(nodes, "start: a\nlanguage: en").words == ("好评", "repeat", "again")
    silent = '  a: {kind: rating, keys: {"1": 好评, "2": 差评}, words: {"1": {zh: 好}, "2": {zh: 不好}}}'
    assert not done(caller(silent, "start: a\nlanguage: en"), Listen)


def test_a_doubtful_rating_is_asked_about() -> None:
    found = caller("  a: {kind: rating}")
    found.speak("不满意", 0.3)
    assert found.heard[-1] == "<您说的是不满意，><speech_yes_no>"
    found.speak("对")
    assert done(found, Rated) == [Rated("3", "不满意")]


def test_a_rating_that_is_not_understood_is_asked_for_once_more() -> None:
    found = caller("  a: {kind: rating}")
    found.mumble("unknown")
    assert found.heard == ["<rating_ask>", "<rating_ask>"]
    found.mumble("unknown")
    assert found.end == "hangup"
    assert found.run.turn is None


def test_a_rating_by_keys_only() -> None:
    assert not done(caller("  a: {kind: rating, by_voice: false}"), Listen)


# return_call

OFFER = "  a: {kind: return_call, declined: b}\n  b: {kind: hangup, prompt: no}"


def test_a_return_call_is_taken_by_yes() -> None:
    found = caller(OFFER)
    found.speak("好的")
    assert done(found, Promise, Pressed) == [Promise("", "return_call")]


def test_and_declined_by_no() -> None:
    found = caller(OFFER)
    found.speak("不用")
    assert (found.path, done(found, Promise)) == (["a", "b"], [])


def test_a_doubtful_no_is_asked_for_again_before_a_caller_is_let_go() -> None:
    found = caller(OFFER)
    found.speak("不用", 0.4)
    assert found.heard == ["<callback_offer>", "<callback_offer>"]
    found.speak("不用", 0.4)
    assert found.path == ["a", "b"]


def test_another_number_is_said_and_read_back() -> None:
    found = caller(OFFER)
    found.speak("其他号码")
    found.speak("幺三九幺二三四")
    assert found.heard[-1] == "<collect_invalid><callback_enter>"
    found.speak("一三九 一二三四 五六七八", 0.4)
    assert found.heard[-1] == "<callback_number><phone 13912345678><callback_confirm>"
    found.speak("不对")
    assert found.heard[-1] == "<callback_enter>"
    found.speak("幺三九幺二三四五六七八")
    found.mumble("unknown")
    assert found.heard[-1] == "<callback_number><phone 13912345678><callback_confirm>"
    found.speak("对的")
    assert done(found, Promise) == [Promise("13912345678", "return_call")]
    assert [action for action in done(found, Entered) if isinstance(action, Entered) and action.valid] == [
        Entered("a", "return_number", "13912345678"),
        Entered("a", "return_number", "13912345678"),
    ]


def test_a_number_that_is_not_understood_leads_to_a_person() -> None:
    found = caller(OFFER)
    found.press("3")
    found.mumble("unknown")
    found.mumble("too_much")
    assert found.path == ["a", "person"]


def test_without_another_number_none_is_listened_for() -> None:
    assert "其他号码" in asked(OFFER).words
    assert "其他号码" not in asked(OFFER.replace("declined: b", "declined: b, other: null")).words
    assert not done(caller(OFFER.replace("declined: b", "declined: b, by_voice: false")), Listen)


def test_what_is_promised_is_not_asked_again() -> None:
    run = FlowRun(document(OFFER), NO_OPENINGS, Ears())
    run.start(0.0, FACTS)
    said = run.receive(Words("好", 1), 1.0)
    assert said[-1] == Play(2, ("callback_saved",), "zh")
    assert run.turn is None


def test_who_types_a_number_is_not_listened_to() -> None:
    found = caller(OFFER)
    found.press("3139")
    assert found.run.turn is None
    found.press("*")
    assert found.run.turn is not None


def test_a_number_is_asked_for_again_when_nobody_hears() -> None:
    found = caller(OFFER)
    found.speak("其他号码")
    found.fall_deaf("busy")
    assert found.heard[-1] == "<speech_away><callback_enter>"
    found.press("13912345678#")
    found.fall_deaf("busy")
    found.press("1")
    assert done(found, Promise) == [Promise("13912345678", "return_call")]
    found = caller(OFFER)
    found.speak("其他号码")
    found.speak("幺三九幺二三四五六七八")
    found.fall_deaf("busy")
    assert found.heard[-1] == "<speech_away><callback_number><phone 13912345678><callback_confirm>"


# dictation

SAY = """
  a: {kind: dictation, into: concern, then: b, without: c}
  b: {kind: hangup}
  c: {kind: hangup, prompt: keys}
"""


def test_what_it_is_about_is_kept() -> None:
    turn = asked(SAY)
    assert (turn.dictation, turn.words, turn.repeat, turn.pause_s, turn.max_s) == (True, (), False, 1.5, 20.0)
    found = caller(SAY)
    found.speak("我的 洗衣机   坏了", 0.2)
    assert (found.path, found.run.values["concern"]) == (["a", "b"], "我的 洗衣机 坏了")
    assert done(found, Said, Entered) == [
        Said("a", "我的 洗衣机   坏了", 0.2),
        Entered("a", "concern", "我的 洗衣机 坏了"),
    ]


def test_what_sounds_like_a_habit_is_no_habit_there() -> None:
    for words in ("人工", "human", "again"):
        found = caller(SAY)
        found.speak(words)
        assert found.run.values["concern"] == words


def test_only_so_much_is_kept() -> None:
    found = caller(SAY.replace("then: b", "then: b, max_letters: 10"))
    found.speak("一二三四五六七八九十百千万")
    assert found.run.values["concern"] == "一二三四五六七八九十"


def test_who_says_nothing_goes_on() -> None:
    found = caller(SAY)
    found.silence()
    assert found.heard == ["<speech_say_what>", "<speech_say_what>"]
    found.mumble("unknown")
    assert found.path == ["a", "b"]


def test_words_that_are_none_are_asked_for_again() -> None:
    found = caller(SAY)
    found.speak("  ")
    assert (found.path, found.heard[-1]) == (["a"], "<speech_say_what>")


@pytest.mark.parametrize(("key", "path"), [("#", ["a", "b"]), ("0", ["a", "person"]), ("5", ["a"])])
def test_keys_go_on_without_words(key: str, path: list[str]) -> None:
    found = caller(SAY)
    found.press(key)
    assert found.path == path


def test_without_speech_the_way_goes_on_at_once() -> None:
    assert caller(SAY, world=World(ears=None)).path == ["a", "c"]
    assert caller(SAY.replace(", without: c", ""), world=World(ears=None)).path == ["a", "b"]


@pytest.mark.parametrize("why", ["busy", "off"])
def test_where_nobody_hears_it_goes_on(why: Literal["busy", "off"]) -> None:
    found = caller(SAY)
    found.fall_deaf(why)
    assert found.path == ["a", "c"]


def test_a_recogniser_that_dies_is_asked_once_more() -> None:
    found = caller(SAY)
    found.fall_deaf("failed")
    assert (found.path, found.heard[-1]) == (["a"], "<speech_away><speech_say_what>")
    found.fall_deaf("failed")
    assert found.path == ["a", "c"]


def test_it_is_asked_again_after_a_restart() -> None:
    run = FlowRun(document(SAY), NO_OPENINGS, Ears())
    run.start(0.0)
    again = [Listen(2, "zh", (), dictation=True, pause_s=1.5, max_s=20.0), Play(2, ("speech_say_what",), "zh")]
    assert run.receive(Resume(), 1.0) == again


# All

ALL = {
    "menu": '{kind: menu, prompt: m, keys: {"1": {to: b, words: 订单}}}',
    "collect": "{kind: collect, prompt: ask, into: order, then: b, read_back: {}}",
    "dictation": "{kind: dictation, into: order, then: b}",
    "language": '{kind: language, keys: {"1": zh}, then: b}',
    "extension": "{kind: extension}",
    "rating": "{kind: rating}",
    "return_call": "{kind: return_call, declined: b}",
}


@pytest.mark.parametrize("kind", ALL)
def test_every_question_can_be_said_again(kind: str) -> None:
    """After noise that has cut it off, and when nobody hears."""
    run = FlowRun(document(f"  a: {ALL[kind]}\n  b: {{kind: hangup}}"), NO_OPENINGS, Ears())
    first = [action for action in run.start(0.0, FACTS) if isinstance(action, Play)]
    run.receive(SpeechBegan(1), 1.0)
    noise: list[FlowAction] = run.receive(Misheard(1, "noise"), 2.0)
    assert [action.prompts for action in noise if isinstance(action, Play)] == [first[0].prompts]
    deaf = run.receive(NotHearing(2, "slow"), 3.0)
    assert [action.prompts for action in deaf if isinstance(action, Play)] == [("speech_away", *first[0].prompts)]
    assert run.receive(PromptDone(3), 4.0) == []
    assert run.deadline() is not None


@pytest.mark.parametrize("kind", ["queue", "voicemail", "say"])
def test_the_others_are_for_keys(kind: str) -> None:
    nodes = {
        "queue": "{kind: queue, queue: q, greeting: g}",
        "voicemail": "{kind: voicemail}",
        "say": "{kind: say, prompt: p, then: bye}",
    }
    assert not done(caller(f"  a: {nodes[kind]}"), Listen)


@pytest.mark.parametrize("words", ["'{order}'", "'[unk]'", "<eps>", "''", "{fr: mot}", "{zh: [a, '{b}']}"])
def test_words_are_plain(words: str) -> None:
    loaded = load(f'start: a\nnodes: {{a: {{kind: menu, prompt: m, keys: {{"1": {{to: a, words: {words}}}}}}}}}')
    assert loaded.document is None


def test_texts_to_ask_about_doubts_are_known_ahead() -> None:
    """So that they are spoken before a call needs them."""
    menu = document('  a: {kind: menu, prompt: m, keys: {"1": {to: b, words: {zh: [订单, 单]}}}}\n  b: {kind: rating}')
    spoken = {str(prompt) for node in menu.every_node.values() for _, prompts in node.prompts_at() for prompt in prompts}
    for words in ("您是要订单，", "You said: 订单.", "您说的是不满意，", "You said: okay."):
        assert any(words in each for each in spoken), words
