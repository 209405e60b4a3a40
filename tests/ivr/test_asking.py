"""What calls ask is answered by a real Redis, also by a slow one."""

from __future__ import annotations

from pathlib import Path

from redis.asyncio import Redis

from ivr.asking import Asking
from ivr.dialplan import DialPlan
from ivr.media.pool import MediaPool, Worker
from ivr.questions import AskCaller, CallerKnown
from routing.store import Store
from storage.journal import Journal
from storage.redis import connect

NUMBER = "13900000001"


async def test_a_caller_is_known_though_redis_takes_its_time(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    await redis.hset(f"{{hotline}}:caller:{NUMBER}", mapping={"calls": "2", "class": "vip"})
    client, journal = connect(redis_url), Journal(tmp_path / "one.jsonl")
    store = Store(client, node="one", journal=journal)
    await store.start()
    asking = Asking(store, DialPlan(), {}, None, MediaPool(()))
    await redis.client_pause(300)
    answer = await asking.answer(AskCaller(NUMBER), "a", Worker(0, tmp_path / "media-0.sock"))
    assert answer == CallerKnown({"calls": "3", "class": "vip"})
    await client.aclose()
    journal.close()
