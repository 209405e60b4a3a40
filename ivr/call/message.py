"""A message (留言) that the caller speaks: its begin, its end, and that it is told before the call's end."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from ivr.call.state import State
from ivr.call.underway import Message
from ivr.flow.events import MessageDone, RecordMessage
from ivr.media import control as media
from ivr.questions import EndMessage
from ivr.steps import Tell

_WHY: dict[str, Literal["stopped", "silence", "limit"]] = {"stopped": "stopped", "silence": "silence", "limit": "limit"}


def begin(call: State, wish: RecordMessage) -> None:
    """Media records the caller alone, until it says, or is told, that it is over."""
    cut(call)
    underway = call.underway
    underway.messages += 1
    underway.message = Message(underway.messages, call.now, wish.min_s)
    name, path = names(call, underway.message)
    file = f"{call.arrival.recordings}/{path}"
    call.do(Tell(media.Record(name, file, call.caller, "", max_s=wish.max_s, silence_s=wish.silence_s)))


def stop(call: State, *, keep: bool) -> None:
    """The menu says that it is over; media tells how long it is."""
    message = call.underway.message
    if message is None:
        return
    name, path = names(call, message)
    if keep:
        call.underway.message = replace(message, ending=True)
        call.do(EndMessage(name, path))
    else:
        call.underway.message = None
        call.do(Tell(media.StopRecord(name)))


def go_on(call: State) -> None:
    """A new engine has the call: media goes on recording, or is told once more to finish."""
    message = call.underway.message
    if message is not None and message.ending:
        stop(call, keep=True)


def is_of(call: State, notice: media.Recording) -> bool:
    """Whether this is about the message that is being recorded."""
    message = call.underway.message
    return message is not None and notice.recording == names(call, message)[0]


def noticed(call: State, notice: media.Recording) -> None:
    """Media says something of it."""
    message = call.underway.message
    assert message is not None
    if notice.what == "gap":
        call.emit("recording_gap", detail=f"gap: {notice.detail}")
        return
    call.underway.message = None
    if notice.what not in _WHY:
        call.emit("recording_gap", detail=f"{notice.what}: {notice.detail}")
    _keep(call, message, notice.seconds)
    call.hear(MessageDone(notice.seconds, _WHY.get(notice.what, "failed")))


def cut(call: State) -> None:
    """It ends here, by no wish of the menu's: the caller has gone, or media has. Until now is how long it is."""
    message = call.underway.message
    if message is None:
        return
    call.underway.message = None
    call.do(Tell(media.StopRecord(names(call, message)[0])))
    _keep(call, message, round(call.now - message.began, 3))


def names(call: State, message: Message) -> tuple[str, str]:
    """Its name in media, and its path below the recordings directory."""
    part = "" if message.number == 1 else f"-{message.number}"
    return f"{call.call_id}-m{message.number}", f"{call.arrival.recording}-message{part}.wav"


def last(call: State) -> str:
    """Path of the message begun last, below the recordings directory."""
    return names(call, Message(call.underway.messages, 0.0, 0.0))[1]


def _keep(call: State, message: Message, seconds: float) -> None:
    """A message that is long enough is told, and owed."""
    if seconds > 0 and seconds >= message.min_s:
        call.emit("voicemail", path=names(call, message)[1], seconds=seconds)
