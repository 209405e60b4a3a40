"""A media process for a test: one that all tests of this room share, or one of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.ivr.media.rig import Rig


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    found = Rig(tmp_path_factory.mktemp("media"))
    yield found
    found.close()


@pytest.fixture
async def rig(shared: Rig, tmp_path: Path) -> AsyncIterator[Rig]:
    """The shared process, without legs, and a client connected to it."""
    await shared.renew(tmp_path)
    yield shared
    await shared.leave()


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Rig]:
    """A process that the test may kill, and a client connected to it."""
    found = Rig(tmp_path)
    try:
        await found.connect()
        yield found
    finally:
        found.close()
        await asyncio.sleep(0)  # the transports' last callback
