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

    async def target(self, callee: Callee, *, caller: str) -> Target | None:
        """Where to send the INVITE, None where there is no (further) address. caller: the number that a seat is shown."""
        if callee.by_trunk:
            shown = callee.caller_id
            targets = await self._trunks.targets(callee.trunk, callee.number, from_user=shown, from_display=shown)
            # Those that failed come last: after as many tries as there are addresses all have been tried.
            return targets[0] if callee.attempt < len(targets) else None
        try:
            return await self._registrations.target(callee.seat, from_user=caller or "anonymous", from_display=caller)
        except RedisAway:
            return None

    def failed(self, callee: Callee, destination: Address) -> None:
        """Nobody there took the call for its own: the address is tried last for a while."""
        if callee.by_trunk:
            self._trunks.failed(destination)
