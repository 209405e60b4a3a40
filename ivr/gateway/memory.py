"""[io] Which dialogs with the engine are ours, on disk: the next gateway ends them, when this one was killed. A file a call,
for the page cache outlives a process; what outlives the machine is nobody's call any more."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger(__name__)


class Memory:
    """The files of one directory."""

    def __init__(self, directory: Path) -> None:
        """Make the directory. Raises OSError."""
        self._directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def keep(self, session: str, call: str, dialog: dict[str, Any]) -> None:
        """Remember a dialog; `call`: the outside network's name of it. A full disk costs the memory, not the call."""
        path = self._path(session)
        draft = path.with_suffix(".new")
        try:
            draft.write_text(json.dumps({"call": call, "dialog": dialog}), encoding="utf-8")
            draft.replace(path)
        except OSError as error:
            log.warning("a dialog is not remembered", why=str(error))

    def drop(self, session: str) -> None:
        """It is over."""
        self._path(session).unlink(missing_ok=True)

    def left(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """What a gateway before left: (call, dialog). Files that can't be read go."""
        for path in sorted(self._directory.iterdir()):
            try:
                kept = json.loads(path.read_text(encoding="utf-8"))
                yield str(kept["call"]), dict(kept["dialog"])
            except (ValueError, KeyError, TypeError) as error:
                log.warning("a remembered dialog can't be read", file=path.name, why=str(error))
            os.unlink(path)

    def _path(self, session: str) -> Path:
        return self._directory / f"{session}.json"
