"""Sessions put down and picked up: dialog, unanswered and unacknowledged INVITEs, our open INVITE, CANCEL and BYE, the
peer's open BYE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ivr.sip.core import AnyClient, AnyServer, Client, Core, Open, Purpose, Server
from ivr.sip.dialog import Dialog
from ivr.sip.message import TransactionKey
from ivr.sip.outgoing import Outgoing
from ivr.sip.reply import Reply
from ivr.sip.session import Phase, Session, Sessions
from ivr.sip.target import Target
from ivr.sip.transaction import ClientInvite, ClientRequest, ServerInvite, ServerRequest, State


def freeze(session: Session, now: float) -> dict[str, Any]:
    """The session as a JSON object. Transactions that only absorb repetitions stay behind: the session itself answers those."""
    return {
        "session": session.id,
        "calls": session.calls,
        "call_id": session.call_id,
        "local_tag": session.local_tag,
        "phase": str(session.phase),
        "dialog": None if session.dialog is None else session.dialog.to_json(),
        "target": None if session.target is None else session.target.to_json(),
        "late_offer": session.late_offer,
        "cancelling": session.cancelling,
        "bye_wanted": session.bye_wanted,
        "challenged": session.challenged,
        "progress": session.progress,
        "open": [_freeze(opened, now) for opened in session.open if _worth(opened)],
    }


def _worth(opened: Open) -> bool:
    machine = opened.machine
    return machine.waits or (machine.state is State.ACCEPTED and isinstance(machine, ServerInvite))


def _freeze(opened: Open, now: float) -> dict[str, Any]:
    frozen: dict[str, Any] = {"purpose": str(opened.purpose), "machine": opened.machine.to_json(now)}
    if isinstance(opened, Client):
        del frozen["machine"]["data"]  # written anew from the request
        return {**frozen, "request": opened.outgoing.to_json()}
    return {**frozen, "key": list(opened.key), "reply": opened.reply.to_json()}


def thaw(data: Mapping[str, Any], core: Core, sessions: Sessions, now: float) -> str:
    """Put the session and its transactions back; returns its id."""
    session = Session(
        data["session"],
        data["calls"],
        data["call_id"],
        data["local_tag"],
        Phase(data["phase"]),
        None if data["dialog"] is None else Dialog.from_json(data["dialog"]),
        None if data["target"] is None else Target.from_json(data["target"]),
    )
    session.late_offer = data["late_offer"]
    session.cancelling = data["cancelling"]
    session.bye_wanted = data["bye_wanted"]
    session.challenged = data["challenged"]
    session.progress = data["progress"]
    session.restored = True
    sessions.add(session)
    for frozen in data["open"]:
        core.arm(_thaw_client(frozen, core, session, now) if "request" in frozen else _thaw_server(frozen, core, session, now))
    sessions.settle(session)
    return session.id


def _thaw_client(frozen: Mapping[str, Any], core: Core, session: Session, now: float) -> AnyClient:
    purpose, outgoing = Purpose(frozen["purpose"]), Outgoing.from_json(frozen["request"])
    state = {**frozen["machine"], "data": outgoing.write().decode("utf-8", "surrogateescape")}
    if outgoing.method == "INVITE":
        invite = Client(ClientInvite(outgoing.destination), purpose, outgoing, session)
        invite.machine.restore(state, now)
        session.client = invite
        return core.add_client(invite)
    request = Client(ClientRequest(outgoing.destination), purpose, outgoing, session)
    request.machine.restore(state, now)
    return core.add_client(request)


def _thaw_server(frozen: Mapping[str, Any], core: Core, session: Session, now: float) -> AnyServer:
    purpose, key, reply = Purpose(frozen["purpose"]), TransactionKey(*frozen["key"]), Reply.from_json(frozen["reply"])
    if key.method == "INVITE":
        invite = Server(ServerInvite(reply.destination), purpose, key, reply, session)
        invite.machine.restore(frozen["machine"], now)
        session.server = invite
        return core.add_server(invite)
    request = Server(ServerRequest(reply.destination), purpose, key, reply, session)
    request.machine.restore(frozen["machine"], now)
    session.peer_bye = request  # no other request of the peer's waits for the app
    return core.add_server(request)
