from __future__ import annotations

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


def reopened(path: Path) -> list[Any]:
    journal = Journal(path)
    records = journal.records()
    journal.close()
    return records


def test_keeps_records_in_order_over_a_reopening(journal: Journal, path: Path) -> None:
    assert not journal
    for record in ([1, "中\n文\u2028\r"], {"a": None}, [2.5]):
        journal.append(record)
    assert journal
    assert journal.records() == [[1, "中\n文\u2028\r"], {"a": None}, [2.5]]
    assert journal.records(2) == [[2.5]]
    assert reopened(path) == journal.records()


def test_clear_forgets_all_also_on_disk(journal: Journal, path: Path) -> None:
    journal.append(1)
    journal.clear()
    assert not journal
    assert journal.records() == []
    assert reopened(path) == []
    journal.append(2)
    assert reopened(path) == [2]


@pytest.mark.parametrize("torn", [b"[3", b'["x"]', b"\x00\x00\x00", b"[1\n", b"\xff\xfe\n"])
def test_a_torn_last_line_is_cut_off_and_the_next_record_is_whole(path: Path, torn: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(b"[1]\n[2]\n" + torn)
    journal = Journal(path)
    assert journal.records() == [[1], [2]]
    journal.append([3])
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


def test_a_record_that_is_not_json_leaves_no_trace(journal: Journal, path: Path) -> None:
    journal.append(1)
    with pytest.raises(TypeError):
        journal.append({1, 2})
    journal.append(2)
    assert reopened(path) == [1, 2]


def test_a_failed_write_leaves_no_trace(journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.append(1)

    def no_disk(fd: int) -> None:
        raise OSError(errno.EIO, "the disk is gone")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", no_disk)
        with pytest.raises(OSError, match="the disk is gone"):
            journal.append(2)
    journal.append(3)
    assert reopened(path) == [1, 3]


def test_a_full_disk_leaves_no_half_record(journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.append(1)
    write = os.pwrite

    def half(fd: int, data: bytes, offset: int) -> int:
        return write(fd, data[: len(data) // 2], offset)

    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", half)
        with pytest.raises(OSError, match="disk is full"):
            journal.append(["a long record"])
    assert path.read_bytes() == b"1\n"
    journal.append(2)
    assert reopened(path) == [1, 2]
