"""Who may talk to us outside a dialog, decided without I/O: registered flow or credentials, then trunk address, else nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from ivr.sip.events import Address, Party
from ivr.sip.trunk import TrunkPeer, source_address

Verdict = Party | Literal["challenge", "silence"]


class Peers:
    """The trunks, the seats' accounts (user → password) and the addresses the seats registered from (flow → user).

    The mappings are looked up at each use: the app may replace or change them at any time.
    """

    def __init__(
        self,
        trunks: Sequence[TrunkPeer] = (),
        accounts: Mapping[str, str] | None = None,
        flows: dict[Address, str] | None = None,
    ) -> None:
        self.trunks = trunks
        self.accounts: Mapping[str, str] = {} if accounts is None else accounts
        self.flows: dict[Address, str] = {} if flows is None else flows
        self._learned: dict[str, frozenset[str]] = {}

    def set_flows(self, user: str, addresses: Iterable[Address]) -> None:
        """From now on exactly these addresses are this account's flows."""
        for address in [address for address, owner in self.flows.items() if owner == user]:
            del self.flows[address]
        for address in addresses:
            self.flows[address] = user

    def learn(self, trunk: str, hosts: Iterable[str]) -> None:
        """From now on this trunk sends from exactly these addresses too: its names lead there, or it registered us there."""
        self._learned[trunk] = frozenset(hosts)

    def hosts(self) -> Iterator[str]:
        """The single addresses that we know: of registered telephones, and of trunks' servers."""
        yield from (flow.host for flow in self.flows)
        for learned in self._learned.values():
            yield from learned

    def trunk(self, source: Address, called: str = "") -> TrunkPeer | None:
        """The trunk a datagram from here belongs to: the one that has this listener for itself, else by address. Of several
        with this address (accounts with one operator) it is the one whose number, or whose registered user, is called."""
        address = source_address(source.host)
        if address is None:
            return None
        host = str(address)
        own = [trunk for trunk in self.trunks if trunk.own_listener is not None and trunk.own_listener == source.listener]
        mine = own or [trunk for trunk in self.trunks if trunk.own_listener is None]
        found = [trunk for trunk in mine if trunk.sends_from(address) or host in self._learned.get(trunk.name, ())]
        if len(found) > 1:
            found.sort(key=lambda trunk: called not in trunk.numbers and called != trunk.user)
        return found[0] if found else None

    def includes(self, trunk: str, host: str) -> bool:
        """Whether this IP address is one of this trunk's."""
        address = source_address(host)
        if address is None:
            return False
        return str(address) in self._learned.get(trunk, ()) or any(
            one.name == trunk and one.sends_from(address) for one in self.trunks
        )

    def large_over_tcp(self, destination: Address) -> bool:
        """Whether long requests go to this peer by TCP."""
        trunk = self.trunk(destination)
        return trunk is not None and trunk.large_over_tcp

    def judge(self, source: Address, *, called: str, from_user: str, auth_user: str) -> Verdict:
        """Who sends this request: a trunk (as Party), somebody who must prove to be a seat ("challenge"), or nobody we
        answer ("silence").

        called is the user part of the Request-URI, auth_user the user name in the Authorization header ("" without one).
        """
        if source in self.flows or (auth_user and auth_user in self.accounts):
            return "challenge"
        trunk = self.trunk(source, called)
        if trunk is not None and (called in trunk.numbers or (called and called == trunk.user)):
            return Party("trunk", trunk.name)
        if from_user in self.accounts:
            return "challenge"
        if trunk is not None:
            return Party("trunk", trunk.name)
        return "silence"

    def knows(self, source: Address, from_user: str = "") -> bool:
        """Whether this source (or, weaker, the account it claims) is one we answer at all."""
        return source in self.flows or from_user in self.accounts or self.trunk(source) is not None
