"""Callers say in their own words what it is about: out of a WAV, over real RTP, to the built-in model in a real speech process;
the words are in the call's timeline, and its menu goes on by them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bench.callers import VOICES, line, word
from ivr.phones import audio
from ivr.phones.scripted import Call
from prompts import PATH
from tests.site import PATIENCE_S, Site, running
from tests.stalls import again_where_late
from tests.system.hearing import answered, connected, timeline
from tests.talk import sound

pytestmark = pytest.mark.asyncio(loop_scope="module")

MENU = """
start: notice
human: person
variables: {concern: none}
nodes:
  notice: {kind: say, prompt: digit_0, notice: true, then: about}
  about: {kind: dictation, prompt: business_info, into: concern, timeout_s: 3, then: way}
  way:
    kind: condition
    cases:
      - {when: {variables: {concern: 订单 退款}}, to: refund}
      - {when: {variables: {concern: 报修 发票}}, to: repair}
      - {when: {variables: {concern: none}}, to: nothing}
    else: other
  refund: {kind: say, prompt: digit_1, then: bye}
  repair: {kind: say, prompt: digit_2, then: bye}
  nothing: {kind: say, prompt: digit_3, then: bye}
  other: {kind: say, prompt: digit_4, then: bye}
  bye: {kind: hangup, prompt: goodbye}
  person: {kind: queue, queue: service}
"""
NUMBER = "4002"
QUESTION = sound(PATH / "zh" / "business_info.wav")
REFUND, REPAIR, NOTHING = (sound(PATH / "zh" / f"digit_{digit}.wav") for digit in (1, 2, 3))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    directory = tmp_path_factory.mktemp("dictation")
    (directory / "dictation.yaml").write_text(MENU, encoding="utf-8")
    extra = f'[[hotlines]]\nname = "dictation"\nmenu = "{directory / "dictation.yaml"}"\n[speech]\nenabled = "on"\n'
    async with running(directory, extra=extra, numbers={NUMBER: "dictation"}) as site:
        await connected(site)
        yield site


@pytest_asyncio.fixture(loop_scope="module")
async def site(house: Site) -> AsyncIterator[Site]:
    """One for all tests; each finds it as if it were new."""
    yield house
    await house.cleared()


def wav(directory: Path, *parts: str | float) -> audio.Samples:
    """Words of a synthetic caller and pauses, by way of a WAV file."""
    path = directory / "said.wav"
    path.write_bytes(audio.write_wav(line(*(word(part, VOICES[0]) if isinstance(part, str) else part for part in parts))))
    return audio.read_wav(path.read_bytes()).channels[0]


async def asked(site: Site, caller: str) -> Call:
    call = await (await site.phone(caller)).dial(NUMBER)
    await call.wait_answered(PATIENCE_S)
    await call.wait_like(QUESTION[:8000], PATIENCE_S)
    return call


async def told(site: Site, caller: str) -> list[tuple[str, Any]]:
    """What was said, and what was kept of it, once the call is booked."""
    await site.until(lambda: any(r["caller"] == caller and r["ended_at"] is not None for r in site.calls()), "it is booked")
    row = next(row for row in site.calls() if row["caller"] == caller)
    kinds = {"said": "text", "entered": "value", "not_hearing": "why"}
    return [(kind, data[kinds[kind]]) for kind, data in timeline(site, row["call_id"]) if kind in kinds]


@again_where_late
async def test_what_is_said_is_kept_and_leads_on(site: Site, tmp_path: Path) -> None:
    call = await asked(site, "13800000001")
    await call.wait_like(QUESTION, PATIENCE_S)
    call.send_samples(wav(tmp_path, "订单退款", 0.1))
    await answered(call, REFUND)
    assert await call.wait_ended(PATIENCE_S) == "remote"
    assert await told(site, "13800000001") == [("said", "订单 退款"), ("entered", "订单 退款")]


@again_where_late
async def test_who_pauses_to_think_is_heard_to_the_end_and_hushes_the_prompt(site: Site, tmp_path: Path) -> None:
    call = await asked(site, "13800000002")
    call.send_samples(wav(tmp_path, "报修", 0.7, "发票", 0.1))
    await answered(call, REPAIR)
    assert call.liked_until - call.heard[0].at < len(QUESTION) / audio.RATE, "the question was not heard to its end"
    assert await call.wait_ended(PATIENCE_S) == "remote"
    assert await told(site, "13800000002") == [("said", "报修 发票"), ("entered", "报修 发票")]


@again_where_late
async def test_who_would_rather_not_say_it_goes_on_by_key(site: Site) -> None:
    call = await asked(site, "13800000003")
    await call.press("#")
    await answered(call, NOTHING)
    assert await call.wait_ended(PATIENCE_S) == "remote"
    assert await told(site, "13800000003") == []


@again_where_late
async def test_who_says_nothing_is_asked_once_more_and_goes_on(site: Site) -> None:
    call = await asked(site, "13800000004")
    await call.wait_like(QUESTION, PATIENCE_S)
    await answered(call, QUESTION[:8000])
    await answered(call, NOTHING)
    assert await call.wait_ended(PATIENCE_S) == "remote"
    assert await told(site, "13800000004") == []
