"""A seeded mutation fuzzer: the same seed, the same messages. HOTLINE_FUZZ_SEED chooses another one than the usual."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Sequence
from pathlib import Path
from random import Random

SEED = int(os.environ.get("HOTLINE_FUZZ_SEED", "4475"))

PIECES = [
    b"\r\n", b"\r\n ", b"\n", b"\r", b";", b"=", b'"', b"<", b">", b",", b":", b"@", b"%", b"%00", b"\\", b" ", b"\t", b"\0",
    b"\xff", b"\xe4\xbd\xa0", b"[", b"]", b"/", b"?", b"*", b"-1", b"0", b"99999999999", b"4294967296", b"lr", b"tag=",
    b"branch=z9hG4bK", b"sip:", b"sips:", b"tel:", b"SIP/2.0", b"INVITE", b"application/sdp", b" " * 300, b"a" * 300,
    b";a" * 100, b"1e999", b"nan",     b"0.0.0.0", b"255.255.255.255", b"[::1]", b"replaces", b"100rel", b"timer",
]  # fmt: skip
_NUMBER = re.compile(rb"\d+")
NUMBERS = [b"0", b"1", b"1e999", b"65536", b"2147483648", b"18446744073709551616", b"-1", b"00000000000000000001"]


def mutate(random: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """One to four changes: bytes cut, doubled, flipped or put in; numbers changed; lines lost, doubled, swapped, or taken from
    another message."""
    for _ in range(random.choice((1, 1, 2, 4))):
        if not data:
            return data
        match random.randrange(8):
            case 0 | 1:
                at, until = _span(random, len(data))
                data = data[:at] + random.choice((b"", random.choice(PIECES), data[at:until] * 2)) + data[until:]
            case 2:
                at = random.randrange(len(data))
                data = data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]
            case 3:
                numbers = list(_NUMBER.finditer(data))
                if numbers:
                    number = random.choice(numbers)
                    data = data[: number.start()] + random.choice(NUMBERS) + data[number.end() :]
            case 4 | 5:
                data = _lines(random, data, random.choice(others) if others else data)
            case 6 if random.random() < 0.3:
                data = data[: random.randrange(len(data) + 1)]
            case _:
                at, _ = _span(random, len(data))
                data = data[:at] + random.choice(PIECES) + data[at:]
    return data


def _span(random: Random, size: int) -> tuple[int, int]:
    at = random.randrange(size + 1)
    return at, min(size, at + random.choice((0, 1, 3, 20)))


def _lines(random: Random, data: bytes, other: bytes) -> bytes:
    lines = data.split(b"\r\n")
    at = random.randrange(len(lines))
    match random.randrange(4):
        case 0:
            del lines[at]
        case 1:
            lines[at:at] = [lines[at]] * random.choice((1, 2, 50))
        case 2:
            to = random.randrange(len(lines))
            lines[at], lines[to] = lines[to], lines[at]
        case _:
            lines[at] = random.choice(other.split(b"\r\n"))
    return b"\r\n".join(lines)


def resident_kb() -> int:
    """This process's memory, garbage collected."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def alive(*kinds: type) -> list[object]:
    """All objects of these kinds that something still holds."""
    gc.collect()
    return [found for found in gc.get_objects() if isinstance(found, kinds)]
