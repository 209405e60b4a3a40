"""The company's own systems: what of their answers is kept, and that none of them holds anything up."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from ivr.config import ConfigError
from ivr.flow.events import LookedUp, LookUp
from ivr.lookup import MAX_VALUE, Lookup, kept
from ivr.lookupclient import LookupClient

ANSWER = json.dumps({"order": {"state": " shipped\n", "items": [{"name": "fan"}], "paid": True, "open": False, "none": None}})
Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def test_values_are_found_by_their_places() -> None:
    places = {
        "state": "order.state", "item": "order.items.0.name", "paid": "order.paid", "open": "order.open", "none": "order.none",
        "whole": "order", "beyond": "order.items.9.name", "through": "order.state.x", "missing": "nothing.there",
    }  # fmt: skip
    assert kept(ANSWER.encode(), places) == {
        "state": "shipped", "item": "fan", "paid": "yes", "open": "no", "none": "", "whole": "", "beyond": "", "through": "",
        "missing": "",
    }  # fmt: skip


def test_numbers_are_as_they_were_written_and_texts_have_a_bound() -> None:
    answer = b'{"price": 123.50, "big": 12345678901234567890, "long": "' + b"x" * 500 + b'"}'
    found = kept(answer, {"price": "price", "big": "big", "long": "long"})
    assert found == {"price": "123.50", "big": "12345678901234567890", "long": "x" * MAX_VALUE}


@pytest.mark.parametrize("answer", [b"", b"<html>", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_an_error(answer: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the parser says
        kept(answer, {"a": "a"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://crm/"},
        {"url": "https://user:secret@crm/"},
        {"url": "http://crm/", "secret_header": "Authorization"},
        {"url": "http://crm/", "secret_env": "TOKEN"},
        {"url": "http://crm/", "secret_header": "X", "secret_env": "TOKEN", "secret_file": "token"},
        {"url": "http://crm/", "headers": {"X": "a\r\nb"}},
        {"url": "http://crm/", "timeout_s": 60},
    ],
)
def test_settings_that_can_t_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Lookup(name="crm", **wrong)


@contextlib.asynccontextmanager
async def serving(behave: Behaviour) -> AsyncIterator[str]:
    """A real server; its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await behave(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/orders"
    finally:
        server.close()


def saying(status: str, body: bytes, asked: list[bytes] | None = None) -> Behaviour:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if asked is not None:
            asked.append(head)
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    return behave


async def ask(url: str, *, timeout_s: float = 5.0, **options: Any) -> LookedUp:
    client = LookupClient([Lookup(name="crm", url=url, **options)])
    try:
        return await client.ask(LookUp(7, "crm", {"order": "1 2&3"}, timeout_s, {"state": "order.state"}))
    finally:
        await client.close()


async def test_what_is_asked_and_what_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_TOKEN", "Bearer hush")
    asked: list[bytes] = []
    async with serving(saying("200 OK", ANSWER.encode(), asked)) as url:
        with capture_logs() as logs:
            found = await ask(url, method="GET", headers={"X-From": "hotline"}, secret_header="Auth", secret_env="CRM_TOKEN")
    assert found == LookedUp(7, True, {"state": "shipped"})
    assert asked[0].startswith(b"GET /orders?order=1+2%263 HTTP/1.1\r\n")
    assert b"X-From: hotline\r\n" in asked[0]
    assert b"Auth: Bearer hush\r\n" in asked[0]
    assert logs == []


@pytest.mark.parametrize(
    ("status", "body", "found", "why"),
    [
        ("404 Not Found", b"{}", False, ""),
        ("500 Oops", b"{}", None, "status 500"),
        ("302 Found", b"", None, "status 302"),
        ("200 OK", b"<html>", None, "no JSON"),
        ("200 OK", b"[" + b"1," * 1000 + b"1]", None, "larger than 1000 bytes"),
        ("nonsense", b"", None, "RemoteProtocolError"),
    ],
)
async def test_answers_that_say_no(status: str, body: bytes, found: bool | None, why: str) -> None:
    async with serving(saying(status, body)) as url:
        with capture_logs() as logs:
            assert await ask(url, max_answer_bytes=1000) == LookedUp(7, found)
    assert [why in log["why"] for log in logs] == ([True] if why else [])


async def test_a_system_that_never_answers_costs_the_time_and_no_more() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:  # a byte now and then, for ever
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with serving(drip) as url:
        with capture_logs() as logs:
            assert await ask(url, timeout_s=0.5) == LookedUp(7, None)
    assert [log["why"] for log in logs] == ["time is up"]


async def test_so_many_at_once_and_the_rest_waits() -> None:
    running = most = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal running, most
        await reader.readuntil(b"\r\n\r\n")
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()

    async with serving(count) as url:
        client = LookupClient([Lookup(name="crm", url=url, max_parallel=3)])
        question = LookUp(1, "crm", {}, 10.0, {})
        answers = await asyncio.gather(*(client.ask(question) for _ in range(9)))
        await client.close()
    assert [answer.found for answer in answers] == [True] * 9
    assert most == 3


async def test_nobody_there_and_a_system_that_nobody_named() -> None:
    assert (await ask("http://127.0.0.1:1/")).found is None
    client = LookupClient([])
    assert (await client.ask(LookUp(1, "crm", {}, 1.0))).found is None


def test_a_secret_that_is_missing_is_an_error_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CRM_TOKEN", raising=False)
    lookup = Lookup(name="crm", url="http://crm/", secret_header="Auth", secret_env="CRM_TOKEN")
    with pytest.raises(ConfigError, match=r"lookups\.crm\.secret_env.*CRM_TOKEN"):
        LookupClient([lookup])
    with pytest.raises(ConfigError, match=r"lookups\.crm\.secret_file"):
        LookupClient([Lookup(name="crm", url="http://crm/", secret_header="Auth", secret_file=tmp_path / "no")])
