"""Each kind of node in a real call: what the menu language asks for is done, heard, and in the books."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio

from ivr.phones import audio
from ivr.phones.scripted import Call, Refuse, Ring
from prompts import PATH
from prompts.engines import Espeak
from prompts.reading import clips, read
from prompts.voicecache import VoiceCache
from tests.site import PATIENCE_S
from tests.stalls import again_where_late
from tests.system.company import NUMBERS, SECRET, Company, company
from tests.talk import sound

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPEECH = PATH / "zh" / "business_info.wav"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def firm(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Company]:
    async with company(tmp_path_factory.mktemp("company")) as firm:
        yield firm


@pytest_asyncio.fixture(loop_scope="module")
async def house(firm: Company) -> AsyncIterator[Company]:
    """One for all tests; each finds it as if it were new."""
    yield firm
    await firm.cleared()


async def dial(house: Company, menu: str, caller: str) -> Call:
    """A caller in that menu."""
    phone = await house.site.phone(caller)
    call = await phone.dial(NUMBERS[menu])
    return await call.wait_answered(PATIENCE_S)


def clip(name: str, language: str = "zh") -> audio.Samples:
    return sound(PATH / language / f"{name}.wav")


async def hears(call: Call, *names: str) -> None:
    """Until these prompts were heard one after the other, after what was waited for before."""
    await call.wait_next(np.concatenate([clip(name) for name in names]), PATIENCE_S)


def spoken(house: Company, text: str, language: str = "zh") -> audio.Samples:
    """What a text sounds like, as the hotline has it."""
    return sound(VoiceCache(house.site.data_dir / "voice", Espeak(), 10**9).voiced(text, language))


async def test_texts_values_and_keyed_input(house: Company) -> None:
    call = await dial(house, "say", "13900000001")
    await call.wait_like(spoken(house, "您的号码是 13900000001。"), PATIENCE_S)
    await hears(call, "digit_1")
    await call.press("2026#")
    await hears(call, "digit_2", "digit_2", "digit_0", "digit_2", "digit_6", "digit_3")
    await call.press("1")
    await hears(call, "digit_4")
    await call.press("9173")
    await call.wait_next(spoken(house, "谢谢。"), PATIENCE_S)
    assert await call.wait_ended(PATIENCE_S) == "remote"
    row = await house.row("13900000001")
    assert row["menu_path"] == "hello > order > pin > thanks > bye"
    entered = house.data(row, "entered")
    assert entered == [
        {"node": "order", "variable": "order", "value": "2026"},
        {"node": "pin", "variable": "pin", "value": "***"},
    ]
    assert "9173" not in house.everything(row)
    assert "9173" not in house.logs(), "what is secret is in no log"


async def test_language_condition_hours_and_sub_flow(house: Company) -> None:
    house.tell("04714613311", **{"calls": "2", "class": "vip", "name": "王"})
    call = await dial(house, "ways", "04714613311")
    await hears(call, "digit_1")
    await call.press("2")
    await call.wait_next(spoken(house, "goodbye now", "en"), PATIENCE_S)
    assert await call.wait_ended(PATIENCE_S) == "remote"
    row = await house.row("04714613311")
    assert row["menu_path"] == "which > who > vip > hours > late > inner > side:way > side:told > side:back > bye"
    stranger = await dial(house, "ways", "13900000002")
    await stranger.press("1")
    await stranger.wait_like(spoken(house, "再见"), PATIENCE_S)
    assert await stranger.wait_ended(PATIENCE_S) == "remote"
    assert "who > nobody > hours" in str((await house.row("13900000002"))["menu_path"])


@pytest.mark.parametrize(
    ("order", "caller", "node"),
    [("111", "13900000003", "found"), ("222", "13900000004", "missing"), ("333", "13900000005", "broken")],
)
async def test_lookup(house: Company, order: str, caller: str, node: str) -> None:
    call = await dial(house, "lookup", caller)
    await call.press(f"{order}#")
    if node == "found":
        await hears(call, *clips(read("amount", "123.50", "zh")))
    assert await call.wait_ended(PATIENCE_S) == "remote"
    row = await house.row(caller)
    assert row["menu_path"] == f"order > look > {node} > bye"
    kept = {data["variable"]: data["value"] for data in house.data(row, "entered")}
    assert kept == {"order": order, "state": "shipped" if node == "found" else "", "price": "123.50" if node == "found" else ""}
    assert ("POST /orders HTTP/1.1", SECRET, {"order": order}) in house.crm.asked
    assert "hush" not in house.logs()


async def test_a_full_queue_a_way_out_of_it_and_announcements(house: Company) -> None:
    first = await dial(house, "queue", "13900000006")
    await first.wait_like(sound(PATH / "common" / "music.wav")[: 2 * audio.RATE], PATIENCE_S)
    second = await dial(house, "queue", "13900000007")
    await hears(second, "queue_full")
    assert await second.wait_ended(PATIENCE_S) == "remote"
    refused = await house.row("13900000007")
    assert house.kinds(refused, "queued", "overflow", "ended") == ["queued", "overflow", "ended"]
    assert house.data(refused, "ended")[0]["reason"] == "overflow"
    await hears(first, "queue_next")
    await first.wait_next(sound(PATH / "common" / "music.wav")[: 2 * audio.RATE], PATIENCE_S)
    await first.press("1")
    await hears(first, "digit_1")
    await first.press("3")
    await hears(first, "digit_2")
    await first.press("13812345678#")
    await hears(first, "digit_3", "digit_1", "digit_3", "digit_8")
    await first.press("1")
    await hears(first, "digit_5")
    assert await first.wait_ended(PATIENCE_S) == "remote"
    row = await house.row("13900000006")
    assert house.kinds(row, "queued", "queue_left", "promised", "ended") == ["queued", "queue_left", "promised", "ended"]
    assert house.data(row, "promised") == [{"number": "13812345678", "reason": "return_call"}]


@again_where_late
async def test_voicemail_ended_by_key_and_by_hanging_up(house: Company) -> None:
    for caller, by_key in (("13900000008", True), ("13900000009", False)):
        call = await dial(house, "queue", caller)
        await call.wait_like(sound(PATH / "common" / "music.wav")[: 2 * audio.RATE], PATIENCE_S)
        await call.press("2")
        await hears(call, "digit_6")
        await call.wait_next(sound(PATH / "common" / "beep.wav"), PATIENCE_S)
        call.send_samples(sound(SPEECH))
        await call.wait_heard(4.0)
        if by_key:
            await call.press("#")
            await hears(call, "digit_7")
            assert await call.wait_ended(PATIENCE_S) == "remote"
        else:
            await call.hang_up()
        row = await house.row(caller)
        [left] = house.data(row, "voicemail")
        assert left["seconds"] > 2
        assert house.kinds(row, "voicemail", "ended") == ["voicemail", "ended"]
        path = house.site.recordings / str(left["path"])
        await house.site.until(path.exists, "the message is kept")
        wave = audio.read_wav(path.read_bytes())
        assert len(wave.channels) == 1
        assert wave.seconds > 2
        assert audio.similarity(wave.channels[0], sound(SPEECH)[: 2 * audio.RATE]) > 0.7


async def test_an_extension_and_a_number_outside(house: Company) -> None:
    seat = await house.site.seat("1031")
    call = await dial(house, "extension", "13900000010")
    await hears(call, "digit_1")
    await call.press("9999")
    await hears(call, "digit_2")
    seat.on_invite = Ring()
    await call.press("1031")
    agent = await seat.incoming(PATIENCE_S)
    await call.wait_next(sound(PATH / "common" / "ringback.wav")[: audio.RATE // 2], PATIENCE_S)
    await agent.answer()
    await agent.wait_answered(PATIENCE_S)
    await hears(call, "agent_number", "digit_1", "digit_0", "digit_3", "digit_1")
    call.send_tone(440)
    agent.send_tone(620)
    await asyncio.gather(call.wait_tone(620, PATIENCE_S), agent.wait_tone(440, PATIENCE_S))
    await call.hang_up()
    row = await house.row("13900000010")
    assert (row["seat"], row["reason"], row["recording"]) == ("1031", "completed", ""), "its queue isn't recorded"
    assert [data["why"] for data in house.data(row, "connect_failed")] == ["unknown"]
    seat.on_invite = Refuse(486)
    call = await dial(house, "extension", "13900000011")
    await call.press("1031")
    customer = await house.operator.incoming(PATIENCE_S)
    assert customer.requests[0].first.startswith("INVITE sip:13912345678@")
    await customer.wait_answered(PATIENCE_S)
    customer.send_tone(600)
    await call.wait_tone(600, PATIENCE_S)
    await customer.hang_up()
    assert await call.wait_ended(PATIENCE_S) == "remote"
    row = await house.row("13900000011")
    assert (row["reason"], row["menu_path"]) == ("completed", "notice > extension > away")
    assert [data["why"] for data in house.data(row, "connect_failed")] == ["busy"]


async def test_a_caller_hangs_up_while_the_extension_rings(house: Company) -> None:
    seat = await house.site.seat("1031")
    seat.on_invite = Ring()
    call = await dial(house, "extension", "13900000012")
    await call.press("1031")
    ringing = await seat.incoming(PATIENCE_S)
    await call.hang_up()
    assert await ringing.wait_ended(PATIENCE_S) == "cancelled"
    assert (await house.row("13900000012"))["reason"] == "given_up"


async def test_rating_when_the_seat_hangs_up_or_hands_the_caller_on(house: Company) -> None:
    seat = await house.site.seat("1032")
    for caller, key in (("13900000014", "1"), ("13900000015", "3")):
        call = await dial(house, "rated", caller)
        agent = await seat.incoming(PATIENCE_S)
        await agent.wait_answered(PATIENCE_S)
        agent.send_tone(620)
        await call.wait_tone(620, PATIENCE_S)
        if key == "1":
            await agent.hang_up()
        else:
            await agent.refer("*90")
            assert await agent.wait_ended(PATIENCE_S) == "remote"
            assert agent.notified[-1] == "SIP/2.0 200 OK"
        await hears(call, "rating_ask")
        await call.press(key)
        await hears(call, "digit_3")
        assert await call.wait_ended(PATIENCE_S) == "remote"
        row = await house.row(caller)
        meaning = {"1": "满意", "3": "不满意"}[key]
        assert house.data(row, "rated") == [{"key": key, "meaning": meaning, "seat": "1032", "queue": "rated"}]
        assert (row["reason"], row["ended_by"], row["seat"], row["phase"]) == ("completed", "seat", "1032", "RATING")
        assert float(str(row["talk_s"])) < float(str(row["ended_at"])) - float(str(row["talking_at"])) - 1
        assert row["recording"]


async def test_who_declines_is_not_recorded(house: Company) -> None:
    seat = await house.site.seat("1032")
    call = await dial(house, "rated", "13900000016")
    await call.press("9")
    agent = await seat.incoming(PATIENCE_S)
    await agent.wait_answered(PATIENCE_S)
    agent.send_tone(620)
    await call.wait_tone(620, PATIENCE_S)
    await call.hang_up()
    row = await house.row("13900000016")
    assert (row["reason"], row["recording"]) == ("completed", "")
    assert house.kinds(row, "unrecorded", "recording", "talking") == ["unrecorded", "talking"]
    assert json.dumps(house.data(row, "key")[0]) == '{"node": "notice", "digit": "9"}'
