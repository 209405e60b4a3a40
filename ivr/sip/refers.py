"""REFERs of the peer within a dialog (RFC 3515) and the NOTIFYs that say how the transfer goes."""

from __future__ import annotations

from urllib.parse import unquote

from ivr.sip.core import ALLOW, Core, Purpose, Server
from ivr.sip.dialog import usable
from ivr.sip.events import Address, Output, Referred
from ivr.sip.identity import number, number_of
from ivr.sip.message import Request
from ivr.sip.replaces import ReplacesError, find
from ivr.sip.reply import REASONS
from ivr.sip.session import Phase, Session, Sessions
from ivr.sip.transaction import ServerRequest
from ivr.sip.uri import UriError, parse_name_addr, parse_uri

_SCHEMES = ("sip", "sips", "tel")
_MAX_REFERS = 8
SUBSCRIBED_S = 180
"""How long we promise NOTIFYs: as long as a telephone may ring."""


class Refers:
    """REFERs that wait for the app, and those whose outcome we owe."""

    def __init__(self, core: Core, sessions: Sessions) -> None:
        self._core = core
        self._sessions = sessions

    def receive(self, session: Session, request: Request, source: Address, now: float) -> list[Output]:
        """A REFER. One that names a session we don't know is accepted and fails with 481: a refusal with that status would
        end the peer's dialog with us."""
        core, targets = self._core, request.values("Refer-To")
        refusal = core.lacks(request, source, now)
        if refusal:
            return [*refusal]
        if session.phase is not Phase.CONFIRMED or len(session.refers) >= _MAX_REFERS:
            return [*core.refuse(request, source, 403, now)]
        try:
            written, _, headers = parse_name_addr(targets[0]).uri.partition("?")
            uri = parse_uri(written)
            value = _replaces(headers)
            named = find(value, self._sessions)[0] if value else None
        except (IndexError, UriError, ReplacesError):
            return [*core.refuse(request, source, 400, now)]
        if len(targets) > 1 or not usable(written, (), _SCHEMES):
            return [*core.refuse(request, source, 400, now)]
        name = str(request.cseq)
        quiet = request.get("Refer-Sub").partition(";")[0].strip().lower() == "false"
        session.refers[name] = opened = core.serve_request(
            request, source, now, Purpose.QUIET_REFER if quiet else Purpose.REFER, session
        )
        if value and (named is None or named.phase is not Phase.CONFIRMED):
            return self._accept(session, name, opened, 481, now)
        by = number_of(request.get("Referred-By")) if request.get("Referred-By") else ""
        return session.tell(Referred(session.id, name, written, number(uri), "" if named is None else named.id, by))

    def accept(self, session: Session, name: str, now: float) -> list[Output]:
        """202 and the first NOTIFY."""
        opened = session.refers.get(name)
        return [] if opened is None else self._accept(session, name, opened, 100, now)

    def refuse(self, session: Session, name: str, status: int, now: float) -> list[Output]:
        """Refuse it."""
        opened = session.refers.get(name)
        if opened is None:
            return []
        del session.refers[name]
        return [*self._core.respond(opened, status, now)]

    def notify(self, session: Session, name: str, status: int, now: float) -> list[Output]:
        """How the transfer goes, if the REFER was accepted and wants to know; a final status is the last word."""
        if session.dialog is None or name not in session.refers or session.refers[name] is not None:
            return []
        if status >= 200:
            del session.refers[name]
        state = "terminated;reason=noresource" if status >= 200 else f"active;expires={SUBSCRIBED_S}"
        headers = (
            self._core.contact(session.dialog.peer, session.user),
            ("Event", f"refer;id={name}"),
            ("Subscription-State", state),
            ("Content-Type", "message/sipfrag;version=2.0"),
        )
        body = f"SIP/2.0 {status} {REASONS.get(status, 'Unknown')}\r\n".encode()
        outgoing = self._core.in_dialog(session.dialog, "NOTIFY", headers=headers, body=body)
        return [*self._core.start_request(session, Purpose.NOTIFY, outgoing, now)]

    def _accept(self, session: Session, name: str, opened: Server[ServerRequest], status: int, now: float) -> list[Output]:
        headers = [self._core.contact(opened.reply.destination, session.user), ALLOW]
        if opened.purpose is Purpose.QUIET_REFER:
            del session.refers[name]
            return [*self._core.respond(opened, 202, now, headers=[*headers, ("Refer-Sub", "false")])]
        session.refers[name] = None
        return [*self._core.respond(opened, 202, now, headers=headers), *self.notify(session, name, status, now)]


def _replaces(headers: str) -> str:
    """The Replaces among the headers of a URI, "" without one."""
    for header in headers.split("&"):
        name, _, value = header.partition("=")
        if unquote(name).strip().lower() == "replaces":
            return unquote(value)
    return ""
