"""A Finding: one thing wrong with a menu, where it stands and what helps, in Chinese or English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ivr.flow.messages import MESSAGES, rendered
from ivr.flow.parts import Language

Value = str | int | float | tuple[str, ...]
"""What stands in a message's places: several are joined as the language joins them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault. An error keeps a menu from being published, a warning doesn't."""

    file: str
    line: int
    """Counted from 1; 0 when it concerns the whole file."""
    node: str
    """The node's full name, or "" outside the nodes."""
    key: str
    """Which message: the rule's short fixed name, and after a dot which of its messages where it has several."""
    values: Mapping[str, Value] = field(default_factory=dict)

    @property
    def rule(self) -> str:
        """The rule's name: `missing_target`."""
        return self.key.partition(".")[0]

    @property
    def severity(self) -> Literal["error", "warning"]:
        return MESSAGES[self.key].severity

    def message(self, language: Language = "en") -> str:
        """What is wrong, in that language."""
        return rendered(MESSAGES[self.key].message[language], self.values, language)

    def remedy(self, language: Language = "en") -> str:
        """What helps, or ""."""
        return rendered(MESSAGES[self.key].remedy[language], self.values, language)

    def text(self, language: Language = "en") -> str:
        """The line that people read: file, line, node, what and what helps."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        node = f" [{self.node}]" if self.node else ""
        if language == "zh":
            severity = "错误" if self.severity == "error" else "警告"
            return f"{where}: {severity}：{node.lstrip()}{' ' if node else ''}{self.message('zh')}{self.remedy('zh')}"
        return f"{where}: {self.severity}:{node} {self.message()} {self.remedy()}".rstrip()

    def to_json(self, language: Language = "en") -> dict[str, str | int]:
        """For editors."""
        return {
            "file": self.file,
            "line": self.line,
            "node": self.node,
            "severity": self.severity,
            "rule": self.rule,
            "message": self.message(language),
            "remedy": self.remedy(language),
        }

    def __str__(self) -> str:
        return self.text()


Lines = Mapping[tuple[str, ...], int]
"""Line numbers (from 1) of what stands at a path, e.g. ("nodes", "main", "keys", "1")."""


def line_of(lines: Lines, path: tuple[str, ...]) -> int:
    """The line of `path`, or of the nearest thing around it; 0 where nothing is known."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 0)
