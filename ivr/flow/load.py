"""Menu text to a Document: YAML, then the model; what is wrong becomes findings with line numbers, never a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, get_args, get_origin

from pydantic import ValidationError

from ivr.flow.finding import Finding, Lines, line_of
from ivr.flow.model import AnyNode, Document, Habits, Node
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
    findings = [
        Finding("error", file, fault.line, _node_name(fault.path), fault.message, fault.remedy, fault.rule)
        for fault in tree.faults
    ]
    if tree.value is None:
        if not findings:
            findings.append(Finding("error", file, 0, "", "The file is empty.", "Begin with a sample menu.", "yaml"))
        return Loaded(file, None, tree.lines, tuple(findings))
    document = None
    try:
        document = Document.model_validate(tree.value)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            findings.append(_finding(fault, tree.value, tree.lines, file))
    return Loaded(file, document, tree.lines, tuple(sorted(findings, key=lambda finding: finding.line)))


def _node_name(path: tuple[str, ...]) -> str:
    return path[1] if len(path) > 1 and path[0] == "nodes" else ""


def _finding(fault: Mapping[str, Any], value: Any, lines: Lines, file: str) -> Finding:
    path = _path(fault["loc"], value)
    kind, rule, message, remedy = fault["type"], "value", str(fault["msg"]), ""
    shown = _name(path)
    match kind:
        case "extra_forbidden":
            fields = _fields(path, value)
            near = difflib.get_close_matches(path[-1], fields, 1)
            rule, message = "unknown_field", f"{shown} is not known here."
            remedy = f"Is {near[0]} meant?" if near else f"Known: {', '.join(fields)}."
        case "missing":
            rule, message, remedy = "missing_field", f"{fault['loc'][-1]} is missing.", "Add it."
        case "union_tag_not_found" | "union_tag_invalid":
            given = value["nodes"][path[1]].get("kind") if kind == "union_tag_invalid" else None
            path = (*path, "kind")
            rule, message = "bad_kind", f"There is no kind {given!r}." if given else "The node has no kind."
            remedy = f"Kinds are: {', '.join(KINDS)}."
        case "string_pattern_mismatch" if (fault["loc"][-1] == "[key]" and "keys" in path) or path[:1] == ("habits",):
            rule, message, remedy = "bad_key", f"{fault['input']!r} is no key of a telephone.", "A key is one of 0-9 * # A-D."
        case "string_pattern_mismatch":
            rule, message = "bad_name", f"{shown}: {fault['input']!r} is no name."
            remedy = "Take letters, digits and _ (prompt names: plain Latin letters)."
        case "model_type" | "model_attributes_type" | "dict_type":
            message, remedy = f"{shown} must have fields.", "Write its fields below it, each as `name: value`."
        case _:
            message = f"{shown}: {message}."
    return Finding("error", file, line_of(lines, path), _node_name(path), message, remedy, rule)


def _path(loc: Sequence[int | str], value: Any) -> tuple[str, ...]:
    """pydantic's place of a fault as a path into the document: without its marks for kinds and keys."""
    path: tuple[str, ...] = ()
    if loc[:1] == ("nodes",):
        loc = [*loc[:2], *loc[3:]]  # the third is the kind; a kind may be named like a field of its nodes (queue)
    for part in loc:
        children: Any = dict(enumerate(value)) if isinstance(value, list) else value if isinstance(value, dict) else {}
        if part in children:
            value = children[part]
            path = (*path, str(part))
    return path


def _name(path: tuple[str, ...]) -> str:
    inside = path[2:] if path[:1] == ("nodes",) and len(path) > 2 else path
    return ".".join(inside) or "The document"


def _fields(path: tuple[str, ...], value: Any) -> list[str]:
    """The fields that are known where the last part of `path` stands."""
    match path:
        case ("nodes", name, *inside):
            model: Any = KINDS[value["nodes"][name]["kind"]]
            for part in inside[:-1]:
                known = getattr(model, "model_fields", {}).get(part)
                model = known.annotation if known is not None else get_args(model)[1]  # the values of a dict[key, value]
                model = model.__origin__ if get_origin(model) is Annotated else model
            return list(getattr(model, "model_fields", {}))
        case ("habits", _):
            return list(Habits.model_fields)
        case _:
            return list(Document.model_fields)
