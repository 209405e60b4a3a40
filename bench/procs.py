"""CPU seconds and memory of processes, from /proc (Linux)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one process: what it is (engine, media, redis …), CPU seconds so far, resident kB."""

    name: str
    cpu_s: float
    rss_kb: float


def tree(root: int) -> dict[int, Usage]:
    """The process `root` and all its descendants that live now."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields:
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: dict[int, Usage] = {}
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        fields = _stat(pid)
        if fields:
            cpu_s = (int(fields[11]) + int(fields[12])) / TICKS
            found[pid] = Usage(_name(pid), cpu_s, int(fields[21]) * PAGE / 1024)
            waiting += children.get(pid, [])
    return found


def spent(before: dict[int, Usage], after: dict[int, Usage]) -> dict[str, float]:
    """CPU seconds by name between two looks; a process that ended in between counts nothing."""
    sums: dict[str, float] = {}
    for pid, usage in after.items():
        earlier = before[pid].cpu_s if pid in before else 0.0
        sums[usage.name] = sums.get(usage.name, 0.0) + usage.cpu_s - earlier
    return sums


def rss_mb(usages: Iterable[Usage]) -> float:
    """Resident memory in all; pages that processes share count once for each."""
    return sum(usage.rss_kb for usage in usages) / 1024


def busy_s() -> float:
    """CPU seconds that the whole machine has worked."""
    values = [int(value) / TICKS for value in (PROC / "stat").read_text().splitlines()[0].split()[1:9]]
    return sum(values) - values[3] - values[4]


def _stat(pid: int) -> list[str]:
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:  # it has ended
        return []
    return text[text.rindex(")") + 2 :].split()


def _name(pid: int) -> str:
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ").split()
    except OSError:
        return ""
    if not words:  # it has ended, and nobody has asked how
        return ""
    if "ivr.cli" in words:
        return words[words.index("ivr.cli") + 1]
    if words[0] == "gunicorn:":
        return "console"
    return "redis" if "redis" in words[0] or "valkey" in words[0] else "serve"  # and its nursery
