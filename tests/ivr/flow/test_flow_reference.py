"""docs/menu-language.md tells of every kind, field, fact and rule as they are."""

from __future__ import annotations

from pathlib import Path

from ivr.flow.load import KINDS, load
from ivr.flow.messages import RULES
from ivr.flow.model import FACTS
from ivr.flow.reference import COMMON_TO_ALL, replaced
from ivr.flow.schema import field_docs

FILE = Path(__file__).parents[3] / "docs" / "menu-language.md"


def test_the_tables_are_current() -> None:
    """`make docs` writes them."""
    text = FILE.read_text(encoding="utf-8")
    assert replaced(text) == text


def test_everything_is_named() -> None:
    text = FILE.read_text(encoding="utf-8")
    for kind, model in KINDS.items():
        assert f"### {kind}\n" in text
        section = text.partition(f"### {kind}\n")[2].partition("\n### ")[0]
        assert all(f"`{field}`" in section for field in field_docs(model) if field not in COMMON_TO_ALL), kind
    assert all(f"`{name}`" in text for name in (*RULES, *FACTS))


def test_its_example_is_a_menu() -> None:
    text = FILE.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    assert load(text).findings == ()
