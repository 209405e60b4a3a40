"""The tables of docs/menu-language.md, from the models and the messages. `python -m ivr.flow.reference docs/menu-language.md`
writes them anew."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ivr.flow.load import KINDS
from ivr.flow.messages import RULES
from ivr.flow.model import FACTS, Document
from ivr.flow.parts import Invalid, Language, NoInput, NoMatch, Part, Read
from ivr.flow.schema import field_docs, parts_of, schema


def tables() -> Mapping[str, str]:
    """The generated pieces, by the name that marks their place in the text."""
    return {
        "document": _fields(Document, skip=()) + "".join(f"\n`{name}`:\n\n{_fields(part)}" for name, part in _outer()),
        "nodes": "\n".join(_kind(name, kind) for name, kind in KINDS.items()),
        "readings": ", ".join(f"`{kind}`" for kind in _enum(_described()["$defs"][Read.__name__]["properties"]["as"])) + ".\n",
        "retries": "\n".join(_part(part) for part in RETRIES),
        "facts": _rows(("variable", "what it is"), ((f"`{name}`", meaning) for name, meaning in FACTS.items())),
        "rules": _rules(),
    }


COMMON_TO_ALL = ("kind", "title", "language")
"""Fields that every node has, told of once."""

RETRIES = (NoInput, NoMatch, Invalid)
"""Parts that several kinds have."""


@cache
def _described() -> dict[str, Any]:
    return schema()


def replaced(text: str) -> str:
    """The text with its tables as they are now. Raises KeyError for a mark of no table."""
    made = tables()
    pattern = re.compile(r"(<!-- (\w+): generated -->\n).*?(<!-- end -->)", re.DOTALL)
    return pattern.sub(lambda found: f"{found[1]}\n{made[found[2]]}\n{found[3]}", text)


def _outer() -> list[tuple[str, type[Part]]]:
    return [("habits", type(Document.model_fields["habits"].default))]


def _kind(name: str, kind: type[Part]) -> str:
    said = [f"### {name}\n", " ".join((inspect.getdoc(kind) or "").split()) + "\n", _fields(kind, skip=COMMON_TO_ALL)]
    return "\n".join([*said, *(_part(part) for part in parts_of(kind) if part not in RETRIES)])


def _part(part: type[Part]) -> str:
    return f"*{part.__name__}*: {' '.join((inspect.getdoc(part) or '').split())}\n\n{_fields(part)}"


def _fields(model: type[Part], skip: Iterable[str] = ()) -> str:
    docs = field_docs(model)
    described = _described()
    shapes = (described if model is Document else described["$defs"][model.__name__])["properties"]
    rows = []
    for name, field in model.model_fields.items():
        shown = field.alias or name
        if shown not in skip:
            default = "**needed**" if field.is_required() else _shown(field.get_default(call_default_factory=True))
            shape = "by name: a node" if shown == "nodes" else _shape(shapes[shown])
            rows.append((f"`{shown}`", shape, default, docs[shown]))
    return _rows(("field", "value", "default", "what it is"), rows) if rows else "No other fields.\n"


def _shown(value: Any) -> str:
    if isinstance(value, Part):
        return ""
    if isinstance(value, tuple):
        return ", ".join(f"`{each}`" for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {each}" for key, each in value.items())
    return "" if value in (None, "") else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _shape(shape: Mapping[str, Any]) -> str:
    """A piece of schema in a few words."""
    for each in ("anyOf", "oneOf"):
        if each in shape:
            said = dict.fromkeys(text for inner in shape[each] if (text := _shape(inner)) not in ("", "null"))
            listed = [text for text in said if text.startswith("list of ")]
            return listed[0].replace("list of", "one or more of") if listed and len(said) > 1 else " or ".join(said)
    if "$ref" in shape:
        return str(shape["$ref"]).rpartition("/")[2]
    if "enum" in shape or "const" in shape:
        return ", ".join(f"`{each}`" for each in _enum(shape) if each)
    kind = shape.get("type")
    if kind == "array":
        return f"list of {_shape(shape['items'])}"
    if kind == "object":
        inner = next(iter(shape.get("patternProperties", {}).values()), shape.get("additionalProperties", {}))
        return f"by name: {_shape(inner)}" if isinstance(inner, dict) and inner else "by name"
    if kind in ("number", "integer"):
        low, high = shape.get("minimum"), shape.get("maximum")
        word = "number" if kind == "number" else "whole number"
        return f"{word}, {low:g} to {high:g}" if low is not None and high is not None else word
    return {"boolean": "true or false", "null": "null"}.get(str(kind), "text" if isinstance(kind, list) else "")


def _enum(shape: Mapping[str, Any]) -> list[str]:
    return [str(each) for each in shape.get("enum", [shape.get("const", "")])]


def _rules() -> str:
    english: Language = "en"
    rows = (
        (f"`{name}`", message.severity, message.message[english], message.remedy[english]) for name, message in RULES.items()
    )
    return _rows(("rule", "", "what is wrong", "remedy"), rows)


def _rows(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(replaced(path.read_text(encoding="utf-8")), encoding="utf-8")
