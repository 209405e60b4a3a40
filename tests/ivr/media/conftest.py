"""A media process for a test: one that all tests of this room share, or one of its own; with loops in Python and in C."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ivr.media.loops import Choice, Loops, NotBuilt, choose
from tests.ivr.media.rig import Rig


@pytest.fixture(scope="session", params=["python", "fast"])
def loops(request: pytest.FixtureRequest) -> Loops:
    """Each of the two, where both are there."""
    wanted: Choice = request.param
    try:
        return choose(wanted)
    except NotBuilt as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, loops: Loops) -> Iterator[Rig]:
    found = Rig(tmp_path_factory.mktemp("media"), loops=loops.name)
    yield found
    found.close()


@pytest.fixture
async def rig(shared: Rig, tmp_path: Path) -> AsyncIterator[Rig]:
    """The shared process, without legs, and a client connected to it."""
    await shared.renew(tmp_path)
    yield shared
    await shared.leave()


@pytest.fixture
async def own(tmp_path: Path, loops: Loops) -> AsyncIterator[Rig]:
    """A process that the test may kill, and a client connected to it."""
    found = Rig(tmp_path, loops=loops.name)
    try:
        await found.connect()
        yield found
    finally:
        found.close()
        await asyncio.sleep(0)  # the transports' last callback
