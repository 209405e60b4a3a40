"""Menus as text and on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.flow.load import load
from ivr.flow.model import Document
from ivr.flow.versions import DocumentError, Version, dumps, loads, read_last_good, write_last_good
from prompts import PATH


def sample() -> Document:
    document = load((PATH / "menus" / "sample.yaml").read_text(encoding="utf-8")).document
    assert document is not None
    return document


def test_text_and_back() -> None:
    document = sample()
    text = dumps(document)
    assert loads(text) == document
    assert dumps(loads(text)) == text
    assert "示例服务热线" in text
    assert "max_visits" not in text


def test_the_order_of_nodes_does_not_change_the_text() -> None:
    document = sample()
    turned = document.model_copy(update={"nodes": dict(reversed(document.nodes.items()))})
    assert list(turned.nodes) != list(document.nodes)
    assert dumps(turned) == dumps(document)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"start":"a"}', '{"start":"a","nodes":{"a":{"kind":"shout"}}}'])
def test_what_is_no_menu_is_told(text: str) -> None:
    with pytest.raises(DocumentError, match="Not a menu"):
        loads(text)


def test_the_last_good_menus(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "menus.json"
    assert read_last_good(path) == {}
    other = loads('{"start":"a","nodes":{"a":{"kind":"hangup"}}}')
    write_last_good(path, {"sample": Version(1, other)})
    write_last_good(path, {"sample": Version(2, sample()), "other": Version(1, other)})
    assert read_last_good(path) == {"sample": Version(2, sample()), "other": Version(1, other)}
    assert [child.name for child in path.parent.iterdir()] == ["menus.json"]


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"\xff", b'{"a": {"version": 1, "menu": {"start": 1}}}', b'{"a": 5}', b'{"a": {"version": 1}}'],
)
def test_a_damaged_file_is_told_by_name(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "menus.json"
    path.write_bytes(data)
    with pytest.raises(DocumentError, match=r"menus\.json"):
        read_last_good(path)
