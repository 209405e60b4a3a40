"""Messages out of a byte stream, however it is cut, and what is never taken."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.sip.stream import MAX_BODY_BYTES, MAX_HEAD_BYTES, PING, Stream, StreamError


def message(body: bytes = b"", length: str = "Content-Length: {}", more: str = "") -> bytes:
    return f"INFO sip:a SIP/2.0\r\n{more}{length.format(len(body))}\r\n\r\n".encode() + body


ONE, TWO, FOLDED, COMPACT = (
    message(b"v=0\r\n\r\n"),
    message(),
    message(b"abc", "Content-Length:\r\n {}"),
    message(b"xy", "l : {}", more="Subject: Content-Length: 7\r\n"),
)


@given(st.lists(st.sampled_from([ONE, TWO, FOLDED, COMPACT, PING]), max_size=6), st.data())
def test_any_cut_gives_the_same_messages(messages: list[bytes], data: st.DataObject) -> None:
    """Pongs between messages say nothing; a ping may be followed by anything."""
    whole = b"".join(messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    stream, found = Stream(), []
    for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        found += stream.receive(whole[start:end])
    assert found == messages
    assert stream.empty


def test_a_pong_is_passed_over_and_half_a_message_waits() -> None:
    stream = Stream()
    steps = [(stream.receive(data), stream.empty) for data in (b"\r\n", TWO + b"\r\n" + ONE[:-1], ONE[-1:])]
    assert steps == [([], True), ([TWO], False), ([ONE], True)]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"A" * (MAX_HEAD_BYTES + 1), "headers too long"),
        (b"A" * (MAX_HEAD_BYTES + 1) + b"\r\n\r\n", "headers too long"),
        (message(length="Content-Length: x"), "bad Content-Length"),
        (message(length="Content-Length: -1"), "bad Content-Length"),
        (message(length="Content-Length: 9999999"), "bad Content-Length"),
        (message(length=f"Content-Length: {MAX_BODY_BYTES + 1}"), "bad Content-Length"),
        (message(length="Subject: none"), "not one Content-Length"),
        (message(length="Content-Length: 0\r\nl: 1"), "not one Content-Length"),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", "not one Content-Length"),
    ],
)
def test_what_can_not_be_framed_ends_the_stream(data: bytes, why: str) -> None:
    with pytest.raises(StreamError, match=why):
        Stream().receive(data)


def test_the_largest_message_passes() -> None:
    largest = message(b"b" * MAX_BODY_BYTES, more="X: " + "y" * (MAX_HEAD_BYTES - 60) + "\r\n")
    assert Stream().receive(largest) == [largest]


def test_drop_by_drop_costs_no_more_than_at_once() -> None:
    """The end of the headers is searched for where new bytes are, not from the beginning each time."""
    stream = Stream()
    for octet in message(more="X: " + "y" * 8000 + "\r\n")[:-1]:
        assert stream.receive(bytes([octet])) == []
    assert stream._searched > 8000


@given(st.binary(max_size=300))
def test_garbage_is_kept_or_refused(data: bytes) -> None:
    with suppress(StreamError):
        assert all(Stream().receive(data))
