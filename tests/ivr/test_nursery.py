"""Processes that a nursery bears, for real."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ivr.nursery import Adopted, Nursery
from tests.nursery import nursery

BOUND_S = 60.0
PARENT = """
import os, sys, subprocess, time
from ivr.nursery import Nursery, reap_strangers
nursery = Nursery.fork()
with open(sys.argv[1], "wb") as output:
    born = nursery.spawn(["media"], output=output, env=dict(os.environ))
{then}
"""
KILLED = "print(born.pid, flush=True); time.sleep(600)"
ORPHANED = """
other = subprocess.Popen(["sh", "-c", "sleep 0 & echo $!"], stdout=subprocess.PIPE, text=True)
orphan = int(other.stdout.read())
other.wait()
while os.path.exists(f"/proc/{orphan}"):
    reap_strangers([born.pid])
    time.sleep(0.01)
born.kill()
print(born.wait(60))
"""

LEAVES = """
import atexit, threading, time
from concurrent.futures import ThreadPoolExecutor
from ivr.nursery import leave
go = threading.Event()
ThreadPoolExecutor(1).submit(lambda: (go.wait(), print("thread")))
threading.Timer(0.2, go.set).start()
atexit.register(print, "at exit")
leave(3)
"""


def eventually(what: Callable[[], object]) -> None:
    end = time.monotonic() + BOUND_S
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def fields(pid: int) -> list[str]:
    """Of /proc/PID/stat, from its state on; none when it is gone."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []


def gone(pid: int) -> bool:
    """Or a zombie, where the machine's first process doesn't reap."""
    return fields(pid)[:1] in ([], ["Z"])


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "hotline.toml").write_text(f'data_dir = "{tmp_path}/var"\n')
    return os.environ | {"HOTLINE_CONFIG": str(tmp_path / "hotline.toml")}


def spawned(own: Nursery, arguments: list[str], directory: Path, environ: dict[str, str]) -> Adopted:
    with (directory / "output").open("ab") as output:
        born = own.spawn(arguments, output=output, env=environ)
    assert born is not None
    return born


def nothing_loaded() -> tuple[socket.socket, subprocess.Popen[str]]:
    """The way to a nursery of the test's own, and that process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        fd = theirs.fileno()
        program = f"import socket; from ivr.nursery import be_one; be_one(socket.socket(fileno={fd}), {os.getpid()})"
        return ours, subprocess.Popen([sys.executable, "-c", program], pass_fds=[fd], stderr=subprocess.PIPE, text=True)


def test_a_command_runs_with_what_it_was_given(tmp_path: Path, environ: dict[str, str]) -> None:
    born = spawned(nursery(), ["calendar", "--help"], tmp_path, environ)
    assert born.wait(BOUND_S) == 0
    ran = subprocess.run(
        [sys.executable, "-m", "ivr.cli", "calendar", "--help"], check=True, capture_output=True, text=True, env=environ
    )
    assert (tmp_path / "output").read_text().splitlines()[2:] == ran.stdout.splitlines()[2:]  # the first lines name the program


def test_settings_are_read_anew_and_a_failure_has_its_status(tmp_path: Path, environ: dict[str, str]) -> None:
    born = spawned(nursery(), ["engine"], tmp_path, environ | {"HOTLINE_CONFIG": str(tmp_path / "none.toml")})
    assert born.wait(BOUND_S) == 2
    assert "none.toml" in (tmp_path / "output").read_text()


def test_who_leaves_waits_for_threads_and_does_what_is_to_be_done_at_exit() -> None:
    ran = subprocess.run([sys.executable, "-c", LEAVES], check=False, capture_output=True, text=True, timeout=BOUND_S)
    assert (ran.returncode, ran.stdout, ran.stderr) == (3, "thread\nat exit\n", "")


def test_the_newborn_is_ours_and_named(tmp_path: Path, environ: dict[str, str]) -> None:
    born = spawned(nursery(), ["media"], tmp_path, environ)
    eventually(lambda: b"-m ivr.cli media" in Path(f"/proc/{born.pid}/cmdline").read_bytes())
    assert int(fields(born.pid)[1]) == os.getpid()
    assert os.getsid(born.pid) == born.pid
    with pytest.raises(subprocess.TimeoutExpired):
        born.wait(0.05)
    assert born.poll() is None
    born.send_signal(signal.SIGKILL)
    assert born.wait(BOUND_S) == -9
    born.kill()  # of one that has ended: nothing
    assert born.poll() == -9


def test_without_the_nursery_the_newborn_go_on(tmp_path: Path, environ: dict[str, str]) -> None:
    way, process = nothing_loaded()
    own = Nursery(way)
    born = spawned(own, ["media"], tmp_path, environ)
    own.close()
    with (tmp_path / "output").open("ab") as output:
        assert own.spawn(["media"], output=output, env=environ) is None
    eventually(lambda: "media process" in (tmp_path / "output").read_text())
    born.kill()
    assert born.wait(BOUND_S) == -9
    _, said = process.communicate(timeout=BOUND_S)
    assert (process.returncode, said) == (0, "")


LATE = """
import os, signal, subprocess, sys
from ivr.nursery import Nursery
nursery = Nursery.fork()
nursery._way.settimeout(0.3)
os.kill(nursery.pid, signal.SIGSTOP)
with open(sys.argv[1], "wb") as output:
    assert nursery.spawn(["calendar", "--help"], output=output, env=dict(os.environ)) is None
print(os.waitstatus_to_exitcode(os.waitpid(nursery.pid, 0)[1]))
"""


def test_a_nursery_that_answers_too_late_is_ended(tmp_path: Path, environ: dict[str, str]) -> None:
    command = [sys.executable, "-c", LATE, str(tmp_path / "output")]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, env=environ, timeout=BOUND_S)
    assert ran.stdout == "-9\n", ran.stderr
    assert (tmp_path / "output").read_text() == "", "what was given up ran all the same"


def test_what_was_given_up_does_not_run(tmp_path: Path, environ: dict[str, str]) -> None:
    """A nursery that the one who asks can't end: it hears of it when it answers."""
    way, process = nothing_loaded()
    with (tmp_path / "output").open("ab") as output:
        assert Nursery(way, patience_s=0.001).spawn(["calendar", "--help"], output=output, env=environ) is None
    _, said = process.communicate(timeout=BOUND_S)
    assert (process.returncode, said) == (0, "")
    assert (tmp_path / "output").read_text() == "", "what was given up ran all the same"


def test_they_end_with_who_asked_for_them(tmp_path: Path, environ: dict[str, str]) -> None:
    program = PARENT.format(then=KILLED)
    command = [sys.executable, "-c", program, str(tmp_path / "output")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        assert str(pid) in children
        assert len(children) == 2  # and the nursery
        parent.kill()
        eventually(lambda: all(gone(int(child)) for child in children))


def test_orphans_are_reaped_and_own_children_are_not(tmp_path: Path, environ: dict[str, str]) -> None:
    command = [sys.executable, "-c", PARENT.format(then=ORPHANED), str(tmp_path / "output")]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, env=environ, timeout=BOUND_S)
    assert ran.stdout == "-9\n", ran.stderr
