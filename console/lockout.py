"""When somebody who tries passwords is locked out, by account and by address: plain counting, by the clock of the caller.

Every try counts as it begins, before its password is looked at, so that a thousand at once are a thousand tries. A right
password takes its own count back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv6Address, ip_address, ip_network


@dataclass(frozen=True, slots=True)
class Policy:
    """So many tries within window_s from the first; one more locks for lock_s, twice as long each further time, up to
    lock_max_s. A lock is forgotten forget_s after its end."""

    max_tries: int
    window_s: float = 900.0
    lock_s: float = 900.0
    lock_max_s: float = 6 * 3600.0
    forget_s: float = 86400.0


ACCOUNT = Policy(max_tries=8)
ADDRESS = Policy(max_tries=30)
"""A whole department may come from one address."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Tries since `since`; locked_until 0.0: never was locked; locks: how often. Times are epoch seconds."""

    tries: int = 0
    since: float = 0.0
    locked_until: float = 0.0
    locks: int = 0


def attempt(tally: Tally, policy: Policy, now: float) -> Tally:
    """The tally after one more try that begins now. Where the result is locked (its locked_until lies ahead) the try is
    refused; tries while locked change nothing."""
    if locked(tally, now):
        return tally
    if tally.locks and now - tally.locked_until > policy.forget_s:
        tally = replace(tally, locks=0)
    if now - tally.since >= policy.window_s:
        tally = replace(tally, tries=0, since=now)
    if tally.tries < policy.max_tries:
        return replace(tally, tries=tally.tries + 1)
    length_s = min(policy.lock_s * 2.0**tally.locks, policy.lock_max_s)
    return replace(tally, tries=0, since=now, locked_until=now + length_s, locks=tally.locks + 1)


def forgiven(tally: Tally) -> Tally:
    """The tally after a right password: this try was none."""
    return replace(tally, tries=max(0, tally.tries - 1))


def locked(tally: Tally, now: float) -> bool:
    """Whether tries are refused now."""
    return now < tally.locked_until


def network_of(address: str) -> str:
    """By what an address is counted: itself, or its /64 network where it is IPv6; "" and rubbish as they are."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped else str(ip_network(f"{parsed}/64", strict=False))
    return str(parsed)
