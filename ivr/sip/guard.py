"""Strangers who try passwords, scan for numbers or send garbage: counted by source address, slowed, then banned for growing
times.

The source address of a datagram can be written by anybody, so what is held against an address must not let a third party ban
it. Two kinds of evidence:

- proven: a wrong digest response to a nonce that we gave to this very address (Challenger.gave). Only who receives there can
  know the nonce. It bans anybody; the limit grows with the telephones registered behind the address, so that one wrong
  password in an office behind NAT doesn't lock the office out.
- spoofable: everything else (numbers and accounts asked for that we don't have, garbage). It bans only addresses that nobody
  of ours uses: no trunk's, no registered flow's, none that proved a password within the last hour.

A ban never touches calls: datagrams of registered flows and of trunks still come in. What ends for them is being asked for a
password, so that an account can't be guessed through them either.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Generic, Literal, TypeVar

from ivr.sip.events import Address, Banned
from ivr.sip.peers import Peers
from ivr.sip.trunk import source_address

MAX_SOURCES = 10_000
"""So many addresses are counted, remembered and banned at most, each in its own table; the longest untouched goes first."""
SLOW_S = 1.0
"""An address that has used up half of its failures is challenged once in so long."""
TRUST_S = 3600.0
"""So long a right password speaks for its address: longer than a registration lasts."""

Reason = Literal["passwords", "scan", "garbage"]
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Policy:
    """In window_s one address may fail max_failures digests (as often for each telephone registered behind it), ask for
    max_names different numbers or accounts that don't exist, and send max_garbage datagrams that nobody answers; the next one
    bans it, for ban_s, twice as long each time, up to ban_max_s. exempt: networks that are never counted."""

    max_failures: int = 30
    max_names: int = 20
    max_garbage: int = 300
    window_s: float = 300.0
    ban_s: float = 600.0
    ban_max_s: float = 86400.0
    exempt: tuple[IPv4Network | IPv6Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Ban:
    """source: see source_of. until: by the agent's clock. offences: how many bans in a row this is. shared: other nodes know
    it."""

    source: str
    reason: str
    until: float
    offences: int = 1
    shared: bool = False


@dataclass(slots=True)
class _Count:
    since: float
    failures: int = 0
    garbage: int = 0
    names: set[str] = field(default_factory=set)
    challenged_at: float = float("-inf")


class _Table(OrderedDict[str, V], Generic[V]):
    """A dict that never grows past MAX_SOURCES."""

    def put(self, key: str, value: V) -> V:
        self[key] = value
        self.move_to_end(key)
        if len(self) > MAX_SOURCES:
            self.popitem(last=False)
        return value


class Guard:
    """What each source address has done. All times are the agent's clock."""

    def __init__(self, policy: Policy, peers: Peers) -> None:
        self._policy = policy
        self._peers = peers
        self._proven: _Table[_Count] = _Table()
        """Apart from the others: no flood of spoofed addresses pushes out who tries passwords."""
        self._seen: _Table[_Count] = _Table()
        self._trusted: _Table[float] = _Table()
        self._bans: _Table[Ban] = _Table()

    # -- asked by the agent

    def bars(self, source: Address, now: float) -> bool:
        """Whether a datagram from here is dropped unread."""
        if not self._bans:
            return False
        return self.banned(source, now) and source not in self._peers.flows and self._peers.trunk(source) is None

    def banned(self, source: Address, now: float) -> bool:
        """Whether this address is banned, be it that of a trunk or of a registered telephone."""
        ban = self._bans.get(source_of(source.host))
        return ban is not None and now < ban.until

    def slows(self, source: Address, now: float) -> bool:
        """Whether a challenge to this address is held back: after many failures it gets one a second. A telephone repeats
        its request and doesn't notice."""
        key = source_of(source.host)
        count = self._proven.get(key)
        if count is None or now - count.since >= self._policy.window_s or 2 * count.failures < self._limit(key):
            return False
        if now - count.challenged_at < SLOW_S:
            return True
        count.challenged_at = now
        return False

    def failed(self, source: Address, now: float) -> list[Banned]:
        """A wrong digest response to a nonce that was given to this address."""
        key = source_of(source.host)
        if self._exempt(source):
            return []
        count = self._count(self._proven, key, now)
        count.failures += 1
        return self._ban(source, "passwords", now) if count.failures > self._limit(key) else []

    def proved(self, source: Address, now: float) -> None:
        """A right password came from here."""
        self._trusted.put(source_of(source.host), now + TRUST_S)

    def asked(self, source: Address, name: str, now: float) -> list[Banned]:
        """Somebody unknown asked for a number or an account that does not exist, and gets no answer."""
        count = self._count(self._seen, source_of(source.host), now)
        if len(count.names) <= self._policy.max_names:
            count.names.add(name[:64])
        if len(count.names) > self._policy.max_names:
            return self._suspect(source, "scan", now)
        return self.garbage(source, now)

    def garbage(self, source: Address, now: float) -> list[Banned]:
        """A datagram that is no SIP message, or concerns nobody here."""
        count = self._count(self._seen, source_of(source.host), now)
        count.garbage += 1
        return self._suspect(source, "garbage", now) if count.garbage > self._policy.max_garbage else []

    # -- asked by the app

    def unshared(self, now: float) -> list[Ban]:
        """Bans in force that other nodes don't know of yet: those with proof first, then the oldest."""
        found = [ban for ban in self._bans.values() if not ban.shared and now < ban.until]
        return sorted(found, key=lambda ban: ban.reason != "passwords")

    def share(self, ban: Ban) -> None:
        """The other nodes know of it now."""
        if self._bans.get(ban.source) is ban:
            self._bans[ban.source] = replace(ban, shared=True)

    def agree(self, listed: Iterable[Ban], now: float) -> None:
        """All bans that the nodes share now: those of others hold here too, those that were lifted hold no longer."""
        shared = {ban.source: ban for ban in listed}
        for source, ban in tuple(self._bans.items()):
            if ban.shared and now < ban.until and source not in shared:
                del self._bans[source]
                self._forgive(source)
        for source, ban in shared.items():
            known = self._bans.get(source)
            offences = max(ban.offences, known.offences if known is not None else 0)
            self._bans.put(source, replace(ban, offences=offences, shared=True))

    # -- inside

    def _count(self, table: _Table[_Count], key: str, now: float) -> _Count:
        count = table.get(key)
        if count is None or now - count.since >= self._policy.window_s:
            count = _Count(now)
        return table.put(key, count)

    def _limit(self, key: str) -> int:
        telephones = sum(source_of(flow.host) == key for flow in self._peers.flows)
        return self._policy.max_failures * (1 + telephones)

    def _suspect(self, source: Address, reason: Reason, now: float) -> list[Banned]:
        """Spoofable evidence is enough, unless the address is one of ours."""
        key = source_of(source.host)
        if self._trusted.get(key, now) > now or self._exempt(source) or self._is_ours(key):
            self._seen.pop(key, None)
            return []
        return self._ban(source, reason, now)

    def _ban(self, source: Address, reason: Reason, now: float) -> list[Banned]:
        key = source_of(source.host)
        before = self._bans.get(key)
        if before is not None and now < before.until:
            return []  # a flow's or a trunk's datagram, while its address is banned
        recent = before is not None and now < before.until + self._policy.ban_max_s
        offences = before.offences + 1 if before is not None and recent else 1
        seconds = min(self._policy.ban_s * 2 ** min(offences - 1, 30), self._policy.ban_max_s)
        self._forgive(key)
        self._bans.put(key, Ban(key, reason, now + seconds, offences))
        return [Banned(key, reason, seconds)]

    def _forgive(self, key: str) -> None:
        self._proven.pop(key, None)
        self._seen.pop(key, None)

    def _is_ours(self, key: str) -> bool:
        counted = ip_network(key)
        networks = (network for trunk in self._peers.trunks for network in trunk.networks)
        return any(source_of(host) == key for host in self._peers.hosts()) or any(
            network.version == counted.version and network.overlaps(counted) for network in networks
        )

    def _exempt(self, source: Address) -> bool:
        address = source_address(source.host)
        return address is None or any(address in network for network in self._policy.exempt)


@lru_cache(maxsize=4096)
def source_of(host: str) -> str:
    """What is counted as one: an IPv4 address, or the /64 network of an IPv6 address, whose holder may use any address in
    it."""
    if ":" not in host:
        return host
    address = source_address(host)
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address) >> 64 << 64, 64)))
    return host if address is None else str(address)
