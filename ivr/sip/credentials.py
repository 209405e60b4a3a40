"""Our answers to challenges within a session, and the ACK of a 2xx, which repeats them."""

from __future__ import annotations

from ivr.sip.auth import respond
from ivr.sip.core import Core
from ivr.sip.events import Output, Send
from ivr.sip.message import Response
from ivr.sip.outgoing import Outgoing
from ivr.sip.session import Session


def credentials(core: Core, session: Session, outgoing: Outgoing, response: Response) -> tuple[str, str] | None:
    """The header that answers a 401 or 407, None when there is no password or it was refused (22.2). At most two tries: the
    second for a stale nonce."""
    target = session.target
    if response.status not in {401, 407} or target is None or not target.password:
        return None
    name, asked = (
        ("Authorization", "WWW-Authenticate") if response.status == 401 else ("Proxy-Authorization", "Proxy-Authenticate")
    )
    challenges = response.headers.getlist(asked)
    stale = any("stale=true" in challenge.lower().replace('"', "").replace(" ", "") for challenge in challenges)
    tried = any(header == name for header, _ in outgoing.headers)
    if tried and not (stale and session.challenged < 2):
        return None
    value = respond(
        challenges,
        user=target.auth_user or target.from_user,
        password=target.password,
        method=outgoing.method,
        uri=outgoing.uri,
        cnonce=core.token(),
    )
    if value is None:
        return None
    session.challenged = session.challenged + 1 if tried else 1
    return name, value


def acknowledge(core: Core, session: Session, cseq: int, headers: tuple[tuple[str, str], ...] = ()) -> list[Output]:
    """The ACK of the 2xx to our INVITE of this CSeq: written once, the same for each repetition of the 2xx."""
    assert session.dialog is not None
    ack = session.acks.get(cseq)
    if ack is None:
        outgoing = core.in_dialog(session.dialog, "ACK", cseq=cseq, headers=headers)
        ack = session.acks[cseq] = Send(outgoing.write(), outgoing.destination)
    return [ack]


def proofs(outgoing_headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The credentials among an INVITE's headers, which its ACK repeats (22.1)."""
    return tuple(header for header in outgoing_headers if header[0] in {"Authorization", "Proxy-Authorization"})
