"""Twilio's callers speak over a prompt, or press a key: it falls silent at once, also what Twilio holds of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from bench.callers import word
from ivr.gateway.ahead import STALLED_S
from ivr.phones.twilio import TwilioCall
from tests.stalls import Stalls
from tests.system.hearing import QUESTION, REFUND, connected, spoken
from tests.twilio import TwilioSite, twilio_site

pytestmark = pytest.mark.asyncio(loop_scope="module")

HELD_S = 0.4
"""Twenty frames: many more than ever are ahead by what the gateway knows, so that some are left where this machine stalls."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TwilioSite]:
    directory = tmp_path_factory.mktemp("spoken")
    async with twilio_site(directory, hotline="spoken", extra=spoken(directory)) as both:
        await connected(both.site)
        yield both


@pytest_asyncio.fixture(loop_scope="module")
async def both(house: TwilioSite) -> AsyncIterator[TwilioSite]:
    """One for all tests; each finds it as if it were new."""
    yield house
    await house.cleared()


def speak(call: TwilioCall) -> None:
    call.send_samples(word("退款"))


def press(call: TwilioCall) -> None:
    call.press("2")


@pytest.mark.parametrize("interrupt", [speak, press])
async def test_a_prompt_that_is_cut_short_is_not_heard_on(both: TwilioSite, interrupt: Callable[[TwilioCall], None]) -> None:
    """The way to Twilio was slow for a moment, so that it plays all a little later than it came: too little for the gateway to
    notice by itself."""
    with Stalls(os.getpid(), both.site.pid("gateway")) as stalls:
        call = await both.twilio.call("+14155550123")
        await call.wait_like(QUESTION[:8000])
        stream = call.stream
        while stream.ahead_s < HELD_S:
            stream.reading.clear()
            await asyncio.sleep(0.4)
            stream.reading.set()
            await call.wait_until(lambda: stream.received[-1] == "media", "sound", 10)
            await asyncio.sleep(0.1)
        cleared = len(stream.thrown_s)
        interrupt(call)
        await call.wait_until(lambda: len(stream.thrown_s) > cleared, "a clear", 20)
        assert stream.thrown_s[cleared] > HELD_S / 2, "what Twilio held"
        await call.wait_like(REFUND)
    # Where the machine stands still a mark is late, and the gateway has a reason of its own to throw sound away.
    assert len(stream.thrown_s) == cleared + 1 or stalls.worst_s > STALLED_S / 2, "and nothing of the answer"
    assert stream.complaints == []
    await call.hang_up()
