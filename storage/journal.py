"""[io] A file of JSON records, each on disk before append() returns: what could not be told to Redis waits here."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from pathlib import Path
from typing import Any

from storage.redis import StorageError


class Journal:
    """Append-only, one JSON value a line, in order, readable by its owner only. One process writes it.

    A last line torn by a crash is cut off at opening: it was never acknowledged. Another unreadable line is a StorageError.
    """

    def __init__(self, path: Path) -> None:
        """Open or create it. Raises OSError; StorageError naming the file when it is damaged."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._written = self._on_disk = 0
        self._disk = asyncio.Lock()
        self._end = self._whole()
        os.ftruncate(self._fd, self._end)
        directory = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    async def append(self, record: Any) -> None:
        """Write the record and wait until it is on disk. Records stand in the order of the calls; concurrent ones share a wait.

        Raises OSError (it may be lost), TypeError for what is not JSON (it is not in the journal).
        """
        line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        if os.pwrite(self._fd, line, self._end) != len(line):
            os.ftruncate(self._fd, self._end)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        self._end += len(line)
        self._written += 1
        mine = self._written
        async with self._disk:
            if self._on_disk < mine:
                written = self._written
                await asyncio.to_thread(os.fsync, self._fd)
                self._on_disk = written

    def records(self, start: int = 0) -> list[Any]:
        """All records from the start-th on, oldest first."""
        lines = os.pread(self._fd, self._end, 0).splitlines()[start:]
        return [json.loads(line) for line in lines]

    def clear(self) -> None:
        """Forget all records; on disk too when it returns."""
        os.ftruncate(self._fd, 0)
        os.fsync(self._fd)
        self._end = 0

    def __bool__(self) -> bool:
        """Whether a record waits."""
        return self._end > 0

    def close(self) -> None:
        os.close(self._fd)

    def _whole(self) -> int:
        """Length up to the end of the last whole record."""
        lines = os.pread(self._fd, os.fstat(self._fd).st_size, 0).splitlines(keepends=True)
        end = 0
        for number, line in enumerate(lines, 1):
            if not (line.endswith(b"\n") and _readable(line)):
                if number < len(lines):
                    raise StorageError(
                        f"{self.path}: line {number} of the journal is damaged; look at it, then move the file away"
                    )
                break
            end += len(line)
        return end


def _readable(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
