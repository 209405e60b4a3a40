"""Engine and speech process understand each other, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.lines.wire import ControlError, Event, Request
from ivr.speech import tiny
from ivr.speech.control import SPEECH, Began, Close, Command, Failed, Hello, Message, Misheard, Open, Stats, Understood
from ivr.speech.inuse import models_in_use
from ivr.speech.recogniser import Guess
from ivr.speechsettings import Speech

COMMANDS: list[Command] = [
    Hello(),
    Open(2**63, "c1", "zh", ("订单", "main menu")),
    Open(1, "c1", "en", (), repeat=True, pause_s=1.0, max_s=30),
    Close(7),
    Stats(),
]
EVENTS: list[Message] = [
    Began(7),
    Understood(7, "订单", 0.93, (Guess("发票", 0.05), Guess("投诉", 0.02)), 240, 12, 160),
    Misheard(7, "too_much"),
    Failed(7, "slow"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_read_as_they_were_written(command: Command) -> None:
    assert SPEECH.decode_request(SPEECH.encode_request(3, 2, command)) == Request(3, 2, command)


@pytest.mark.parametrize("message", EVENTS)
def test_events_are_read_as_they_were_written(message: Message) -> None:
    assert SPEECH.decode_answer(SPEECH.encode_event(Event(9, message))) == Event(9, message)


@pytest.mark.parametrize(
    "line",
    [
        b'{"id":1,"epoch":1,"do":"open","turn":0,"call":"c","language":"zh","words":[]}',
        b'{"id":1,"epoch":1,"do":"open","turn":1,"call":"c","language":"zh","words":"x"}',
        b'{"id":1,"epoch":1,"do":"open","turn":1,"call":"c","language":"zh","words":[],"pause_s":0}',
        b'{"id":1,"epoch":1,"do":"open","turn":1,"call":"c","language":"zh","words":[],"max_s":1e9}',
        b'{"id":1,"epoch":1,"do":"shut","turn":1}',
        b'{"id":1,"epoch":1,"do":"close","turn":"1"}',
    ],
)
def test_what_is_no_command(line: bytes) -> None:
    with pytest.raises(ControlError):
        SPEECH.decode_request(line)


@pytest.mark.parametrize(
    "line",
    [
        b'{"ev":1,"type":"understood","turn":1,"text":"x","confidence":1,"alternatives":[["y",1]]}',
        b'{"ev":1,"type":"understood","turn":1,"text":"x","confidence":1,"alternatives":[{"text":1,"confidence":1}]}',
        b'{"ev":1,"type":"misheard","turn":1,"why":"bored"}',
    ],
)
def test_what_is_no_event(line: bytes) -> None:
    with pytest.raises(ControlError):
        SPEECH.decode_answer(line)


def test_who_hears_is_as_the_settings_say(tmp_path: Path) -> None:
    assert models_in_use(Speech(enabled="off"), tmp_path) == {}
    assert models_in_use(Speech(enabled="on"), tmp_path) == {"zh": tiny.MODEL, "en": tiny.MODEL}
    assert models_in_use(Speech(), tmp_path) == {}, "the built-in model was never evaluated here"
    other = models_in_use(Speech(enabled="on", models={"en": "big"}), tmp_path)
    assert other == {"zh": tiny.MODEL, "en": tmp_path / "speech" / "models" / "big"}
