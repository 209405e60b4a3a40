"""[io] A Twilio of one's own, its Media Streams: one bidirectional stream, with the caller's ear and mouth behind it.

Messages by Twilio's documentation, "Media Streams - WebSocket Messages": connected, start, media, dtmf, mark, stop go out;
media, mark, clear come in. What comes is played in real time out of one buffer, as Twilio does it: marks come back when what
was before them has been played, or at once after a clear."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from ivr.phones import audio
from ivr.phones.audio import Samples
from ivr.phones.rtp import FRAME, FRAME_S, Player


class MediaStream:
    """One stream. The test may spoil it: `alter` gets each message that is to be sent and gives those that are sent instead;
    `reading` off makes it a slow reader; `vanish()` closes the socket without a word."""

    def __init__(self, url: str, account_sid: str, call_sid: str, stream_sid: str, parameters: dict[str, str]) -> None:
        self.url = url
        self._names = {"accountSid": account_sid, "callSid": call_sid, "streamSid": stream_sid}
        self._parameters = parameters
        self.signature = ""
        """X-Twilio-Signature of the handshake, "" for none."""
        self.player = Player()
        self.alter: Callable[[dict[str, Any]], list[dict[str, Any]]] = lambda message: [message]
        self.reading = asyncio.Event()
        self.reading.set()
        self.most_ahead_s = 0.0
        """The most that waited to be played, since `measure()`."""
        self.received: list[str] = []
        """Kinds of the messages that came, media but once in a row."""
        self.thrown_s: list[float] = []
        """What waited to be played at each clear."""
        self.complaints: list[str] = []
        self.started = asyncio.Event()
        self._played: list[Samples] = []
        self._waiting: deque[Samples | str] = deque()
        self._connection: ClientConnection | None = None
        self._sequence = 0
        self._chunk = 0
        self._keys: deque[str] = deque()
        self._stop = False

    async def run(self) -> None:
        """From connect to close. Raises OSError and websockets' exceptions when there is no connection to be had."""
        headers = {"X-Twilio-Signature": self.signature} if self.signature else {}
        async with connect(self.url, compression=None, max_size=None, additional_headers=headers) as connection:
            self._connection = connection
            await self._say({"event": "connected", "protocol": "Call", "version": "1.0.0"}, numbered=False)
            form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
            start = {**self._names, "tracks": ["inbound"], "mediaFormat": form, "customParameters": self._parameters}
            await self._say({"event": "start", "start": start})
            self.started.set()
            try:
                async with asyncio.TaskGroup() as group:
                    live = group.create_task(self._live())
                    await self._hear(connection)
                    live.cancel()
            except* ConnectionClosed:
                pass

    def press(self, digits: str) -> None:
        """Keys; each is told when it is let go."""
        self._keys.extend(digits)

    def stop(self) -> None:
        """The caller hangs up: stop, then the close."""
        self._stop = True

    def vanish(self) -> None:
        """The connection breaks."""
        if self._connection is not None:
            self._connection.transport.abort()

    def measure(self) -> None:
        """Begin anew with what is measured."""
        self.most_ahead_s = 0.0

    @property
    def played(self) -> Samples:
        """All that the caller has heard since the stream's start, silence where nothing was there."""
        return np.concatenate(self._played) if self._played else audio.silence(0.0)

    @property
    def ahead_s(self) -> float:
        """What waits to be played."""
        return sum(len(part) for part in self._waiting if not isinstance(part, str)) / audio.RATE

    async def _live(self) -> None:
        """Each 20 ms: the caller's sound out, what was sent to him played."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if self._keys:
                await self._say({"event": "dtmf", "dtmf": {"track": "inbound_track", "digit": self._keys.popleft()}})
            self._chunk += 1
            payload = base64.b64encode(audio.encode("PCMU", self.player.frame())).decode()
            media = {
                "track": "inbound",
                "chunk": str(self._chunk),
                "timestamp": str((self._chunk - 1) * 20),
                "payload": payload,
            }
            await self._say({"event": "media", "media": media})
            await self._play()
            if self._stop:
                names = {name: self._names[name] for name in ("accountSid", "callSid")}
                await self._say({"event": "stop", "stop": names})
                assert self._connection is not None
                await self._connection.close()
                return
            due += FRAME_S
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def _play(self) -> None:
        frame: list[Samples] = []
        missing = FRAME
        while self._waiting and (missing or isinstance(self._waiting[0], str)):
            part = self._waiting.popleft()
            if isinstance(part, str):
                await self._mark(part)
            else:
                frame.append(part[:missing])
                if len(part) > missing:
                    self._waiting.appendleft(part[missing:])
                missing -= len(frame[-1])
        self._played.append(np.concatenate([*frame, np.zeros(missing, dtype=np.int16)]))

    async def _hear(self, connection: ClientConnection) -> None:
        async for text in connection:
            await self.reading.wait()
            message = json.loads(text)
            kind = message["event"]
            if message.get("streamSid") != self._names["streamSid"]:
                self.complaints.append(f"{kind} for another stream")
            if not self.received or self.received[-1] != kind or kind != "media":
                self.received.append(kind)
            if kind == "media":
                if set(message["media"]) != {"payload"}:
                    self.complaints.append(f"media with {sorted(message['media'])}")
                self._waiting.append(audio.decode("PCMU", base64.b64decode(message["media"]["payload"], validate=True)))
                self.most_ahead_s = max(self.most_ahead_s, self.ahead_s)
            elif kind == "mark":
                self._waiting.append(str(message["mark"]["name"]))
            elif kind == "clear":
                self.thrown_s.append(self.ahead_s)
                marks = [part for part in self._waiting if isinstance(part, str)]
                self._waiting.clear()
                for name in marks:
                    await self._mark(name)
            else:
                self.complaints.append(f"a message of the kind {kind}")

    async def _mark(self, name: str) -> None:
        await self._say({"event": "mark", "mark": {"name": name}})

    async def _say(self, message: dict[str, Any], *, numbered: bool = True) -> None:
        if numbered:
            self._sequence += 1
            message |= {"sequenceNumber": str(self._sequence), "streamSid": self._names["streamSid"]}
        assert self._connection is not None
        for one in self.alter(message):
            await self._connection.send(json.dumps(one))
