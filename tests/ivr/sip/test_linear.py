"""No header is read in more than linear time: one datagram of blanks once cost an engine a minute."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import pytest

from ivr.sip import digits, sdp
from ivr.sip.auth import parse_digest
from ivr.sip.headers import Headers
from ivr.sip.stream import Stream
from ivr.sip.uri import parse_name_addr, parse_uri, split_list
from ivr.sip.via import Via

SHORT, LONG = 500, 4000
READERS: dict[str, Callable[[str], object]] = {
    "address": parse_name_addr,
    "uri": parse_uri,
    "via": Via.parse,
    "digest": parse_digest,
    "list": lambda text: split_list([text]),
    "headers": lambda text: Headers(f"A: {text}"),
    "stream": lambda text: Stream().receive(f"INVITE\r\nl: {text}\r\n\r\n".encode()),
    "digits": lambda text: digits.read_digit("application/dtmf-relay", text.encode()),
    "description": lambda text: sdp.parse(f"v=0\r\nm=audio 1 RTP/AVP 8\r\na={text}\r\n".encode()),
}
BEGINS = ["", "a", '"', "<", "sip:", "sip:a@", "<sip:a>;x", "SIP/2.0/UDP a", "Digest a=", "signal", "crypto:1 ", "rtpmap:"]
MIDDLES = [" ", "\t ", "a", ";", "; ", ";a=", ",", "a,", '"', '\\"', "=", "1", "\r\n ", "-a "]
ENDS = ["", "<", '"', "\x01"]


def cost(read: Callable[[str], object], begin: str, middle: str, end: str, size: int) -> float:
    """Seconds of this thread, the least of three times."""
    text, found = begin + middle * (size // len(middle)) + end, []
    for _ in range(3):
        start = time.thread_time()
        with contextlib.suppress(ValueError):
            read(text)
        found.append(time.thread_time() - start)
    return min(found)


@pytest.mark.parametrize("name", READERS)
def test_eight_times_the_length_is_not_thirty_times_the_work(name: str) -> None:
    read = READERS[name]
    for begin in BEGINS:
        for middle in MIDDLES:
            for end in ENDS:
                short = cost(read, begin, middle, end, SHORT)
                # A square would be 64 times; what is too short to be measured counts as 100 µs.
                if cost(read, begin, middle, end, LONG) > 30 * max(short, 1e-4):
                    pytest.fail(f"{begin!r} + {middle!r} * n + {end!r}")
