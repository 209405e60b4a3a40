"""Replaces (RFC 3891): which of our sessions a peer means."""

from __future__ import annotations

from ivr.sip.message import Request
from ivr.sip.session import Phase, Session, Sessions


class ReplacesError(ValueError):
    """The INVITE can take no session's place; `status` says how to refuse."""

    def __init__(self, status: int) -> None:
        super().__init__(f"Replaces: {status}")
        self.status = status


def find(value: str, sessions: Sessions) -> tuple[Session | None, bool]:
    """The session that a Replaces value names, seen from who has to replace it, and whether only an early one is meant.
    ReplacesError 400 where it names nothing whole."""
    call_id, *parts = (part.strip() for part in value.split(";"))
    params = {name.strip().lower(): text.strip() for name, _, text in (part.partition("=") for part in parts)}
    to_tag, from_tag = params.get("to-tag", ""), params.get("from-tag", "")
    if not (call_id and to_tag and from_tag):
        raise ReplacesError(400)
    session = sessions.by_local(call_id, to_tag)
    if session is not None and from_tag not in session.early:
        session = session if session.dialog is not None and session.dialog.remote_tag == from_tag else None
    return session, "early-only" in params


def replaced(request: Request, sessions: Sessions) -> Session | None:
    """The session whose place this INVITE is to take, None where it is a call of its own. ReplacesError: refuse (RFC 3891
    3)."""
    values = request.headers.getlist("Replaces")
    if not values:
        return None
    if len(values) > 1:
        raise ReplacesError(400)
    session, early_only = find(values[0], sessions)
    if session is None or (session.phase is Phase.EARLY and not session.calls):
        raise ReplacesError(481)
    if session.phase in {Phase.HUNG_UP, Phase.OVER}:
        raise ReplacesError(603)
    if early_only and session.phase is Phase.CONFIRMED:
        raise ReplacesError(486)
    return session
