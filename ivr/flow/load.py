"""Menu text to a Document: YAML, then the model; what is wrong becomes findings with line numbers, never a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import ValidationError

from ivr.flow.finding import Finding, Lines, Value, line_of
from ivr.flow.messages import MESSAGES
from ivr.flow.model import AnyNode, Document
from ivr.flow.node import Node
from ivr.flow.parts import KEY_PATTERN, NAME_PATTERN, PROMPT_PATTERN, VARIABLE_PATTERN
from ivr.flow.tree import read_tree

KINDS: Mapping[str, type[Node]] = {
    get_args(kind.model_fields["kind"].annotation)[0]: kind for kind in get_args(get_args(AnyNode)[0])
}
"""The node kinds by the name they have in a document."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A menu as read. `document` is None when findings hold what kept it from being one."""

    file: str
    document: Document | None
    lines: Lines = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def load(text: str, file: str = "menu.yaml") -> Loaded:
    """Read a menu. `file` is the name findings carry."""
    tree = read_tree(text)
    findings = [Finding(file, fault.line, split_path(fault.path)[0], fault.key, fault.values) for fault in tree.faults]
    if tree.value is None:
        if not findings:
            findings.append(Finding(file, 0, "", "yaml.empty"))
        return Loaded(file, None, tree.lines, tuple(findings))
    document = None
    try:
        document = Document.model_validate(tree.value)
    except ValidationError as error:
        findings += [_finding(fault, tree.value, tree.lines, file) for fault in _own_faults(error, tree.value)]
    return Loaded(file, document, tree.lines, tuple(sorted(findings, key=lambda finding: finding.line)))


def split_path(path: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """A path into a document as the full name of the node it leads into and the path within it; "" and the whole path where it
    leads into none."""
    match tuple(path):
        case ("nodes", name, *inside):
            return name, tuple(inside)
        case ("flows", flow, "nodes", name, *inside):
            return f"{flow}:{name}", tuple(inside)
        case whole:
            return "", whole


_KEYS: Mapping[str, str] = {
    "model_type": "value.fields",
    "model_attributes_type": "value.fields",
    "dict_type": "value.fields",
    "string_pattern_mismatch": "value.pattern",
    "float_parsing": "value.number",
    "float_type": "value.number",
    "finite_number": "value.number",
    "int_parsing": "value.whole",
    "int_parsing_size": "value.whole",
    "int_type": "value.whole",
    "int_from_float": "value.whole",
    "bool_parsing": "value.bool",
    "bool_type": "value.bool",
    "string_type": "value.text",
    "list_type": "value.list",
    "tuple_type": "value.list",
    "greater_than_equal": "value.least",
    "less_than_equal": "value.most",
    "too_short": "value.short",
    "too_long": "value.long",
    "string_too_short": "value.short_text",
    "string_too_long": "value.long_text",
    "literal_error": "value.choice",
}
"""Our messages for pydantic's faults; those of our own models bear their message's name."""


def _finding(fault: Mapping[str, Any], value: Any, lines: Lines, file: str) -> Finding:
    path = _path(fault["loc"], value)
    kind, context = fault["type"], fault.get("ctx", {})
    values: dict[str, Value] = {"field": _name(path), "given": _short(fault["input"])}
    match kind:
        case "extra_forbidden":
            fields = _fields(path, value)
            near = difflib.get_close_matches(path[-1], fields, 1)
            key = "unknown_field.near" if near else "unknown_field"
            values |= {"near": near[0]} if near else {"known": tuple(fields)}
        case "missing":
            key, values["field"] = "missing_field", str(fault["loc"][-1])
        case "union_tag_not_found" | "union_tag_invalid":
            given = _at(value, path).get("kind") if kind == "union_tag_invalid" else None
            path = (*path, "kind")
            key = "bad_kind" if given else "bad_kind.none"
            values |= {"given": _short(given), "known": tuple(KINDS)}
        case "string_pattern_mismatch" if context.get("pattern") == KEY_PATTERN:
            key = "bad_key"
        case "string_pattern_mismatch" if context.get("pattern") in (NAME_PATTERN, PROMPT_PATTERN, VARIABLE_PATTERN):
            key = "bad_name"
        case _ if kind in _KEYS:
            key = _KEYS[kind]
            if key in ("value.short", "value.long") and isinstance(fault["input"], str):
                key += "_text"
            limits = [context[name] for name in ("ge", "le", "min_length", "max_length") if name in context]
            values |= {"limit": limits[0] if limits else "", "pattern": context.get("pattern", "")}
            values["expected"] = context.get("expected", "").replace(" or ", ", ")
        case _ if f"value.{kind}" in MESSAGES:
            key = f"value.{kind}"
            values |= context
        case _:
            key, values["said"] = "value.other", fault["msg"]
    return Finding(file, line_of(lines, path), split_path(path)[0], key, values)


def _own_faults(error: ValidationError, value: Any) -> list[Any]:
    """The faults without those that only follow from others: a list that lacks what is wrong in it, a text that is no dict
    either."""
    faults = [(_path(fault["loc"], value), fault) for fault in error.errors(include_url=False)]

    def follows(path: tuple[str, ...], fault: Any) -> bool:
        return fault["type"] in ("too_short", "dict_type") and any(
            other is not fault and other["type"] != "dict_type" and inner[: len(path)] == path for inner, other in faults
        )

    return [fault for path, fault in faults if not follows(path, fault)]


def _short(given: Any) -> str:
    text = "" if given is None else str(given)
    return text if len(text) <= 60 else text[:59] + "…"


def _path(loc: Sequence[int | str], value: Any) -> tuple[str, ...]:
    """pydantic's place of a fault as a path into the document: without its marks for kinds and keys."""
    path: tuple[str, ...] = ()
    marks = 2 if loc[:1] == ("nodes",) else 4 if loc[:1] == ("flows",) and loc[2:3] == ("nodes",) else len(loc)
    loc = [*loc[:marks], *loc[marks + 1 :]]  # the mark is the kind; a kind may be named like a field of its nodes (queue)
    for part in loc:
        children: Any = dict(enumerate(value)) if isinstance(value, list) else value if isinstance(value, dict) else {}
        if part in children:
            value = children[part]
            path = (*path, str(part))
    return path


def _at(value: Any, path: Sequence[str]) -> Any:
    for part in path:
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def _name(path: tuple[str, ...]) -> str:
    inside = split_path(path)[1] or path
    return ".".join(inside)


def _fields(path: tuple[str, ...], value: Any) -> list[str]:
    """The fields that are known where the last part of `path` stands, by the names they have in a document."""
    name, inside = split_path(path)
    within = path[: len(path) - len(inside)] if name else ()
    model: Any = KINDS[_at(value, within)["kind"]] if name else Document
    for part in inside[:-1]:
        model = _inside(model, part)
    known = getattr(model, "model_fields", {})
    return [field.alias or name for name, field in known.items()]


def _inside(model: Any, part: str) -> Any:
    """The model of what stands under `part` in this one; None where that can't be told."""
    fields = {field.alias or name: field for name, field in getattr(model, "model_fields", {}).items()}
    found = fields[part].annotation if part in fields else _values_of(model)
    while get_origin(found) in (Annotated, UnionType, Union):
        parts = [each for each in get_args(found) if each is not NoneType]
        found = parts[0]
    return found


def _values_of(model: Any) -> Any:
    """What a dict or a tuple is of."""
    arguments = get_args(model)
    return arguments[1] if get_origin(model) is dict else arguments[0] if arguments else None
