"""[io] A menu as text for publishing, and the last good menus on disk.

Published menus live in Redis as text (routing.menus). An engine that finds Redis away, or a published text that it can't read,
runs the last ones it knew, from a file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ivr.flow.model import Document
from storage.whole import write_whole


class DocumentError(ValueError):
    """A text is no menu this version understands."""


@dataclass(frozen=True, slots=True)
class Version:
    """A published menu, with its number."""

    number: int
    document: Document


def dumps(document: Document) -> str:
    """The document as canonical JSON: the same menu is always the same text, and defaults are left out."""
    values = document.model_dump(mode="json", exclude_defaults=True)
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def loads(text: str) -> Document:
    """The document of dumps(). Raises DocumentError."""
    try:
        return Document.model_validate_json(text)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors())
        raise DocumentError(f"Not a menu: {faults}") from error


def write_last_good(path: Path, menus: Mapping[str, Version]) -> None:
    """Keep these menus (by hotline) in one file, whole or not at all."""
    kept = {name: {"version": menu.number, "menu": json.loads(dumps(menu.document))} for name, menu in menus.items()}
    write_whole(path, json.dumps(kept, ensure_ascii=False, indent=1))


def read_last_good(path: Path) -> dict[str, Version]:
    """The menus kept by write_last_good(), {} where there are none yet. Raises DocumentError when the file is damaged."""
    try:
        menus = json.loads(path.read_text(encoding="utf-8"))
        return {name: Version(int(kept["version"]), loads(json.dumps(kept["menu"]))) for name, kept in menus.items()}
    except FileNotFoundError:
        return {}
    except DocumentError as error:
        raise DocumentError(f"{path}: {error}") from error
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise DocumentError(f"{path}: damaged: {error}") from error
