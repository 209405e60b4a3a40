"""A real speech process, an engine's connection to it, and callers whose frames come in time as media sends them."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ivr.lines.client import LineClient, LineLost
from ivr.lines.wire import Event
from ivr.media.g711 import encode
from ivr.speech import frames, tiny
from ivr.speech.control import SPEECH, Close, Command, Hello, Message, Open

BOUND_S = 60.0
_RUN = "import json,sys; from pathlib import Path; from ivr.speech.worker import run; a=json.loads(sys.argv[1]); " + (
    "run(Path(a['socket']), models={k: Path(v) for k, v in a['models'].items()}, turns=a['turns'])"
)
WORDS = ("订单", "退款", "人工服务", "物流", "发票", "投诉")


class Rig:
    """The process, and what it has told."""

    def __init__(self, directory: Path, *, turns: int = 4, models: Mapping[str, Path] | None = None) -> None:
        self.path = directory / "speech-0.sock"
        used = models or {"zh": tiny.MODEL, "en": tiny.MODEL}
        terms = {"socket": str(self.path), "turns": turns, "models": {name: str(path) for name, path in used.items()}}
        self._terms = json.dumps(terms)
        self.events: list[Message] = []
        self.lost = 0
        self._turns = itertools.count(1)
        self.epoch = 0
        self.client = LineClient(self.path, SPEECH, on_event=lambda event: None, on_lost=lambda: None)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", _RUN, self._terms], stdout=subprocess.DEVNULL)

    async def connect(self, epoch: int = 0) -> dict[str, Any]:
        """As the next engine."""
        self.epoch = epoch or self.epoch + 1
        self.events.clear()

        def keep(event: Event) -> None:
            self.events.append(event.message)

        def lost() -> None:
            self.lost += 1

        client = LineClient(self.path, SPEECH, on_event=keep, on_lost=lost)
        end = time.monotonic() + BOUND_S
        while True:
            try:
                reply = await client.connect(self.epoch, Hello())
                break
            except LineLost:
                assert time.monotonic() < end, "the speech process never came"
                await asyncio.sleep(0.02)
        self.client = client
        return reply

    async def do(self, command: Command) -> dict[str, Any]:
        return await self.client.request(command)

    async def open(self, words: tuple[str, ...] = WORDS, language: str = "zh", **terms: Any) -> Caller:
        """A turn, and who speaks in it."""
        turn = next(self._turns)
        reply = await self.do(Open(turn, "call", language, words, **terms))
        return Caller(self.sock, turn, str(reply["socket"]))

    async def told(self, caller: Caller, count: int = 1) -> list[Message]:
        """Wait until so much was told of a turn."""
        end = time.monotonic() + BOUND_S
        while len(found := [event for event in self.events if event.turn == caller.turn]) < count:
            assert time.monotonic() < end, f"only {found}"
            await asyncio.sleep(0.01)
        return found

    async def hear(self, caller: Caller, sound: npt.NDArray[np.int16]) -> list[Message]:
        """Say it, and what was told of it: its onset and its result."""
        await caller.say(sound)
        return await self.told(caller, 2)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something, within a generous bound."""
        end = time.monotonic() + BOUND_S
        while not condition():
            assert time.monotonic() < end, "it never came"
            await asyncio.sleep(0.01)

    async def close_turn(self, caller: Caller) -> None:
        await self.do(Close(caller.turn))

    def leave(self) -> None:
        self.client.close()

    def close(self) -> None:
        self.leave()
        self.sock.close()
        self.process.kill()
        self.process.wait()


class Caller:
    """Sends one turn's frames."""

    def __init__(self, sock: socket.socket, turn: int, path: str) -> None:
        self.sock = sock
        self.turn = turn
        self.path = path
        self.number = self.position = self.refused = 0

    def send(self, sound: bytes) -> None:
        """One frame."""
        try:
            self.sock.sendto(frames.write(self.turn, self.number, self.position, sound), self.path)
        except OSError:
            self.refused += 1
        self.number += 1
        self.position += len(sound)

    async def say(self, sound: npt.NDArray[np.int16]) -> None:
        """As fast as it is spoken."""
        data, begin = encode("PCMA", sound), time.monotonic()
        for count, at in enumerate(range(0, len(data) - 159, 160)):
            await asyncio.sleep(max(0.0, begin + count * 0.02 - time.monotonic()))
            self.send(data[at : at + 160])
