"""YAML to plain values, with the line of each, for people who write menus by hand.

Every scalar stays text as it was written, so a key 0 is "0", a code 0471 keeps its nought, `on` and `no` stay words; only an
empty value, ~ and null are None. A name given twice is a fault. Anchors, aliases and tags don't belong in a menu (an unquoted *
is an alias to YAML) and are faults.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

SIZE_LIMIT = 512 * 1024
DEPTH_LIMIT = 16


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with the text itself: a message's key and values."""

    line: int
    path: tuple[str, ...]
    key: str
    values: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(slots=True)
class Tree:
    """What the text says: dicts, lists, str and None; `lines` counts from 1."""

    value: Any = None
    lines: dict[tuple[str, ...], int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


class _Stop(Exception):
    def __init__(self, fault: Fault) -> None:
        self.fault = fault


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come. key: the mapping's key whose value comes next."""

    value: Any
    path: tuple[str, ...]
    key: str | None = None
    twice: bool = False


def read_tree(text: str) -> Tree:
    """Read YAML text. Nothing is raised: what is wrong stands in `faults`; `value` is None when nothing can be read."""
    tree = Tree()
    if len(text) > SIZE_LIMIT:
        tree.faults.append(Fault(0, (), "yaml.size", {"limit": SIZE_LIMIT}))
        return tree
    try:
        _build(text, tree)
    except _Stop as stop:
        tree.value = None
        tree.faults.append(stop.fault)
    except yaml.MarkedYAMLError as error:
        tree.value = None
        mark = error.problem_mark or error.context_mark
        alias = "alias" in (error.context or "")
        why = " ".join(part for part in (error.context, error.problem) if part)
        tree.faults.append(Fault(mark.line + 1 if mark else 0, (), "yaml.alias" if alias else "yaml", {"why": why}))
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # PyYAML lets chr() of an impossible escape through
        tree.value = None
        tree.faults.append(Fault(0, (), "yaml.characters", {"why": str(error).splitlines()[0]}))
    return tree


def _build(text: str, tree: Tree) -> None:
    stack: list[_Open] = []
    documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        match event:
            case yaml.DocumentStartEvent():
                documents += 1
                if documents > 1:
                    raise _Stop(Fault(line, (), "yaml.second"))
            case yaml.AliasEvent():
                raise _Stop(Fault(line, (), "yaml.star", {"name": event.anchor or ""}))
            case yaml.ScalarEvent():
                _plain(event, line)
                if stack and isinstance(stack[-1].value, dict) and stack[-1].key is None:
                    _key(stack[-1], event.value, line, tree)
                else:
                    none = event.implicit[0] and event.value in ("", "~", "null", "Null", "NULL")
                    _put(stack, None if none else event.value, line, tree)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                _plain(event, line)
                if stack and isinstance(stack[-1].value, dict) and stack[-1].key is None:
                    raise _Stop(Fault(line, stack[-1].path, "yaml.name"))
                if len(stack) >= DEPTH_LIMIT:
                    raise _Stop(Fault(line, (), "yaml.deep"))
                value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
                stack.append(_Open(value, _put(stack, value, line, tree)))
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                stack.pop()


def _plain(event: Any, line: int) -> None:
    if event.anchor is not None or event.tag is not None:
        mark = f"&{event.anchor}" if event.anchor is not None else event.tag
        raise _Stop(Fault(line, (), "yaml.mark", {"mark": str(mark)}))


def _key(inside: _Open, key: str, line: int, tree: Tree) -> None:
    inside.key = key
    inside.twice = key in inside.value
    path = (*inside.path, key)
    if inside.twice:
        tree.faults.append(Fault(line, path, "twice", {"name": key, "first": tree.lines[path]}))
    else:
        tree.lines[path] = line


def _put(stack: list[_Open], value: Any, line: int, tree: Tree) -> tuple[str, ...]:
    """Set the value where it belongs; returns its path. The second of two equal names is read but not kept."""
    if not stack:
        tree.value = value
        tree.lines[()] = line
        return ()
    inside = stack[-1]
    if isinstance(inside.value, list):
        path = (*inside.path, str(len(inside.value)))
        inside.value.append(value)
        tree.lines.setdefault(path, line)
        return path
    assert inside.key is not None
    key, inside.key = inside.key, None
    if not inside.twice:
        inside.value[key] = value
        return (*inside.path, key)
    return (*inside.path, key, "")  # lines below it must not cover the first one's
