"""What the outside side of a call has to be: Twilio's Media Streams (twilio/stream.py), later a browser's WebSocket."""

from __future__ import annotations

from typing import Protocol


class Stream(Protocol):
    """One party's sound, as the call uses it. What comes from the party the stream tells its call: sound(), key(), mark(),
    over(). Nothing here blocks; what the party's network doesn't take is dropped."""

    def play(self, sound: bytes) -> bool:
        """Have the party hear this µ-law; False where it can't be taken now."""

    def mark(self, name: str) -> None:
        """Have the name told back when all before it was heard."""

    def clear(self) -> None:
        """Throw away what was not heard yet."""

    def close(self) -> None:
        """End it."""
