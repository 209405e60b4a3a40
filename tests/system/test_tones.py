"""A caller whose telephone presses keys as mere tones gets through the menu."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ivr.phones import audio
from tests.site import MUSIC, NOTICE, running
from tests.stalls import again_where_late
from tests.talk import sound


@again_where_late
async def test_keys_as_tones_lead_through_the_menu_to_the_queue(tmp_path: Path) -> None:
    """The trunk agrees on telephone-events, as gateways do that then send none: it is set to be listened to nevertheless."""
    directory = Path(tempfile.mkdtemp(dir=tmp_path))  # a new one for each try
    async with running(directory, trunk='in_band_dtmf = "always"') as site:
        phone = await site.phone(codecs=("PCMU",))
        call = await phone.dial("4001")
        await call.wait_answered()
        await call.wait_like(sound(NOTICE))
        await call.press("3", how="tone")
        await call.press("1", how="tone", duration_ms=60)
        await call.wait_like(sound(MUSIC)[: 2 * audio.RATE])
        await call.hang_up()
        [row] = await site.ended()
        assert row["menu_path"] == "welcome > main > main > service"
