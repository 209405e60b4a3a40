"""The trunks as people see them: what the settings say beside what living engines tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from console.options import Trunk
from followup.trunks import TrunkChange
from routing.floor import Floor

State = Literal["up", "down", "silent", "unknown"]


@dataclass(frozen=True, slots=True)
class LineState:
    """A trunk as one node sees it. registered: None where it need not be; refused: status of the last REGISTER that failed, or
    0; addresses: to whether each answered the last OPTIONS; since: epoch seconds of the last change, None: there was none."""

    node: str
    up: bool
    registered: bool | None
    refused: int
    addresses: Mapping[str, bool]
    since: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    """A trunk: `state` is a key of console.labels.LINE_STATES, its live calls, its nodes, and what went wrong last."""

    trunk: Trunk
    state: State
    calls: int
    nodes: tuple[LineState, ...]
    last_fault: TrunkChange | None


def lines(
    trunks: Sequence[Trunk], floor: Floor | None, latest: Mapping[tuple[str, str], TrunkChange], changes: Sequence[TrunkChange]
) -> list[Line]:
    """All trunks of the settings, in their order. floor: None while Redis is away; changes: the latest first."""
    calls = Counter(str(call.get("trunk", "")) for call in floor.calls) if floor is not None else Counter()
    return [
        Line(trunk, _state(trunk, floor, nodes), calls[trunk.name], nodes, _fault(trunk, changes))
        for trunk in trunks
        for nodes in [_nodes(trunk, floor, latest)]
    ]


def _nodes(trunk: Trunk, floor: Floor | None, latest: Mapping[tuple[str, str], TrunkChange]) -> tuple[LineState, ...]:
    if floor is None:
        return ()
    up = {one["node"]: bool(one["up"]) for one in floor.trunks if one["name"] == trunk.name}
    told = {one["node"]: one for one in floor.lines if one["name"] == trunk.name}
    found = []
    for node, is_up in up.items():
        change, line = latest.get((node, trunk.name)), told.get(node, {})
        since, reason = (None, "") if change is None or change.up != is_up else (change.at, change.reason)
        found.append(
            LineState(
                node, is_up, line.get("registered"), int(line.get("refused", 0)), line.get("addresses", {}), since, reason
            )
        )
    return tuple(found)


def _state(trunk: Trunk, floor: Floor | None, nodes: Sequence[LineState]) -> State:
    if floor is None:
        return "unknown"
    if not trunk.server:
        return "silent"
    return "unknown" if not nodes else "up" if all(node.up for node in nodes) else "down"


def _fault(trunk: Trunk, changes: Sequence[TrunkChange]) -> TrunkChange | None:
    return next((one for one in changes if one.trunk == trunk.name and not one.up), None)
