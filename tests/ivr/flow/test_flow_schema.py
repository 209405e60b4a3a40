"""The JSON Schema for editors: whole, current, and taking what load() takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from ivr.flow.model import Document
from ivr.flow.schema import field_docs, parts, schema
from ivr.flow.write import to_yaml
from tests.ivr.flow.documents import SAMPLES, documents

FILE = Path(__file__).parents[3] / "docs" / "menu.schema.json"
SCHEMA = schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def as_editors_read(text: str) -> Any:
    """YAML as values, with names as text: JSON knows no others."""

    def named(value: Any) -> Any:
        if isinstance(value, dict):
            return {str(name): named(inner) for name, inner in value.items()}
        return [named(each) for each in value] if isinstance(value, list) else value

    return named(yaml.safe_load(text))


def faults(text: str) -> list[str]:
    return [fault.message for fault in VALIDATOR.iter_errors(as_editors_read(text))]


def test_the_file_is_current() -> None:
    """`make docs` writes it."""
    assert json.loads(FILE.read_text(encoding="utf-8")) == SCHEMA


def test_every_field_is_described() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    bare = [f"{model.__name__}.{field}" for model in parts() for field, doc in field_docs(model).items() if not doc]
    assert bare == []
    assert all(part["description"] for part in SCHEMA["$defs"].values())


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_the_samples_are_valid(path: Path) -> None:
    assert faults(path.read_text(encoding="utf-8")) == []


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents())
def test_any_document_is_valid(document: Document) -> None:
    text = to_yaml(document)
    assert faults(text) == [], text


def test_values_may_stand_as_editors_read_them() -> None:
    menu = (
        "start: 欢迎\nnodes:\n  欢迎: {{kind: menu, prompt: main, keys: {{1: 欢迎, 2: {{to: 欢迎, words: 10086}}}}, {field}}}\n"
    )
    for field in ("timeout_s: 5", "timeout_s: 7.5", "barge_in: true", "no_input: {prompt: }", "no_input: {limit: 3}"):
        assert faults(menu.format(field=field)) == [], field
    for field in ("timeout_s: 0", "barge_in: maybe", "no_inputs: {}", "language: fr"):
        assert faults(menu.format(field=field)), field


@pytest.mark.parametrize("name", ["-x", ".x", "a b", "a:b"])
def test_what_is_no_name_is_none_here_either(name: str) -> None:
    assert faults(f"start: a\nnodes:\n  a: {{kind: hangup}}\n  {json.dumps(name)}: {{kind: hangup}}\n")
