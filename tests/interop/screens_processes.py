"""[io] Two made-up machines' processes, for the picture of the health page."""

from __future__ import annotations

from dataclasses import replace

from storage import signs
from storage.redis import connect_sync
from storage.signs import Process


def write(redis_url: str, now: float) -> None:
    """Two machines' processes: one was killed twice, one is dead, all others are well."""
    began = now - 86400 * 3
    well = {
        "engine": (2101, 58_000_000, 0.034),
        "media-0": (2098, 23_000_000, 0.121),
        "media-1": (2099, 22_000_000, 0.118),
        "scribe": (2102, 46_000_000, 0.006),
        "console": (2103, 71_000_000, 0.021),
        "redis": (2090, 14_000_000, 0.017),
        "nursery": (2081, 28_000_000, 0.0),
    }
    first = [Process(name, pid, began, True, 0, None, None, memory, cpu) for name, (pid, memory, cpu) in well.items()]
    first[1] = replace(first[1], pid=7733, since=now - 5400, restarts=2, ended_at=now - 5400, status=-9)
    second = [
        Process(name, 900 + n, began + 60, True, 0, None, None, 58_000_000 + 900_000 * n, 0.02 * n)
        for n, name in enumerate(("engine", "media-0", "media-1"), 1)
    ]
    second.append(Process("speech-0", 1204, now - 4000, False, 3, now - 48, 1))
    with connect_sync(redis_url) as redis:
        pipeline = redis.pipeline()
        for node, processes in (("node1", first), ("node2", second)):
            signs.tell(pipeline, node, signs.report(processes))
            pipeline.expire(f"{signs.NODES}:{node}", signs.KEPT_S + 3600)  # as if it had just been told, for an hour
        pipeline.execute()
