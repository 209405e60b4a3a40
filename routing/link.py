"""[io] One engine's way to Redis: runs scripts, tells "away" from "wrong", and listens for what others publish."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import redis as blocking
from redis.asyncio import Redis
from redis.exceptions import (
    ConnectionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
)

from routing.scripts import Script
from storage.pipe import Answers, Pipe
from storage.redis import StorageError

SWEEP_S = 5.0
"""Published messages can be lost; so after this long without one, everything is looked at anyway."""

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0

_AWAY = ("OOM", "READONLY", "MISCONF", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS", "BUSY", "UNKILLABLE")
"""Answers of a Redis that lives but takes no writes now."""


class Fenced(Exception):
    """A newer engine of this node exists: this one must end at once and touch nothing."""


class RedisAway(StorageError):
    """Redis cannot be reached, or takes no writes now."""


Faults: TypeAlias = list[ResponseError | None] | Fenced | RedisAway


class Pauses:
    """Growing pauses between tries: 0.1 s, doubling up to 1 s."""

    def __init__(self) -> None:
        self._next_s = _FIRST_PAUSE_S

    def reset(self) -> None:
        self._next_s = _FIRST_PAUSE_S

    async def wait(self) -> None:
        await asyncio.sleep(self._next_s)
        self._next_s = min(2 * self._next_s, _LONGEST_PAUSE_S)


async def run(redis: Redis | Pipe, script: Script, *arguments: str) -> Any:
    """Run a script by its SHA-1: one round trip, but for the first time on a Redis.

    Raises Fenced; RedisAway; redis.exceptions.ResponseError for a fault in the script or its arguments.
    """
    try:
        try:
            return await redis.evalsha(script.sha, 0, *arguments)
        except NoScriptError:
            return await redis.eval(script.text, 0, *arguments)
    except (ResponseError, ConnectionError, TimeoutError, OSError) as error:
        raise _understood(error) from error


def run_blocking(redis: blocking.Redis, script: Script, *arguments: str) -> Any:
    """Run a script through a blocking client. Raises redis.exceptions.RedisError."""
    try:
        return redis.evalsha(script.sha, 0, *arguments)
    except NoScriptError:
        return redis.eval(script.text, 0, *arguments)


def run_in_order(pipe: Pipe, script: Script, many: Sequence[Sequence[str]], told: Callable[[Faults], None]) -> None:
    """Run a script once for each list of arguments, in order, in one round trip; `told` gets the fault of each run, or None.

    The script must be one that may be run again: it is, from the first on, where Redis did not know it. Fenced and RedisAway
    are told in place of the faults, when some may have been done and others not.
    """
    commands = [("EVALSHA", script.sha, "0", *arguments) for arguments in many]

    def first(answers: Answers) -> None:
        if isinstance(answers, list) and any(isinstance(answer, NoScriptError) for answer in answers):
            pipe.ask([("SCRIPT", "LOAD", script.text), *commands], second)
        else:
            told(_faults(answers))

    def second(answers: Answers) -> None:
        faults = _faults(answers)
        told(faults[1:] if isinstance(faults, list) else faults)

    pipe.ask(commands, first)


async def run_all(pipe: Pipe, script: Script, many: Sequence[Sequence[str]]) -> list[ResponseError | None]:
    """run_in_order(), awaited. Raises Fenced and RedisAway."""
    done: asyncio.Future[Faults] = asyncio.get_running_loop().create_future()
    run_in_order(pipe, script, many, lambda faults: None if done.done() else done.set_result(faults))
    faults = await done
    if not isinstance(faults, list):
        raise faults
    return faults


def _faults(answers: Answers) -> Faults:
    if not isinstance(answers, list):
        return RedisAway(f"redis_url: {str(answers) or type(answers).__name__}")
    faults: list[ResponseError | None] = []
    for answer in answers:
        fault = _understood(answer) if isinstance(answer, Exception) else None
        if fault is not None and not isinstance(fault, ResponseError):
            return fault
        faults.append(fault)
    return faults


async def command(answer: Awaitable[Any]) -> Any:
    """Await a plain command's answer; raises RedisAway when Redis cannot be reached or takes no writes."""
    try:
        return await answer
    except (ResponseError, ConnectionError, TimeoutError, OSError) as error:
        raise _understood(error) from error


def _understood(error: Exception) -> ResponseError | Fenced | RedisAway:
    """What an error of the client means: Fenced, RedisAway, or a fault of ours, which stays as it is."""
    text = str(error)
    if not isinstance(error, ResponseError) or isinstance(error, OutOfMemoryError | ReadOnlyError) or text.startswith(_AWAY):
        return RedisAway(f"redis_url: {text or type(error).__name__}")
    return Fenced(text) if text.startswith("FENCED") else error


async def listen(
    redis: Redis, channels: Sequence[str], everything: Callable[[], Awaitable[Sequence[str]]]
) -> AsyncIterator[str]:
    """Messages published on the channels, for ever; connects again by itself.

    After each connecting, and after SWEEP_S of silence, it gives everything(): what could have been published meanwhile.
    """
    pauses = Pauses()
    while True:
        pubsub = redis.pubsub()
        try:
            await pubsub.subscribe(*channels)
            for text in await everything():
                yield text
            while not _is_cancelled():
                message = await pubsub.get_message(timeout=SWEEP_S)
                pauses.reset()
                if message is None:
                    for text in await everything():
                        yield text
                elif message["type"] == "message":
                    yield message["data"]
        except (RedisError, RedisAway, OSError):
            await pauses.wait()
        finally:
            with contextlib.suppress(RedisError, OSError):  # whatever ends us is not to be lost over it
                await pubsub.aclose()  # type: ignore[no-untyped-call]
        if _is_cancelled():
            raise asyncio.CancelledError


def _is_cancelled() -> bool:
    """Whether this task was told to end: the client loses a cancellation at times, while it connects."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
