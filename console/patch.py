"""What pages that show a drawing need to show the next one: the pieces that differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Drawing:
    """A board as HTML, in pieces: parts by name, and lists of items by key, in their order. shape: two drawings of different
    shapes have nothing to do with each other."""

    shape: tuple[bool, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def patch(old: Drawing, new: Drawing) -> dict[str, Any] | None:
    """{parts: {name: HTML}, lists: {name: {order: [key, …], items: {key: HTML}}}}: what differs; order only where keys came,
    went or moved. None between drawings of different shapes."""
    if old.shape != new.shape:
        return None
    lists = {name: _items(old.lists.get(name, {}), items) for name, items in new.lists.items()}
    return {
        "parts": {name: html for name, html in new.parts.items() if old.parts.get(name) != html},
        "lists": {name: change for name, change in lists.items() if change},
    }


def _items(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, Any]:
    change: dict[str, Any] = {}
    if list(old) != list(new):
        change["order"] = list(new)
    items = {key: html for key, html in new.items() if old.get(key) != html}
    if items:
        change["items"] = items
    return change
