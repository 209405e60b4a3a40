"""Sessions put down and picked up: dialogs, what the peer asked and we have not answered or it has not acknowledged, what we
asked and it has not answered, and what is agreed on. What is as usual is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ivr.sip.core import AnyClient, AnyServer, Client, Core, Open, Purpose, Server
from ivr.sip.dialog import Dialog
from ivr.sip.message import TransactionKey
from ivr.sip.outgoing import Outgoing
from ivr.sip.provisional import AGAIN_S
from ivr.sip.reply import Reply
from ivr.sip.session import Early, Phase, Session, Sessions, Terms
from ivr.sip.target import Target
from ivr.sip.timers import Timers
from ivr.sip.transaction import ClientInvite, ClientRequest, ServerInvite, ServerRequest, State

_PLAIN = (
    "late_offer",
    "cancelling",
    "bye_wanted",
    "bye_cause",
    "challenged",
    "progress",
    "updates",
    "reliable",
    "rseq",
    "unpracked",
    "early_answer",
)
"""Fields of a session that are JSON values, usually false, 0 or empty."""


def freeze(session: Session, now: float) -> dict[str, Any]:
    """The session as a JSON object. Transactions that only absorb repetitions stay behind: the session itself answers those."""
    frozen: dict[str, Any] = {
        "session": session.id,
        "calls": session.calls,
        "call_id": session.call_id,
        "local_tag": session.local_tag,
        "phase": str(session.phase),
        **{name: value for name in _PLAIN if (value := getattr(session, name))},
    }
    if session.dialog is not None:
        frozen["dialog"] = session.dialog.to_json()
    if session.target is not None:
        frozen["target"] = session.target.to_json()
    if session.phase is Phase.EARLY and session.early:
        frozen["early"] = [
            [early.dialog.to_json(), early.rseq, _text(early.answer), _text(early.offered)] for early in session.early.values()
        ]
    if session.waiting is not None:
        frozen["waiting"] = [session.waiting[0], _text(session.waiting[1])]
    if session.refers:
        frozen["refers"] = [name for name, waiting in session.refers.items() if waiting is None]
    for name, terms in (("terms", session.terms), ("proposed", session.proposed)):
        if terms is not None:
            frozen[name] = [terms.interval_s, terms.ours, terms.known]
            if terms.ours and not session.updates:
                frozen["sdp"] = _text(session.sdp)  # for a refresh by re-INVITE
    frozen["open"] = [_freeze(opened, now) for opened in session.open if _worth(opened)]
    return frozen


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _worth(opened: Open) -> bool:
    machine = opened.machine
    return machine.waits or (machine.state is State.ACCEPTED and isinstance(machine, ServerInvite))


def _freeze(opened: Open, now: float) -> dict[str, Any]:
    frozen: dict[str, Any] = {"purpose": str(opened.purpose), "machine": opened.machine.to_json(now)}
    if isinstance(opened, Client):
        del frozen["machine"]["data"]  # written anew from the request
        return {**frozen, "request": opened.outgoing.to_json()}
    return {**frozen, "key": list(opened.key), "reply": opened.reply.to_json()}


def thaw(data: Mapping[str, Any], core: Core, sessions: Sessions, timers: Timers, now: float) -> str:
    """Put the session and its transactions back; returns its id."""
    session = Session(
        data["session"],
        data["calls"],
        data["call_id"],
        data["local_tag"],
        Phase(data["phase"]),
        Dialog.from_json(data["dialog"]) if "dialog" in data else None,
        Target.from_json(data["target"]) if "target" in data else None,
        sdp=_bytes(data.get("sdp", "")),
    )
    for name in _PLAIN:
        if name in data:
            setattr(session, name, data[name])
    for dialog, rseq, answer, offered in data.get("early", ()):
        early = Early(Dialog.from_json(dialog), rseq, _bytes(answer), _bytes(offered))
        session.early[early.dialog.remote_tag] = early
    if "waiting" in data:
        session.waiting = (data["waiting"][0], _bytes(data["waiting"][1]))
    session.refers = dict.fromkeys(data.get("refers", ()))
    if "proposed" in data:
        session.proposed = Terms(*data["proposed"])
    session.restored = True
    sessions.add(session)
    if "terms" in data:
        session.terms = Terms(*data["terms"])
        timers.resume(session, now)
    if session.waiting is not None and session.waiting[0] >= 200:
        # Its PRACK may have come, and the answer left, since this was stored: it leaves now, with its description.
        session.early_answer = ""
        timers.wake(session, now)
    elif session.phase is Phase.EARLY and session.rseq:
        timers.wake(session, now + AGAIN_S)
    for frozen in data["open"]:
        core.arm(_thaw_client(frozen, core, session, now) if "request" in frozen else _thaw_server(frozen, core, session, now))
    sessions.settle(session)
    return session.id


def _thaw_client(frozen: Mapping[str, Any], core: Core, session: Session, now: float) -> AnyClient:
    purpose, outgoing = Purpose(frozen["purpose"]), Outgoing.from_json(frozen["request"])
    reliable = core.ways.reliable(outgoing.destination)
    state = {**frozen["machine"], "data": outgoing.write().decode("utf-8", "surrogateescape")}
    if outgoing.method == "INVITE":
        invite = Client(ClientInvite(outgoing.destination, reliable=reliable), purpose, outgoing, session)
        invite.machine.restore(state, now)
        session.client = invite
        session.sdp = outgoing.body
        return core.add_client(invite)
    request = Client(ClientRequest(outgoing.destination, reliable=reliable), purpose, outgoing, session)
    request.machine.restore(state, now)
    if purpose is Purpose.UPDATE:
        session.update = request
    return core.add_client(request)


def _thaw_server(frozen: Mapping[str, Any], core: Core, session: Session, now: float) -> AnyServer:
    purpose, key, reply = Purpose(frozen["purpose"]), TransactionKey(*frozen["key"]), Reply.from_json(frozen["reply"])
    reliable = core.ways.reliable(reply.destination)
    if key.method == "INVITE":
        invite = Server(ServerInvite(reply.destination, reliable=reliable), purpose, key, reply, session)
        invite.machine.restore(frozen["machine"], now)
        invite.machine.until_prack = session.unpracked != "" and invite.machine.state is State.PROCEEDING
        session.server = invite
        return core.add_server(invite)
    request = Server(ServerRequest(reply.destination, reliable=reliable), purpose, key, reply, session)
    request.machine.restore(frozen["machine"], now)
    if purpose is Purpose.BYE:
        session.peer_bye = request
    elif purpose is Purpose.UPDATE:
        session.offered = request
    else:
        session.refers[reply.cseq.partition(" ")[0]] = request
    return core.add_server(request)
