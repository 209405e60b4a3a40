"""Turns over real speech processes: the least busy has them, a full, slow or dead one costs its turns and no more."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bench.callers import line, word
from ivr.lines.client import Fenced
from ivr.speech.control import Began, Failed, Message, Open, Understood
from ivr.speech.pool import NoTurn, Reserved, SpeechPool
from tests.ivr.speech.rig import BOUND_S, WORDS, Caller, Rig


@pytest.fixture
def rigs(tmp_path: Path) -> Iterator[list[Rig]]:
    """Two processes with room for two each."""
    found = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        found.append(Rig(tmp_path / name, turns=2))
    yield found
    for rig in found:
        rig.close()


class Engine:
    """A pool that runs, and what its turns were told."""

    def __init__(self, *rigs: Rig, epoch: int = 1) -> None:
        self.pool = SpeechPool([rig.path for rig in rigs])
        self.task = asyncio.create_task(self.pool.run(epoch))
        self.told: dict[int, list[Message]] = {}

    async def connected(self) -> None:
        await self.until(lambda: all(process.client.connected for process in self.pool.processes))

    async def open(self, *words: str) -> Reserved:
        number = self.pool.number()
        self.told[number] = []
        return await self.pool.open(Open(number, "call", "zh", words or WORDS), self.told[number].append)

    async def until(self, condition: object) -> None:
        assert callable(condition)
        async with asyncio.timeout(BOUND_S):
            while not condition():  # noqa: ASYNC110 - any condition
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self.pool.stop()
        await asyncio.sleep(0)


@pytest.fixture
async def engine(rigs: list[Rig]) -> AsyncIterator[Engine]:
    found = Engine(*rigs)
    await found.connected()
    yield found
    await found.close()


async def why(engine: Engine, *words: str) -> str:
    with pytest.raises(NoTurn) as refused:
        await engine.open(*words)
    return refused.value.why


async def test_turns_are_spread_and_the_last_one_on_top_is_refused(engine: Engine, rigs: list[Rig]) -> None:
    turns = [await engine.open() for _ in range(4)]
    places = [Path(turn.socket).parent for turn in turns]
    assert [places.count(rig.path.parent) for rig in rigs] == [2, 2]
    assert await why(engine) == "busy"
    engine.pool.close(turns[0].number)
    assert Path((await engine.open()).socket).parent == places[0]


async def test_what_is_said_comes_to_its_turn_alone(engine: Engine, rigs: list[Rig]) -> None:
    one, other = await engine.open(), await engine.open()
    caller = Caller(rigs[0].sock, one.number, one.socket)
    await caller.say(line(0.3, word("订单"), 0.8))
    await engine.until(lambda: len(engine.told[one.number]) == 2)
    began, said = engine.told[one.number]
    assert began == Began(one.number)
    assert isinstance(said, Understood)
    assert engine.told[other.number] == []
    assert engine.pool.report() == {"speech-0": ""}


async def test_words_that_the_model_does_not_know_are_no_turn(engine: Engine) -> None:
    assert await why(engine, "天气") == "off"


async def test_a_killed_process_fails_its_turns_alone_and_the_other_serves(engine: Engine, rigs: list[Rig]) -> None:
    turns = [await engine.open() for _ in range(2)]
    dead = next(rig for rig in rigs if rig.path.parent == Path(turns[0].socket).parent)
    dead.process.kill()
    await engine.until(lambda: engine.told[turns[0].number] == [Failed(turns[0].number, "failed")])
    assert engine.told[turns[1].number] == []
    await engine.open()
    assert await why(engine) == "busy"


async def test_a_turn_waits_for_the_process_that_is_started_again(rigs: list[Rig], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivr.speech.pool.COMES_S", BOUND_S)  # a busy machine starts nothing soon
    rig = rigs[0]
    engine = Engine(rig)
    try:
        await engine.connected()
        rig.process.kill()
        rig.process.wait()
        await engine.until(lambda: not engine.pool.processes[0].client.connected)
        opening = asyncio.create_task(engine.open())
        await asyncio.sleep(0)
        rig.start()
        assert (await opening).socket.startswith(str(rig.path.parent))
        assert engine.pool.report() == {"speech-0": "gone"}, "it was, since the last report"
        assert engine.pool.report() == {"speech-0": ""}
    finally:
        await engine.close()


async def test_nobody_ever_there_is_told_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivr.speech.pool.COMES_S", 0.2)
    pool = SpeechPool([tmp_path / "speech-0.sock"])
    with pytest.raises(NoTurn) as refused:
        await pool.open(Open(1, "call", "zh", WORDS), lambda message: None)
    assert refused.value.why == "failed"
    assert pool.report() == {}
    pool.stop()


async def test_one_that_stands_still_is_slow_then_killed_and_comes_back(
    rigs: list[Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.speech.pool.STUCK_S", 6.0)
    rig = rigs[0]
    engine = Engine(rig)
    try:
        await engine.connected()
        turn = await engine.open()
        os.kill(rig.process.pid, signal.SIGSTOP)
        assert await why(engine) == "slow"
        await engine.until(lambda: engine.told[turn.number] == [Failed(turn.number, "slow")])
        assert await asyncio.to_thread(rig.process.wait) == -signal.SIGKILL
        await engine.until(lambda: not engine.pool.processes[0].client.connected)
        rig.start()
        await engine.until(lambda: engine.pool.processes[0].client.connected)
        await engine.open()
    finally:
        await engine.close()


async def test_one_that_goes_on_after_all_is_used_again(rigs: list[Rig]) -> None:
    rig = rigs[0]
    engine = Engine(rig)
    try:
        await engine.connected()
        turn = await engine.open()
        os.kill(rig.process.pid, signal.SIGSTOP)
        await engine.until(lambda: engine.told[turn.number] == [Failed(turn.number, "slow")])
        assert engine.pool.report() == {"speech-0": "slow"}
        os.kill(rig.process.pid, signal.SIGCONT)
        await engine.until(lambda: not engine.pool.processes[0].late)
        assert [(await engine.open()).number for _ in range(2)], "the turn it had was closed"
        assert await why(engine) == "busy"
    finally:
        await engine.close()


async def test_a_later_engine_takes_over(engine: Engine, rigs: list[Rig]) -> None:
    turn = await engine.open()
    later = Engine(*rigs, epoch=2)
    await later.connected()
    await engine.until(lambda: engine.told[turn.number] == [Failed(turn.number, "failed")])
    with pytest.raises(BaseExceptionGroup) as ended:
        await engine.task
    assert ended.group_contains(Fenced)
    assert (await later.open()).number > turn.number
    await later.close()
