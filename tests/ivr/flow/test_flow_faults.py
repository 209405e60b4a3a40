"""A menu with exactly one fault, for each message of the checker: its rule, line, node and words, in English and Chinese."""

from __future__ import annotations

import string
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from ivr.flow.check import Facts, check
from ivr.flow.load import load
from ivr.flow.messages import MESSAGES, READING, RULES
from ivr.flow.tree import SIZE_LIMIT

FILE = Path(__file__).with_name("faults.yaml")
ZH = {
    *("welcome", "main_menu", "info", "please_wait", "goodbye", "no_input", "no_match", "closed", "sorry_goodbye"),
    *(
        "collect_invalid",
        "collect_entered",
        "callback_number",
        "callback_confirm",
        "voicemail_failed",
        "collect_confirm",
        "choose_chinese",
        "choose_english",
        "extension_ask",
        "extension_busy",
    ),
    *("extension_unknown", "callback_offer", "callback_enter", "callback_saved", "transfer_wait", "rating_ask"),
    *(
        "speech_say_what",
        "rating_thanks",
        "voicemail_greeting",
        "beep",
        "voicemail_saved",
        "voicemail_too_short",
        "recording_declined",
    ),
}
REFUSED = {
    "000": "invalid",
    "10086": "not_allowed",
    "96123": "premium",
    "+85212345678": "foreign",
    "13912345678": "caller_id",
    "04714613311": "no_trunk",
}
FACTS = Facts(
    prompts={"zh": ZH, "en": ZH},
    queues={"service"},
    recorded={"service"},
    lengths={"zh": {"info": 20.0}, "en": {}},
    lookups={"orders"},
    calendars={"default"},
    seats={"1001"},
    trunks={"main"},
    refusal=lambda number, trunk: REFUSED.get(number, ""),
)
BASE = """\
start: welcome
human: service
nodes:
  welcome: {kind: say, prompt: welcome, notice: true, then: main}
  main: {kind: menu, prompt: main_menu, keys: {"1": service, "2": x}}
  service: {kind: queue, queue: service, greeting: please_wait}
  x: """
GOOD = "{kind: say, prompt: info, then: main}"


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of faults.yaml."""

    message: str
    text: str
    line: int
    node: str
    en: str
    zh: str


def read(rows: list[dict[str, Any]]) -> list[Fault]:
    """The menus with one fault."""
    faults = []
    for row in rows:
        text = row["text"] if "text" in row else BASE + row.get("x", GOOD) + "\n"
        for change in row.get("changes", ()):
            assert change["from"] in text, change
            text = text.replace(change["from"], change["to"])
        faults.append(Fault(row["message"], text, row["line"], row.get("node", ""), row["en"], row["zh"]))
    return faults


PARTS = yaml.safe_load(FILE.read_text(encoding="utf-8"))
"""Faults that are found when a document is `checked`, and when a text is `read`."""
FAULTS = read(PARTS["checked"])
READ = [
    *read(PARTS["read"]),
    Fault("yaml.size", "x" * (SIZE_LIMIT + 1), 0, "", "more than 524288 characters", "超过 524288 个字符"),
]


def facts_for(key: str) -> Facts:
    """What there is, but for what the menu asks for in vain."""
    only_en = {"zh": ZH, "en": {*ZH, "only_en"}}
    if key.startswith("word_unknown"):
        return replace(FACTS, vocabulary={"zh": ["订单", "人工"], "en": ["orders"]})
    no_english = {"zh": ZH, "en": set[str]()}
    return replace(FACTS, prompts=no_english if key == "no_language" else only_en)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.message)
def test_a_menu_with_one_fault(fault: Fault) -> None:
    findings = check(load(fault.text, "m.yaml"), facts_for(fault.message))
    own = [finding for finding in findings if finding.key == fault.message]
    assert [(finding.line, finding.node) for finding in own] == [(fault.line, fault.node)], [str(each) for each in findings]
    follows = FOLLOWS.get(fault.message, ())
    assert not [str(finding) for finding in findings if finding not in own and finding.rule not in follows]
    finding, node = own[0], f" [{fault.node}] " if fault.node else " "
    assert str(finding).startswith(f"m.yaml:{fault.line}: {finding.severity}:{node}")
    assert fault.en in str(finding)
    assert finding.text("zh").startswith(f"m.yaml:{fault.line}: {'错误' if finding.severity == 'error' else '警告'}：")
    assert fault.zh in finding.text("zh")


FOLLOWS = {"missing_target": ("unreachable",), "no_language": ("missing_prompt",)}
"""What such a fault brings with it."""


def test_the_base_menu_has_none() -> None:
    assert check(load(f"{BASE}{GOOD}\n"), facts_for("")) == []


@pytest.mark.parametrize("fault", READ, ids=lambda fault: fault.message)
def test_a_text_with_one_fault(fault: Fault) -> None:
    [finding] = load(fault.text, "m.yaml").findings
    assert (finding.key, finding.line, finding.node) == (fault.message, fault.line, fault.node), str(finding)
    assert fault.en in str(finding)
    assert fault.zh in finding.text("zh")
    assert finding.severity == "error"


def test_every_message_is_tested() -> None:
    assert set(RULES) - {fault.message for fault in FAULTS} == set()
    elsewhere = {"unreadable", "unreadable.encoding", "value.other"}
    assert set(READING) - {fault.message for fault in READ} == elsewhere


@pytest.mark.parametrize("key", MESSAGES)
def test_messages_have_both_languages_with_the_same_places(key: str) -> None:
    message = MESSAGES[key]

    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for said in (message.message, message.remedy):
        assert set(said) == {"zh", "en"}
        assert bool(said["zh"]) == bool(said["en"])
        assert places(said["zh"]) == places(said["en"])
    assert any("\u4e00" <= character <= "\u9fff" for character in message.message["zh"])
