"""[io] Files that are whole or not there: written beside, fsynced, renamed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Make `text` the file's content, whole or not at all; its directory is created. Raises OSError."""
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


def write_texts(path: Path, texts: Mapping[str, str]) -> None:
    """Keep texts by name, whole or not at all. Raises OSError."""
    write_whole(path, json.dumps(texts, ensure_ascii=False, indent=1))


def read_texts(path: Path) -> dict[str, str]:
    """What write_texts() kept; nothing where there is no file. Raises OSError, and ValueError where the file is none of its."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    if not isinstance(kept, dict):
        raise ValueError(f"{path}: texts by name are wanted")
    return {str(name): str(text) for name, text in kept.items()}
