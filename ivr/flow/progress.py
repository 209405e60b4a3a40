"""How far a caller has come in a menu: all that is put down of a run, and picked up again by another engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ivr.flow.model import AnyNode, Document
from ivr.flow.node import END

Level = tuple[str, str, tuple[tuple[str, str], ...]]
"""A menu: its name, the language spoken there, the sub-flows it is in."""


@dataclass(slots=True)
class Ear:
    """What is known of the turn in which the caller is heard. What follows `told` concerns the node where the caller is."""

    turn: int = 0
    """The latest one."""
    open: bool = False
    """The call hears it."""
    speaking: bool = False
    """The caller has begun to speak."""
    cut: bool = False
    """That hushed the prompt."""
    told: bool = False
    """The caller was told that speech is not to be had."""
    lost: int = 0
    """So often nobody heard."""
    noises: int = 0
    """So often there was sound without words."""
    doubt: str | None = None
    """The answer that is being asked about."""
    doubts: int = 0
    """So often that got no answer."""
    refused: list[str] = field(default_factory=list)
    """Answers that were not what the caller meant."""

    def renew(self) -> None:
        """The caller has come to another node."""
        self.speaking = self.cut = False
        self.lost = self.noises = self.doubts = 0
        self.doubt = None
        self.refused = []


_UNUSED = Ear()


@dataclass(slots=True)
class Progress:
    """Times are of the clock `now` of the run; `epoch` is what to add to it for seconds since 1970."""

    name: str
    language: str
    values: dict[str, str]
    node: AnyNode | None = None
    answered: bool = True
    play: int = 0
    question: int = 0
    playing: bool = False
    heard_by: float | None = None
    """The play counts as heard then."""
    due: float | None = None
    """What is waited for is over then."""
    counts: dict[str, int] = field(default_factory=dict)
    typed: str = ""
    levels: list[Level] = field(default_factory=list)
    entered: list[tuple[str, str]] = field(default_factory=list)
    """Sub-flows, each with where its return leads."""
    kept: str = ""
    visits: int = 0
    reason: str = "menu_ended"
    ended: bool = False
    epoch: float = 0.0
    ear: Ear = field(default_factory=Ear)

    @classmethod
    def first(cls, document: Document) -> Progress:
        """Before the first node."""
        return cls(document.start, document.language, dict(document.variables))

    def to_json(self, now: float) -> dict[str, Any]:
        """As JSON values; times as seconds that remain."""
        return {
            "node": self.name if self.node is not None else None,
            "language": self.language,
            "values": dict(self.values),
            "answered": self.answered,
            "play": self.play,
            "question": self.question,
            "playing": self.playing,
            "remaining_s": [None if at is None else at - now for at in (self.heard_by, self.due)],
            "counts": dict(self.counts),
            "typed": self.typed,
            "levels": [[name, language, [list(flow) for flow in entered]] for name, language, entered in self.levels],
            "entered": [list(flow) for flow in self.entered],
            "kept": self.kept,
            "visits": self.visits,
            "reason": self.reason,
            "ended": self.ended,
            "at": self.epoch + now,
            "ear": {} if self.ear == _UNUSED else asdict(self.ear),
        }

    @classmethod
    def from_json(cls, document: Document, data: Mapping[str, Any], now: float, elapsed_s: float) -> Progress:
        """What to_json() put down `elapsed_s` ago, in the clock of today. A node that `document` no longer has becomes the
        first one, where the caller has done nothing yet."""
        name, ear = data["node"], Ear(**data.get("ear", {}))
        found = cls(
            document.start if name is None else name,
            data["language"],
            dict(data["values"]),
            None if name is None else document.node(name),
            answered=data["answered"],
            play=data["play"],
            question=data["question"],
            levels=[
                (level, language, tuple((flow, then) for flow, then in entered))
                for level, language, entered in data["levels"]
                if level in document.every_node
            ],
            entered=[(flow, then) for flow, then in data["entered"]],
            visits=data["visits"],
            reason=data["reason"],
            ended=data["ended"],
            epoch=data["at"] + elapsed_s - now,
            ear=ear,
        )
        if name is None:
            return found
        if found.node is None:
            found.name = document.start if document.start in document.nodes else END
            found.node = document.node(found.name)
            ear.renew()
            ear.open = False
            return found
        found.playing = data["playing"]
        found.heard_by, found.due = (None if left is None else now + left - elapsed_s for left in data["remaining_s"])
        found.counts = dict(data["counts"])
        found.typed = data["typed"]
        found.kept = data["kept"]
        return found
