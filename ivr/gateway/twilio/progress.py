"""A call's progress as Twilio's status callbacks tell it, in whatever order, and however often, they come.

Twilio's documentation, "Call status": queued, initiated, ringing, in-progress, then one of the last words. Callbacks are
separate HTTP requests: a later one may overtake an earlier, and one that we didn't answer in time comes again."""

from __future__ import annotations

from typing import Literal

LAST = {"completed": 200, "busy": 486, "no-answer": 480, "canceled": 487, "failed": 503}
"""The last words, and the status of SIP that says the same of a call that was never answered."""
_RANK = {"queued": 0, "initiated": 1, "ringing": 2, "in-progress": 3, "answered": 3, **dict.fromkeys(LAST, 4)}


class Progress:
    """One call's."""

    def __init__(self) -> None:
        self.status = "queued"

    def told(self, status: str) -> Literal["", "rings", "ended"]:
        """A callback says so. What is news to its call: "rings", "ended", or "" for what was known, is out of date, or is no
        status."""
        rank = _RANK.get(status)
        if rank is None or rank <= _RANK[self.status]:
            return ""
        self.status = status
        return "ended" if rank == 4 else "rings" if status == "ringing" else ""

    @property
    def sip_status(self) -> int:
        """What the last word is in SIP."""
        return LAST.get(self.status, 503)
