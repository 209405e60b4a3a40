"""[io] The engine's connection to one media process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ivr.lines.client import LineClient
from ivr.lines.client import LineError as MediaError
from ivr.lines.client import LineLost as MediaLost
from ivr.lines.wire import Event
from ivr.media.control import Hello, Snapshot
from ivr.media.wire import MEDIA, snapshot_from_json

__all__ = ["MediaClient", "MediaError", "MediaLost"]


class MediaClient(LineClient):
    """After `on_lost` call take_over() again. Events are to be acknowledged: media keeps them until then."""

    def __init__(self, path: Path, *, on_event: Callable[[Event], None], on_lost: Callable[[], None]) -> None:
        """As LineClient's."""
        super().__init__(path, MEDIA, on_event=on_event, on_lost=on_lost)

    async def take_over(self, epoch: int, ack: int, instance: str = "") -> Snapshot:
        """Connect as the engine of `epoch`; events above `ack` come again, the first after this has returned.

        `instance` is the Snapshot.instance that `ack` belongs to. Raises Fenced; MediaLost when media isn't there.
        """
        return snapshot_from_json(await self.connect(epoch, Hello(ack, instance)))
