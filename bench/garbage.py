"""What 2,000 packets of garbage a second do to 50 running calls: `python bench/garbage.py` starts the site (bench/serve.sh),
plays prompts to 50 callers and prints the gap between their packets, the CPU and the calls that failed, without and with it.

Half of it goes to the SIP port (broken SIP, scans, floods of INVITEs to nowhere, responses to nothing), half to the RTP and
RTCP ports of the running calls (noise, forged streams, forged reports). It comes from the trunk's own network, whose addresses
are never banned for what can be spoofed: every packet is read. Needs sipp and a C compiler, as bench/table.py does.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import TypeAlias

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.load import Client, Level, Measured
from bench.running import HERE, site

RATE, SPELL_S, MEDIA_FROM = 2000, 0.005, 43000
Sent: TypeAlias = ctypes.c_longlong
CALLS = Level(50, ["ivr"], 13.5, window_s=30.0, digit_at_s=8.3)
INVITE = (
    "INVITE sip:{n}@h SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.9:5060;branch=z9hG4bK{n};rport\r\nFrom: <sip:{n}@h>;tag={n}\r\n"
    "To: <sip:{n}@h>\r\nCall-ID: {n}\r\nCSeq: 1 INVITE\r\nContact: <sip:{n}@127.0.0.9>\r\nContent-Length: 0\r\n\r\n"
)


def main() -> None:
    """See the module."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000), hard))
    with tempfile.TemporaryDirectory(prefix="bench-") as name, site() as (target, pid):
        rtpbox = Path(name) / "rtpbox"
        subprocess.run(["cc", "-O2", "-o", str(rtpbox), str(HERE / "client" / "rtpbox.c")], check=True)
        client = Client(target, pid, rtpbox=rtpbox)
        print(
            "| garbage/s | CPU ms per call-s | engine | media | p99 gap ms (30) | worst | failed | packets per call | late ms |"
        )
        print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
        print(_row("none", client.level(CALLS)), flush=True)
        with _garbage(target) as sent:
            began = time.monotonic()
            seen = client.level(CALLS)
            rate = sent.value / (time.monotonic() - began)
        print(_row(f"{rate:.0f}", seen), flush=True)


def _row(name: str, seen: Measured) -> str:
    return (
        f"| {name} | {seen.cpu_ms_in_all:.2f} | {seen.cpu_ms.get('engine', 0.0):.2f} | {seen.cpu_ms.get('media', 0.0):.2f} "
        f"| {seen.gap_p99_ms:.1f} | {seen.worst_gap_ms:.0f} | {seen.failed} of {seen.made} | {seen.packets_median:.0f} "
        f"| {seen.own_late_ms:.0f} |"
    )


@contextlib.contextmanager
def _garbage(target: str) -> Iterator[Sent]:
    """Garbage while the block lasts, from a process of its own; how many packets were sent."""
    sent: Sent = multiprocessing.Value("q", 0, lock=False)
    process = multiprocessing.Process(target=_send, args=(target, sent), daemon=True)
    process.start()
    try:
        yield sent
    finally:
        process.terminate()
        process.join()


def _send(target: str, sent: Sent) -> None:
    """For ever: RATE packets a second, in spells."""
    random, host, port = Random(1), target.partition(":")[0], int(target.partition(":")[2])
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(8)]
    for number, sock in enumerate(sockets):
        sock.bind((f"127.0.0.{number + 2}", 0))
    ports, looked_at, due = _media_ports(), time.monotonic(), time.monotonic()
    while True:
        if due - looked_at > 1.0:
            ports, looked_at = _media_ports(), due
        for number in range(int(RATE * SPELL_S)):
            if number % 2 and ports:
                sockets[random.randrange(8)].sendto(_rtp(random), (host, random.choice(ports)))
            else:
                sockets[random.randrange(8)].sendto(_sip(random), (host, port))
            sent.value += 1
        due += SPELL_S
        time.sleep(max(0.0, due - time.monotonic()))


def _media_ports() -> list[int]:
    """UDP ports that are open in the site's range."""
    lines = Path("/proc/net/udp").read_text(encoding="ascii").splitlines()[1:]
    ports = (int(line.split()[1].partition(":")[2], 16) for line in lines)
    return [port for port in ports if port >= MEDIA_FROM]


def _sip(random: Random) -> bytes:
    """Noise, a message spoiled somewhere, a call to nowhere, a response to nothing."""
    number = random.randrange(10**9)
    whole = INVITE.format(n=number).encode()
    kind = random.randrange(5)
    if kind == 0:
        return random.randbytes(random.choice((1, 40, 1400)))
    if kind == 1:
        at = random.randrange(len(whole))
        return whole[:at] + random.randbytes(3) + whole[at + 3 :]
    if kind == 2:
        return whole.replace(b"INVITE", random.choice((b"OPTIONS", b"REGISTER", b"BYE", b"NOVEL")))
    if kind == 3:
        return b"SIP/2.0 200 OK" + whole[whole.index(b"\r\n") :]
    return whole


def _rtp(random: Random) -> bytes:
    """Noise, a voice packet of somebody else, a report of somebody else."""
    head = random.choice((b"\x80\x08", b"\x80\xc8", b"\x80\x65", b"", b"\x80\xcb"))
    return head + random.randbytes(random.choice((10, 170, 170, 1200)))


if __name__ == "__main__":
    main()
