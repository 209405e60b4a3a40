"""What the rules know of the installation around a menu."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is, by kind. None: not known, so not checked."""

    prompts: Mapping[str, Collection[str]] | None = None
    """The prompts, by language."""
    queues: Collection[str] | None = None
    recorded: Collection[str] | None = None
    """The queues whose talks are recorded; not known counts as all. With none of them, talks with seats aren't either."""
    lengths: Mapping[str, Mapping[str, float]] | None = None
    """How long the prompts are, in seconds, by language and name."""
    lookups: Collection[str] | None = None
    calendars: Collection[str] | None = None
    seats: Collection[str] | None = None
    """Seats by number."""
    trunks: Collection[str] | None = None
    refusal: Callable[[str, str], str] | None = None
    """Why the dial plan doesn't let a number out by a trunk ("": by any): `why` of ivr.dialplan.Refused; "" where it does."""
    vocabulary: Mapping[str, Collection[str]] | None = None
    """The words of the models that hear callers, by language."""


UNKNOWN = Facts()
"""Nothing is known of the installation."""
