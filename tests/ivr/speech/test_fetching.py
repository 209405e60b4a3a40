"""Models fetched over real HTTP: whole, gone on with, broken, wrong; nothing half-fetched is ever found."""

from __future__ import annotations

import fcntl
import io
import os
import resource
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ivr.speech import fetching
from ivr.speech.fetching import UNDER_WAY, FetchFailed, fetch_list, take, zip_url
from ivr.speech.folder import look, words
from ivr.speech.installed import Models
from ivr.speech.modellist import LIST_URL, Listed, choose
from tests.ivr.speech.models import NAME, Vendor, entry, installed, model_zip, serving

SIZE = len(model_zip())


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with serving(Vendor(files={f"{NAME}.zip": model_zip()})) as running:
        running.offers(entry(NAME, model_zip()))
        yield running


def fetch(vendor: Vendor, models: Path, wanted: str = "zh", **options: Any) -> Path:
    with fetching.client() as http:
        model = choose(fetch_list(http, vendor.list_url), wanted)
        url = zip_url(model, vendor.list_url)
        return fetching.fetch(http, model, url, models, **{"progress": lambda so_far, all_: None, "pause_s": 0.0, **options})


def left(models: Path) -> list[str]:
    return sorted(path.name for path in (models / UNDER_WAY).iterdir() if path.suffix != ".lock")


def test_a_model_comes_whole_and_leaves_nothing_behind(vendor: Vendor, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    folder = fetch(vendor, tmp_path, progress=lambda so_far, all_: seen.append((so_far, all_)))
    assert folder == tmp_path / NAME
    found = look(folder)
    assert (found.rate_hz, found.grammars) == (8000, True)
    assert "订单" in words(folder)
    assert installed(tmp_path) == [NAME]
    assert left(tmp_path) == []
    assert seen[-1] == (SIZE, SIZE)


def test_a_broken_connection_is_gone_on_with(vendor: Vendor, tmp_path: Path) -> None:
    vendor.breaks_after = [SIZE // 3, SIZE // 3]
    fetch(vendor, tmp_path)
    assert installed(tmp_path) == [NAME]
    first, second, third = vendor.zips_asked
    assert first == ""
    assert 0 < int(second.removeprefix("bytes=").rstrip("-")) < int(third.removeprefix("bytes=").rstrip("-")) < SIZE


def test_a_server_without_range_begins_again(vendor: Vendor, tmp_path: Path) -> None:
    vendor.ranges, vendor.breaks_after = False, [SIZE // 2]
    fetch(vendor, tmp_path)
    assert installed(tmp_path) == [NAME]


def test_what_is_given_up_is_gone_on_with_by_the_next_fetch(vendor: Vendor, tmp_path: Path) -> None:
    vendor.breaks_after = [SIZE // 2] + [0] * fetching.TIMES
    with pytest.raises(FetchFailed, match=rf"of {SIZE} bytes are here, the same command goes on from there"):
        fetch(vendor, tmp_path)
    assert installed(tmp_path) == []
    vendor.breaks_after, vendor.asked = [], []
    fetch(vendor, tmp_path)
    assert installed(tmp_path) == [NAME]
    assert vendor.zips_asked[0].startswith("bytes=")


def test_a_server_in_trouble_is_asked_again(vendor: Vendor, tmp_path: Path) -> None:
    with fetching.client() as http:
        model = choose(fetch_list(http, vendor.list_url), "zh")
        vendor.refuses = [503, 500]
        url = zip_url(model, vendor.list_url)
        fetching.fetch(http, model, url, tmp_path, progress=lambda so_far, all_: None, pause_s=0.0)
    assert installed(tmp_path) == [NAME]


def test_another_checksum_keeps_nothing(vendor: Vendor, tmp_path: Path) -> None:
    vendor.offers(entry(NAME, model_zip(), md5="0" * 32))
    with pytest.raises(FetchFailed, match="another checksum"):
        fetch(vendor, tmp_path)
    assert installed(tmp_path) == []
    assert left(tmp_path) == []


def test_a_part_of_another_file_is_no_trap(vendor: Vendor, tmp_path: Path) -> None:
    vendor.breaks_after = [SIZE // 2] + [0] * fetching.TIMES
    with pytest.raises(FetchFailed):
        fetch(vendor, tmp_path)
    (part,) = (tmp_path / UNDER_WAY).glob("*.zip")
    part.write_bytes(b"x" * part.stat().st_size)
    vendor.breaks_after = []
    fetch(vendor, tmp_path)
    assert installed(tmp_path) == [NAME]


def test_a_whole_part_is_not_fetched_again(vendor: Vendor, tmp_path: Path) -> None:
    (tmp_path / UNDER_WAY).mkdir()
    md5 = entry(NAME, model_zip())["md5"]
    (tmp_path / UNDER_WAY / f"{NAME}.{md5[:12]}.zip").write_bytes(model_zip())
    fetch(vendor, tmp_path)
    assert installed(tmp_path) == [NAME]
    assert vendor.zips_asked == []


def test_more_than_the_list_says_is_not_taken(vendor: Vendor, tmp_path: Path) -> None:
    vendor.files[f"{NAME}.zip"] = model_zip() + bytes(2 << 20)
    with pytest.raises(FetchFailed, match="larger than"):
        fetch(vendor, tmp_path)
    assert installed(tmp_path) == []


def test_a_full_disk_is_told_before_anything_comes(vendor: Vendor, tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="the disk is too full"):
        fetch(vendor, tmp_path, reserve=1 << 60)
    assert installed(tmp_path) == []


def test_no_network_and_no_list_are_told(vendor: Vendor, tmp_path: Path) -> None:
    with fetching.client() as http:
        with pytest.raises(FetchFailed, match=r"404 Not Found"):
            fetch_list(http, vendor.list_url.replace("model-list", "nothing"))
        vendor.files["model-list.json"] = b"<html>"
        with pytest.raises(FetchFailed, match="no list of models"):
            fetch_list(http, vendor.list_url)
        with pytest.raises(FetchFailed, match=r"no connection .* Without a network"):
            fetch_list(http, "http://127.0.0.1:9/model-list.json")


def test_two_fetches_of_one_model_dont_meet(vendor: Vendor, tmp_path: Path) -> None:
    (tmp_path / UNDER_WAY).mkdir()
    with (tmp_path / UNDER_WAY / f"{NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(FetchFailed, match="being fetched by another process"):
            fetch(vendor, tmp_path)
    fetch(vendor, tmp_path)
    with pytest.raises(FetchFailed, match="is there already"):
        fetch(vendor, tmp_path)


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({f"{NAME}/README": b"a"}, f"{NAME}: it is no model of Vosk: final.mdl, HCLr.fst, Gr.fst missing"),
        ({f"{NAME}/am/final.mdl": b"a"}, "graph/HCLr.fst, graph/Gr.fst missing"),
        ({f"{NAME}/am/final.mdl": b"a", f"{NAME}/graph/HCLG.fst": b"a"}, "its graph is fixed"),
        (
            {f"{NAME}/am/final.mdl": b"a", f"{NAME}/graph/HCLr.fst": b"a", f"{NAME}/graph/Gr.fst": b"a"},
            "Vosk can't open it",
        ),
        ({"../escaped": b"a"}, "outside of the model's folder"),
    ],
    ids=["no model", "half a model", "a fixed graph", "a broken model", "an escape"],
)
def test_what_is_no_model_gets_no_place(vendor: Vendor, tmp_path: Path, members: dict[str, bytes], why: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    vendor.files[f"{NAME}.zip"] = buffer.getvalue()
    vendor.offers(entry(NAME, buffer.getvalue()))
    models = tmp_path / "models"
    with pytest.raises(FetchFailed) as failed:
        fetch(vendor, models)
    assert why in str(failed.value)
    assert installed(models) == []
    assert left(models) == []
    assert not (tmp_path / "escaped").exists()


def test_a_zip_of_this_machine_is_taken(tmp_path: Path) -> None:
    archive = tmp_path / f"{NAME}.zip"
    archive.write_bytes(model_zip())
    assert take(archive, tmp_path / "models") == tmp_path / "models" / NAME
    assert archive.exists()
    with pytest.raises(FetchFailed, match="No such file"):
        take(tmp_path / "no.zip", tmp_path / "models")


def test_a_mirror_has_its_zips_beside_its_list() -> None:
    model = Listed.model_validate(entry("a", b"1"))
    assert zip_url(model, LIST_URL) == "https://vendor.invalid/vosk/models/a.zip"
    assert zip_url(model, "https://mirror.example/x/model-list.json") == "https://mirror.example/x/a.zip"


def hotline_fetch(vendor: Vendor, var: Path, **more: Any) -> subprocess.Popen[str]:
    """`hotline speech fetch zh` as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "ivr.cli", "speech", "fetch", "zh", "--url", vendor.list_url],
        env=os.environ | {"HOTLINE_DATA_DIR": str(var)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **more,
    )


def test_a_fetch_that_is_killed_has_left_nothing_to_be_found(vendor: Vendor, tmp_path: Path) -> None:
    vendor.held = threading.Event()
    models = tmp_path / "speech" / "models"
    with hotline_fetch(vendor, tmp_path) as killed:
        end = time.monotonic() + 60
        while not any(part.stat().st_size for part in (models / UNDER_WAY).glob("*.zip")):
            assert time.monotonic() < end
            assert killed.poll() is None
            time.sleep(0.02)
        killed.kill()
    assert installed(models) == []
    assert Models(tmp_path).names() == ["tiny"]
    vendor.held.set()
    with hotline_fetch(vendor, tmp_path) as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert installed(models) == [NAME]
    assert vendor.zips_asked[-1].startswith("bytes=")
    assert left(models) == []


def test_a_disk_that_fills_up_on_the_way(vendor: Vendor, tmp_path: Path) -> None:
    """A limit on a file's size stands for it: the kernel refuses the write as a full disk does."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (SIZE // 2, SIZE // 2))

    with hotline_fetch(vendor, tmp_path, preexec_fn=limit) as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "the disk is full" in said
    assert "Traceback" not in said
    models = tmp_path / "speech" / "models"
    assert installed(models) == []
    with hotline_fetch(vendor, tmp_path) as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert installed(models) == [NAME]
    assert vendor.zips_asked[-1].startswith("bytes=")
