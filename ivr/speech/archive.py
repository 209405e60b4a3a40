"""[io] A model's zip, unpacked where nothing of it can lie anywhere else, and never larger than was agreed."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

MAX_BYTES = 8 << 30
"""Of all files unpacked; the largest model of the vendor has a third of it."""
MAX_FILES = 2000
_PIECE = 1 << 20


class BadArchive(ValueError):
    """A zip that is broken, too large, or wants to write elsewhere."""


def unpacked_bytes(path: Path, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES) -> int:
    """How much a zip says it holds. Raises BadArchive."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _size(_checked(archive, max_files), max_bytes)
    except zipfile.BadZipFile as error:
        raise BadArchive(f"it is no zip: {error}") from error


def unpack(
    path: Path,
    into: Path,
    *,
    max_bytes: int = MAX_BYTES,
    max_files: int = MAX_FILES,
    progress: Callable[[int], None] = lambda count: None,
) -> None:
    """Unpack into a new folder; the one folder that holds everything in the zip is left out. progress gets the bytes written so
    far. What was written before an error stays: `into` is the caller's to remove.

    Raises BadArchive, and OSError as the disk does (ENOSPC).
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = _checked(archive, max_files)
            _size(members, max_bytes)
            shared = _shared_folder(members)
            into.mkdir(parents=True)
            written = 0
            for member in members:
                name = PurePosixPath(member.filename)
                place = into.joinpath(*(name.parts[1:] if shared else name.parts))
                if member.is_dir():
                    place.mkdir(parents=True, exist_ok=True)
                    continue
                place.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as source, place.open("xb") as target:
                    while piece := source.read(_PIECE):  # never more than the file_size that was counted
                        target.write(piece)
                        written += len(piece)
                        progress(written)
                    target.flush()
                    os.fsync(target.fileno())  # a folder that gets its name must be whole after a power cut too
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, FileExistsError) as error:
        # RuntimeError: encrypted; NotImplementedError: a compression that isn't known here
        raise BadArchive(f"it can't be unpacked: {error}") from error


def _checked(archive: zipfile.ZipFile, max_files: int) -> list[zipfile.ZipInfo]:
    members = archive.infolist()
    if len(members) > max_files:
        raise BadArchive(f"{len(members)} files are more than {max_files}")
    for member in members:
        name = member.filename
        path = PurePosixPath(name)
        if path.is_absolute() or not path.parts or ".." in path.parts or "\\" in name or ":" in name or "\0" in name:
            raise BadArchive(f"{name!r} would be written outside of the model's folder")
        if member.header_offset < 0:  # zipfile itself would seek there
            raise BadArchive(f"{name!r} lies before the zip's begin")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise BadArchive(f"{name!r} is a link or a device")
    return members


def _size(members: list[zipfile.ZipInfo], max_bytes: int) -> int:
    size = sum(member.file_size for member in members)
    if size > max_bytes:
        raise BadArchive(f"{size} bytes unpacked are more than {max_bytes}")
    return size


def _shared_folder(members: list[zipfile.ZipInfo]) -> bool:
    tops = {PurePosixPath(member.filename).parts[0] for member in members}
    deep = all(len(PurePosixPath(member.filename).parts) > 1 for member in members if not member.is_dir())
    return len(tops) == 1 and deep
