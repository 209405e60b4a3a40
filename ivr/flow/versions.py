"""[io] A menu as text for publishing, and the last good menus on disk.

Published menus live in Redis as text (routing.store: publish_document, documents). An engine that starts while Redis is away
runs the last ones it knew, from a file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from ivr.flow.model import Document


class DocumentError(ValueError):
    """A text is no menu this version understands."""


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


def write_last_good(path: Path, menus: Mapping[str, Document]) -> None:
    """Keep these menus (by hotline) in one file, whole or not at all: written beside it, fsynced, renamed."""
    text = json.dumps({name: json.loads(dumps(document)) for name, document in menus.items()}, ensure_ascii=False, indent=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def read_last_good(path: Path) -> dict[str, Document]:
    """The menus kept by write_last_good(), {} where there are none yet. Raises DocumentError when the file is damaged."""
    try:
        text = path.read_text(encoding="utf-8")
        menus = json.loads(text)
        return {name: loads(json.dumps(menu)) for name, menu in menus.items()}
    except FileNotFoundError:
        return {}
    except DocumentError as error:
        raise DocumentError(f"{path}: {error}") from error
    except (UnicodeDecodeError, json.JSONDecodeError, AttributeError) as error:
        raise DocumentError(f"{path}: damaged: {error}") from error
