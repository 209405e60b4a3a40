"""The messages of control.py as lines of JSON, and back (ivr/lines/wire.py); the snapshot."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ivr.lines.wire import ControlError, Language, one_of, text, text_lists, to_json, whole
from ivr.media.control import (
    Close,
    Digit,
    Hear,
    Hello,
    LegState,
    List,
    Mix,
    Open,
    Play,
    Played,
    Quality,
    Record,
    Recording,
    RecordingState,
    Remote,
    Silent,
    Snapshot,
    Srtp,
    Stats,
    Stop,
    StopRecord,
    Unhear,
    Unheard,
)


def snapshot_to_json(snapshot: Snapshot) -> dict[str, Any]:
    """The reply to Hello and List."""
    return {
        "instance": snapshot.instance,
        "legs": {name: to_json(leg) for name, leg in snapshot.legs.items()},
        "recordings": [to_json(recording) for recording in snapshot.recordings],
        "last_event": snapshot.last_event,
    }


def snapshot_from_json(data: Mapping[str, Any]) -> Snapshot:
    """Read the reply to Hello or List. Raises ControlError."""
    try:
        return Snapshot(
            instance=text(data["instance"]),
            legs={name: MEDIA.from_json(LegState, leg) for name, leg in data["legs"].items()},
            recordings=tuple(MEDIA.from_json(RecordingState, recording) for recording in data["recordings"]),
            last_event=whole(data["last_event"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ControlError(f"snapshot: {error}") from error


def _srtp_or_none(value: Any) -> Srtp | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ControlError("the keys are no object")  # which are not repeated here
    srtp: Srtp = MEDIA.from_json(Srtp, value)
    return srtp


def _key(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch("[A-Za-z0-9+/]{40}", value):
        raise ControlError("no 30 bytes in base64")
    return value


MEDIA = Language(
    (Hello, Open, Remote, Play, Stop, Mix, Record, StopRecord, Hear, Unhear, Close, List, Stats),
    (Digit, Played, Silent, Recording, Quality, Unheard),
    {
        "Mapping[str, tuple[str, ...]]": text_lists,
        "Codec": one_of("PCMA", "PCMU"),
        "Srtp | None": _srtp_or_none,
        "Key": _key,
        "Suite": one_of("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"),
        "Trouble": one_of("gap", "failed", "stopped", "low_space", "silence", "limit"),
    },
)
