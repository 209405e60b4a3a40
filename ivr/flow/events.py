"""What happens to a running menu (events) and what it wants done (actions). Plain values, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

# What happens


@dataclass(frozen=True, slots=True)
class PromptDone:
    """The prompts of `Play(play)` were heard to their end. A number that is not the latest play's is ignored."""

    play: int


@dataclass(frozen=True, slots=True)
class Key:
    """The caller pressed a key: one of 0-9 * # A-D."""

    digit: str


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """The caller began to speak in this turn: what plays is hushed, and what is said is waited for."""

    turn: int


@dataclass(frozen=True, slots=True)
class Alternative:
    """What else it may have been; confidence is 0 to 1."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Words:
    """The caller said this in that turn, as it was understood; the turn is over. alternatives: the best first, the text itself
    not among them. Confidences are 0 to 1."""

    text: str
    turn: int = 0
    confidence: float = 1.0
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True)
class Misheard:
    """What was said is none of the words (unknown), too long (too_much), or no words at all (noise); the turn is over."""

    turn: int
    why: Literal["unknown", "too_much", "noise"]


@dataclass(frozen=True, slots=True)
class NotHearing:
    """Nobody hears this turn: no recogniser is free (busy), it is too slow or gone, or speech was switched off. The turn is
    over and goes on by keys."""

    turn: int
    why: Literal["busy", "slow", "failed", "off"]


@dataclass(frozen=True, slots=True)
class QueueReturned:
    """The queue gave the caller back to the menu without a talk. overflow: it was full."""

    why: Literal["time_limit", "closed", "overflow"]


@dataclass(frozen=True, slots=True)
class Resume:
    """The engine restarted or media was lost: what the caller was hearing is said again.

    Nothing follows for a caller who is in a queue; one who was only on the way into it is queued without the greeting.
    """


@dataclass(frozen=True, slots=True)
class LookedUp:
    """The answer to LookUp(number). found: False where the company's system knows nothing, None where it could not be asked."""

    number: int
    found: bool | None
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QueueSeen:
    """The answer to AskQueue(number). ready: seats that could take a call now; wait_s: what the next caller would wait, or None
    where nobody knows."""

    number: int
    waiting: int
    ready: int
    wait_s: float | None = None


@dataclass(frozen=True, slots=True)
class ConnectFailed:
    """Whom Connect named could not be had: busy, no_answer, refused, unknown (there is no such seat), forbidden (no trunk lets
    the number out)."""

    why: str


@dataclass(frozen=True, slots=True)
class MessageDone:
    """The recording of RecordMessage ended: by a key of the menu's (StopMessage), silence, its limit, or a fault ("failed").
    seconds: how long the message is."""

    seconds: float
    why: Literal["stopped", "silence", "limit", "failed"] = "stopped"


Outcome = LookedUp | QueueSeen | ConnectFailed | MessageDone
FlowEvent = PromptDone | Key | SpeechBegan | Words | Misheard | NotHearing | QueueReturned | Resume | Outcome

# What is to be done


@dataclass(frozen=True, slots=True)
class Speech:
    """Words for a synthetic voice."""

    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A value to be read aloud: see prompts.reading."""

    kind: str
    value: str


Item = str | Speech | Reading
"""What may be played: a recording by its name, a text, a value."""


@dataclass(frozen=True, slots=True)
class Play:
    """Play these, one after the other, in `language` ("zh", "en"); replaces what plays. `play` grows."""

    play: int
    prompts: tuple[Item, ...]
    language: str


@dataclass(frozen=True, slots=True)
class StopPlay:
    """Fall silent: the caller barged in. No PromptDone is wanted."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Hear what the caller says from now on, over the prompt too, beside keys; takes the place of the turn before. One of
    SpeechBegan, Words, Misheard, NotHearing follows with its turn, or nothing while the caller is silent: menus have timers of
    their own. Words that the model doesn't know are left out."""

    turn: int
    """Grows within a run; what comes for another turn is ignored."""
    language: str
    words: tuple[str, ...]
    """All that may be said, as menus write it; () with dictation: anything."""
    repeat: bool = False
    """The words may follow each other, as digits do."""
    dictation: bool = False
    barge_in: bool = True
    """False: hear only once the prompt has ended."""
    pause_s: float = 0.5
    """So much silence ends what is said."""
    max_s: float = 8.0
    """So much speech is too much."""


@dataclass(frozen=True, slots=True)
class StopListening:
    """The turn is over: a key was pressed, or the way has led on."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer the call, which until now has only heard what may be said before."""


@dataclass(frozen=True, slots=True)
class Announce:
    """What a waiting caller is told each `every_s`: position and expected wait, if known, and prompts."""

    every_s: float
    position: bool = False
    wait: bool = False
    prompts: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class EnterQueue:
    """Queue the caller; the menu then waits for QueueReturned, or for a key of `keys`. Announcements there are in
    `FlowRun.language`. priority: higher is served first. What is None is as the queue's settings say."""

    queue: str
    priority: int = 0
    music: str | None = None
    time_limit_s: float | None = None
    max_waiting: int | None = None
    announce: Announce | None = None
    keys: str = ""


@dataclass(frozen=True, slots=True)
class LeaveQueue:
    """The caller leaves the queue by a key, for what follows."""


@dataclass(frozen=True, slots=True)
class Connect:
    """Call a seat by its number, or an outside number, and join the caller with it; ConnectFailed says that it can't be had."""

    kind: Literal["seat", "number"]
    to: str
    trunk: str = ""
    ring_s: float = 30.0


@dataclass(frozen=True, slots=True)
class LookUp:
    """Ask the company's system that is named so in the settings; LookedUp(number) follows within timeout_s. keep: variables and
    the places in the answer ("order.status") where their values stand."""

    number: int
    lookup: str
    send: Mapping[str, str]
    timeout_s: float
    keep: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AskQueue:
    """How full is this queue? QueueSeen(number) follows."""

    number: int
    queue: str


@dataclass(frozen=True, slots=True)
class Promise:
    """A return call is owed: to `number`, or to the caller's own where it is empty. `reason` stands in what is owed."""

    number: str
    reason: str


@dataclass(frozen=True, slots=True)
class RecordMessage:
    """Record what the caller says, until StopMessage, that much silence, or the limit; MessageDone follows. Under min_s it is
    none."""

    max_s: float
    silence_s: float
    min_s: float = 0.0


@dataclass(frozen=True, slots=True)
class StopMessage:
    """The message is over; keep: whether it is kept."""

    keep: bool = True


@dataclass(frozen=True, slots=True)
class Rated:
    """The caller rated the talk: the key, and what it meant."""

    key: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """The caller doesn't want the talk recorded."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call; the menu is over. reason: "menu_ended", or "time_limit" when a queue's time limit led here. refuse: the
    status for a call that was not answered."""

    reason: str
    refuse: int = 0


@dataclass(frozen=True, slots=True)
class Visit:
    """The caller came to this node (for the call's timeline). Built-in endings begin with "-". title: what people call it, ""
    where the menu doesn't say."""

    node: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Pressed:
    """This node took this key (for the call's timeline)."""

    node: str
    digit: str


@dataclass(frozen=True, slots=True)
class Said:
    """This node took these words (for the call's timeline); "***" where they are secret."""

    node: str
    text: str
    confidence: float = 1.0
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """What was said at this node was not understood (for the call's timeline: `misheard`). why: as Misheard's."""

    node: str
    why: str


@dataclass(frozen=True, slots=True)
class NotHeard:
    """Nobody heard what was said at this node (for the call's timeline: `not_hearing`). why: as NotHearing's."""

    node: str
    why: str


@dataclass(frozen=True, slots=True)
class Entered:
    """A value was given to a variable at this node (for the call's timeline); a secret one is "***". valid: False for what was
    keyed in and can't be right."""

    node: str
    variable: str
    value: str
    valid: bool = True


FlowAction = (
    Play
    | StopPlay
    | Listen
    | StopListening
    | Answer
    | EnterQueue
    | LeaveQueue
    | Connect
    | LookUp
    | AskQueue
    | Promise
    | RecordMessage
    | StopMessage
    | Rated
    | Unrecorded
    | HangUp
    | Visit
    | Pressed
    | Said
    | NotUnderstood
    | NotHeard
    | Entered
)
