"""Where people work on menus: real Redis, real SQL, two editors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from redis import Redis
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from followup.book import Rules, book
from followup.events import read
from ivr.flow.check import Facts
from ivr.flow.desk import Desk, Unfit, UnknownVersion
from ivr.flow.drafts import Edited
from ivr.flow.versions import loads
from prompts import PATH
from prompts.catalogue import available
from routing.events import STREAM
from routing.menus import MAX_BYTES, Conflict
from storage.sql import migrate, open_database, writing

FACTS = Facts(available(PATH), ["service"], [])
SOURCE = """# 欢迎词，勿改
start: welcome
nodes:
  welcome: {kind: say, prompt: welcome, then: service}   # 先问好
  service: {kind: queue, queue: service}
"""
OTHER = SOURCE.replace("prompt: welcome", "prompt: goodbye")
BROKEN = SOURCE.replace("queue: service}", "queue: sales}")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path}/hotline.db"
    migrate(url)
    engine = open_database(url)
    yield engine
    engine.dispose()


@pytest.fixture
def desk(redis_sync: Redis, engine: Engine) -> Desk:
    return Desk(redis_sync, engine, FACTS)


def book_all(redis: Redis, engine: Engine) -> None:
    with writing(engine) as connection:
        book(connection, [read(cast(dict[str, str], fields)) for _, fields in redis.xrange(STREAM) or []], Rules())


def test_a_draft_is_kept_as_it_was_written_and_published_when_it_is_fit(desk: Desk, redis_sync: Redis) -> None:
    assert desk.draft("sample") is None
    assert desk.save_draft("sample", BROKEN, "小王", 0) == 1
    assert [finding.rule for finding in desk.check("sample", BROKEN)] == ["missing_queue"]
    with pytest.raises(Unfit, match="There is no queue 'sales'"):
        desk.publish_draft("sample", 1, "小王")
    assert desk.current("sample") == 0
    assert desk.save_draft("sample", SOURCE, "小王", 1) == 2
    assert desk.publish_draft("sample", 2, "小李", "开业") == 1
    [version] = desk.versions("sample")
    assert (version.version, version.author, version.note, version.based_on) == (1, "小李", "开业", 0)
    assert version.source == SOURCE
    text = redis_sync.hget("{hotline}:document:menu:sample", "1")
    assert isinstance(text, str)
    assert loads(text).start == "welcome"
    draft = desk.draft("sample")
    assert draft is not None
    assert (draft.source, draft.author, draft.revision, draft.based_on) == (SOURCE, "小王", 2, 1)
    assert desk.save_draft("sample", OTHER, "小王", 2) == 3
    assert desk.publish_draft("sample", 3, "小王") == 2


def test_two_editors_cannot_overwrite_each_others_draft(desk: Desk) -> None:
    desk.save_draft("sample", SOURCE, "小王", 0)
    for revision, at in ((0, 1), (2, 1)):
        with pytest.raises(Edited, match=f"saved by 小王 at .* UTC, as revision {at}") as refused:
            desk.save_draft("sample", OTHER, "小李", revision)
        assert refused.value.there is not None
        assert refused.value.there.source == SOURCE
    assert desk.save_draft("sample", OTHER, "小李", 1) == 2
    with pytest.raises(Edited, match="小李"):
        desk.save_draft("sample", SOURCE, "小王", 1)
    with pytest.raises(Edited, match="小李"):
        desk.publish_draft("sample", 1, "小王")
    with pytest.raises(Edited, match="no draft yet"):
        desk.save_draft("other", SOURCE, "小王", 3)
    with pytest.raises(Edited, match="no draft yet"):
        desk.publish_draft("other", 1, "小王")
    assert desk.current("sample") == 0


def test_a_draft_made_from_an_older_version_is_not_published_over_a_newer_one(desk: Desk) -> None:
    desk.publish("sample", SOURCE, "小王", "", 0)
    desk.save_draft("sample", OTHER, "小李", 0)
    draft = desk.draft("sample")
    assert draft is not None
    assert draft.based_on == 1, "a new draft is made from what is published"
    desk.publish("sample", SOURCE + "# 改\n", "小王", "", 1)
    with pytest.raises(Conflict, match="the published version is 2, published by 小王 at "):
        desk.publish_draft("sample", 1, "小李")
    assert desk.save_draft("sample", OTHER + "# 改\n", "小李", 1, based_on=2) == 2
    assert desk.publish_draft("sample", 2, "小李") == 3


def test_versions_diff_and_rollback(desk: Desk, redis_sync: Redis, engine: Engine) -> None:
    desk.publish("sample", SOURCE, "小王", "一", 0)
    desk.publish("sample", OTHER, "小李", "二", 1)
    assert desk.diff("sample", 1, 2) == (
        "--- sample version 1\n+++ sample version 2\n@@ -1,5 +1,5 @@\n # 欢迎词，勿改\n start: welcome\n nodes:\n"
        "-  welcome: {kind: say, prompt: welcome, then: service}   # 先问好\n"
        "+  welcome: {kind: say, prompt: goodbye, then: service}   # 先问好\n"
        "   service: {kind: queue, queue: service}\n"
    )
    assert desk.diff("sample", 1, 1) == ""
    assert desk.rollback("sample", 1, "小张", "太吵") == 3
    assert desk.source("sample", 3) == SOURCE
    assert [(one.version, one.author, one.note) for one in desk.versions("sample")] == [
        (3, "小张", "太吵"),
        (2, "小李", "二"),
        (1, "小王", "一"),
    ]
    with pytest.raises(UnknownVersion, match="sample: there is no version 9"):
        desk.rollback("sample", 9, "小张")
    book_all(redis_sync, engine)
    redis_sync.hdel("{hotline}:about:menu:sample", "1")  # more than a hundred ago
    assert [one.version for one in desk.versions("sample")] == [3, 2, 1]
    assert desk.source("sample", 1) == SOURCE


def test_an_old_version_that_no_longer_fits_is_not_brought_back(desk: Desk, redis_sync: Redis, engine: Engine) -> None:
    desk.publish("sample", OTHER, "小王", "", 0)
    now = Desk(redis_sync, engine, Facts(available(PATH), ["sales"], []))
    with pytest.raises(Unfit, match="There is no queue 'service'"):
        now.rollback("sample", 1, "小王")


def test_without_sql_menus_are_published_shown_and_rolled_back(redis_sync: Redis, tmp_path: Path) -> None:
    (tmp_path / "hotline.db").mkdir()
    engine = open_database(f"sqlite:///{tmp_path}/hotline.db")
    desk = Desk(redis_sync, engine, FACTS)
    assert desk.publish("sample", SOURCE, "小王", "", 0) == 1
    assert desk.publish("sample", OTHER, "小王", "", 1) == 2
    assert desk.rollback("sample", 1, "小王") == 3
    assert [one.version for one in desk.versions("sample")] == [3, 2, 1]
    with pytest.raises(DBAPIError):
        desk.draft("sample")
    engine.dispose()


def test_where_redis_lost_its_data_numbers_go_on_above_the_history(desk: Desk, redis_sync: Redis, engine: Engine) -> None:
    desk.publish("sample", SOURCE, "小王", "", 0)
    desk.publish("sample", OTHER, "小王", "", 1)
    book_all(redis_sync, engine)
    redis_sync.flushall()
    assert desk.publish("sample", SOURCE, "小王", "", 0) == 3
    assert desk.rollback("sample", 2, "小王") == 4


@pytest.mark.parametrize("author", ["", " ", "x" * 65, "小\n王", "file"])
def test_authors_have_names(desk: Desk, author: str) -> None:
    with pytest.raises(ValueError, match="author"):
        desk.publish("sample", SOURCE, author, "", 0)


def test_texts_that_cannot_be_kept_are_refused(desk: Desk) -> None:
    for source, message in (("#" * (MAX_BYTES + 1), "too large"), ("a\0b", "NUL")):
        with pytest.raises(ValueError, match=message):
            desk.save_draft("sample", source, "小王", 0)
        with pytest.raises(ValueError, match=message):
            desk.publish("sample", source, "小王", "", 0)
    with pytest.raises(ValueError, match="note"):
        desk.publish("sample", SOURCE, "小王", "x" * 501, 0)
