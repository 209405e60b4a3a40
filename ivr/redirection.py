"""Where a 3xx may lead (RFC 3261 8.1.3.4). Whoever redirects a call spends our money: a contact is followed only to the number
that was called anyway, or to one that the dial plan lets out, and its host only to another server of the same trunk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ivr.dialplan import Callee, DialPlan
from ivr.sip.events import Address
from ivr.sip.locating import Place
from ivr.sip.uri import Uri, UriError, parse_uri

FOLLOWED = frozenset({301, 302, 305})
"""Moved permanently, moved temporarily, use proxy. Another 3xx is a refusal."""


def follow(
    plan: DialPlan,
    callee: Callee,
    status: int,
    contacts: Sequence[str],
    *,
    trunk: str,
    caller_id: str,
    inside: Callable[[str, Address], bool],
) -> tuple[Callee, ...]:
    """Whom to call in place of `callee`, in the order of `contacts`. trunk and caller_id: what a seat's own calls out go
    through ("": the first that lets a number out) and show; a trunk's callee keeps its own. inside(trunk, address): whether
    that is another server of the trunk than the one which has answered."""
    found: list[Callee] = []
    for contact in contacts:
        try:
            uri = parse_uri(contact)
        except UriError:
            continue
        target = _proxied(callee, uri, inside) if status == 305 else _moved(plan, callee, uri, trunk, caller_id, inside)
        if target is not None:
            found.append(target)
    return tuple(found)


def _moved(
    plan: DialPlan, callee: Callee, uri: Uri, trunk: str, caller_id: str, inside: Callable[[str, Address], bool]
) -> Callee | None:
    if not callee.by_trunk:
        way = plan.outgoing(uri.user, trunk=trunk, caller_id=caller_id)
        # A mailbox may answer there: a person has to press a key, as at a mobile seat.
        return replace(way, seat=callee.seat, confirm=True) if isinstance(way, Callee) else None
    number = callee.number
    if uri.user != number:
        way = plan.outgoing(uri.user, trunk=callee.trunk, caller_id=callee.caller_id)
        if not isinstance(way, Callee):
            return None
        number = way.number
    return replace(callee, number=number, server=_place(callee.trunk, uri, inside), proxy="", attempt=0)


def _proxied(callee: Callee, uri: Uri, inside: Callable[[str, Address], bool]) -> Callee | None:
    place = _place(callee.trunk, uri, inside) if callee.by_trunk else ""
    return replace(callee, proxy=place, server="", attempt=0) if place else None


def _place(trunk: str, uri: Uri, inside: Callable[[str, Address], bool]) -> str:
    """The trunk's server that a contact names, "" for none of it: the call goes the trunk's usual way."""
    return str(Place(uri.host, uri.port)) if uri.scheme == "sip" and uri.address and inside(trunk, uri.address) else ""
