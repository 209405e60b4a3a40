"""Signs of life: they go with the process, however it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from storage import signs
from storage.signs import Process, Watch

LIVES = """
import sys
from pathlib import Path
from storage import signs
with signs.leave(Path(sys.argv[1]), sys.argv[2]):
    print("left", flush=True)
    if sys.stdin.readline() == "fault\\n":
        raise SystemExit(3)
"""


@pytest.fixture(autouse=True)
def unsupervised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(signs.SUPERVISED, raising=False)


def start(run_dir: Path, name: str, **environment: str) -> subprocess.Popen[str]:
    """A process that has left its sign."""
    process = subprocess.Popen(
        [sys.executable, "-c", LIVES, str(run_dir), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "left\n"
    return process


def end(process: subprocess.Popen[str], word: str = "") -> int:
    """Have it end by itself."""
    process.communicate(f"{word}\n")
    return process.returncode


def test_a_process_lives_and_is_killed_and_lives_again(tmp_path: Path) -> None:
    first = start(tmp_path, "media-0")
    [seen] = Watch(tmp_path).look()
    assert (seen.name, seen.pid, seen.up, seen.restarts, seen.ended_at) == ("media-0", first.pid, True, 0, None)
    assert seen.memory is not None
    assert seen.memory > 1_000_000
    first.send_signal(signal.SIGKILL)
    end(first)
    [seen] = Watch(tmp_path).look()
    assert (seen.pid, seen.up, seen.memory) == (first.pid, False, None)
    second = start(tmp_path, "media-0")
    [seen] = Watch(tmp_path).look()
    assert (seen.pid, seen.up, seen.restarts, seen.status) == (second.pid, True, 1, None), "nobody knows how it had ended"
    assert seen.ended_at == pytest.approx(seen.since, abs=5.0)
    assert end(second) == 0
    assert Watch(tmp_path).look() == [Process("media-0", restarts=0, ended_at=seen.ended_at)], "gone in good order"


def test_who_ends_by_a_fault_leaves_its_sign_behind(tmp_path: Path) -> None:
    process = start(tmp_path, "scribe")
    assert end(process, "fault") == 3
    [seen] = Watch(tmp_path).look()
    assert (seen.name, seen.up, seen.pid) == ("scribe", False, process.pid)
    other = start(tmp_path, "console")
    assert end(other) == 0
    assert [seen.name for seen in Watch(tmp_path).look()] == ["scribe"]


def test_a_supervisor_notes_the_ends_itself(tmp_path: Path) -> None:
    first = start(tmp_path, "engine", **{signs.SUPERVISED: "1"})
    first.kill()
    end(first)
    signs.note_end(tmp_path, "engine", -9, 1000.0)
    [seen] = Watch(tmp_path).look()
    assert (seen.up, seen.restarts, seen.status, seen.ended_at) == (False, 0, -9, 1000.0), "not started again yet"
    assert seen.hung_s is None
    second = start(tmp_path, "engine", **{signs.SUPERVISED: "1"})
    [seen] = Watch(tmp_path).look()
    assert (seen.pid, seen.up, seen.restarts, seen.status, seen.ended_at) == (second.pid, True, 1, -9, 1000.0)
    signs.note_end(tmp_path, "engine", -9, 1010.0, hung_s=8.0)
    assert Watch(tmp_path).look()[0].hung_s == 8.0, "the last one had hung"
    end(second)
    signs.forget(tmp_path)
    assert Watch(tmp_path).look() == []


def test_who_ends_late_leaves_the_sign_of_the_next(tmp_path: Path) -> None:
    first, second = start(tmp_path, "engine"), start(tmp_path, "engine")
    end(first)
    [seen] = Watch(tmp_path).look()
    assert (seen.pid, seen.up) == (second.pid, True)
    end(second)


def test_a_foreign_program_s_sign_is_its_parent_s(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        sign = signs.leave(tmp_path, "redis", process.pid)
        [seen] = Watch(tmp_path).look()
        assert (seen.name, seen.pid, seen.up) == ("redis", process.pid, True)
        process.kill()
    sign.remove()
    assert Watch(tmp_path).look() == []


def test_a_share_of_the_processor_is_of_the_time_since_the_last_look(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    with signs.leave(tmp_path, "speech-0"):
        [seen] = watch.look()
        assert seen.cpu is None, "there is nothing before"
        x = 0
        for n in range(4_000_000):
            x += n
        [seen] = watch.look()
        assert seen.cpu is not None
        assert 0.0 < seen.cpu <= 8.0


SHARES = """
import os, sys
from pathlib import Path
from storage import signs
room = b"x" * (64 << 20)
other = os.fork()
with signs.leave(Path(sys.argv[1]), "other" if other == 0 else "one"):
    os.write(1, b"left")
    sys.stdin.readline() if other else os.read(int(sys.argv[2]), 1)
"""


def test_pages_that_two_share_count_half_for_each(tmp_path: Path) -> None:
    reads, writes = os.pipe()
    command = [sys.executable, "-c", SHARES, str(tmp_path), str(reads)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[reads]) as process:
        assert process.stdout is not None
        assert process.stdout.read(8) == b"leftleft"
        one, other = Watch(tmp_path).look()
        os.write(writes, b"x")
        process.communicate(b"\n")
    assert one.memory is not None
    assert other.memory is not None
    assert (one.in_full, other.in_full) == (False, False)
    assert 32 << 20 < other.memory < 64 << 20
    assert one.memory + other.memory < 120 << 20, "the one's children are counted with it: three halves"


def test_where_the_share_is_not_told_pages_count_in_full(tmp_path: Path) -> None:
    """Of a process that has ended, and that nobody has waited for, the kernel tells no share."""
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with signs.leave(tmp_path, "redis", process.pid):
            [seen] = Watch(tmp_path).look()
    assert (seen.memory, seen.in_full) == (0, True)


def test_who_is_needed_and_who_does_not_answer(tmp_path: Path) -> None:
    with signs.leave(tmp_path, "media-0"):
        watch = Watch(tmp_path)
        seen = watch.look(("media-0", "media-1"), {"media-0": 4.0, "media-1": 9.0})
    assert [(one.name, one.up, one.silent_s) for one in seen] == [("media-0", True, 4.0), ("media-1", False, None)]
    assert Watch(tmp_path / "nowhere").look() == []
    for text in ("{", "[]", "5", '{"pid": "x"}'):
        (tmp_path / "broken.sign").write_text(text)
        (tmp_path / "broken.ends").write_text(text)
        assert Watch(tmp_path).look() == [Process("broken")]


def test_a_child_that_was_forked_does_not_take_the_sign_away(tmp_path: Path) -> None:
    with signs.leave(tmp_path, "console") as sign:
        child = os.fork()
        if child == 0:
            sign.remove()
            os._exit(0)
        os.waitpid(child, 0)
        [seen] = Watch(tmp_path).look()
        assert seen.up


def test_a_report_survives_the_wire_and_other_releases() -> None:
    told = [Process("media-0", 42, 1000.0, True, 2, 900.0, -9, 5_000_000, 0.25, None)]
    text = signs.report(told)
    assert signs.read_report(text) == told
    assert signs.read_report(text.replace('"pid"', '"of_a_later_release":1,"pid"')) == told
