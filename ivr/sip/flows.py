"""What becomes of open transactions and dialogs when a connection is lost or can't be made (RFC 3261 17.1.4, 18.1.1, 18.2.2):
a lost connection ends no dialog."""

from __future__ import annotations

from collections.abc import Callable

from ivr.sip.core import AnyClient, Asked, Core, Open
from ivr.sip.events import Address, Output
from ivr.sip.outgoing import Outgoing
from ivr.sip.session import Sessions
from ivr.sip.transaction import State


class Flows:
    """ended: what the agent does when a transaction ended without a response."""

    def __init__(self, core: Core, sessions: Sessions, ended: Callable[[Open | Asked, float, int], list[Output]]) -> None:
        self._core = core
        self._sessions = sessions
        self._ended = ended

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

    def _by_contact(self, opened: AnyClient | Asked, lost: Address) -> Outgoing | None:
        """A request within a dialog, to where its Contact says; None if it went there already."""
        dialog = opened.session.dialog if opened.session is not None else None
        if dialog is None or opened.outgoing.to != dialog.remote:
            return None
        _, _, destination = self._core.addressing(dialog)
        return None if destination == lost else self._core.ways.readdress(opened.outgoing, destination)
