"""Callers who hear a hotline before it answers, through a whole one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ivr.phones.scripted import Refused
from prompts import PATH
from tests.site import PATIENCE_S, Site, running
from tests.talk import sound

MENU = """
start: who
human: recorded
nodes:
  who: {kind: condition, cases: [{when: {class: vip}, to: recorded}], else: welcome}
  welcome: {kind: say, prompt: [business_info, business_info], before_answer: true, then: THEN}
  bye: {kind: hangup, before_answer: true, refuse: 486}
  recorded: {kind: say, prompt: for_english, notice: true, then: main}
  main: {kind: menu, prompt: no_input, keys: {"1": service}}
  service: {kind: queue, queue: service}
"""
ANNOUNCEMENT = PATH / "zh" / "business_info.wav"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    extra = ""
    for name, then in (("closed", "bye"), ("open", "recorded")):
        (tmp_path / f"{name}.yaml").write_text(MENU.replace("THEN", then), encoding="utf-8")
        extra += f'[[hotlines]]\nname = "{name}"\nmenu = "{name}.yaml"\n'
    numbers = {"4002": "closed", "4003": "open"}
    async with running(tmp_path, trunk="early_media = true", numbers=numbers, extra=extra) as site:
        yield site


async def test_what_is_said_before_the_answer_costs_nothing(site: Site) -> None:
    phone = await site.phone()
    closed = await phone.dial("4002")
    await closed.wait_like(sound(ANNOUNCEMENT), PATIENCE_S)
    assert 183 in closed.provisional
    assert not closed.answered.done()
    with pytest.raises(Refused, match="486"):
        await closed.wait_answered(PATIENCE_S)
    [row] = await site.ended()
    assert (row["answered_at"], row["reason"], row["ended_by"]) == (None, "menu_ended", "system")
    assert not phone.complaints


async def test_the_answer_comes_where_it_is_needed_though_the_engine_dies_before(site: Site) -> None:
    phone = await site.phone()
    caller = await phone.dial("4003")
    await caller.wait_heard(1.0)
    await site.kill("engine")
    await caller.wait_answered(PATIENCE_S)
    seat = await site.seat()
    await caller.press("1")
    agent = await seat.incoming(PATIENCE_S)
    await agent.wait_answered()
    agent.send_tone(620)
    await caller.wait_tone(620, PATIENCE_S)
    await caller.hang_up()
    [row] = await site.ended()
    assert (row["reason"], row["seat"]) == ("completed", "1026")
    kinds = [kind for kind in site.events(row["call_id"]) if kind in ("early_media", "engine_restarted", "answered")]
    assert kinds == ["early_media", "engine_restarted", "answered"]
    assert not phone.complaints
