"""[io] Files that appear whole: whoever reads one sees the old or the new, also when several processes write it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

PARTIAL = ".part"
"""How the name of a file ends that is being written."""


def write_whole(path: Path, data: bytes) -> None:
    """Write a file beside its place and rename it there; makes its folder. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(suffix=PARTIAL, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.chmod(name, 0o644)  # mkstemp's is 0600; media may run as somebody else
        os.replace(name, path)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
