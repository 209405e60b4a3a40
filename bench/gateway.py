"""What the gateway costs, and how much later it makes sound: `python bench/gateway.py [STREAMS] [SECONDS]`.

Streams as Twilio's (real WebSockets) on one side, and in the engine's place a user agent that sends every RTP packet straight
back. Each frame bears its number: from its send as a WebSocket message to its coming back as one it has gone through the
gateway twice, in and out. That whole time is what is told (of one way it is about half), this program's own lateness included.
CPU is the gateway's alone."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import secrets
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.load import LoadFailed
from ivr.gateway.sound import Sound
from ivr.gatewaysettings import LOOPBACK, TOKEN_VARIABLE
from ivr.listen import free_port
from ivr.phones.twilio import FakeTwilio, signature
from ivr.sip import events as sip
from ivr.sip import sdp
from ivr.sip.agent import UserAgent
from ivr.sip.listener import Listener
from ivr.sip.peers import Peers
from ivr.sip.transport import Transport
from ivr.sip.trunk import TrunkPeer
from storage.embedded import EmbeddedRedis

NUMBER = "+14155550100"
FRAME_S = 0.02
JOIN_S = 60.0
"""All streams have joined their calls within this."""
SETTLE_S, LAST_S = 2.0, 0.5
STAMP = struct.Struct(">III")
"""Stream, chunk, nothing: twelve bytes are sixteen characters of base64."""
REST = base64.b64encode(bytes(148)).decode()
MEDIA = (
    '{"event":"media","sequenceNumber":"1","streamSid":"MZ1",'
    '"media":{"track":"inbound","chunk":"%d","timestamp":"%d","payload":"%s"}}'
)
CONFIG = """
data_dir = "{directory}/var"
redis_url = "{redis}"
[[hotlines]]
name = "bench"
menu = "sample.yaml"
[gateway]
port = {http}
engine_port = {engine}
sip_port = {sip}
max_calls = 1000
[twilio]
account_sid = "{account}"
public_url = "{url}"
api_url = "{api}"
numbers = {{ "{number}" = "bench" }}
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """Times in ms, there and back; lost: frames that did not come back; late: how late this program itself sent."""

    streams: int
    cpu_ms: float
    p50_ms: float
    p99_ms: float
    worst_ms: float
    frames: int
    lost: int
    rss_mb: float
    late_p99_ms: float


class Echo:
    """The engine's place: every call is answered, every packet sent back."""

    def __init__(self, port: int) -> None:
        listener = Listener(LOOPBACK, port, media_bind=LOOPBACK)
        self._agent = UserAgent(
            listeners=[listener],
            realm="bench",
            peers=Peers([TrunkPeer.of("gateway", [f"{LOOPBACK}/32"], [NUMBER])]),
            token=lambda: secrets.token_hex(8),
            secret=b"bench",
        )
        self._transport = Transport(self._agent, [listener], self._happened)
        self._sounds: list[Sound] = []
        self._answering: set[asyncio.Task[None]] = set()
        self._clock = asyncio.get_running_loop().time
        self._port = port

    async def start(self) -> None:
        """Listen."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((LOOPBACK, self._port))
        await self._transport.start({"": sock})

    async def close(self) -> None:
        """Stop."""
        for sound in self._sounds:
            sound.close()
        self._transport.close()
        await self._transport.wait_closed()

    def _happened(self, event: sip.Event) -> None:
        if isinstance(event, sip.Invited):
            task = asyncio.create_task(self._answer(event))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        elif isinstance(event, sip.HungUp):
            self._transport.send(self._agent.confirm_bye(event.session, self._clock()))

    async def _answer(self, event: sip.Invited) -> None:
        sound = Sound(lambda packet: sound.send(packet))  # noqa: PLW0108 - it is not there yet
        await sound.open()
        answer, agreed = sdp.answer(event.offer, host=LOOPBACK, port=sound.port, session_id=1, version=1, prefer=("PCMU",))
        sound.agree((agreed.host, agreed.port))
        self._sounds.append(sound)
        self._transport.send(self._agent.answer(event.session, answer, self._clock()))


class Stream:
    """One caller, who speaks all the time. `joined` is done when the first frame has come back; frames that are sent while
    `measuring` count."""

    def __init__(self, twilio: FakeTwilio, number: int) -> None:
        self._twilio = twilio
        self._number = number
        self.joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.measuring = False
        self._sid = "CA" + secrets.token_hex(16)
        self._sent: dict[int, float] = {}
        self.delays: list[float] = []
        self.late: list[float] = []
        self.frames = 0
        self._clock = asyncio.get_running_loop().time

    async def run(self, over: asyncio.Event) -> None:
        """Call, and speak until it is over."""
        form = {"CallSid": self._sid, "From": f"+1415555{self._number:04}", "To": NUMBER, "CallStatus": "ringing"}
        form["AccountSid"] = self._twilio.account_sid
        answer = await self._twilio.post(f"{self._twilio.public_url}/twilio/voice", form)
        url = answer.text.partition('<Stream url="')[2].partition('"')[0]
        token = answer.text.partition('value="')[2].partition('"')[0]
        signed = {"X-Twilio-Signature": signature(self._twilio.auth_token, url, {})}
        async with ClientSession() as session, session.ws_connect(url, headers=signed) as connection:
            start = {"streamSid": "MZ1", "callSid": self._sid, "accountSid": self._twilio.account_sid}
            await connection.send_str(json.dumps({"event": "start", "start": {**start, "customParameters": {"token": token}}}))
            hearing = asyncio.create_task(self._hear(connection))
            await self._speak(connection, over)
            hearing.cancel()
            await connection.send_str(json.dumps({"event": "stop", "stop": {}}))

    async def _speak(self, connection: ClientWebSocketResponse, over: asyncio.Event) -> None:
        due = self._clock() + FRAME_S * secrets.randbelow(100) / 100  # callers don't speak in step
        chunk = 0
        while not over.is_set():
            await asyncio.sleep(max(0.0, due - self._clock()))
            chunk += 1
            payload = base64.b64encode(STAMP.pack(self._number, chunk, 0)).decode() + REST
            if self.measuring:
                now = self._sent[chunk] = self._clock()
                self.late.append(now - due)
                self.frames += 1
            await connection.send_str(MEDIA % (chunk, (chunk - 1) * 20, payload))
            due += FRAME_S

    async def _hear(self, connection: ClientWebSocketResponse) -> None:
        async for message in connection:
            now = self._clock()
            if message.type is not WSMsgType.TEXT:
                continue
            text: str = message.data
            if not text.startswith('{"event":"media"'):
                if '"mark"' in text:
                    await connection.send_str(text)
            else:
                _, _, payload = text.partition('"payload":"')
                number, chunk, _ = STAMP.unpack(base64.b64decode(payload[:16]))
                if number != self._number:
                    raise SystemExit(f"stream {self._number} hears stream {number}")
                if not self.joined.done():
                    self.joined.set_result(None)
                at = self._sent.pop(chunk, None)
                if at is not None:
                    self.delays.append(now - at)


async def measure(streams: int, seconds: float) -> Measured:
    """Run it. Raises LoadFailed where nothing can be measured."""
    clock = asyncio.get_running_loop().time
    async with _gateway() as (twilio, pid):
        over = asyncio.Event()
        callers = [Stream(twilio, number) for number in range(streams)]
        running = [asyncio.create_task(caller.run(over)) for caller in callers]
        joined = [caller.joined for caller in callers]
        waited: list[asyncio.Future[Any]] = [asyncio.gather(*joined), *running]  # one that ends now has failed
        await asyncio.wait(waited, timeout=JOIN_S, return_when=asyncio.FIRST_COMPLETED)
        if not all(one.done() for one in joined):
            raise LoadFailed(f"{sum(one.done() for one in joined)} of {streams} streams have joined within {JOIN_S:.0f} s")
        await asyncio.sleep(SETTLE_S)
        before, began = _cpu_s(pid), clock()
        for caller in callers:
            caller.measuring = True
        await asyncio.sleep(seconds)
        cpu_s, took_s = _cpu_s(pid) - before, clock() - began
        for caller in callers:
            caller.measuring = False
        await asyncio.sleep(LAST_S)
        over.set()
        await asyncio.gather(*running)
        rss_mb = _rss_mb(pid)
    delays = sorted(delay * 1000 for caller in callers for delay in caller.delays)
    late = sorted(late * 1000 for caller in callers for late in caller.late)
    frames = sum(caller.frames for caller in callers)
    if not delays:
        raise LoadFailed(f"none of {frames} frames came back")
    return Measured(
        streams,
        cpu_s * 1000 / (streams * took_s),
        statistics.median(delays),
        delays[int(len(delays) * 0.99)],
        delays[-1],
        frames,
        frames - len(delays),
        rss_mb,
        late[int(len(late) * 0.99)],
    )


@contextlib.asynccontextmanager
async def _gateway() -> AsyncIterator[tuple[FakeTwilio, int]]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name, EmbeddedRedis(Path(name) / "redis") as redis:
        http, engine, own = (free_port(kind, LOOPBACK) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_DGRAM))
        async with FakeTwilio(NUMBER, f"http://{LOOPBACK}:{http}") as twilio:
            config = Path(name) / "hotline.toml"
            ports = {"http": http, "engine": engine, "sip": own}
            urls = {"url": twilio.public_url, "api": twilio.rest.url, "redis": redis.url}
            config.write_text(CONFIG.format(directory=name, account=twilio.account_sid, number=NUMBER, **ports, **urls))
            environ = os.environ | {"HOTLINE_CONFIG": str(config), TOKEN_VARIABLE: twilio.auth_token}
            echo = Echo(engine)
            await echo.start()
            process = subprocess.Popen([sys.executable, "-m", "ivr.cli", "gateway"], env=environ, stderr=subprocess.DEVNULL)  # noqa: ASYNC220
            try:
                await _until_open(http)
                yield twilio, process.pid
            finally:
                process.terminate()
                await asyncio.to_thread(process.wait)
                await echo.close()


async def _until_open(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            with socket.socket() as sock:
                if sock.connect_ex((LOOPBACK, port)) == 0:
                    return
            await asyncio.sleep(0.1)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


COLUMNS = (
    "gateway | streams | CPU ms per call-s | frame in to frame out, there and back, ms p50, p99 (to reach) | worst | lost "
    "| RSS MB | itself late, p99 ms"
)


def row(seen: Measured) -> str:
    """A line of the table."""
    return (
        f"gateway-{seen.streams} | {seen.streams} | {seen.cpu_ms:.2f} | {seen.p50_ms:.1f}, {seen.p99_ms:.1f} (60) "
        f"| {seen.worst_ms:.0f} | {seen.lost} of {seen.frames} | {seen.rss_mb:.0f} | {seen.late_p99_ms:.1f}"
    )


def main() -> None:
    """See the module."""
    streams = int(sys.argv[1]) if sys.argv[1:] else 50
    seconds = int(sys.argv[2]) if sys.argv[2:] else 20
    print(f"| {COLUMNS} |")
    print(f"| {row(uvloop.run(measure(streams, seconds)))} |")


if __name__ == "__main__":
    main()
