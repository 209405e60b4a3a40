"""The pair of ports: whose packets are taken, and that media's death doesn't deafen it, on uvloop too."""

from __future__ import annotations

import asyncio
import socket

import uvloop

from ivr.gateway.sound import Sound


async def _a_port_that_dies() -> None:
    heard: list[bytes] = []
    sound = Sound(heard.append)
    await sound.open()
    assert sound.port % 2 == 0
    loop = asyncio.get_running_loop()

    async def media(text: bytes) -> None:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
        ):
            for one in (port, other):
                one.bind(("127.0.0.1", 0))
            port.setblocking(False)
            sound.agree(port.getsockname())
            other.sendto(b"a stranger's", ("127.0.0.1", sound.port))
            port.sendto(text, ("127.0.0.1", sound.port))
            sound.send(b"to media")
            async with asyncio.timeout(10):
                assert await loop.sock_recv(port, 100) == b"to media"
                while text not in heard:  # noqa: ASYNC110 - nobody signals it
                    await asyncio.sleep(0.01)

    await media(b"one")
    for _ in range(3):
        sound.send(b"nobody is there")
        await asyncio.sleep(0.02)
    await media(b"two")
    assert heard == [b"one", b"two"]
    sound.close()
    sound.send(b"closed")


def test_on_uvloop() -> None:
    uvloop.run(_a_port_that_dies())


async def test_on_asyncios_own_loop() -> None:
    await _a_port_that_dies()
