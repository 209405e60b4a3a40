"""What a live call costs the media process: CPU of one process while N calls play a prompt, or N pairs talk and are recorded.

    python bench/media_loop.py                     the loops that are used (ivr.media.loops), in Python and in C, in turns
    python bench/media_loop.py --loop asyncio      the same legs and schedule under asyncio's loop, or uvloop's where installed
    python bench/media_loop.py --play 50 200 400 --bridge 50 100 --seconds 10

Every call sends 50 packets a second of A-law and gets as many. The load comes from one other process and one socket, over
loopback. CPU ms per call-second is the figure to compare; p99 and max are gaps between arrivals at the load process, which is
late at times itself.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import socket
import struct
import sys
import tempfile
import time
import wave
from importlib import import_module
from pathlib import Path
from typing import Any

from pylibsrtp import Policy, Session

sys.path.insert(0, str(Path(__file__).parent.parent))

from ivr.media import worker
from ivr.media.client import MediaClient
from ivr.media.control import Mix, Open, Play, Record, Remote, Srtp, Stats
from ivr.media.loops import PYTHON
from ivr.media.outgoing import Address, Receive
from ivr.media.pair import Pair
from ivr.media.ports import Ports
from ivr.media.schedule import Schedule

KEY = bytes(30)
KEYS = Srtp("AES_CM_128_HMAC_SHA1_80", "A" * 40, "A" * 40)


class LoopPair(Pair):
    """Sockets that an asyncio loop reads and writes through a datagram transport, as asyncio programs do."""

    transport: asyncio.DatagramTransport | None = None

    def pass_on(self, packet: memoryview, to: Address) -> None:
        if self.transport is not None:  # else the loop hasn't made it yet
            self.transport.sendto(bytes(packet), to)


class LoopPorts(Ports):
    """RTP comes through the loop. RTCP is left aside."""

    loop: asyncio.AbstractEventLoop
    schedule: Schedule
    tasks: set[asyncio.Task[None]]

    def open(self, host: str) -> Pair:
        pair = super().open(host)
        ours = LoopPair(pair.host, pair.port, pair.rtp, pair.rtcp)
        ours.send = ours.pass_on
        return ours

    def attach(self, pair: Pair, receive: Receive, receive_report: Receive) -> None:
        ports = self

        class Protocol(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
                size = len(data)
                ports._packet[:size] = data
                receive(size, addr, ports.schedule.samples(time.monotonic()))

        async def connect() -> None:
            assert isinstance(pair, LoopPair)
            pair.transport, _ = await ports.loop.create_datagram_endpoint(Protocol, sock=pair.rtp)

        task = self.loop.create_task(connect())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def hurry(self, pair: Pair, hurried: bool) -> None:
        pass

    def lock(self, pair: Pair, peer: Address | None, now: int) -> None:
        pass


def serve(kind: str, path: Path) -> None:
    """The process under measurement."""
    terms: Any = {"host": "127.0.0.1", "rtp_timeout_s": 30.0, "orphan_s": 5.0, "min_free_bytes": 0}
    if kind not in {"asyncio", "uvloop"}:
        loops: Any = kind
        worker.run(path, port_min=30000, port_max=33999, loops=loops, **terms)
        return
    if kind == "uvloop":
        loop: asyncio.AbstractEventLoop = import_module("uvloop").new_event_loop()
    else:
        loop = asyncio.new_event_loop()
    vars(worker)["Ports"] = LoopPorts
    LoopPorts.loop, LoopPorts.tasks = loop, set()
    process = worker.Worker(path, hosts=[terms.pop("host")], ports=(30000, 33999), dscp=46, loops=PYTHON, **terms)
    LoopPorts.schedule = process._schedule

    def control() -> None:
        for descriptor, _ in process._ports.hurried.poll(0):
            if descriptor == process._woken.fileno():
                process._outcomes()
            else:
                process._lines.handle(descriptor)

    def slot() -> None:
        now = time.monotonic()
        schedule = process._schedule
        schedule.catch_up(now)
        while schedule.deadline <= now:
            process._exchange.tick(schedule.number, schedule.clock, now)
            schedule.number += 1
        loop.call_at(schedule.deadline, slot)

    loop.add_reader(process._ports.hurried.fileno(), control)
    loop.call_soon(slot)
    loop.run_forever()


def load(descriptor: int, legs: list[int], seconds: float, srtp: bool) -> None:
    """The load process: RTP to every port of `legs`, and the gaps of what comes back."""
    sock = socket.socket(fileno=descriptor)
    sock.setblocking(False)
    buffer = bytearray(2048)
    with contextlib.suppress(BlockingIOError):
        while True:  # what came before this process did
            sock.recv_into(buffer)
    packet = bytearray(struct.pack(">BBHII", 0x80, 8, 0, 0, 0) + b"\x55" * 160)
    mouth = Session(Policy(KEY, Policy.SSRC_ANY_OUTBOUND)) if srtp else None
    begin = time.monotonic()
    slots: list[list[tuple[int, Address]]] = [[] for _ in range(20)]
    for index, port in enumerate(legs):
        slots[index % 20].append((index + 1, ("127.0.0.1", port)))
    last: dict[int, float] = {}
    gaps: list[float] = []
    got = number = 0
    while True:
        now = time.monotonic()
        if now - begin >= seconds:
            break
        if now < begin + number * 0.001:
            time.sleep(begin + number * 0.001 - now)
        for ssrc, to in slots[number % 20]:
            struct.pack_into(">HII", packet, 2, number // 20 & 0xFFFF, number // 20 * 160, ssrc)
            sock.sendto(mouth.protect(bytes(packet)) if mouth else packet, to)
        number += 1
        try:
            while True:
                sock.recv_into(buffer)
                got += 1
                now, leg = time.monotonic(), int.from_bytes(buffer[8:12], "big")
                if leg in last:
                    gaps.append(now - last[leg])
                last[leg] = now
        except BlockingIOError:
            pass
    gaps.sort()
    print(json.dumps({"got": got / seconds / len(legs), "p99": gaps[len(gaps) * 99 // 100], "max": gaps[-1]}))
    sock.close()


def cpu_s(pid: int) -> float:
    """CPU seconds of a process, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def connected(path: Path) -> MediaClient:
    """The engine's end of the process under measurement."""
    client = MediaClient(path, on_event=lambda event: client.ack(event.seq), on_lost=lambda: None)
    for _ in range(1200):
        try:
            await client.take_over(1, 0)
            break
        except ConnectionError:
            await asyncio.sleep(0.05)
    return client


async def set_up(client: MediaClient, calls: int, bridged: bool, srtp: bool, load_port: int, directory: Path) -> list[int]:
    """Make the calls; returns the legs' ports."""
    prompt = directory / "prompt.wav"
    with wave.open(str(prompt), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(os.urandom(160000))
    legs = [f"leg{index}" for index in range(calls * (1 + bridged))]
    ports = []
    for leg in legs:
        ports.append((await client.request(Open(leg, "call")))["port"])
        await client.request(Remote(leg, "127.0.0.1", load_port, "PCMA", 8, srtp=KEYS if srtp else None))
        if not bridged:
            await client.request(Play(leg, 1, (str(prompt),), loop=True))
    for index in range(calls if bridged else 0):
        one, two = legs[2 * index : 2 * index + 2]
        await client.request(Mix((one, two), {one: (two,), two: (one,)}))
        await client.request(Record(f"r{index}", str(directory / f"r{index}.wav"), one, two))
    return ports


async def measure(kind: str, calls: int, bridged: bool, srtp: bool, seconds: float, directory: Path) -> None:
    """One line of the table."""
    path = directory / "bench.sock"
    process = await asyncio.create_subprocess_exec(sys.executable, __file__, "--serve", kind, str(path))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
        sock.bind(("127.0.0.1", 0))
        try:
            client = await connected(path)
            ports = await set_up(client, calls, bridged, srtp, sock.getsockname()[1], directory)
            order = json.dumps([sock.fileno(), ports, seconds + 3, srtp])
            generator = await asyncio.create_subprocess_exec(
                sys.executable, __file__, "--load", order, stdout=asyncio.subprocess.PIPE, pass_fds=[sock.fileno()]
            )
            await asyncio.sleep(2)
            before, begin = cpu_s(process.pid), time.monotonic()
            await asyncio.sleep(seconds)
            share = (cpu_s(process.pid) - before) / (time.monotonic() - begin)
            out, _ = await generator.communicate()
            result = json.loads(out)
            stats = await client.request(Stats())
            client.close()
        finally:
            process.kill()
            await process.wait()
    print(
        f"{kind:8} {'bridge+record' if bridged else 'play':14} {calls:5} calls {share * 100:6.1f} % of a core"
        f" {share * 1000 / calls:6.2f} ms/call-s  out {result['got']:5.1f}/s a leg"
        f"  p99 {result['p99'] * 1000:4.0f} ms  max {result['max'] * 1000:4.0f} ms"
        f"  quick {100 * stats['quick'] / max(1, stats['received']):3.0f} %"
        f"  unsent {stats['unsent']} gaps {stats['recording_gaps']} skipped {stats['slots_skipped']}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loop", nargs="+", choices=["python", "fast", "asyncio", "uvloop"], default=["python", "fast"])
    parser.add_argument("--play", type=int, nargs="*", default=[50, 200, 400])
    parser.add_argument("--bridge", type=int, nargs="*", default=[50, 100])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--srtp", action="store_true", help="all legs protected")
    parser.add_argument("--load", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve[0], Path(arguments.serve[1]))
    elif arguments.load:
        load(*json.loads(arguments.load))
    else:
        workloads = [(False, calls) for calls in arguments.play] + [(True, calls) for calls in arguments.bridge]
        for _ in range(arguments.rounds):
            for (bridged, calls), kind in itertools.product(workloads, arguments.loop):
                with tempfile.TemporaryDirectory() as directory:
                    asyncio.run(measure(kind, calls, bridged, arguments.srtp, arguments.seconds, Path(directory)))


if __name__ == "__main__":
    main()
