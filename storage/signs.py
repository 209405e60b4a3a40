"""[io] Which processes of the hotline live on this machine. Each leaves a sign, a small file with a lock that the kernel lifts
with the process, however that dies; whoever supervises it notes beside it how it ended. To read them takes nobody."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

Pipeline: TypeAlias = Any
"""Of a blocking client or of an asyncio one: only what both do alike is used."""

SUPERVISED = "SUPERVISED_BY_HOTLINE"
"""Set for the processes of a supervisor that notes their ends itself (`hotline serve`)."""

NODES = "{hotline}:processes"
"""Nodes that have told of their processes; each one's report is under this key, a colon and its name."""
KEPT_S = 86400
"""So long it is known of a node that it isn't heard of any more."""

MEASURED_S = 120.0
"""So long a measure of memory is good."""

_LEFT, _ENDED = ".sign", ".ends"


@dataclass(frozen=True, slots=True)
class Process:
    """One process as its machine sees it. up: it lives; pid 0, since 0: there was none yet; since, ended_at: epoch seconds;
    restarts: how often it was started again, and before the last time, how it had ended: status, negative for a signal, None
    where nobody knows; hung_s: it was killed, for it had stood still for so long. memory: bytes, and cpu: share of one core,
    with its children's, None where not known. Of pages that it shares, memory has its part (PSS); all of them where in_full is
    set (RSS). silent_s: it lives and doesn't answer for so long."""

    name: str
    pid: int = 0
    since: float = 0.0
    up: bool = False
    restarts: int = 0
    ended_at: float | None = None
    status: int | None = None
    memory: int | None = None
    cpu: float | None = None
    silent_s: float | None = None
    in_full: bool = False
    hung_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Memory:
    bytes: int
    in_full: bool


class Sign:
    """A process's own, held as long as this object is; see leave()."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._of = os.getpid()

    def remove(self) -> None:
        """The process ends in good order. A child that was forked with it leaves the sign as it is; who ends late, that of its
        successor."""
        if os.getpid() != self._of:
            return
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(self._path.stat(), os.fstat(self._descriptor)):
                self._path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def __enter__(self) -> Sign:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """One that ends by a fault leaves its sign behind."""
        if error is None or (isinstance(error, SystemExit) and not error.code):
            self.remove()


def leave(run_dir: Path, name: str, pid: int | None = None) -> Sign:
    """Say that a process lives: this one, or one whose parent we are. Where nobody supervises us, a sign that was left behind
    tells that the one before did not end in good order. Raises OSError."""
    path = run_dir / f"{name}{_LEFT}"
    now = time.time()
    if pid is None and SUPERVISED not in os.environ and path.exists():
        note_end(run_dir, name, None, now)
    beside = path.with_suffix(".new")
    descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.write(descriptor, json.dumps({"pid": pid or os.getpid(), "since": now}).encode())
    beside.replace(path)
    return Sign(path, descriptor)


def note_end(run_dir: Path, name: str, status: int | None, at: float, hung_s: float | None = None) -> None:
    """A supervisor's word: the process of this name has ended so, and is to be started again. Raises OSError."""
    path = run_dir / f"{name}{_ENDED}"
    beside = path.with_suffix(".new-ends")
    times = int(_read(path).get("times") or 0) + 1
    beside.write_text(json.dumps({"times": times, "at": at, "status": status, "hung_s": hung_s}), encoding="utf-8")
    beside.replace(path)


def forget(run_dir: Path) -> None:
    """A supervisor begins: nothing of its machine runs yet. Raises OSError."""
    for path in run_dir.iterdir():
        if path.suffix in {_LEFT, _ENDED}:
            path.unlink(missing_ok=True)


class Watch:
    """Looks at one machine's processes time and again: what a process has used since the last look is its share."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._used: dict[int, tuple[float, float]] = {}
        self._memory: dict[int, tuple[float, _Memory]] = {}
        """By process: when it was measured."""

    def look(self, needed: Collection[str] = (), silent: Mapping[str, float] | None = None) -> list[Process]:
        """All that left a sign, and those `needed` that did not; by name. silent: who doesn't answer, for how many seconds."""
        names = set(needed)
        with contextlib.suppress(OSError):
            names |= {path.stem for path in self._run_dir.iterdir() if path.suffix in {_LEFT, _ENDED}}
        used, self._used = self._used, {}
        now = time.monotonic()
        self._memory = {pid: one for pid, one in self._memory.items() if one[0] > now - MEASURED_S}
        return [self._one(name, used, (silent or {}).get(name)) for name in sorted(names)]

    def _one(self, name: str, used: Mapping[int, tuple[float, float]], silent_s: float | None) -> Process:
        told, up = _sign(self._run_dir / f"{name}{_LEFT}")
        ends = _read(self._run_dir / f"{name}{_ENDED}")
        pid, times, status = int(told.get("pid") or 0), int(ends.get("times") or 0), ends.get("status")
        memory, cpu = self._usage(pid, used) if up else (None, None)
        return Process(
            name,
            pid,
            told.get("since") or 0.0,
            up,
            times if up else max(0, times - 1),
            ends.get("at"),
            None if status is None else int(status),
            None if memory is None else memory.bytes,
            cpu,
            silent_s if up else None,
            memory is not None and memory.in_full,
            ends.get("hung_s"),
        )

    def _usage(self, pid: int, used: Mapping[int, tuple[float, float]]) -> tuple[_Memory | None, float | None]:
        """Memory, and the share of a core since the last look, of a process with its children; None: not to be had."""
        found = {each: seconds for each in (pid, *_children(pid)) if (seconds := _seconds(each)) is not None}
        if not found:
            return None, None
        now, seconds = time.monotonic(), sum(found.values())
        self._used[pid] = (now, seconds)
        before_at, before = used.get(pid, (now, seconds))
        share = max(0.0, seconds - before) / (now - before_at) if now > before_at else None
        measured = [memory for each in found if (memory := self._measured(each, now)) is not None]
        whole = _Memory(sum(one.bytes for one in measured), any(one.in_full for one in measured)) if measured else None
        return whole, share

    def _measured(self, pid: int, now: float) -> _Memory | None:
        """Asked anew each MEASURED_S only: the kernel walks through all pages of the process, for 10 ms or so."""
        if pid not in self._memory:
            found = _memory(pid)
            if found is None:
                return None
            self._memory[pid] = (now, found)
        return self._memory[pid][1]


def report(processes: Collection[Process]) -> str:
    """As a node tells it."""
    return json.dumps([asdict(process) for process in processes], separators=(",", ":"))


def read_report(text: str) -> list[Process]:
    """What report() wrote; what another release wrote otherwise is left out."""
    known = Process.__slots__
    return [Process(**{key: value for key, value in each.items() if key in known}) for each in json.loads(text)]


def tell(pipeline: Pipeline, node: str, text: str) -> None:
    """Put a node's report into a pipeline, blocking or not."""
    pipeline.set(f"{NODES}:{node}", text, ex=KEPT_S)
    pipeline.sadd(NODES, node)


def _sign(path: Path) -> tuple[dict[str, float | None], bool]:
    """What a sign says, and whether who left it lives."""
    try:
        with path.open(encoding="utf-8") as file:
            told = _numbers(file.read())
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return told, True
            return told, False
    except (OSError, ValueError):
        return {}, False


def _read(path: Path) -> dict[str, float | None]:
    try:
        return _numbers(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _numbers(text: str) -> dict[str, float | None]:
    """By name. Raises ValueError for what nobody here has written."""
    told = json.loads(text)
    if not isinstance(told, dict) or not all(value is None or isinstance(value, int | float) for value in told.values()):
        raise ValueError("numbers by name are wanted")
    return told


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []


def _seconds(pid: int) -> float | None:
    """Seconds of CPU (proc_pid_stat(5)); None where there is no such process, or no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> _Memory | None:
    """PSS (proc_pid_smaps(5)), which may be read of own processes only; else RSS (proc_pid_statm(5)); None where there is
    neither."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        return _Memory(int(next(line for line in lines if line.startswith("Pss:")).split()[1]) * 1024, in_full=False)
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return None
    return _Memory(pages * os.sysconf("SC_PAGE_SIZE"), in_full=True)
