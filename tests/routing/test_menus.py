"""Versions of menus, and other documents that are published: a real Redis, publishers that race."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import cast

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from routing import menus
from routing.events import STREAM
from routing.floor import snapshot
from routing.menus import Conflict, Draft, TooLarge, publish
from routing.store import Store
from storage import documents
from storage.redis import connect_sync


def draft(n: int = 1, *, hotline: str = "sample", based_on: int = 0, author: str = "小王") -> Draft:
    return Draft(hotline, f'{{"n":{n}}}', f"n: {n}  # 原文", author, f"第{n}版", based_on)


def told(redis: Redis) -> list[dict[str, str]]:
    return [cast(dict[str, str], fields) for _, fields in redis.xrange(STREAM) or []]


def test_versions_are_numbered_per_hotline_and_told_as_events(redis_sync: Redis) -> None:
    assert menus.current_version(redis_sync, "sample") == 0
    assert [publish(redis_sync, draft(n, based_on=n - 1)) for n in (1, 2, 3)] == [1, 2, 3]
    assert publish(redis_sync, draft(hotline="other")) == 1
    assert menus.current_version(redis_sync, "sample") == 3
    events = told(redis_sync)
    assert [(e["subject"], e["seq"], e["type"]) for e in events] == [
        ("menu:sample", "1", "menu_published"),
        ("menu:sample", "2", "menu_published"),
        ("menu:sample", "3", "menu_published"),
        ("menu:other", "1", "menu_published"),
    ]
    data = json.loads(events[1]["data"])
    assert data.pop("at") == pytest.approx(float(events[1]["at"]), abs=0.01)
    assert data == {
        "hotline": "sample",
        "version": 2,
        "author": "小王",
        "note": "第2版",
        "based_on": 1,
        "source": "n: 2  # 原文",
    }


def test_who_began_with_an_older_version_is_told_who_was_faster(redis_sync: Redis) -> None:
    publish(redis_sync, draft(1, author="小李"))
    for based_on in (0, 2):
        with pytest.raises(Conflict) as refused:
            publish(redis_sync, draft(2, based_on=based_on))
        there = refused.value.current
        assert there is not None
        assert (refused.value.version, there.version, there.author, there.note) == (1, 1, "小李", "第1版")
    assert menus.current_version(redis_sync, "sample") == 1
    assert redis_sync.xlen(STREAM) == 1, "what was refused leaves no event"


def test_of_publishers_that_race_one_wins_each_version(redis_sync: Redis, redis_url: str) -> None:
    def try_all(author: int) -> list[int]:
        with connect_sync(redis_url) as client:
            won = []
            while (based_on := menus.current_version(client, "sample")) < 60:
                try:
                    won.append(publish(client, draft(based_on, based_on=based_on, author=str(author))))
                except Conflict:
                    continue
            return won

    with ThreadPoolExecutor(8) as pool:
        won = [version for versions in pool.map(try_all, range(8)) for version in versions]
    last = menus.current_version(redis_sync, "sample")
    assert sorted(won) == list(range(1, last + 1))
    events = [json.loads(fields["data"]) for fields in told(redis_sync)]
    assert [(one["version"], one["based_on"]) for one in events] == [(n, n - 1) for n in range(1, last + 1)]


async def test_the_newest_hundred_texts_are_kept(redis_sync: Redis, redis: AsyncRedis, store: Store) -> None:
    for n in range(1, 104):
        publish(redis_sync, draft(n, based_on=n - 1))
    assert [one.version for one in menus.kept(redis_sync, "sample")] == list(range(103, 3, -1))
    assert redis_sync.hlen("{hotline}:document:menu:sample") == 100
    assert await store.menu("sample", 3) is None
    assert await store.menu("sample", 4) == '{"n":4}'
    assert await store.new_menus({}) == {"sample": (103, '{"n":103}')}
    assert await store.new_menus({"sample": 103, "gone": 1}) == {}
    there = await store.published_menu("sample")
    assert there is not None
    assert (there.version, there.source) == (103, "n: 103  # 原文")
    assert await store.published_menu("other") is None


async def test_an_engine_publishes_by_the_same_rules(store: Store) -> None:
    assert await store.publish_menu(draft(author="file")) == 1
    with pytest.raises(Conflict, match="sample: the published version is 1"):
        await store.publish_menu(draft(author="file"))


def test_numbers_go_on_where_redis_has_lost_its_data(redis_sync: Redis) -> None:
    assert publish(redis_sync, replace(draft(), above=7)) == 8
    assert publish(redis_sync, replace(draft(based_on=8), above=7)) == 9


def test_a_menu_that_is_too_large_is_refused(redis_sync: Redis) -> None:
    with pytest.raises(TooLarge, match="sample: the menu has"):
        publish(redis_sync, Draft("sample", "{}", "#" * (menus.MAX_BYTES + 1), "小王", "", 0))
    assert menus.current_version(redis_sync, "sample") == 0


async def test_publications_tell_what_comes(store: Store, redis_sync: Redis) -> None:
    names = store.publications("menu")
    async with asyncio.timeout(30):
        assert await anext(names) == "", "at first any may have a new text"
        documents.publish(redis_sync, "calendar", "default", "{}")
        publish(redis_sync, draft(hotline="other"))
        assert await anext(names) == "other"
    await names.aclose()  # type: ignore[attr-defined]


async def test_documents_are_the_current_texts(store: Store, redis_sync: Redis) -> None:
    assert documents.publish(redis_sync, "calendar", "default", "a")
    assert documents.publish(redis_sync, "calendar", "default", "b")
    assert not documents.publish(redis_sync, "calendar", "default", "b"), "nobody is told twice"
    documents.publish(redis_sync, "calendar", "shop", "c")
    documents.withdraw(redis_sync, "calendar", {"shop", "unknown"})
    documents.withdraw(redis_sync, "calendar", set())
    assert await store.documents("calendar") == documents.published(redis_sync, "calendar") == {"default": "b"}


async def test_who_was_slow_does_not_undo_what_another_published(redis_sync: Redis) -> None:
    """The scribe has read the old hours, a supervisor saves new ones and the console publishes them: the scribe looks again."""
    documents.publish(redis_sync, "calendar", "default", "older")
    saved, looks = ["old"], []

    def wanted() -> dict[str, str]:
        looks.append(text := saved[-1])
        if len(looks) == 1:
            saved.append("new")
            assert documents.publish(redis_sync, "calendar", "default", "new")
        return {"default": text}

    assert documents.keep_published(redis_sync, "calendar", wanted) == []
    assert looks == ["old", "new"]
    assert documents.published(redis_sync, "calendar") == {"default": "new"}


async def test_the_floor_shows_which_versions_run(store: Store, redis_sync: Redis) -> None:
    publish(redis_sync, draft())
    publish(redis_sync, draft(based_on=1))
    await store.beat(menus={"sample": 1})
    seen = snapshot(redis_sync)
    assert seen.menus == [{"node": "one", "hotline": "sample", "version": 1}]
    assert seen.published == {"sample": 2}
