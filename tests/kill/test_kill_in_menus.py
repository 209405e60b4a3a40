"""kill -9 of the engine while a menu has something under way: a message, a rating, an extension that rings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ivr.phones import audio
from ivr.phones.scripted import Answer, Ring
from prompts import PATH
from tests.site import PATIENCE_S
from tests.system.company import NUMBERS, Company, company
from tests.talk import sound

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPEECH = sound(PATH / "zh" / "business_info.wav")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def firm(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Company]:
    async with company(tmp_path_factory.mktemp("company")) as firm:
        yield firm


@pytest_asyncio.fixture(loop_scope="module")
async def house(firm: Company) -> AsyncIterator[Company]:
    """One for all tests; each finds it as if it were new."""
    yield firm
    await firm.cleared()


async def test_a_message_goes_on_and_is_kept(house: Company) -> None:
    phone = await house.site.phone("13800000001")
    call = await phone.dial(NUMBERS["queue"])
    await call.wait_answered(PATIENCE_S)
    await call.wait_like(sound(PATH / "common" / "music.wav")[: 2 * audio.RATE], PATIENCE_S)
    await call.press("2")
    await call.wait_like(sound(PATH / "zh" / "digit_6.wav"), PATIENCE_S)
    await call.wait_next(sound(PATH / "common" / "beep.wav"), PATIENCE_S)
    call.send_samples(SPEECH, loop=True)
    await call.wait_heard(2.0)
    await house.site.kill("engine")
    await call.wait_heard(2.0)
    await call.press("#")
    await call.wait_like(sound(PATH / "zh" / "digit_7.wav"), PATIENCE_S)
    assert await call.wait_ended(PATIENCE_S) == "remote"
    row = await house.row("13800000001")
    assert house.kinds(row, "engine_restarted", "voicemail", "ended") == ["engine_restarted", "voicemail", "ended"]
    [left] = house.data(row, "voicemail")
    path = house.site.recordings / str(left["path"])
    await house.site.until(path.exists, "the message is kept")
    assert audio.read_wav(path.read_bytes()).seconds > 4, "all of it, before the death and after"
    await house.site.until(lambda: len(house.site.return_calls()) == 1, "it is owed")


async def test_a_rating_is_asked_for_again(house: Company) -> None:
    seat = await house.site.seat("1032")
    phone = await house.site.phone("13800000002")
    call = await phone.dial(NUMBERS["rated"])
    await call.wait_answered(PATIENCE_S)
    agent = await seat.incoming(PATIENCE_S)
    await agent.wait_answered(PATIENCE_S)
    agent.send_tone(620)
    await call.wait_tone(620, PATIENCE_S)
    await agent.hang_up()
    await call.wait_like(sound(PATH / "zh" / "rating_ask.wav")[: 2 * audio.RATE], PATIENCE_S)
    since = call.heard[-1].at
    await house.site.kill("engine")
    await call.wait_like(sound(PATH / "zh" / "rating_ask.wav"), PATIENCE_S, since=since)
    await call.press("1")
    assert await call.wait_ended(PATIENCE_S) == "remote"
    row = await house.row("13800000002")
    assert (row["reason"], row["seat"]) == ("completed", "1032")
    assert house.data(row, "rated")[0]["meaning"] == "满意"
    assert house.kinds(row, "talking", "engine_restarted", "ended") == ["talking", "engine_restarted", "ended"]
    again = await phone.dial(NUMBERS["rated"])
    agent = await seat.incoming(PATIENCE_S)
    await agent.wait_answered(PATIENCE_S)
    await again.hang_up()


async def test_an_extension_is_called_again(house: Company) -> None:
    seat = await house.site.seat("1031")
    seat.on_invite = Ring()
    phone = await house.site.phone("13800000003")
    call = await phone.dial(NUMBERS["extension"])
    await call.wait_answered(PATIENCE_S)
    await call.press("1031")
    ringing = await seat.incoming(PATIENCE_S)
    seat.on_invite = Answer(after_s=1.0)
    await house.site.kill("engine")
    assert await ringing.wait_ended(PATIENCE_S) == "cancelled", "by its saved branch"
    agent = await seat.incoming(PATIENCE_S)
    await agent.wait_answered(PATIENCE_S)
    call.send_tone(440)
    agent.send_tone(620)
    await asyncio.gather(call.wait_tone(620, PATIENCE_S), agent.wait_tone(440, PATIENCE_S))
    await agent.hang_up()
    assert await call.wait_ended(PATIENCE_S) == "remote"
    row = await house.row("13800000003")
    assert (row["reason"], row["seat"]) == ("completed", "1031")
