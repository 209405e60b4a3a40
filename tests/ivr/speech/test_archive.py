"""Zips that want more than a model's place."""

from __future__ import annotations

import contextlib
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.speech.archive import BadArchive, unpack, unpacked_bytes


def packed(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def test_the_one_folder_around_everything_is_left_out(tmp_path: Path) -> None:
    unpack(packed(tmp_path / "a.zip", ("m/", b""), ("m/am/final.mdl", b"1"), ("m/README", b"2")), tmp_path / "a")
    assert (tmp_path / "a" / "am" / "final.mdl").read_bytes() == b"1"
    unpack(packed(tmp_path / "b.zip", ("am/final.mdl", b"1"), ("README", b"2")), tmp_path / "b")
    assert (tmp_path / "b" / "am" / "final.mdl").read_bytes() == b"1"


@pytest.mark.parametrize("name", ["../a", "m/../../a", "/etc/a", "m\\..\\a", "C:a", "m/./../../a"])
def test_no_path_leaves_the_folder(tmp_path: Path, name: str) -> None:
    member = zipfile.ZipInfo("placeholder")
    member.filename = name
    archive = packed(tmp_path / "a.zip", (member, b"x"))
    before = set(tmp_path.rglob("*"))
    with pytest.raises(BadArchive, match="outside of the model's folder"):
        unpack(archive, tmp_path / "in" / "a")
    assert set(tmp_path.rglob("*")) == before


def test_no_links(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("m/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(BadArchive, match="link"):
        unpack(packed(tmp_path / "a.zip", (link, b"/etc/passwd")), tmp_path / "a")


def test_bounds_of_size_and_count(tmp_path: Path) -> None:
    archive = packed(tmp_path / "a.zip", ("a", bytes(5000)), ("b", bytes(5001)))
    assert unpacked_bytes(archive) == 10001
    with pytest.raises(BadArchive, match="10001 bytes"):
        unpack(archive, tmp_path / "a", max_bytes=10000)
    with pytest.raises(BadArchive, match="2 files"):
        unpack(archive, tmp_path / "a", max_files=1)


def test_a_size_that_lies_is_no_way_around_the_bound(tmp_path: Path) -> None:
    archive = packed(tmp_path / "a.zip", ("a", bytes(1 << 20)))
    data = archive.read_bytes()
    honest, lie = (1 << 20).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    assert data.count(honest) == 2
    archive.write_bytes(data.replace(honest, lie))
    with pytest.raises(BadArchive):
        unpack(archive, tmp_path / "a", max_bytes=2000)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) <= len(data) + 2000


@pytest.mark.parametrize("cut", [0.3, 0.9, 0.99])
def test_a_cut_or_changed_zip_is_none(tmp_path: Path, cut: float) -> None:
    archive = packed(tmp_path / "a.zip", ("a", bytes(range(256)) * 100), ("b", bytes(range(255)) * 100))
    data = archive.read_bytes()
    archive.write_bytes(data[: int(len(data) * cut)])
    with pytest.raises(BadArchive):
        unpack(archive, tmp_path / "a")
    changed = bytearray(data)
    changed[60] ^= 0xFF
    archive.write_bytes(changed)
    with pytest.raises(BadArchive):
        unpack(archive, tmp_path / "b")


def test_a_file_that_lies_before_the_zips_begin_is_refused(tmp_path: Path) -> None:
    archive = packed(tmp_path / "a.zip", ("m/conf", b"x" * 40))
    whole = bytearray(archive.read_bytes())
    where = whole.rindex(b"PK\x05\x06") + 16  # of the directory, in its end record
    whole[where : where + 4] = (int.from_bytes(whole[where : where + 4], "little") + 10).to_bytes(4, "little")
    archive.write_bytes(whole)
    with pytest.raises(BadArchive):
        unpack(archive, tmp_path / "in")


@given(st.data())
def test_a_changed_zip_is_unpacked_or_refused_and_stays_in_its_place(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    place = tmp_path_factory.mktemp("zip")
    archive = packed(place / "a.zip", ("m/am/final.mdl", bytes(range(200))), ("m/conf", b"x" * 40))
    whole = bytearray(archive.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    archive.write_bytes(whole[: data.draw(st.integers(len(whole) // 2, len(whole)))])
    with contextlib.suppress(BadArchive):
        unpack(archive, place / "in" / "a", max_bytes=10_000)
    assert {path.name for path in place.iterdir()} <= {"a.zip", "in"}
    assert sum(path.stat().st_size for path in (place / "in").rglob("*") if path.is_file()) <= 10_000
