"""pyVoIP's telephones, each in a process of its own (its threads don't end by themselves)."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from tests.interop.program import Program, program
from tests.ports import free_port, free_ports
from tests.site import PATIENCE_S


@contextlib.asynccontextmanager
async def pyvoip_seat(
    server_port: int, number: str, password: str, directory: Path, *, sip_port: int = 0, tone_hz: int = 620
) -> AsyncIterator[Program]:
    """A seat's telephone (pyvoip_seat.py), registered: see there what it tells and is told."""
    arguments = (server_port, number, password, sip_port or free_port(), free_ports(4), tone_hz)
    async with _phone("pyvoip_seat", *arguments, log=directory / f"pyvoip-{number}.log") as phone:
        await phone.until_said("registered")
        yield phone


@contextlib.asynccontextmanager
async def pyvoip_caller(server_port: int, caller: str, number: str, directory: Path) -> AsyncIterator[Program]:
    """A caller (pyvoip_caller.py) who was answered: see there what it tells and is told."""
    async with _phone("pyvoip_caller", server_port, caller, number, log=directory / f"pyvoip-{caller}.log") as phone:
        await phone.until_said("answered", PATIENCE_S)
        yield phone


def _phone(module: str, *arguments: object, log: Path) -> contextlib.AbstractAsyncContextManager[Program]:
    command = (sys.executable, "-W", "ignore", "-m", f"tests.interop.{module}", *map(str, arguments))
    return program(*command, log=log, led=True)
