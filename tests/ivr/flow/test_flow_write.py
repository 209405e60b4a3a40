"""Menus to text and back, without loss."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from ivr.flow.load import load
from ivr.flow.model import Document
from ivr.flow.versions import dumps, loads
from ivr.flow.write import to_yaml
from tests.ivr.flow.documents import SAMPLES, documents


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents())
def test_any_document_comes_back_from_yaml(document: Document) -> None:
    text = to_yaml(document)
    loaded = load(text)
    assert loaded.findings == (), text
    assert loaded.document == document, text
    assert to_yaml(loaded.document) == text


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents())
def test_any_document_comes_back_from_its_published_text(document: Document) -> None:
    assert loads(dumps(document)) == document


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_the_samples_come_back(path: Path) -> None:
    document = load(path.read_text(encoding="utf-8")).document
    assert document is not None
    assert load(to_yaml(document)).document == document


def test_the_text_is_as_people_write_it() -> None:
    text = """\
title: 测试
start: main
human: service
nodes:
  main:
    kind: menu
    language: zh
    prompt: [main_menu, {text: 请按键。}]
    keys:
      "1": service
      "*": {to: info, words: [营业时间, "no"]}
    no_input: {to: info}
    timeout_s: 7.5
    barge_in: false
  info:
    kind: say
    prompt: "007"
    then: main
  service:
    kind: queue
    queue: "0471"
    time_limit_s: 60
"""
    document = load(text).document
    assert document is not None
    assert to_yaml(document) == text
