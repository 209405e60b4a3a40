"""Early dialogs of our INVITE: each begun by a reliable provisional response, which gets its PRACK (RFC 3262 4)."""

from __future__ import annotations

from ivr.sip.core import Core, Purpose
from ivr.sip.credentials import proofs
from ivr.sip.dialog import Dialog, usable
from ivr.sip.events import Address, Output
from ivr.sip.message import Response
from ivr.sip.outgoing import Outgoing
from ivr.sip.session import Early, Session

_MAX_EARLY = 16


def dialog_of(session: Session, response: Response, source: Address) -> Dialog:
    """The dialog that this response to our INVITE makes, or makes of an early one: its own numbers go on, its route set and
    target are the response's (RFC 3261 13.2.2.4)."""
    dialog = Dialog.of_response(response, source, session.target.uri if session.target is not None else "")
    early = session.early.get(response.to.tag)
    if early is not None:
        dialog.local_cseq = max(dialog.local_cseq, early.dialog.local_cseq)
        dialog.remote_cseq = early.dialog.remote_cseq
    return dialog


def acknowledge(
    core: Core, session: Session, invite: Outgoing, response: Response, source: Address, now: float
) -> list[Output] | None:
    """PRACK of a provisional response; [] where none is asked for. None: heard before, or one before it is missing; it comes
    again."""
    text = response.get("RSeq").strip()
    wanted = any(option.lower() == "100rel" for option in response.values("Require"))
    readable = text.isascii() and text.isdigit() and len(text) <= 10
    if not wanted or response.status == 100 or not response.to.tag or not readable:
        return []
    rseq, early = int(text), session.early.get(response.to.tag)
    if early is None:
        if len(session.early) >= _MAX_EARLY:
            return None
        dialog = dialog_of(session, response, source)
        if not usable(dialog.target, dialog.routes):
            dialog.target, dialog.routes = invite.uri, ()
        early = session.early[response.to.tag] = Early(dialog, rseq)
    elif rseq != early.rseq + 1:
        return None
    early.rseq, early.answer = rseq, early.answer or response.sdp
    headers = (("RAck", f"{rseq} {response.cseq} INVITE"), *proofs(invite.headers))
    return [*core.start_request(session, Purpose.PRACK, core.in_dialog(early.dialog, "PRACK", headers=headers), now)]
