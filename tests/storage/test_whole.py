"""Files that are whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.whole import read_texts, write_texts, write_whole


def test_texts_are_read_as_they_were_kept(tmp_path: Path) -> None:
    file = tmp_path / "made" / "texts.json"
    write_texts(file, {"默认": "{}", "b": ""})
    write_texts(file, {"默认": '{"周": 1}'})
    assert read_texts(file) == {"默认": '{"周": 1}'}
    assert [path.name for path in file.parent.iterdir()] == ["texts.json"]


def test_where_nothing_was_kept_there_is_nothing(tmp_path: Path) -> None:
    assert read_texts(tmp_path / "none.json") == {}


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'"a"', b"\xff\xfe"])
def test_a_file_of_somebody_else_is_told(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "texts.json"
    file.write_bytes(content)
    with pytest.raises(ValueError):  # noqa: PT011 (json's, unicode's, and ours)
        read_texts(file)


def test_a_folder_in_its_place_is_an_error_and_stays(tmp_path: Path) -> None:
    (tmp_path / "texts.json").mkdir()
    with pytest.raises(OSError):  # noqa: PT011 (which one is the system's choice)
        write_whole(tmp_path / "texts.json", "x")
    assert (tmp_path / "texts.json").is_dir()
