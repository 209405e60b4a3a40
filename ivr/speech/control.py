"""What engine and speech process say to each other over a unix stream socket: one JSON object a line (ivr/lines/wire.py).

A turn is one utterance of one caller, under a number that the engine gives and no other turn ever has. It ends with its first
result, with Close, or with the connection: nothing of it is kept. Its sound comes from media (frames.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from ivr.lines.wire import ControlError, Language, number, one_of, text
from ivr.speech.recogniser import Guess

Mistake: TypeAlias = Literal["unknown", "too_much", "noise"]
Failure: TypeAlias = Literal["slow", "failed"]

BUSY = "busy"
"""The error of an Open for which there is no room."""

# Commands


@dataclass(frozen=True, slots=True)
class Hello:
    """First command of a connection: take over as the engine; turns of the one before are gone.

    Reply {"instance": str, "pid": int, "turns": most at once, "languages": [str]}.
    """

    do: ClassVar[str] = "hello"


@dataclass(frozen=True, slots=True)
class Open:
    """Reserve a recogniser for this turn. Reply {"socket": where media is to send its frames}; the error BUSY when there is no
    room, or another text when it can't be done: nobody speaks the language here, no word of it is the model's.

    `words` as Grammar.phrases; () is open dictation. `pause_s` of silence ends what is said, `max_s` of speech is too much.
    """

    do: ClassVar[str] = "open"
    turn: int
    call: str
    language: str
    words: tuple[str, ...]
    repeat: bool = False
    pause_s: float = 0.5
    max_s: float = 8.0

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if not (0 < self.turn < 1 << 64 and 0.1 <= self.pause_s <= 10 and 0.5 <= self.max_s <= 120):
            raise ValueError("turn is a number of 64 bits, pause_s 0.1 to 10, max_s 0.5 to 120")


@dataclass(frozen=True, slots=True)
class Close:
    """The turn is not wanted any more; an unknown one is fine."""

    do: ClassVar[str] = "close"
    turn: int


@dataclass(frozen=True, slots=True)
class Stats:
    """Reply: counters since the process started, {name: number}. Anybody may ask, and a process that is well answers at
    once."""

    do: ClassVar[str] = "stats"


Command: TypeAlias = Hello | Open | Close | Stats

# Events


@dataclass(frozen=True, slots=True)
class Began:
    """Somebody speaks in this turn."""

    type: ClassVar[str] = "began"
    turn: int


@dataclass(frozen=True, slots=True)
class Understood:
    """What was said (recogniser.Heard); the turn is over.

    `waited_ms` is the silence until it counted as said, `decoded_ms` how long the rest of the decoding took then; `lost`
    samples did not get here from media.
    """

    type: ClassVar[str] = "understood"
    turn: int
    text: str
    confidence: float
    alternatives: tuple[Guess, ...] = ()
    waited_ms: int = 0
    decoded_ms: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Misheard:
    """It was none of the words (unknown), too long, or no words at all (noise); the turn is over."""

    type: ClassVar[str] = "misheard"
    turn: int
    why: Mistake


@dataclass(frozen=True, slots=True)
class Failed:
    """Decoding takes too long, or broke down; the turn is over."""

    type: ClassVar[str] = "failed"
    turn: int
    why: Failure


Message: TypeAlias = Began | Understood | Misheard | Failed


def _guesses(value: Any) -> tuple[Guess, ...]:
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise ControlError(f"{value!r:.40} is no list of objects")
    return tuple(Guess(text(one.get("text")), number(one.get("confidence"))) for one in value)


SPEECH = Language(
    (Hello, Open, Close, Stats),
    (Began, Understood, Misheard, Failed),
    {
        "tuple[Guess, ...]": _guesses,
        "Mistake": one_of("unknown", "too_much", "noise"),
        "Failure": one_of("slow", "failed"),
    },
)
