"""The menus an engine runs: seeds, publications, texts that can't be read, Redis away. A real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from ivr import config
from ivr.config import ConfigError, Settings
from ivr.flow.load import load
from ivr.flow.versions import dumps
from ivr.menus import Menus, findings_of
from routing import menus
from routing.menus import Draft, publish
from routing.store import Store
from storage.embedded import EmbeddedRedis
from storage.journal import Journal
from storage.redis import connect

SOURCE = "start: service\nnodes:\n  service: {kind: queue, queue: service}\n"
NOTED = (
    "start: notice\nnodes:\n  notice: {kind: say, prompt: welcome, notice: true, then: service}\n"
    + SOURCE.partition("nodes:\n")[2]
)
BYE = NOTED + "  bye: {kind: hangup, prompt: goodbye}\n"
TOML = """
data_dir = "{directory}/var"
[[trunks]]
name = "local"
networks = ["127.0.0.0/8"]
numbers = {{ "4001" = "sample" }}
[[hotlines]]
name = "sample"
{menu}
[[queues]]
name = "service"
"""


def settings_at(directory: Path, *, menu: bool = True) -> Settings:
    file = directory / "hotline.toml"
    file.write_text(TOML.format(directory=directory, menu='menu = "menu.yaml"' if menu else ""), encoding="utf-8")
    return config.load(file, {})


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], None]:
    def write(source: str) -> None:
        (tmp_path / "menu.yaml").write_text(source, encoding="utf-8")

    write(NOTED)
    return write


@pytest.fixture
async def store(redis: AsyncRedis, tmp_path: Path) -> Store:
    return Store(redis, node="one", journal=Journal(tmp_path / "journal.jsonl"))


def draft(source: str, based_on: int, author: str = "小王") -> Draft:
    document = load(source).document
    assert document is not None
    return Draft("sample", dumps(document), source, author, "", based_on)


async def started(settings: Settings, store: Store) -> Menus:
    found = Menus(settings, store)
    await found.start()
    return found


def start_node(found: Menus) -> str:
    version = found.get("sample")
    assert version is not None
    return version.document.start


async def test_a_file_is_published_where_nothing_is_and_when_it_changes(
    store: Store, redis_sync: Redis, tmp_path: Path, write: Callable[[str], None]
) -> None:
    settings = settings_at(tmp_path)
    assert (await started(settings, store)).versions == {"sample": 1}
    assert (await started(settings, store)).versions == {"sample": 1}, "unchanged"
    write(BYE)
    assert (await started(settings, store)).versions == {"sample": 2}
    [second, first] = menus.kept(redis_sync, "sample")
    assert [(one.author, one.note, one.based_on) for one in (first, second)] == [
        ("file", "menu.yaml", 0),
        ("file", "menu.yaml", 1),
    ]
    assert second.source == BYE


async def test_what_people_published_stays_and_the_log_says_how_to_publish_the_file(
    store: Store, redis_sync: Redis, tmp_path: Path, write: Callable[[str], None]
) -> None:
    settings = settings_at(tmp_path)
    await started(settings, store)
    publish(redis_sync, draft(BYE, 1))
    with structlog.testing.capture_logs() as said:
        found = await started(settings, store)
    assert found.versions == {"sample": 2}
    [line] = [line for line in said if "differs" in line["event"]]
    assert line["author"] == "小王"
    assert line["to_publish_the_file"] == f"hotline flow publish sample {tmp_path}/menu.yaml"
    write(BYE)
    with structlog.testing.capture_logs() as said:
        assert (await started(settings, store)).versions == {"sample": 2}
    assert not [line for line in said if "differs" in line["event"]]
    write("nonsense: [")
    assert (await started(settings, store)).versions == {"sample": 2}, "a file that nobody hears stops nobody"


async def test_what_no_longer_fits_the_settings_is_told_at_start(
    store: Store, redis_sync: Redis, tmp_path: Path, write: Callable[[str], None]
) -> None:
    settings = settings_at(tmp_path)
    await started(settings, store)
    publish(redis_sync, draft(NOTED.replace("queue: service}", "queue: sales}"), 1))
    with structlog.testing.capture_logs() as said:
        assert (await started(settings, store)).versions == {"sample": 2}
    [line] = [line for line in said if line["log_level"] == "error"]
    assert "sample version 2:4: error: [service] There is no queue 'sales'." in line["finding"]


async def test_a_seed_that_callers_must_not_meet_is_refused(store: Store, tmp_path: Path, write: Callable[[str], None]) -> None:
    write(SOURCE)
    with pytest.raises(ConfigError, match=r"menu\.yaml:3: error: \[service\] Talks are recorded"):
        await started(settings_at(tmp_path), store)


async def test_a_hotline_without_a_file_needs_a_published_menu(store: Store, redis_sync: Redis, tmp_path: Path) -> None:
    settings = settings_at(tmp_path, menu=False)
    with pytest.raises(
        ConfigError, match=r"hotlines\.sample\.menu: no menu is published .* `hotline flow publish sample FILE`"
    ):
        await started(settings, store)
    publish(redis_sync, draft(NOTED, 0))
    assert (await started(settings, store)).versions == {"sample": 1}
    redis_sync.flushall()
    assert (await started(settings, store)).versions == {"sample": 1}, "from the last good file"


class Following:
    """Menus that follow what is published, and how often prompts were renewed."""

    def __init__(self, found: Menus) -> None:
        self.found = found
        self.renewed: list[dict[str, int]] = []

    async def renew(self) -> None:
        self.renewed.append(self.found.versions)

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(30):
            while not condition():  # noqa: ASYNC110 - what is waited for comes through Redis
                await asyncio.sleep(0.01)


@pytest.fixture
async def following(store: Store, tmp_path: Path, write: Callable[[str], None]) -> AsyncIterator[Following]:
    found = Following(await started(settings_at(tmp_path), store))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(found.found.follow(found.renew))
        yield found
        task.cancel()


async def test_new_calls_hear_what_is_published_once_its_prompts_are_there(following: Following, redis_sync: Redis) -> None:
    old = following.found.get("sample")
    publish(redis_sync, draft(BYE, 1))
    await following.until(lambda: following.found.versions == {"sample": 2})
    assert following.renewed == [{"sample": 1}], "prompts first"
    new = following.found.get("sample")
    assert old is not None
    assert new is not None
    assert ("bye" in old.document.nodes, "bye" in new.document.nodes) == (False, True)
    assert await following.found.at("sample", 1) == old.document
    assert await following.found.at("sample", 2) == new.document


async def test_a_text_that_cannot_be_read_leaves_the_last_good_one(
    following: Following, redis_sync: Redis, tmp_path: Path
) -> None:
    with structlog.testing.capture_logs() as said:
        publish(redis_sync, replace(draft(BYE, 1), text='{"start": 5}'))
        await following.until(lambda: [line for line in said if "can't be read" in line["event"]])
    [line] = [line for line in said if line["log_level"] == "error"]
    assert (line["hotline"], line["version"]) == ("sample", 2)
    assert following.found.versions == {"sample": 1}
    publish(redis_sync, draft(BYE, 2))
    await following.until(lambda: following.found.versions == {"sample": 3})


async def test_a_call_whose_version_is_gone_goes_on_with_the_current_one(following: Following) -> None:
    current = following.found.get("sample")
    assert current is not None
    assert await following.found.at("sample", 7) == current.document
    assert await following.found.at("sample", 0) == current.document
    assert await following.found.at("other", 1) is None


async def test_without_redis_the_last_good_menus_run(tmp_path: Path, write: Callable[[str], None]) -> None:
    settings = settings_at(tmp_path)
    server = EmbeddedRedis(tmp_path / "redis")
    server.start()
    client = connect(server.url)
    try:
        first = Store(client, node="one", journal=Journal(tmp_path / "journal.jsonl"))
        await started(settings, first)
        await first.publish_menu(draft(BYE, 1))
        assert (await started(settings, first)).versions == {"sample": 2}
        server.stop()
        with structlog.testing.capture_logs() as said:
            found = await started(settings, first)
        assert found.versions == {"sample": 2}
        version = found.get("sample")
        assert version is not None
        assert "bye" in version.document.nodes
        assert [line["event"] for line in said if line["log_level"] == "error"] == ["Redis is away: the last good menus run"]
        (settings.data_dir / "last-good-menus.json").write_text("{", encoding="utf-8")
        assert (await started(settings, first)).versions == {}, "a damaged file stops nobody"
    finally:
        await client.aclose()
        server.stop()


async def test_where_redis_lost_its_data_the_numbers_go_on(
    store: Store, redis_sync: Redis, tmp_path: Path, write: Callable[[str], None]
) -> None:
    settings = settings_at(tmp_path)
    await started(settings, store)
    publish(redis_sync, draft(BYE, 1))
    await started(settings, store)
    redis_sync.flushall()
    with structlog.testing.capture_logs() as said:
        found = await started(settings, store)
    assert found.versions == {"sample": 3}
    assert [line["lost_version"] for line in said if "lost" in line["event"]] == [2]


SPOKEN = (
    NOTED.replace("then: service", "then: main")
    + '  main: {kind: menu, prompt: main_menu, keys: {"1": {to: service, words: 定单}}}\n'
)


@pytest.mark.parametrize(
    ("section", "rules"),
    [
        ('enabled = "on"', ["word_unknown"]),
        ('enabled = "off"', []),
        ("", []),
        ('enabled = "on"\nmodel = "none"', []),
    ],
)
def test_menus_about_to_be_published_are_held_against_the_models_words(tmp_path: Path, section: str, rules: list[str]) -> None:
    (tmp_path / "menu.yaml").write_text(SPOKEN, encoding="utf-8")
    file = tmp_path / "hotline.toml"
    file.write_text(TOML.format(directory=tmp_path, menu="") + f"[speech]\n{section}\n", encoding="utf-8")
    settings = config.load(file, {})
    assert [finding.rule for finding in findings_of(tmp_path / "menu.yaml", settings)] == rules


async def test_an_engine_starts_with_words_that_it_can_not_hear(tmp_path: Path, store: Store) -> None:
    (tmp_path / "menu.yaml").write_text(SPOKEN, encoding="utf-8")
    file = tmp_path / "hotline.toml"
    file.write_text(TOML.format(directory=tmp_path, menu='menu = "menu.yaml"') + '[speech]\nenabled = "on"\n', encoding="utf-8")
    assert (await started(config.load(file, {}), store)).versions == {"sample": 1}
