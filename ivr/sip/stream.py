"""Messages out of a byte stream (RFC 3261 18.3, 7.5) and the keep-alives between them (RFC 5626 4.4.1)."""

from __future__ import annotations

import re

MAX_HEAD_BYTES = 16384
MAX_BODY_BYTES = 65536
PING = b"\r\n\r\n"
PONG = b"\r\n"
_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"(?im)^(?:content-length|l)[ \t]*+:(?:\r\n(?=[ \t]))?+([^\r\n]*+)\r?$")


class StreamError(ValueError):
    """What comes is no SIP, or more than we take: the stream can't be read on and its connection is closed. The text holds
    nothing of the peer's words. before: the whole messages that came before it."""

    before: tuple[bytes, ...] = ()


class Stream:
    """One direction of a connection. Never holds more than one message and what one receive() brought."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._whole = 0

    @property
    def empty(self) -> bool:
        """Whether no message is half here."""
        return not self._buffer.strip(b"\r\n")

    def receive(self, data: bytes) -> list[bytes]:
        """The whole messages that are here now, with PING for each ping; a pong says nothing and is passed over.

        StreamError when the next one can't be told from what follows it, or is too long.
        """
        self._buffer += data
        found: list[bytes] = []
        try:
            while (message := self._next()) is not None:
                found.append(message)
                del self._buffer[: len(message)]
                self._searched = self._whole = 0
        except StreamError as error:
            error.before = tuple(found)
            raise
        return found

    def _next(self) -> bytes | None:
        buffer = self._buffer
        if not self._whole:
            if buffer.startswith(PING):
                return PING
            if buffer.startswith(PONG):
                if len(buffer) < len(PING) and PING.startswith(buffer):
                    return None  # a pong, or half a ping
                del buffer[: len(PONG)]
            self._whole = self._measure()
        return bytes(buffer[: self._whole]) if 0 < self._whole <= len(buffer) else None

    def _measure(self) -> int:
        """The length of the message that the buffer begins with, 0 while its headers are not all here."""
        end = self._buffer.find(_END, self._searched)
        if (end if end >= 0 else len(self._buffer)) > MAX_HEAD_BYTES:
            raise StreamError("headers too long")
        if end < 0:
            self._searched = max(0, len(self._buffer) - len(_END) + 1)
            return 0
        lengths = {bytes(text).strip(b" \t") for text in _LENGTH.findall(self._buffer, 0, end + 2)}
        if len(lengths) != 1:
            raise StreamError("not one Content-Length")
        (text,) = lengths
        if not text.isdigit() or len(text) > 6 or int(text) > MAX_BODY_BYTES:
            raise StreamError("bad Content-Length")
        return end + len(_END) + int(text)
