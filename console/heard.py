"""[io] Menus as callers hear them: the document by hotline and time, and what people call its nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from followup.menus import source_at
from ivr.flow.load import load
from ivr.flow.model import Document

if TYPE_CHECKING:
    from sqlalchemy import Engine


def menu_at(engine: Engine, hotline: str, at: float) -> Document | None:
    """The menu that a hotline's callers heard who came at that time; None where the books have none."""
    source = source_at(engine, hotline, at)
    return _read(source) if source else None


def titles(engine: Engine, hotlines: Iterable[str], at: float) -> Mapping[str, Mapping[str, str]]:
    """What people call the nodes of each hotline's menu, by name; a node without a title is left out."""
    found = {hotline: menu_at(engine, hotline, at) for hotline in hotlines}
    return {
        hotline: {name: node.title for name, node in menu.every_node.items() if node.title}
        for hotline, menu in found.items()
        if menu is not None
    }


@lru_cache(maxsize=32)
def _read(source: str) -> Document | None:
    return load(source).document
