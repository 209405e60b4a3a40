"""[io] Where whoever we call can be reached: a seat's registered telephone, or an address of the trunk that carries a
number."""

from __future__ import annotations

from ivr.dialplan import Callee
from ivr.registrations import Registrations
from ivr.sip.events import Address
from ivr.sip.target import Target
from ivr.trunks import Trunks
from routing.store import RedisAway


class Callees:
    """Finds targets."""

    def __init__(self, registrations: Registrations, trunks: Trunks) -> None:
        self._registrations = registrations
        self._trunks = trunks

    async def targets(self, callee: Callee, *, caller: str) -> list[Target]:
        """Where to send the INVITE: all telephones of a seat, else one address of the trunk's; [] where there is no (further)
        one. caller: the number that a seat is shown."""
        if callee.by_trunk:
            shown = callee.caller_id
            targets = await self._trunks.targets(
                callee.trunk,
                callee.number,
                from_user=shown,
                from_display=shown,
                server=callee.server,
                proxy=callee.proxy,
            )
            # Those that failed come last: after as many tries as there are addresses all have been tried.
            return targets[:1] if callee.attempt < len(targets) else []
        try:
            found = await self._registrations.targets(callee.seat, from_user=caller or "anonymous", from_display=caller)
        except RedisAway:
            return []
        return [target for target in found if callee.contact in ("", target.uri)]

    def failed(self, callee: Callee, destination: Address, retry_after_s: float) -> None:
        """Nobody there took the call for its own: the address is tried last for a while."""
        if callee.by_trunk:
            self._trunks.failed(destination, retry_after_s)
