"""A Document to YAML, as people write menus: the fields in the order of the model, what is as it is by default left out, short
forms where the language has them. load(to_yaml(document)).document == document."""

from __future__ import annotations

from typing import Any

import yaml
from pydantic import BaseModel

from ivr.flow.model import Document
from ivr.flow.node import Node
from ivr.flow.nodes.condition import Case
from ivr.flow.nodes.extension import Place
from ivr.flow.nodes.menu import Choice
from ivr.flow.nodes.queue import Leave

WIDTH = 100
"""Longer lists and mappings stand one entry a line."""
_BLOCK = ("nodes", "flows", "keys", "directory", "cases", "variables", "values", "send", "keep", "when")
"""What stands in these fields has a line for each entry."""


def to_yaml(document: Document) -> str:
    """The document as text; not the comments and the spelling it was read from."""
    return yaml.dump(_plain(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000_000, indent=2)


class _Inline(dict[str, Any]):
    """A mapping in one line."""


class _InlineList(list[Any]):
    """A list in one line."""


def _plain(value: Any, field: str = "") -> Any:
    """What is written for a value that stands in this field."""
    if isinstance(value, Choice | Leave | Place) and [name for name, _ in _fields(value)] == ["to"]:
        return value.to
    if isinstance(value, BaseModel):
        written = {name: _plain(inner, name) for name, inner in _fields(value)}
        return written if isinstance(value, Node | Document) or field in _BLOCK else _inline(written)
    if isinstance(value, dict):
        written = {name: _plain(inner, "flows" if field == "flows" else "") for name, inner in value.items()}
        return written if field in _BLOCK else _inline(written)
    if isinstance(value, tuple):
        if len(value) == 1 and not isinstance(value[0], Case):
            return _plain(value[0])
        items = [_plain(each, field) for each in value]
        return items if field in _BLOCK else _inline_list(items)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _fields(value: BaseModel) -> list[tuple[str, Any]]:
    """The fields that are not as they are by default, by the names they have in a document; a node's kind comes first."""
    fields = type(value).model_fields
    names = sorted(fields, key=lambda name: name != "kind")
    return [
        (fields[name].alias or name, getattr(value, name))
        for name in names
        if fields[name].is_required() or getattr(value, name) != fields[name].get_default(call_default_factory=True)
    ]


def _inline(value: dict[str, Any]) -> dict[str, Any]:
    return _Inline(value) if _fits(value) else value


def _inline_list(value: list[Any]) -> list[Any]:
    return _InlineList(value) if _fits(value) else value


def _fits(value: Any) -> bool:
    """Whether it is short enough for one line, and nothing in it needs several."""
    children = list(value.values()) if isinstance(value, dict) else value
    flat = all(not isinstance(each, dict | list) or isinstance(each, _Inline | _InlineList) for each in children)
    return flat and len(str(value)) <= WIDTH


class _Dumper(yaml.SafeDumper):
    """Quotes are double, lists are indented."""

    def choose_scalar_style(self) -> str:
        style: str = super().choose_scalar_style()
        return '"' if style == "'" else style

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    _Inline, lambda dumper, value: dumper.represent_mapping("tag:yaml.org,2002:map", value, flow_style=True)
)
_Dumper.add_representer(
    _InlineList, lambda dumper, value: dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=True)
)
