"""Our answers to challenges within a session, and the ACK of a 2xx, which repeats them."""

from __future__ import annotations

from collections.abc import Mapping

from ivr.sip.auth import parse_digest, respond
from ivr.sip.core import Core
from ivr.sip.events import Output, Send
from ivr.sip.message import Response
from ivr.sip.outgoing import Outgoing
from ivr.sip.session import Session


def credentials(core: Core, session: Session, outgoing: Outgoing, response: Response) -> tuple[str, str] | None:
    """The header that answers a 401 or 407 to a request of this session, None when there is none."""
    target = session.target
    if target is None:
        return None
    user = target.auth_user or target.from_user
    header = proof(core, outgoing, response, user=user, password=target.password, tries=session.challenged)
    if header is not None:
        session.challenged = session.challenged + 1 if any(name == header[0] for name, _ in outgoing.headers) else 1
    return header


def proof(
    core: Core, outgoing: Outgoing, response: Response, *, user: str, password: str, tries: int
) -> tuple[str, str] | None:
    """The header that answers a 401 or 407, None when there is no password or it was refused (22.2). At most two tries: the
    second for a stale nonce, or a new one (some servers forget to call the old one stale)."""
    if response.status not in {401, 407} or not password:
        return None
    name, asked = (
        ("Authorization", "WWW-Authenticate") if response.status == 401 else ("Proxy-Authorization", "Proxy-Authenticate")
    )
    challenges = response.headers.getlist(asked)
    sent = next((value for header, value in outgoing.headers if header == name), "")
    if sent and (tries >= 2 or not any(_fresh(parse_digest(challenge), parse_digest(sent)) for challenge in challenges)):
        return None
    value = respond(
        challenges,
        user=user,
        password=password,
        method=outgoing.method,
        uri=outgoing.uri,
        cnonce=core.token(),
    )
    return None if value is None else (name, value)


def _fresh(challenge: Mapping[str, str], sent: Mapping[str, str]) -> bool:
    stale = challenge.get("stale", "").lower() == "true"
    return "nonce" in challenge and (stale or challenge["nonce"] != sent.get("nonce"))


def again(core: Core, session: Session, outgoing: Outgoing, *headers: tuple[str, str]) -> Outgoing:
    """A request within a dialog once more with these headers, and with the dialog's next CSeq."""
    dialogs = (session.dialog, *(early.dialog for early in session.early.values()))
    dialog = next((one for one in dialogs if one is not None and one.remote == outgoing.to), None)
    if dialog is None:
        return outgoing.again(core.branch(), *headers)  # the BYE of a stray answer
    dialog.local_cseq += 1
    return outgoing.again(core.branch(), *headers, cseq=dialog.local_cseq)


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
