"""[io] Who may hear which sound, and who did: recordings of talks, and messages that callers left. Each listening is a line in
the change log, once an hour."""

from __future__ import annotations

import time
from pathlib import Path

from flask import Response, abort, request, send_file

from console.changes import CALL, write_once
from console.gate import actor, me, supervises
from console.ground import ground
from followup.calllog import CallRow
from followup.history import Details, details

TOLD_AGAIN_S = 3600.0


def may_hear(row: CallRow) -> bool:
    """Recordings are the supervisors' to hear; a seat hears its own talks."""
    return supervises() or (row.seat != "" and row.seat == me().seat)


def path_of(directory: Path, named: str) -> Path | None:
    """The file a recording event names, absolute or from `directory`; None when there is none, or none inside of it."""
    if not named:
        return None
    path = (directory / named).resolve()
    return path if path.is_relative_to(directory.resolve()) and path.is_file() else None


def call_of(call_id: str) -> Details:
    """The call, or 404."""
    return details(ground().engine, call_id) or abort(404)


def take_of(call_id: str, take: int) -> Path:
    """The file of a recording, by its number from 1, for who may hear it: else 403 or 404."""
    found = call_of(call_id)
    if not may_hear(found.call.row):
        abort(403)
    named = found.takes[take - 1] if 1 <= take <= len(found.takes) else ""
    return path_of(ground().options.recordings_dir, named) or abort(404)


def recording(call_id: str, take: int) -> Response:
    """A recording as it lies there (stereo A-law WAV: the caller left, the seat right); answers Range requests."""
    path = take_of(call_id, take)
    _told("recording_heard", call_id, take)
    return _sound(path, f"{call_id}-{take}.wav")


def message(call_id: str, take: int) -> Response:
    """A message that the caller left, from 1; 0: the call's longest (mono A-law WAV); answers Range requests."""
    found = call_of(call_id)
    takes = (found.call.row.message_path, *found.messages)
    path = path_of(ground().options.recordings_dir, takes[take] if take < len(takes) else "") or abort(404)
    _told("message_heard", call_id, take)
    return _sound(path, f"{call_id}-message-{take}.wav")


def _told(what: str, call_id: str, take: int) -> None:
    if request.method != "HEAD":
        engine, subject = ground().engine, f"{CALL}:{call_id}"
        write_once(engine, actor(), what, subject, time.time(), after={"take": take}, within_s=TOLD_AGAIN_S)


def _sound(path: Path, download_name: str) -> Response:
    response = send_file(path, mimetype="audio/wav", conditional=True, max_age=0, download_name=download_name)
    response.headers["Cache-Control"] = "private, no-cache"
    return response
