"""Commands that go out without waiting for the answers of those before."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError, NoScriptError, ResponseError, TimeoutError

from storage.pipe import Answers, Command, Pipe
from storage.redis import connect


def said(pipe: Pipe, *commands: Command) -> asyncio.Future[Answers]:
    """Commands that are said now; their answers, when they come."""
    done: asyncio.Future[Answers] = asyncio.get_running_loop().create_future()
    pipe.ask(commands, done.set_result)
    return done


async def test_answers_come_in_order_and_an_error_stands_in_its_place(redis: Redis) -> None:
    pipe = Pipe(redis)
    first = said(pipe, ("SET", "a", "数"), ("INCR", "a"), ("GET", "a"))  # before there is a connection
    second = said(pipe, ("LRANGE", "none", "0", "-1"), ("GET", "none"))
    stored, fault, found = await first  # type: ignore[misc]  # a list, which the next lines prove
    assert (stored, found) == ("OK", "数")
    assert isinstance(fault, ResponseError)
    assert await second == [[], None]


async def test_an_answer_in_many_pieces_is_one(redis: Redis) -> None:
    pipe = Pipe(redis)
    long = "x" * 3_000_000
    assert await said(pipe, ("SET", "long", long), ("GET", "long"), ("PING",)) == ["OK", long, "PONG"]


async def test_scripts_are_run_as_by_the_client(redis: Redis) -> None:
    pipe = Pipe(redis)
    with pytest.raises(NoScriptError):
        await pipe.evalsha("0" * 40, 0)
    assert await pipe.eval("return ARGV[1]", 0, "x") == "x"


async def test_who_waits_on_a_broken_connection_is_told_and_the_next_gets_a_new_one(redis: Redis) -> None:
    pipe = Pipe(redis)
    [number] = await said(pipe, ("CLIENT", "ID"))  # type: ignore[misc]
    waiting = said(pipe, ("BLPOP", "none", "0"))
    await redis.client_kill_filter(_id=str(number))
    assert isinstance(await waiting, ConnectionError)
    [another] = await said(pipe, ("CLIENT", "ID"))  # type: ignore[misc]
    assert another != number


async def test_a_silent_redis_is_given_up(redis_url: str, redis: Redis) -> None:
    client = connect(redis_url, timeout_s=2.0)
    pipe = Pipe(client)
    assert await said(pipe, ("PING",)) == ["PONG"]
    first, second = said(pipe, ("BLPOP", "none", "0")), said(pipe, ("PING",))
    assert isinstance(await first, TimeoutError)
    assert isinstance(await second, TimeoutError), "its answer would have come after the first one's"
    assert await said(pipe, ("PING",)) == ["PONG"]
    await client.aclose()


async def test_nobody_there_is_told_to_all_who_wait() -> None:
    nowhere = connect("redis://127.0.0.1:1")
    pipe = Pipe(nowhere)
    outcomes = await asyncio.gather(said(pipe, ("PING",)), said(pipe, ("PING",)))
    assert [type(outcome) for outcome in outcomes] == [ConnectionError, ConnectionError]
    await nowhere.aclose()


async def test_closing_the_client_ends_the_connection(redis_url: str, redis: Redis) -> None:
    client = connect(redis_url)
    pipe = Pipe(client)
    [number] = await said(pipe, ("CLIENT", "ID"))  # type: ignore[misc]
    waiting = said(pipe, ("BLPOP", "none", "0"))
    await client.aclose()
    assert isinstance(await waiting, ConnectionError)
    assert str(number) not in [row["id"] for row in await redis.client_list()]
