"""Independent telephones, trunks and proxies against one hotline, side by side: tests/interop/peers holds what each does."""

from __future__ import annotations

import pytest

from tests.interop.peers import (  # noqa: F401 - importing them fills SCENARIOS
    baresip_seats,
    kamailio_proxy,
    pyvoip_phones,
    sipp_alone,
    sipp_callers,
    sipp_seats,
    sipp_trunks,
    sippy_trunk,
)
from tests.interop.scenario import SCENARIOS, Scenario, SideBySide

pytestmark = pytest.mark.interop


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("one", SCENARIOS, ids=lambda one: f"{one.peer}: {one.name}")
async def test_peer(one: Scenario, side_by_side: SideBySide) -> None:
    """Passes when it went as the scenario says."""
    await side_by_side.tasks[one.name]
