"""A seat records a prompt by telephone, and the next caller hears it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ivr.phones import audio
from prompts import PATH
from tests.site import NOTICE, PATIENCE_S, Site, running
from tests.stalls import again_where_late
from tests.talk import sound

CODES = """may_record = true
[codes]
prompts = [{number = "1", prompt = "no_input"}]
"""
"""The last table before is that of the last seat."""
ZH = PATH / "zh"
SPOKEN = ZH / "goodbye.wav"


async def hears(site: Site, wav: Path) -> None:
    """A new caller hears this as the main menu."""
    caller = await (await site.phone()).dial("4001")
    await caller.wait_answered()
    await caller.wait_like(sound(NOTICE))
    await caller.wait_next(sound(wav))
    await caller.hang_up()


@again_where_late
async def test_a_recorded_prompt_is_heard_by_the_next_caller(tmp_path: Path) -> None:
    directory = Path(tempfile.mkdtemp(dir=tmp_path))  # a new one for each try
    async with running(directory, seats=("1027", "1026"), extra=CODES) as site:
        seat = await site.seat(codecs=("PCMA",))
        for decision, said in (("*", "record_discarded"), ("1", "record_saved")):
            call = await seat.dial("*771")
            await call.wait_answered()
            await call.wait_like(sound(ZH / "record_start.wav"))
            await call.wait_next(sound(PATH / "common" / "beep.wav"))
            call.send_wav(SPOKEN)
            await call.wait_until(lambda: call.sound.player.position >= len(sound(SPOKEN)), "all is said")  # noqa: B023
            since = call.heard[-1].at
            await call.press("#")
            await call.wait_like(sound(SPOKEN), since=since)
            await call.press(decision)
            assert await call.wait_ended(PATIENCE_S) == "remote"
            assert audio.similarity(call.samples(since), sound(ZH / f"{said}.wav")) > 0.7
            assert (decision == "1") == (site.data_dir / "prompts" / "zh" / "no_input.wav").exists()
        await hears(site, SPOKEN)
        assert [path.name for path in (site.data_dir / "prompts" / "zh").iterdir()] == ["no_input.wav"]
        assert not list(site.recordings.rglob("*.wav")), "what was spoken is nowhere else"
        assert {row["caller"] for row in await site.ended(1)} == {"04714613311"}, "recording leaves no call in the log"
        stranger = await site.seat("1027", sign_on=False)
        call = await stranger.dial("*771")
        await call.wait_answered()
        await call.wait_like(sound(ZH / "unknown_code.wav"))
