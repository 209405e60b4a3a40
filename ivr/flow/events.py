"""What happens to a running menu (events) and what it wants done (actions). Plain values, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class PromptDone:
    """The prompts of `Play(play)` were heard to their end. A number that is not the latest play's is ignored."""

    play: int


@dataclass(frozen=True, slots=True)
class Key:
    """The caller pressed a key: one of 0-9 * # A-D."""

    digit: str


@dataclass(frozen=True, slots=True)
class QueueReturned:
    """The queue gave the caller back to the menu without a talk."""

    why: Literal["time_limit", "closed"]


@dataclass(frozen=True, slots=True)
class Resume:
    """The engine restarted or media was lost: what the caller was hearing is said again.

    Nothing follows for a caller who is in a queue; one who was only on the way into it is queued without the greeting.
    """


FlowEvent = PromptDone | Key | QueueReturned | Resume


@dataclass(frozen=True, slots=True)
class Play:
    """Play these prompts, one after the other, in `language` ("zh", "en"); replaces what plays. `play` grows by one."""

    play: int
    prompts: tuple[str, ...]
    language: str


@dataclass(frozen=True, slots=True)
class StopPlay:
    """Fall silent: the caller barged in. No PromptDone is wanted."""


@dataclass(frozen=True, slots=True)
class EnterQueue:
    """Queue the caller; the menu then waits for QueueReturned. Announcements there are in `FlowRun.language`."""

    queue: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call; the menu is over. reason: "menu_ended", or "time_limit" when a queue's time limit led here."""

    reason: str


@dataclass(frozen=True, slots=True)
class Visit:
    """The caller came to this node (for the call's timeline). Built-in endings begin with "-"."""

    node: str


@dataclass(frozen=True, slots=True)
class Pressed:
    """This node took this key (for the call's timeline)."""

    node: str
    digit: str


FlowAction = Play | StopPlay | EnterQueue | HangUp | Visit | Pressed
