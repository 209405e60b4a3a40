"""Random documents of the menu language, made from its models: every kind, every field, now given and now left out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import ceil, floor
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from ivr.flow.load import KINDS
from ivr.flow.model import Document
from ivr.flow.parts import KEY_PATTERN, NAME_PATTERN, PROMPT_PATTERN, VARIABLE_PATTERN, WORD_PATTERN
from prompts import PATH

SAMPLES = sorted(path for path in (PATH / "menus").glob("*.yaml") if not path.name.endswith(".cases.yaml"))
NAMES = ["a", "b", "客服", "yes", "0471"]
FLOWS = ["f", "g", "no"]
_SAMPLES: Mapping[str, list[str]] = {
    NAME_PATTERN: NAMES,
    PROMPT_PATTERN: ["welcome", "null", "007", "a"],
    VARIABLE_PATTERN: ["order", "pin", "caller", "n", "x1"],
    WORD_PATTERN: ["人工", "yes", "no", "0471", "null", "Good Bye", "'", "a: b", "订单"],
    KEY_PATTERN: list("0123456789*#AD"),
    r"^[0-9]{1,8}$": ["801", "0", "00", "8012"],
    r"^[0-9]{1,20}$": ["1001", "0099"],
    r"^\+?[0-9]{3,20}$": ["10086", "+8613912345678", "04714613311"],
    r"^[A-Za-z0-9_.-]{0,64}$": ["", "main", "no", "1.5"],
    r"^\d{1,4}(-\d{1,4}|\+)?$": ["1", "3+", "2-5"],
    r"^[1-7]([-,][1-7])*$": ["1-5", "6,7", "3"],
    r"^\w[\w.]{0,100}$": ["order.status", "ok", "1"],
    r"^[a-z][a-z_]{0,31}$": ["return_call", "null"],
}
_WORDS = [
    "人工",
    "客服",
    "yes",
    "no",
    "null",
    "~",
    "0471",
    "1.50",
    "a: b",
    "# x",
    "'",
    '"',
    " b ",
    "*",
    "- c",
    "{order}",
    "二\n三",
    "[x]",
    "9:30",
]
_AROUND = ("title", "language", "time_zone", "human", "after_talk", "habits", "variables", "max_visits")
_SPANS = ["09:00-12:00", "22:00-06:00"]


def _pattern(metadata: tuple[Any, ...]) -> str | None:
    return next((found for each in metadata if (found := getattr(each, "pattern", None)) is not None), None)


def _strategy(annotation: Any, metadata: tuple[Any, ...] = ()) -> st.SearchStrategy[Any]:
    """Values of an annotation, as they stand in a document."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        return _strategy(inner, (*metadata, *_flat(more)))
    if origin in (Union, UnionType):
        return st.one_of([_strategy(each) for each in get_args(annotation)])
    if annotation is NoneType:
        return st.none()
    if origin is Literal:
        return st.sampled_from(get_args(annotation))
    if origin is dict:
        key, value = get_args(annotation)
        least = next((each.min_length for each in metadata if isinstance(each, annotated_types.MinLen)), 0)
        return st.dictionaries(_strategy(key), _strategy(value), min_size=least, max_size=max(least, 3))
    if origin is tuple:
        least = next((each.min_length for each in metadata if isinstance(each, annotated_types.MinLen)), 0)
        return st.lists(_strategy(get_args(annotation)[0]), min_size=least, max_size=max(least, 2))
    if annotation is bool:
        return st.booleans()
    if annotation in (int, float):
        return _number(annotation, metadata)
    if annotation is str:
        return _text(metadata)
    assert issubclass(annotation, BaseModel), annotation
    return fields_of(annotation)


def _number(annotation: Any, metadata: tuple[Any, ...]) -> st.SearchStrategy[float]:
    low: Any = next(each.ge for each in metadata if isinstance(each, annotated_types.Ge))
    high: Any = next((each.le for each in metadata if isinstance(each, annotated_types.Le)), 1000)
    whole = st.integers(ceil(low), floor(high))
    return whole if annotation is int else whole | st.floats(low, high)


def _flat(metadata: list[Any]) -> list[Any]:
    return [part for each in metadata for part in (each.metadata if isinstance(each, FieldInfo) else [each])]


def _text(metadata: tuple[Any, ...]) -> st.SearchStrategy[str]:
    pattern = _pattern(metadata)
    if pattern is not None:
        return st.sampled_from(_SAMPLES[pattern])
    checks = [getattr(each, "func", None) for each in metadata]
    if any(getattr(check, "__name__", "") == "_zone" for check in checks):
        return st.sampled_from(["Asia/Shanghai", "Europe/Berlin"])
    if any(getattr(check, "__name__", "") == "_span" for check in checks):
        return st.sampled_from(_SPANS)
    return st.sampled_from(_WORDS)


@cache
def fields_of(model: type[BaseModel]) -> st.SearchStrategy[dict[str, Any]]:
    """A model's fields as a document has them: the needed ones, and some of the others."""

    def field(info: FieldInfo) -> st.SearchStrategy[Any]:
        return _strategy(info.annotation, tuple(_flat(list(info.metadata))))

    if model is Document:  # documents() makes them
        return st.fixed_dictionaries({}, optional={name: field(Document.model_fields[name]) for name in _AROUND})
    needed = {info.alias or name: field(info) for name, info in model.model_fields.items() if info.is_required()}
    free = {info.alias or name: field(info) for name, info in model.model_fields.items() if not info.is_required()}
    return st.fixed_dictionaries(needed, optional=free).filter(lambda values: _valid(model, values))


def _valid(model: type[BaseModel], values: dict[str, Any]) -> bool:
    try:
        model.model_validate(values)
    except ValidationError:
        return False
    return True


nodes = st.one_of([fields_of(kind) for kind in KINDS.values()])


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Documents whose ways mostly lead to nodes that there are."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=len(NAMES), unique=True))
    values = draw(fields_of(Document)) | {
        "start": draw(st.sampled_from(names)),
        "nodes": {name: draw(nodes) for name in names},
        "flows": {
            flow: {
                "start": draw(st.sampled_from(["a", "b"])),
                "nodes": {name: draw(nodes) for name in draw(st.sampled_from([("a",), ("a", "b"), ("b", "c")]))},
            }
            for flow in draw(st.lists(st.sampled_from(FLOWS), max_size=2, unique=True))
        },
    }
    return Document.model_validate(values)
