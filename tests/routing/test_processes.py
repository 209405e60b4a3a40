from __future__ import annotations

from redis import Redis

from routing.processes import nodes
from storage import signs
from storage.signs import Process

WELL = (Process("engine", 1, 1.0, True), Process("scribe", 2, 1.0, True), Process("media-0", 3, 1.0, False))


def tell(redis: Redis, node: str) -> None:
    pipeline = redis.pipeline()
    signs.tell(pipeline, node, signs.report(WELL))
    pipeline.execute()


def test_nodes_and_when_they_were_heard_of(redis_sync: Redis) -> None:
    assert nodes(redis_sync, scribe_leads=True) == []
    tell(redis_sync, "one")
    tell(redis_sync, "two")
    redis_sync.expire(f"{signs.NODES}:two", signs.KEPT_S - 30)
    one, two = nodes(redis_sync, scribe_leads=True)
    assert (one.name, one.silent, one.processes) == ("one", False, WELL)
    assert (two.name, two.silent, round(two.ago_s)) == ("two", True, 30)
    redis_sync.delete(f"{signs.NODES}:two")
    assert [node.name for node in nodes(redis_sync, scribe_leads=True)] == ["one"], "forgotten after a day"
    assert redis_sync.smembers(signs.NODES) == {"one"}


def test_who_lives_without_doing_its_work(redis_sync: Redis) -> None:
    tell(redis_sync, "one")
    redis_sync.hset("{hotline}:engine:one", "alive_until", "9e9")
    [node] = nodes(redis_sync, scribe_leads=True)
    assert [each.silent_s for each in node.processes] == [None, None, None]
    redis_sync.hset("{hotline}:engine:one", "alive_until", "1000")
    [node] = nodes(redis_sync, scribe_leads=False)
    engine, scribe, media = node.processes
    assert engine.silent_s is not None
    assert engine.silent_s > 1e9
    assert (scribe.silent_s, media.silent_s) == (0.0, None), "who is dead is not silent"
