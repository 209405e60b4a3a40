"""A speech process that has no room for one more: the caller is told, and goes on by keys; who comes when there is room again
is heard."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ivr.phones.scripted import Call
from prompts import PATH
from tests.site import PATIENCE_S
from tests.stalls import again_where_late
from tests.system.hearing import ORDERS, QUESTION, REFUND, answered, asked, hearing, nobody_is_heard, say, timeline
from tests.talk import sound

AWAY = sound(PATH / "zh" / "speech_away.wav")


@again_where_late
async def test_a_full_recogniser_holds_nobody(tmp_path: Path) -> None:
    directory = Path(tempfile.mkdtemp(dir=tmp_path))  # a new one for each try
    async with hearing(directory, speech="turns = 1", seats=()) as site:
        first = await asked(site, "13800000001")
        second: Call = await (await site.phone("13800000002")).dial("4002")
        await second.wait_answered(PATIENCE_S)
        await answered(second, AWAY)
        await answered(second, QUESTION[:8000])
        await second.press("1")
        await answered(second, ORDERS)
        say(first, "退款")
        await answered(first, REFUND)
        await second.hang_up()
        await first.hang_up()
        await site.until(lambda: site.live_calls() == set(), "both calls are over")
        await nobody_is_heard(site, room=1)
        third = await asked(site, "13800000003")
        say(third, "退款")
        await answered(third, REFUND)
        await third.hang_up()
        rows = {row["caller"]: timeline(site, row["call_id"]) for row in await site.ended(3)}
        assert [data["why"] for kind, data in rows["13800000002"] if kind == "not_hearing"] == ["busy", "busy"]
        for caller in ("13800000001", "13800000003"):
            assert [data["text"] for kind, data in rows[caller] if kind == "said"] == ["退款"]
