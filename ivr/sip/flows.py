"""What becomes of open transactions and dialogs when a connection is lost or can't be made (RFC 3261 17.1.4, 18.1.1, 18.2.2):
a lost connection ends no dialog. The death of the one peer that a listener has does."""

from __future__ import annotations

from collections.abc import Callable

from ivr.sip.core import AnyClient, Asked, Core, Open
from ivr.sip.events import Address, Broken, Output, Over, Rejected, Replied
from ivr.sip.outgoing import Outgoing
from ivr.sip.reply import REASONS
from ivr.sip.session import Phase, Session, Sessions
from ivr.sip.transaction import State


class Flows:
    """ended: what the agent does when a transaction ended without a response."""

    def __init__(self, core: Core, sessions: Sessions, ended: Callable[[Open | Asked, float, int], list[Output]]) -> None:
        self._core = core
        self._sessions = sessions
        self._ended = ended
        self._dead: set[str] = set()

    def lost(self, connection: Address) -> None:
        """A connection is gone. Later requests of its dialogs go where the peer's Contact says, responses to the address in
        the request's Via."""
        for session in self._sessions:
            if session.dialog is not None and session.dialog.peer == connection:
                session.dialog.lose_peer()
                session.acks.clear()  # written anew, to the new address
        for opened in self._core.servers.values():
            if opened.machine.destination == connection:
                opened.reply = opened.reply.elsewhere()
                opened.machine.destination = opened.reply.destination

    def unreachable(self, destination: Address, now: float) -> list[Output]:
        """What was to go there is lost: it goes another way if there is one, else its transaction fails at once."""
        waiting = [opened for opened in self._core.servers.values() if opened.machine.destination == destination]
        self.lost(destination)
        outputs: list[Output] = []
        for server in waiting:
            if server.machine.destination != destination:
                outputs += server.machine.request()
        for opened in tuple(self._core.clients.values()):
            machine = opened.machine
            if machine.destination != destination or machine.state is not State.TRYING:
                continue
            again = self._core.ways.unfit(opened.outgoing) or self._by_contact(opened, destination)
            if again is None:
                machine.fail()
                outputs += self._ended(opened, now, 503)
            else:
                opened.outgoing = again
                reliable = self._core.ways.reliable(again.destination)
                outputs += machine.move(again.destination, again.write(), now, reliable=reliable)
                self._core.arm(opened)
        return outputs

    def is_dead(self, destination: Address) -> bool:
        """Whether whoever is spoken to by that listener is known to be dead."""
        return destination.listener in self._dead

    def lives(self, listener: str) -> None:
        """It can be spoken to (again)."""
        self._dead.discard(listener)

    def died(self, listener: str) -> list[Output]:
        """The peer that is spoken to by this listener is dead: nothing is sent there until it lives again."""
        self._dead.add(listener)
        outputs: list[Output] = []
        for asked in tuple(self._core.clients.values()):
            if isinstance(asked, Asked) and asked.outgoing.destination.listener == listener:
                self._core.drop(asked)
                outputs.append(Replied(asked.name, 503, asked.outgoing.cseq))
        for session in [session for session in self._sessions if _listener(session) == listener]:
            for opened in tuple(session.open):
                self._core.drop(opened)
            before, session.phase = session.phase, Phase.OVER
            session.server, session.client, session.peer_bye, session.offered, session.update = None, None, None, None, None
            session.refers.clear()
            session.bye_wanted = False
            self._sessions.settle(session)
            if before is Phase.OVER:
                outputs += session.tell(Over(session.id))  # our BYE is on its way
            elif before is Phase.EARLY and session.calls:
                status = 487 if session.cancelling else 503
                outputs += session.tell(Rejected(session.id, status, REASONS[status]))
            elif before is not Phase.HUNG_UP:
                outputs += session.tell(Broken(session.id, "peer_died"))
        return outputs

    def _by_contact(self, opened: AnyClient | Asked, lost: Address) -> Outgoing | None:
        """A request within a dialog, to where its Contact says; None if it went there already."""
        dialog = opened.session.dialog if opened.session is not None else None
        if dialog is None or opened.outgoing.to != dialog.remote:
            return None
        _, _, destination = self._core.addressing(dialog)
        return None if destination == lost else self._core.ways.readdress(opened.outgoing, destination)


def _listener(session: Session) -> str:
    """By which listener its peer is spoken to."""
    if session.dialog is not None:
        return session.dialog.peer.listener
    return session.target.destination.listener if session.target is not None else ""
