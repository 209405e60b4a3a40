"""[io] One connection to Redis for what a busy process says all day: commands go out without waiting for the answers of those
before, and cost no pool, no lock and no task."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import hiredis
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError, InvalidResponse, NoScriptError, RedisError, ResponseError, TimeoutError

from storage.redis import TIMEOUT_S

Command: TypeAlias = Sequence[str]
Answers: TypeAlias = list[Any] | RedisError | OSError
"""The answers of some commands in their order, an error answer as its ResponseError; or why there are none: then some of the
commands may have been done and others not."""
Told: TypeAlias = Callable[[Answers], None]


class Pipe:
    """A client's one connection for commands in their order, opened when it is needed; the client's aclose() ends it too.

    Commands that are not answered in time count as lost, and the connection with them.
    """

    def __init__(self, redis: Redis) -> None:
        self._pool = redis.connection_pool
        self._timeout_s: float = self._pool.connection_kwargs.get("socket_timeout") or TIMEOUT_S
        self._line: _Line | None = None
        self._connection: AbstractConnection | None = None
        self._unsent: list[tuple[Sequence[Command], Told]] = []
        self._opening: asyncio.Task[None] | None = None

    def ask(self, commands: Sequence[Command], told: Told) -> None:
        """Say commands; their answers come in one piece."""
        if self._line is not None and self._line.open:
            self._line.ask(commands, told)
            return
        self._unsent.append((commands, told))
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._open())

    async def evalsha(self, sha: str, _keys: int, *arguments: str) -> Any:
        """As redis.asyncio.Redis has it."""
        return await self._one(("EVALSHA", sha, "0", *arguments))

    async def eval(self, text: str, _keys: int, *arguments: str) -> Any:
        """As redis.asyncio.Redis has it."""
        return await self._one(("EVAL", text, "0", *arguments))

    async def _one(self, command: Command) -> Any:
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def told(answers: Answers) -> None:
            if done.done():
                return  # its task was cancelled
            answer = answers[0] if isinstance(answers, list) else answers
            if isinstance(answer, Exception):
                done.set_exception(answer)
            else:
                done.set_result(answer)

        self.ask([command], told)
        return await done

    async def _open(self) -> None:
        """The pool's connection knows how to reach Redis and how to prove who we are; then its socket is ours."""
        try:
            if self._connection is not None:
                broken, self._connection = self._connection, None
                await broken.disconnect(nowait=True)
                await self._pool.release(broken)
            self._connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
            self._line = _Line(self._connection, self._timeout_s)
        except (RedisError, OSError) as error:
            self._opening = None
            unsent, self._unsent = self._unsent, []
            for _, told in unsent:
                told(error)
            return
        self._opening = None
        unsent, self._unsent = self._unsent, []
        for commands, told in unsent:
            self._line.ask(commands, told)


class _Line(asyncio.Protocol):
    """The connection's socket while it lasts."""

    def __init__(self, connection: AbstractConnection, timeout_s: float) -> None:
        writer = connection._writer
        assert writer is not None, "the pool gives connections that are connected"
        self.open = True
        self._timeout_s = timeout_s
        self._transport = writer.transport
        self._before = self._transport.get_protocol()
        self._reader = hiredis.Reader(protocolError=InvalidResponse, replyError=_error, encoding="utf-8")
        self._waiting: deque[tuple[int, Told, float]] = deque()
        """How many answers each wants, and since when."""
        self._answers: list[Any] = []
        self._watch: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._transport.set_protocol(self)

    def ask(self, commands: Sequence[Command], told: Told) -> None:
        self._waiting.append((len(commands), told, self._loop.time()))
        # Its type says one argument; it takes any number.
        packed = [hiredis.pack_command(tuple(command)) for command in commands]  # type: ignore[arg-type]
        self._transport.write(b"".join(packed))
        if self._watch is None:
            self._watch = self._loop.call_later(self._timeout_s, self._look)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while self._waiting:
            try:
                answer = self._reader.gets()
            except InvalidResponse as error:
                self._lose(ConnectionError(f"what Redis says is not understood: {error}"))
                return
            if answer is False:  # not all of it has come; no answer of ours is a truth value
                return
            if isinstance(answer, hiredis.PushNotification):
                continue
            self._answers.append(answer)
            if len(self._answers) == self._waiting[0][0]:
                answers, self._answers = self._answers, []
                _, told, _ = self._waiting.popleft()
                told(answers)

    def connection_lost(self, exc: Exception | None) -> None:
        self._before.connection_lost(exc)  # whoever closes the client waits for it
        self._lose(ConnectionError(str(exc) if exc is not None else "Redis closed the connection"))

    def _look(self) -> None:
        """Once in a while, and not for each command: whether Redis is silent."""
        self._watch = None
        if self._waiting:
            left_s = self._waiting[0][2] + self._timeout_s - self._loop.time()
            if left_s > 0:
                self._watch = self._loop.call_later(left_s, self._look)
            else:
                self._lose(TimeoutError(f"Redis did not answer in {self._timeout_s} s"))

    def _lose(self, why: RedisError) -> None:
        self.open = False
        self._transport.abort()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        waiting, self._waiting = self._waiting, deque()
        for _, told, _ in waiting:
            told(why)


def _error(text: str) -> ResponseError:
    return NoScriptError(text) if text.startswith("NOSCRIPT") else ResponseError(text)
