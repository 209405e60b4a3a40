"""A real speech process: what it hears, what it has room for, and what it does when its engine goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bench.callers import VOICES, line, word
from ivr.lines.client import Fenced, LineError
from ivr.speech.control import Began, Close, Hello, Misheard, Open, Stats, Understood
from tests.ivr.speech.rig import Rig


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    found = Rig(tmp_path_factory.mktemp("speech"))
    yield found
    found.close()


@pytest.fixture
async def rig(shared: Rig) -> AsyncIterator[Rig]:
    await shared.connect()
    yield shared
    shared.leave()
    await asyncio.sleep(0)  # the transport's last callback


async def test_words_are_heard_as_the_menu_writes_them(rig: Rig) -> None:
    caller = await rig.open(("订单", "人工 服务", "退款"))
    began, said = await rig.hear(caller, line(0.4, word("人工服务"), 0.8))
    assert began == Began(caller.turn)
    assert isinstance(said, Understood)
    assert said.text in {"人工 服务", "人工服务"}
    assert 0 < said.confidence <= 1


async def test_many_speak_at_once_and_each_is_told_of_its_own(rig: Rig) -> None:
    callers = [await rig.open() for _ in range(4)]
    texts = ("订单", "退款", "物流", "天气")
    told = await asyncio.gather(
        *(rig.hear(caller, line(0.3, word(text, VOICES[0]), 0.8)) for caller, text in zip(callers, texts, strict=True))
    )
    found = [result.text if isinstance(result, Understood) else result for _, result in told]
    assert found == ["订单", "退款", "物流", Misheard(callers[3].turn, "unknown")]


async def test_a_pause_within_is_waited_for_and_nobody_speaks_is_nothing(rig: Rig) -> None:
    caller, silent = await rig.open(("查询",), pause_s=0.7), await rig.open()
    await asyncio.gather(caller.say(line(0.3, word("查询"), 1.2)), silent.say(line(2.0)))
    await rig.told(caller, 2)
    assert [event for event in rig.events if event.turn == silent.turn] == []


async def test_what_cannot_be_had_is_refused_at_once(rig: Rig) -> None:
    with pytest.raises(LineError, match="nobody hears fr"):
        await rig.open(language="fr")
    with pytest.raises(LineError, match="none of these words"):
        await rig.open(("天气", "苹果"))
    callers = [await rig.open() for _ in range(4)]
    with pytest.raises(LineError, match="busy"):
        await rig.open()
    await rig.close_turn(callers[0])
    await rig.close_turn(callers[0])
    again = await rig.open()
    assert again.path == callers[0].path
    counted = await rig.do(Stats())
    assert (counted["open"], counted["free"]) == (4, 0)


async def test_open_said_again_is_the_same_turn(rig: Rig) -> None:
    caller = await rig.open()
    assert await rig.do(Open(caller.turn, "call", "zh", ("订单",))) == {"socket": caller.path}
    assert (await rig.do(Stats()))["open"] == 1


async def test_a_late_frame_of_an_earlier_turn_disturbs_nobody(rig: Rig) -> None:
    first = await rig.open()
    await first.say(line(0.3, word("投诉")[:2000]))  # in the middle of the word
    await rig.do(Close(first.turn))
    second = await rig.open()
    assert second.path == first.path
    first.send(b"\x2a" * 160)
    _, said = await rig.hear(second, line(0.3, word("发票"), 0.8))
    assert isinstance(said, Understood)
    assert said.text == "发票"


async def test_the_next_engine_finds_no_turns_and_the_last_one_is_fenced(rig: Rig) -> None:
    await rig.open()
    lost = rig.lost
    old, epoch = rig.client, rig.epoch
    await rig.connect()
    await rig.until(lambda: rig.lost == lost + 1)
    assert (await rig.do(Stats()))["open"] == 0
    with pytest.raises(Fenced):
        await old.connect(epoch, Hello())


async def test_turns_end_with_the_engine(rig: Rig) -> None:
    await rig.open()
    rig.leave()
    await rig.connect()
    assert (await rig.do(Stats()))["open"] == 0


async def test_a_process_that_is_killed_leaves_its_place_to_the_next(tmp_path: Path) -> None:
    rig = Rig(tmp_path, turns=1)
    try:
        first = await rig.connect()
        await rig.open()
        rig.process.kill()
        rig.process.wait()
        rig.start()
        assert (await rig.connect())["instance"] != first["instance"]
        _, said = await rig.hear(await rig.open(), line(0.3, word("订单"), 0.8))
        assert isinstance(said, Understood)
    finally:
        rig.close()
        await asyncio.sleep(0)
