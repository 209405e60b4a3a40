"""The call log's row of one call, folded from its events in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from followup.events import StreamEvent

MENU_PATH_LIMIT = 1000
"""Characters; the events have the whole of a longer way."""


@dataclass(frozen=True, slots=True)
class CallRow:
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
    kind: str = "inbound"
    """"inbound", or "outbound" and "internal": a seat's call to `caller`, who is the outside party then, or to another seat."""


def project(row: CallRow | None, event: StreamEvent) -> CallRow:
    """The row after `event`. Events of a type the log does not know change nothing but last_seq.

    A call whose first events were lost still gets a row: a row with gaps is better than a missing call.
    """
    row = row or CallRow(event.subject, arrived_at=event.at)
    step = _STEPS.get(event.type)
    # An ended call is ended: only its recording may still be named.
    if step is not None and (row.ended_at is None or event.type == "recording"):
        row = step(row, event)
    return replace(row, last_seq=max(row.last_seq, event.seq))


def _arrived(row: CallRow, event: StreamEvent) -> CallRow:
    caller = event.text("caller")
    return replace(
        row,
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
    return replace(_arrived(row, event), kind=kind, phase="DIALLING", seat=event.text("seat"), queue=event.text("queue"))


def _answered(row: CallRow, event: StreamEvent) -> CallRow:
    return replace(row, answered_at=row.answered_at or event.at)


def _menu(row: CallRow, event: StreamEvent) -> CallRow:
    path = " > ".join(node for node in (row.menu_path, event.text("node")) if node)
    return replace(row, phase="MENU", menu_path=path[:MENU_PATH_LIMIT])


def _queued(row: CallRow, event: StreamEvent) -> CallRow:
    return _waiting(row, event)


def _requeued(row: CallRow, event: StreamEvent) -> CallRow:
    return replace(_waiting(row, event), seat="")


def _waiting(row: CallRow, event: StreamEvent) -> CallRow:
    """In line; after a talk, from which a transfer led here, the waiting begins anew, and may again be in vain."""
    began = event.at if row.queued_at is None or row.talking_at is not None else row.queued_at
    queue = event.text("queue") or row.queue
    return replace(row, phase="QUEUED", queue=queue, queued_at=began, talking_at=None, wait_s=None)


def _offered(row: CallRow, event: StreamEvent) -> CallRow:
    return replace(row, phase="OFFERED", seat=event.text("seat"), offers=row.offers + 1)


def _talking(row: CallRow, event: StreamEvent) -> CallRow:
    wait_s = event.number("wait_s")
    if wait_s is None and row.queued_at is not None:
        wait_s = max(0.0, event.at - row.queued_at)
    return replace(
        row,
        phase="TALKING",
        seat=event.text("seat") or row.seat,
        talking_at=row.talking_at or event.at,
        wait_s=wait_s if row.talking_at is None else row.wait_s,
    )


def _transferred(row: CallRow, event: StreamEvent) -> CallRow:
    return replace(row, seat=event.text("seat") or row.seat)


def _recording(row: CallRow, event: StreamEvent) -> CallRow:
    path = event.data.get("path")
    return replace(row, recording=path) if isinstance(path, str) and len(path) <= 512 and path.isprintable() else row


def _time_limit(row: CallRow, event: StreamEvent) -> CallRow:
    return replace(row, promised=row.promised or "time_limit")


def _owed(row: CallRow, event: StreamEvent) -> CallRow:
    return replace(row, promised=event.text("reason") or row.promised or "promised")


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
    return replace(
        row,
        phase=event.text("phase")[:16] or row.phase,
        ended_at=event.at,
        ended_by=event.text("by")[:16] or "system",
        reason=event.text("reason") or "unknown",
        queue=row.queue or event.text("queue"),
        seat=row.seat or event.text("seat"),
        wait_s=wait_s,
        talk_s=talk_s,
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
    "time_limit": _time_limit,
    "owed": _owed,
    "ended": _ended,
}
