"""The four transaction machines of RFC 3261 17 with the accepted state of RFC 6026. Over a reliable transport a message is
sent once (timers A, E and G rest), but a 2xx is repeated all the same until its ACK (13.3.1.4).

Each holds the bytes it repeats, says when it wants to be woken (`deadline`), and returns what to send. It never looks into
a message: the caller tells it the status. A machine whose `state` is TERMINATED can be dropped; `failed` then says that a
timer and not a message ended it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from ivr.sip.events import Address, Send

T1 = 0.5
T2 = 4.0
T4 = 5.0
LIMIT_S = 64 * T1
"""Timers B, F, H, J, L and M, and D, which only must not be shorter than 32 s."""
PROVISIONAL_S = 60.0
"""A ringing UAS repeats its 1xx each minute, or proxies give up (RFC 3261 13.3.1.1)."""


class State(StrEnum):
    """States of all four machines; TRYING is the client's calling state too."""

    TRYING = "trying"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


class Transaction(ABC):
    """What the four share: one message to repeat, when to repeat it next and when to end."""

    def __init__(self, destination: Address, data: bytes = b"", *, reliable: bool = False) -> None:
        self.state = State.TRYING
        self.destination = destination
        self.data = data
        self.reliable = reliable
        self.failed = False
        self.repeat_at: float | None = None
        self.end_at: float | None = None
        self._interval = T1

    @property
    def deadline(self) -> float | None:
        """When tick() wants to be called, None for never."""
        if self.repeat_at is None or self.end_at is None:
            return self.end_at if self.repeat_at is None else self.repeat_at
        return min(self.repeat_at, self.end_at)

    @property
    def over(self) -> bool:
        """Whether it can be dropped."""
        return self.state is State.TERMINATED

    @property
    def waits(self) -> bool:
        """Whether no final response has come or gone."""
        return self.state in {State.TRYING, State.PROCEEDING}

    def tick(self, now: float) -> list[Send]:
        """Fire what is due."""
        if self.end_at is not None and now >= self.end_at:
            self._expire()
            return []
        if self.repeat_at is not None and now >= self.repeat_at:
            self._repeat(now, self._next_interval())
            return [self._send()]
        return []

    def end(self) -> None:
        """Stop at once."""
        self.state = State.TERMINATED
        self.repeat_at = self.end_at = None

    def to_json(self, now: float) -> dict[str, Any]:
        """State, destination, bytes and seconds left; the time of the next repetition is not kept: the first one after
        restore() is at once."""
        return {
            "state": str(self.state),
            "destination": self.destination.to_json(),
            "data": self.data.decode("utf-8", "surrogateescape"),
            "repeats": self.repeat_at is not None or (self.reliable and self.state is State.TRYING and self.data != b""),
            "end_s": None if self.end_at is None else round(max(0.0, self.end_at - now), 3),
        }

    def restore(self, data: Mapping[str, Any], now: float) -> None:
        """Take up what to_json() wrote."""
        self.state = State(data["state"])
        self.destination = Address(*data["destination"])
        self.data = data["data"].encode("utf-8", "surrogateescape")
        self.repeat_at = now if data["repeats"] else None
        self.end_at = None if data["end_s"] is None else now + data["end_s"]

    @abstractmethod
    def _expire(self) -> None:
        """The last timer."""

    def _next_interval(self) -> float:
        return min(2 * self._interval, T2)

    def _send(self) -> Send:
        return Send(self.data, self.destination)

    def move(self, destination: Address, data: bytes, now: float, *, reliable: bool) -> list[Send]:
        """Send the message, written anew, by another way: the first one leads nowhere."""
        self.destination, self.data, self.reliable = destination, data, reliable
        self._repeat(now)
        return [self._send()]

    def fail(self) -> None:
        """The transport can't deliver it (17.1.4)."""
        self.failed = True
        self.end()

    def _sent_once(self) -> bool:
        return self.reliable

    def _repeat(self, now: float, interval: float = T1) -> None:
        self._interval = interval
        self.repeat_at = None if self._sent_once() else now + interval


class ClientInvite(Transaction):
    """17.1.1: A repeats the INVITE, B ends it unanswered, D absorbs repeated failures, M absorbs 2xx (which the caller
    gets, each of them). given_up: nothing came in the time of be_patient(); what comes until timer B is looked at still."""

    given_up = False
    _limit_at: float | None = None  # timer B, while patience is shorter

    def start(self, now: float) -> list[Send]:
        """Send the INVITE."""
        self._repeat(now)
        self.end_at = now + LIMIT_S
        return [self._send()]

    def receive(self, status: int, now: float, ack: Send | None = None) -> tuple[bool, list[Send]]:
        """A response; ack is the ACK to send for a failure (300 to 699). The flag tells whether the caller is to look at
        the response."""
        waiting, self._limit_at = self.waits, None
        if status < 200:
            if waiting:
                self.repeat_at = None
                if self.state is State.TRYING:
                    self.state, self.end_at = State.PROCEEDING, None
            return waiting, []
        if status < 300:
            if waiting:
                self.state, self.repeat_at, self.end_at = State.ACCEPTED, None, now + LIMIT_S
            return self.state is State.ACCEPTED, []
        acks = [] if ack is None or self.state is State.ACCEPTED else [ack]
        if waiting:
            self.state, self.repeat_at, self.end_at = State.COMPLETED, None, now + LIMIT_S
        return waiting, acks

    def bound(self, at: float) -> None:
        """End it at this time if no final response came: after CANCEL (9.1), and for a re-INVITE."""
        if self.waits:
            self.end_at = at if self.end_at is None else min(at, self.end_at)

    def be_patient(self, until: float) -> None:
        """Give it up at this time if no response at all came by then."""
        if self.end_at is not None and until < self.end_at:
            self._limit_at, self.end_at = self.end_at, until

    def hush(self) -> None:
        """Repeat the INVITE no more."""
        self.repeat_at = None

    def _next_interval(self) -> float:
        return 2 * self._interval  # timer A has no ceiling

    def _expire(self) -> None:
        if self._limit_at is not None:
            self.given_up, self.repeat_at = True, None
            self.end_at, self._limit_at = self._limit_at, None
            return
        self.failed = self.waits
        self.end()


class ClientRequest(Transaction):
    """17.1.2, all other methods: E repeats, F ends it unanswered, K absorbs repeated answers."""

    def start(self, now: float) -> list[Send]:
        """Send the request."""
        self._repeat(now)
        self.end_at = now + LIMIT_S
        return [self._send()]

    def receive(self, status: int, now: float) -> bool:
        """A response; True if the caller is to look at it."""
        if self.state in {State.COMPLETED, State.TERMINATED}:
            return False
        if status < 200:
            self.state = State.PROCEEDING
            return True
        self.state, self.repeat_at, self.end_at = State.COMPLETED, None, now + T4
        return True

    def _next_interval(self) -> float:
        return T2 if self.state is State.PROCEEDING else super()._next_interval()

    def _expire(self) -> None:
        self.failed = self.state is not State.COMPLETED
        self.end()


class ServerInvite(Transaction):
    """17.2.1 and the UAS core's repetition of 2xx (13.3.1.4): G repeats the final response from T1 to T2, H or L ends it
    without ACK, I absorbs ACKs.

    A 2xx that nobody acknowledged ends with `failed`.
    """

    def __init__(self, destination: Address, data: bytes = b"", *, reliable: bool = False) -> None:
        super().__init__(destination, data, reliable=reliable)
        self.state = State.PROCEEDING
        self.until_prack = False

    def request(self) -> list[Send]:
        """The INVITE came again: the last response goes out again."""
        return [self._send()] if self.data and self.state is not State.CONFIRMED else []

    def respond(self, status: int, data: bytes, now: float, *, until_prack: bool = False) -> list[Send]:
        """Answer it. Nothing happens once a final response is out. until_prack: a provisional response that is repeated until
        pracked(); without that it ends with `failed`, and this transaction still wants its final response (RFC 3262 3)."""
        if self.state is not State.PROCEEDING:
            return []
        self.data = data
        self.pracked()
        if status >= 200:
            self.state = State.ACCEPTED if status < 300 else State.COMPLETED
        if status >= 200 or until_prack:
            self.until_prack = until_prack
            self.end_at = now + LIMIT_S
            self._repeat(now)
        elif status > 100:
            self._repeat(now, PROVISIONAL_S)
        return [self._send()]

    def pracked(self) -> None:
        """The last provisional response arrived: it is repeated no more."""
        self.failed = self.until_prack = False
        self.repeat_at = self.end_at = None

    def acknowledge(self, now: float) -> bool:
        """The ACK came; True for the first one to a final response."""
        if self.state is State.ACCEPTED:
            # Kept for a while so that a repeated INVITE finds its response and not a new call.
            self.state, self.repeat_at, self.end_at = State.CONFIRMED, None, now + LIMIT_S
            return True
        if self.state is State.COMPLETED:
            self.state, self.repeat_at, self.end_at = State.CONFIRMED, None, now + T4
            return True
        return False

    def _sent_once(self) -> bool:
        return self.reliable and self.state is State.COMPLETED

    def _next_interval(self) -> float:
        if self.until_prack:
            return 2 * self._interval
        return PROVISIONAL_S if self.state is State.PROCEEDING else super()._next_interval()

    def _expire(self) -> None:
        if self.until_prack:
            self.pracked()
            self.failed = True
            return
        self.failed = self.state is State.ACCEPTED
        self.end()


class ServerRequest(Transaction):
    """17.2.2, all other methods: the answer is repeated when the request is, for J seconds. One that the app never answers
    ends after as long."""

    def start(self, now: float) -> None:
        """The request came."""
        self.end_at = now + LIMIT_S

    def request(self) -> list[Send]:
        """The request came again."""
        return [self._send()] if self.state is State.COMPLETED else []

    def respond(self, data: bytes, now: float) -> list[Send]:
        """Answer it, once."""
        if self.state is not State.TRYING:
            return []
        self.data, self.state, self.end_at = data, State.COMPLETED, now + LIMIT_S
        return [self._send()]

    def _expire(self) -> None:
        self.end()
