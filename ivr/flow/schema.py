"""The language's JSON Schema, for editors, and what its fields are for, from the docstrings below them.

An editor's YAML parser makes numbers and booleans of what load() reads as text, and people write one prompt where a list may
stand; the schema takes what load() takes.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import Any, get_args

from pydantic import BaseModel

from ivr.flow.load import KINDS
from ivr.flow.model import Document
from ivr.flow.nodes.extension import Place
from ivr.flow.nodes.menu import Choice
from ivr.flow.nodes.queue import Leave
from ivr.flow.parts import NAME_PATTERN, Part

COMMON: Mapping[str, str] = {
    "kind": "What is done here.",
    "prompt": "What is said.",
    "to": "The node.",
    "then": "Where callers go then.",
    "limit": "At so many times the caller goes to `to`.",
    "no_input": "Nothing comes.",
    "no_match": "A key without meaning.",
    "invalid": "What was keyed in can't be right.",
    "timeout_s": "How long a key is waited for, from the end of the prompt.",
    "digit_timeout_s": "How long the next key is waited for.",
}
"""Fields that mean the same wherever they stand, unless their docstring says more."""

_ASCII_NO_WORD = r"\x00-\x2c\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f"
"""For \\w, which means Latin letters only to many editors. - and . are not in it."""
_PATTERNS: Mapping[str, str] = {
    NAME_PATTERN: rf"^[^{_ASCII_NO_WORD}.-][^{_ASCII_NO_WORD}]{{0,63}}$",
    r"^\w[\w.]{0,100}$": rf"^[^{_ASCII_NO_WORD}.-][^{_ASCII_NO_WORD}-]{{0,100}}$",
}


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a menu."""
    whole = Document.model_json_schema(by_alias=True)
    models = {model.__name__: model for model in parts()}
    for name, described in {**whole["$defs"], Document.__name__: whole}.items():
        described["description"] = _one_line(inspect.getdoc(models[name]) or "")
        docs = field_docs(models[name])
        for field, inner in described["properties"].items():
            inner["title"] = field.removesuffix("_s").replace("_", " ") + (", seconds" if field.endswith("_s") else "")
            inner["description"] = docs[field]
            described["properties"][field] = _relaxed(inner, lists=field == "cases")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **whole, "title": "Menu of a hotline"}


def parts() -> tuple[type[Part], ...]:
    """All models of the language, the document first, each kind of node followed by its parts."""
    found: dict[type[Part], None] = {}

    def walk(model: type[Part]) -> None:
        if model not in found:
            found[model] = None
            for field in model.model_fields.values():
                for inner in _models(field.annotation):
                    walk(inner)

    walk(Document)
    for kind in KINDS.values():
        walk(kind)
    return tuple(found)


def parts_of(kind: type[Part]) -> tuple[type[Part], ...]:
    """The models that the fields of this one hold, prompts aside."""
    found: dict[type[Part], None] = {}
    for field in kind.model_fields.values():
        for inner in _models(field.annotation):
            if inner.__name__ not in ("Text", "Read"):
                found |= dict.fromkeys((inner, *parts_of(inner)))
    return tuple(found)


def field_docs(model: type[Part]) -> dict[str, str]:
    """What each field is for, by its name in a document: its docstring, else what that name means everywhere."""
    written: dict[str, str] = {}
    for part in reversed(model.__mro__):
        if issubclass(part, BaseModel) and part is not BaseModel:
            written.update(_docstrings(part))
    return {
        field.alias or name: written.get(name) or COMMON.get(field.alias or name, "")
        for name, field in model.model_fields.items()
    }


@cache
def _docstrings(model: type) -> Mapping[str, str]:
    tree = ast.parse(inspect.getsource(model)).body[0]
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, str] = {}
    for field, text in pairwise(tree.body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(doc))):
                found[name] = _one_line(doc)
    return found


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _models(annotation: Any) -> Iterator[type[Part]]:
    if isinstance(annotation, type) and issubclass(annotation, Part):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _relaxed(value: Any, *, lists: bool = False) -> Any:
    """A piece of schema that takes all that load() takes. lists: whether a list is wanted even for one."""
    if isinstance(value, list):
        return [_relaxed(each) for each in value]
    if not isinstance(value, dict):
        return value
    said = {name: value[name] for name in ("title", "description", "default") if name in value}
    rest = {name: inner for name, inner in value.items() if name not in said}
    if rest.get("type") == "string" and "const" not in rest and "enum" not in rest:
        rest["type"] = ["string", "number"]
        if rest.get("pattern") in _PATTERNS:
            rest["pattern"] = _PATTERNS[rest["pattern"]]
    if "patternProperties" in rest:
        rest["additionalProperties"] = False
        rest["patternProperties"] = {
            _PATTERNS.get(pattern, pattern): _relaxed(inner) for pattern, inner in rest["patternProperties"].items()
        }
    for name in ("items", "anyOf", "oneOf", "additionalProperties"):
        if name in rest:
            rest[name] = _relaxed(rest[name])
    if rest.get("type") == "array" and not lists:
        none = [] if rest.get("minItems") else [{"type": "null"}]
        rest = {"anyOf": [rest["items"], rest, *none]}
    short = [f"#/$defs/{model.__name__}" for model in (Choice, Leave, Place)]
    if rest.get("$ref") in short:
        rest = {"anyOf": [{"type": ["string", "number"], "pattern": _PATTERNS[NAME_PATTERN]}, rest]}
    return {**said, **rest}
