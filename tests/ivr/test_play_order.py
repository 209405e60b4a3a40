"""What a caller is to hear, in the order in which it was wanted, however long a text takes to be spoken."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from ivr.calltask import CallTask, Shared
from ivr.flow.events import Speech
from ivr.media.control import Command, Play, Played, Stop
from ivr.media.pool import Worker
from ivr.steps import PlayPrompts, Tell
from ivr.voicing import Voicing
from prompts.voicecache import VoiceCache
from tests.ivr.call.test_call import CALLER, Line
from tests.ivr.test_voicing import CATALOGUES, Slow


class Wire:
    """Media's end of the control socket."""

    def __init__(self) -> None:
        self.told: list[Command] = []

    def send(self, worker: Worker, command: Command) -> None:
        self.told.append(command)

    @property
    def plays(self) -> list[int]:
        return [command.play for command in self.told if isinstance(command, Play)]


class House:
    """A call's task with a slow voice."""

    def __init__(self, folder: Path) -> None:
        self.voice, self.wire = Slow(), Wire()
        nothing = cast(Any, None)
        voicing = Voicing(VoiceCache(folder, self.voice, 10**9))
        shared = Shared(
            store=nothing,
            agent=nothing,
            send=nothing,
            registrations=nothing,
            callees=nothing,
            media=cast(Any, self.wire),
            catalogues=CATALOGUES,
            clock=nothing,
            trunks=nothing,
            asking=nothing,
            voicing=voicing,
            studio=nothing,
            listeners=nothing,
        )
        self.task = CallTask(Line().to_menu().call, nothing, shared)

    def play(self, number: int, *items: str | Speech) -> None:
        self.task._act(PlayPrompts(CALLER, number, items, "zh"))

    async def spoken(self) -> None:
        self.voice.may.set()
        await asyncio.gather(*self.task._background)


@pytest.fixture
async def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def test_a_slow_text_does_not_replace_what_was_wanted_later(house: House) -> None:
    house.play(1, Speech("慢"))
    house.play(2, "goodbye")
    await house.spoken()
    assert house.wire.plays == [2]
    house.play(3, Speech("慢"))
    assert house.wire.plays == [2, 3], "it is there now"


async def test_a_slow_text_is_not_heard_after_the_caller_barged_in(house: House) -> None:
    house.play(1, Speech("慢"))
    house.task._act(Tell(Stop(CALLER)))
    await house.spoken()
    assert house.wire.told == [Stop(CALLER)]


async def test_slow_texts_keep_their_order(house: House) -> None:
    house.play(1, Speech("一"))
    house.play(2, Speech("二"))
    await house.spoken()
    assert house.wire.plays == [2]


async def test_what_can_t_be_said_has_been_heard(house: House) -> None:
    house.play(1, Speech("不行!"))
    await house.spoken()
    assert house.wire.told == []
    assert await asyncio.wait_for(house.task._inbox.take(2), 5) == [(Played(CALLER, 1, False), 0)]
