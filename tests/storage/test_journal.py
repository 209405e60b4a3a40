from __future__ import annotations

import asyncio
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.journal import Journal
from storage.redis import StorageError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "engine" / "journal.jsonl"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    journal = Journal(path)
    yield journal
    journal.close()


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)


def reopened(path: Path) -> list[Any]:
    journal = Journal(path)
    records = journal.records()
    journal.close()
    return records


async def test_keeps_records_in_order_over_a_reopening(journal: Journal, path: Path) -> None:
    assert not journal
    for record in ([1, "中\n文\u2028\r"], {"a": None}, [2.5]):
        await journal.append(record)
    assert journal
    assert journal.records() == [[1, "中\n文\u2028\r"], {"a": None}, [2.5]]
    assert journal.records(2) == [[2.5]]
    assert reopened(path) == journal.records()


async def test_clear_forgets_all_also_on_disk(journal: Journal, path: Path) -> None:
    await journal.append(1)
    journal.clear()
    assert not journal
    assert journal.records() == []
    assert reopened(path) == []
    await journal.append(2)
    assert reopened(path) == [2]


@pytest.mark.parametrize("torn", [b"[3", b'["x"]', b"\x00\x00\x00", b"[1\n", b"\xff\xfe\n"])
async def test_a_torn_last_line_is_cut_off_and_the_next_record_is_whole(path: Path, torn: bytes) -> None:
    write(path, b"[1]\n[2]\n" + torn)
    journal = Journal(path)
    assert journal.records() == [[1], [2]]
    await journal.append([3])
    journal.close()
    assert reopened(path) == [[1], [2], [3]]


def test_a_damaged_line_in_the_middle_is_told_not_swallowed(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"[1]\n[2\n[3]\n")
    with pytest.raises(StorageError, match=r"journal\.jsonl: line 2"):
        Journal(path)
    assert path.read_bytes() == b"[1]\n[2\n[3]\n"


def test_is_readable_by_its_owner_only(journal: Journal, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_record_that_is_not_json_leaves_no_trace(journal: Journal, path: Path) -> None:
    await journal.append(1)
    with pytest.raises(TypeError):
        await journal.append({1, 2})
    await journal.append(2)
    assert reopened(path) == [1, 2]


async def test_a_record_that_did_not_reach_the_disk_is_told(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_disk(fd: int) -> None:
        raise OSError(errno.EIO, "the disk is gone")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", no_disk)
        with pytest.raises(OSError, match="the disk is gone"):
            await journal.append(1)
    await journal.append(2)


async def test_concurrent_records_keep_their_order_and_share_the_wait(
    journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[int] = []
    sync = os.fsync

    def counted(fd: int) -> None:
        waits.append(len(path.read_bytes().splitlines()))
        sync(fd)

    monkeypatch.setattr(os, "fsync", counted)
    await asyncio.gather(*(journal.append(n) for n in range(100)))
    # The first began its wait at once; the others were written before it was over, so the second wait covers them.
    assert len(waits) <= 2
    assert waits[-1] == 100
    assert reopened(path) == list(range(100))


async def test_a_full_disk_leaves_no_half_record(journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await journal.append(1)
    write = os.pwrite

    def half(fd: int, data: bytes, offset: int) -> int:
        return write(fd, data[: len(data) // 2], offset)

    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", half)
        with pytest.raises(OSError, match="No space left"):
            await journal.append(["a long record"])
    assert reopened(path) == [1]
    await journal.append(2)
    assert reopened(path) == [1, 2]
