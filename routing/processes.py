"""[io] The processes of all nodes, as the nodes themselves tell (storage/signs.py)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from redis import Redis

from routing.scripts import PREFIX
from storage.signs import KEPT_S, NODES, Process, read_report

SILENT_S = 10.0
"""Nodes tell every two seconds: one that hasn't for so long is silent."""


@dataclass(frozen=True, slots=True)
class Node:
    """One node's processes as it told `ago_s` ago."""

    name: str
    ago_s: float
    processes: tuple[Process, ...]

    @property
    def silent(self) -> bool:
        return self.ago_s > SILENT_S


def nodes(redis: Redis, scribe_leads: bool) -> list[Node]:
    """All nodes that have told anything within a day, by name. An engine that lives and has lost its lease doesn't answer; nor
    do scribes when none leads. The client is a blocking one whose answers are str. Raises redis.exceptions.RedisError."""
    names = sorted(str(name) for name in redis.smembers(NODES))
    pipeline = redis.pipeline(transaction=False)
    pipeline.time()
    for name in names:
        pipeline.get(f"{NODES}:{name}")
        pipeline.pttl(f"{NODES}:{name}")
        pipeline.hget(f"{PREFIX}engine:{name}", "alive_until")
    (seconds, microseconds), *answers = pipeline.execute()
    now = seconds + microseconds / 1e6
    found = []
    for name, text, left_ms, alive_until in zip(names, answers[::3], answers[1::3], answers[2::3], strict=True):
        if text is None:
            redis.srem(NODES, name)
            continue
        late = {} if scribe_leads else {"scribe": 0.0}
        if alive_until is not None and float(alive_until) < now:
            late["engine"] = now - float(alive_until)
        told = tuple(
            replace(one, silent_s=late[one.name]) if one.up and one.silent_s is None and one.name in late else one
            for one in read_report(text)
        )
        found.append(Node(name, KEPT_S - left_ms / 1000, told))
    return found
