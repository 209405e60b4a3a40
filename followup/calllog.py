"""The call log's row of one call, folded from its events in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from followup.events import StreamEvent

MENU_PATH_LIMIT = 1000
"""Characters; the events have the whole of a longer way."""

MIN_MESSAGE_S = 1.0
"""A shorter message says nothing and is owed nothing."""

SENT_AWAY = frozenset({"time_limit", "overflow", "closed"})
"""Events of a queue that gave the caller back without a talk; who asked for a person there is owed a call."""

LATE = frozenset({"recording", "voicemail"})
"""What may follow a call's end: files that are complete only then."""

INBOUND = "inbound"

OUTCOMES = ("live", "talked", "missed", "menu", "unreached")
"""What became of a call: it lives, was talked to, waited in vain, never asked for a person; or a seat called, and nobody took
the call."""


class CallRow(NamedTuple):
    """One call. Times are seconds since the epoch (UTC), None until they come; names are "" until known."""

    call_id: str
    arrived_at: float
    last_seq: int = 0
    phase: str = "ARRIVED"
    """The present phase; after the end, the phase the call ended in."""
    node: str = ""
    trunk: str = ""
    hotline: str = ""
    called: str = ""
    caller: str = ""
    dialable: bool = False
    province: str = ""
    city: str = ""
    answered_at: float | None = None
    menu_path: str = ""
    """The menu's nodes in the order they were visited: "welcome > main > service"."""
    queue: str = ""
    queued_at: float | None = None
    """First entry into a queue: the caller's waiting began here, whatever happened since."""
    offers: int = 0
    seat: str = ""
    talking_at: float | None = None
    ended_at: float | None = None
    ended_by: str = ""
    reason: str = ""
    wait_s: float | None = None
    talk_s: float | None = None
    recording: str = ""
    promised: str = ""
    """Why the caller was told, or sent away so, that we call back; "" when not."""
    gave_up_after_s: float | None = None
    """The limit in force when the call ended (followup.owed), so that old calls are audited by the rule of their day."""
    promised_number: str = ""
    """The number to call back that the caller gave; "": their own."""
    promised_at: float | None = None
    """When something was last promised: what comes after a talk is owed in spite of it."""
    message_path: str = ""
    """The message (留言) that the caller left, the longest of several; "" when none."""
    message_s: float | None = None
    result: str = ""
    """What became of a call out: reached, busy, no_answer, refused, invalid, not_called."""
    kind: str = INBOUND
    """"inbound", or "outbound" and "internal": a seat's call to `caller`, who is the outside party then, or to another seat."""

    @property
    def outcome(self) -> str:
        """One of OUTCOMES."""
        if self.ended_at is None:
            return "live"
        if self.talking_at is not None:
            return "talked"
        if self.queued_at is not None:
            return "missed"
        return "menu" if self.kind == INBOUND else "unreached"


def project(row: CallRow | None, event: StreamEvent) -> CallRow:
    """The row after `event`. Events of a type the log does not know change nothing but last_seq.

    A call whose first events were lost still gets a row: a row with gaps is better than a missing call.
    """
    row = row or CallRow(event.subject, arrived_at=event.at)
    step = _STEPS.get(event.type)
    # An ended call is ended: only its files may still be named.
    if step is not None and (row.ended_at is None or event.type in LATE):
        return step(row, event)
    return _next(row, event)


def _next(row: CallRow, event: StreamEvent, **changes: Any) -> CallRow:
    """The row with what the event changes. Each step ends here, so that the row is copied but once."""
    return row._replace(last_seq=max(row.last_seq, event.seq), **changes)


def _arrived(row: CallRow, event: StreamEvent) -> CallRow:
    caller = event.text("caller")
    return _next(
        row,
        event,
        arrived_at=event.at,
        node=event.text("node"),
        trunk=event.text("trunk"),
        hotline=event.text("hotline"),
        called=event.text("called"),
        caller=caller,
        dialable=event.data.get("dialable", bool(caller)) is True,
        province=event.text("province"),
        city=event.text("city"),
    )


def _outbound_started(row: CallRow, event: StreamEvent) -> CallRow:
    kind = event.text("kind")[:16] or "outbound"
    return _arrived(row, event)._replace(kind=kind, phase="DIALLING", seat=event.text("seat"), queue=event.text("queue"))


def _answered(row: CallRow, event: StreamEvent) -> CallRow:
    return _next(row, event, answered_at=row.answered_at or event.at)


def _menu(row: CallRow, event: StreamEvent) -> CallRow:
    path = " > ".join(node for node in (row.menu_path, event.text("node")) if node)
    return _next(row, event, phase="MENU", menu_path=path[:MENU_PATH_LIMIT])


def _queued(row: CallRow, event: StreamEvent) -> CallRow:
    return _waiting(row, event)


def _requeued(row: CallRow, event: StreamEvent) -> CallRow:
    return _waiting(row, event)._replace(seat="")


def _waiting(row: CallRow, event: StreamEvent) -> CallRow:
    """In line; after a talk, from which a transfer led here, the waiting begins anew, and may again be in vain."""
    began = event.at if row.queued_at is None or row.talking_at is not None else row.queued_at
    queue = event.text("queue") or row.queue
    return _next(row, event, phase="QUEUED", queue=queue, queued_at=began, talking_at=None, wait_s=None)


def _offered(row: CallRow, event: StreamEvent) -> CallRow:
    return _next(row, event, phase="OFFERED", seat=event.text("seat"), offers=row.offers + 1)


def _talking(row: CallRow, event: StreamEvent) -> CallRow:
    wait_s = event.number("wait_s")
    if wait_s is None and row.queued_at is not None:
        wait_s = max(0.0, event.at - row.queued_at)
    return _next(
        row,
        event,
        phase="TALKING",
        seat=event.text("seat") or row.seat,
        talking_at=row.talking_at or event.at,
        wait_s=wait_s if row.talking_at is None else row.wait_s,
    )


def _transferred(row: CallRow, event: StreamEvent) -> CallRow:
    return _next(row, event, seat=event.text("seat") or row.seat)


def _recording(row: CallRow, event: StreamEvent) -> CallRow:
    return _next(row, event, recording=_path(event) or row.recording)


def _path(event: StreamEvent) -> str:
    path = event.data.get("path")
    return path if isinstance(path, str) and len(path) <= 512 and path.isprintable() else ""


def _sent_away(row: CallRow, event: StreamEvent) -> CallRow:
    """By a queue's time limit, because it was full, or because it was closed: the event's type says which."""
    return _next(row, event, promised=row.promised or event.type, promised_at=event.at)


def _owed(row: CallRow, event: StreamEvent) -> CallRow:
    return _next(row, event, promised=event.text("reason") or row.promised or "promised", promised_at=event.at)


def _promised(row: CallRow, event: StreamEvent) -> CallRow:
    """A call back was accepted; of several promises the last one counts."""
    return _owed(row, event)._replace(promised_number=event.text("number"))


def _voicemail(row: CallRow, event: StreamEvent) -> CallRow:
    seconds = event.number("seconds") or 0.0
    if seconds >= (row.message_s or 0.0):
        row = row._replace(message_path=_path(event), message_s=seconds)
    if seconds < MIN_MESSAGE_S:
        return _next(row, event)
    promised = "voicemail" if row.promised in SENT_AWAY else row.promised or "voicemail"
    return _next(row, event, promised=promised, promised_at=event.at)


def _ended(row: CallRow, event: StreamEvent) -> CallRow:
    caller = row.caller or event.text("caller")
    wait_s = event.number("wait_s")
    talk_s = event.number("talk_s")
    if row.wait_s is not None:
        wait_s = row.wait_s
    elif wait_s is None and row.queued_at is not None:
        wait_s = max(0.0, event.at - row.queued_at)
    if talk_s is None and row.talking_at is not None:
        talk_s = max(0.0, event.at - row.talking_at)
    return _next(
        row,
        event,
        phase=event.text("phase")[:16] or row.phase,
        ended_at=event.at,
        ended_by=event.text("by")[:16] or "system",
        reason=event.text("reason") or "unknown",
        queue=row.queue or event.text("queue"),
        seat=row.seat or event.text("seat"),
        wait_s=wait_s,
        talk_s=talk_s,
        result=event.text("result")[:16],
        # A reaped call's end brings its summary: it fills what a lost beginning left empty.
        trunk=row.trunk or event.text("trunk"),
        hotline=row.hotline or event.text("hotline"),
        caller=caller,
        dialable=row.dialable if row.caller else bool(caller),
    )


_STEPS: Mapping[str, Callable[[CallRow, StreamEvent], CallRow]] = {
    "arrived": _arrived,
    "outbound_started": _outbound_started,
    "answered": _answered,
    "menu": _menu,
    "queued": _queued,
    "requeued": _requeued,
    "offered": _offered,
    "talking": _talking,
    "transferred": _transferred,
    "recording": _recording,
    **dict.fromkeys(SENT_AWAY, _sent_away),
    "owed": _owed,
    "promised": _promised,
    "voicemail": _voicemail,
    "ended": _ended,
}
