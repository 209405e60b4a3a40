"""A hotline that hears its callers, and callers who speak."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bench.callers import VOICES, word
from followup.tables import call_event
from ivr.lines.wire import Reply
from ivr.phones.audio import Samples
from ivr.phones.scripted import Call
from ivr.speech.control import SPEECH, Stats
from prompts import PATH
from tests.site import PATIENCE_S, Site, running
from tests.talk import sound

MENU = """
start: notice
human: person
nodes:
  notice: {kind: say, prompt: digit_0, notice: true, then: main}
  main:
    kind: menu
    prompt: business_info
    timeout_s: 20
    keys:
      "1": {to: orders, words: [订单, 查询订单]}
      "2": {to: refund, words: [退款]}
      "3": {to: bye, words: [再见]}
    no_match: {prompt: digit_9, limit: 5}
  orders:
    kind: menu
    prompt: digit_1
    timeout_s: 20
    keys: {"1": {to: paid, words: [付款]}, "2": {to: bye, words: [取消]}}
    no_match: {prompt: digit_9, limit: 5}
  refund: {kind: say, prompt: [digit_2, digit_2, digit_2], then: bye}
  paid: {kind: say, prompt: digit_3, then: bye}
  bye: {kind: hangup, prompt: goodbye}
  person: {kind: queue, queue: service}
"""
"""What is so short is said three times where it comes by Twilio: a busy machine may lose a part of it."""
NUMBER = "4002"
QUESTION = sound(PATH / "zh" / "business_info.wav")
MISHEARD, ORDERS, REFUND, PAID = (sound(PATH / "zh" / f"digit_{digit}.wav") for digit in (9, 1, 2, 3))


@contextlib.asynccontextmanager
async def hearing(directory: Path, **options: Any) -> AsyncIterator[Site]:
    """The site, once a speech process hears."""
    extra = spoken(directory, options.pop("speech", ""))
    async with running(directory, extra=extra, numbers={NUMBER: "spoken"}, **options) as site:
        await connected(site)
        yield site


def spoken(directory: Path, speech: str = "") -> str:
    """The settings of the hotline `spoken`, with MENU, and of who hears it."""
    (directory / "spoken.yaml").write_text(MENU, encoding="utf-8")
    return f'[[hotlines]]\nname = "spoken"\nmenu = "{directory / "spoken.yaml"}"\n[speech]\nenabled = "on"\n{speech}\n'


async def connected(site: Site, times: int = 1) -> None:
    """Until the engine has been connected with a speech process so often."""
    await site.until(lambda: connections(site) >= times, "a speech process hears")


def connections(site: Site) -> int:
    """How often that was so."""
    return (site.data_dir / "log" / "engine.log").read_text().count("speech process connected")


async def asked(site: Site, user: str = "04714613311") -> Call:
    """A caller who begins to hear the question."""
    phone = await site.phone(user)
    call = await phone.dial(NUMBER)
    await call.wait_answered(PATIENCE_S)
    await call.wait_like(QUESTION[:8000], PATIENCE_S)
    return call


def say(call: Call, text: str, voice: int = 0) -> Samples:
    """The caller says this, once. Returns how it sounds."""
    spoken = word(text, VOICES[voice])
    call.send_samples(spoken)
    return spoken


async def answered(call: Call, prompt: Samples) -> None:
    """Until this prompt was heard, after the last one that was waited for."""
    await call.wait_next(prompt, PATIENCE_S)


async def counts(site: Site) -> dict[str, int]:
    """The speech process's counters."""
    reader, writer = await asyncio.open_unix_connection(str(site.run_dir / "speech-0.sock"))
    writer.write(SPEECH.encode_request(1, 0, Stats()))
    reply = SPEECH.decode_answer(await reader.readline())
    writer.close()
    await writer.wait_closed()
    assert isinstance(reply, Reply)
    return dict(reply.ok)


async def nobody_is_heard(site: Site, room: int = 32) -> None:
    """Until no turn is open, which is told to the speech process a little after the call's end; then all are free again."""
    async with asyncio.timeout(PATIENCE_S):
        while (counted := await counts(site))["open"]:  # noqa: ASYNC110 - nobody signals it
            await asyncio.sleep(0.05)
    assert counted["free"] == room


def timeline(site: Site, call_id: str) -> list[tuple[str, dict[str, Any]]]:
    """A call's events and their data, in order."""
    query = select(call_event.c.type, call_event.c.data).where(call_event.c.subject == call_id).order_by(call_event.c.seq)
    assert site.database is not None
    with site.database.connect() as connection:
        return [(kind, json.loads(data)) for kind, data in connection.execute(query)]
