"""[io] Messages that callers left with Twilio because we could not be had: fetched into our recordings, however often it takes.

What is to be fetched is a file in data_dir until it is here, so that a gateway's death loses none. The message stays at Twilio
too; who wants it gone there deletes it there.
"""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from ivr.gateway.twilio.api import Api, ApiError
from routing.booking import Booking
from routing.events import Event

FIRST_PAUSE_S = 1.0
"""Twilio says that a recording is there when it is; its copies may be a little later."""
LONGEST_PAUSE_S = 900.0
GIVE_UP_S = 7 * 86400.0
MESSAGE_SEQ = 2001
"""The number of a message's event in its call."""

log = structlog.get_logger(__name__)


class Voicemail:
    """run() as a task fetches what was not fetched yet."""

    def __init__(
        self, api: Api, booking: Booking, jobs: Path, recordings: Path, *, first_pause_s: float = FIRST_PAUSE_S
    ) -> None:
        """`jobs`: a directory of ours. Raises OSError."""
        self._api = api
        self._booking = booking
        self._jobs = jobs
        self._recordings = recordings
        self._first_pause_s = first_pause_s
        self._new: asyncio.Queue[Path] = asyncio.Queue()
        jobs.mkdir(mode=0o700, parents=True, exist_ok=True)

    def left(self, call_sid: str, recording_sid: str, seconds: float) -> None:
        """A message is ready at Twilio; told twice, it is fetched once. Raises OSError when it can't be noted."""
        job = self._jobs / f"{recording_sid}.json"
        if job.exists():
            return
        draft = job.with_suffix(".new")
        draft.write_text(json.dumps({"call": call_sid, "recording": recording_sid, "seconds": seconds, "at": time.time()}))
        draft.replace(job)
        self._new.put_nowait(job)

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as group:
            for job in sorted(self._jobs.glob("*.json")):
                group.create_task(self._fetch(job))
            while True:
                group.create_task(self._fetch(await self._new.get()))

    async def _fetch(self, job: Path) -> None:
        wanted = _read(job)
        if wanted is None:
            return
        day = datetime.fromtimestamp(wanted["at"], UTC)
        name = f"{day:%Y/%m/%d}/{wanted['call']}-{wanted['recording'][-8:]}.wav"
        pause_s = self._first_pause_s
        path = name
        while not (self._recordings / name).exists():
            try:
                await self._api.recording(wanted["recording"], self._recordings / name)
            except (ApiError, OSError) as error:
                log.warning("a message can't be fetched from Twilio yet", call=wanted["call"], why=str(error), again_s=pause_s)
                if time.time() - wanted["at"] > GIVE_UP_S:
                    path = ""  # it is owed an answer all the same; people find the file in Twilio's console
                    log.error("a message stays at Twilio", call=wanted["call"], recording=wanted["recording"])
                    break
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        event = Event("voicemail", {"seconds": wanted["seconds"], "path": path, "recording_sid": wanted["recording"]})
        try:
            await self._booking.book(wanted["call"], MESSAGE_SEQ, [event])
        except OSError as error:
            log.error("a message could not be booked", call=wanted["call"], why=str(error))  # at the next start
        else:
            await asyncio.to_thread(job.unlink, missing_ok=True)


def _read(job: Path) -> dict[str, Any] | None:
    try:
        wanted = json.loads(job.read_text(encoding="utf-8"))
        return {
            "call": str(wanted["call"]),
            "recording": str(wanted["recording"]),
            "seconds": float(wanted["seconds"]),
            "at": float(wanted["at"]),
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.error("a message that was to be fetched can't be read", file=job.name, why=str(error))
        return None
