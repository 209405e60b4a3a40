"""A Finding: one thing wrong with a menu, where it stands and what helps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault. An error keeps a menu from being published, a warning doesn't."""

    severity: Literal["error", "warning"]
    file: str
    line: int
    """Counted from 1; 0 when it concerns the whole file."""
    node: str
    """The node's name, or "" outside the nodes."""
    message: str
    remedy: str
    rule: str
    """A short fixed name of the rule (`missing_target`), for translations and tests."""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        node = f" [{self.node}]" if self.node else ""
        return f"{where}: {self.severity}:{node} {self.message} {self.remedy}".rstrip()


Lines = Mapping[tuple[str, ...], int]
"""Line numbers (from 1) of what stands at a path, e.g. ("nodes", "main", "keys", "1")."""


def line_of(lines: Lines, path: tuple[str, ...]) -> int:
    """The line of `path`, or of the nearest thing around it; 0 where nothing is known."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 0)
