"""What is killed or stands still is seen: by API and figures, on the health page's ground."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from console import accounts, sessions
from console.changes import SYSTEM
from console.roles import Role
from storage.sql import writing
from tests.site import Site, running


class Supervisor:
    """A program of a supervisor's."""

    def __init__(self, site: Site) -> None:
        assert site.database is not None
        with writing(site.database) as connection:
            accounts.insert_person(connection, "zhao", "赵主管", Role.SUPERVISOR, "", SYSTEM, time.time())
        self._site = site
        self._key = sessions.make_token(site.database, accounts.find(site.database, "zhao"), "test", SYSTEM, time.time())

    def asks(self, path: str) -> str:
        request = urllib.request.Request(f"http://127.0.0.1:{self._site.console_port}{path}")
        request.add_header("Authorization", f"Bearer {self._key}")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(answer.read().decode())

    def processes(self) -> dict[str, dict[str, Any]]:
        found = json.loads(self.asks("/api/v1/health/processes"))
        assert found["unheard"] == {}
        return {one["name"]: one for one in found["processes"]}

    async def sees(self, name: str, what: Callable[[dict[str, Any]], bool], said: str) -> dict[str, Any]:
        """Until it is so."""
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(OSError):  # the console is being started again
                    one = (await asyncio.to_thread(self.processes)).get(name, {})
                    if one and what(one):
                        return one
                await asyncio.sleep(0.3)
        raise AssertionError(said)


async def test_who_was_killed_and_who_stands_still(tmp_path: Path) -> None:
    async with running(tmp_path) as site:
        zhao = Supervisor(site)
        names = ("nursery", "engine", "media-0", "scribe", "console", "redis")
        seen = {name: await zhao.sees(name, lambda one: one["state"] == "up", "the engine tells of its node") for name in names}
        assert zhao.processes().keys() == set(names)
        for name in names[1:]:
            one = seen[name]
            assert (one["node"], one["pid"], one["restarts"]) == ("node1", site.pid(name), 0), name
            assert one["memory_bytes"] > 1_000_000, name

        await site.kill("media-0")
        again = await zhao.sees("media-0", lambda one: one["restarts"] == 1 and one["state"] == "up", "it was started again")
        assert (again["status"], again["pid"]) == (-9, site.pid("media-0"))
        assert seen["media-0"]["since"] < again["ended_at"] <= again["since"]
        assert 'hotline_process_restarts_total{name="media-0",node="node1"} 1.0' in zhao.asks("/metrics")

        assert site.process is not None
        site.process.send_signal(signal.SIGSTOP)  # the supervisor, who would kill it
        os.kill(site.pid("media-0"), signal.SIGSTOP)
        still = await zhao.sees("media-0", lambda one: one["state"] == "silent", "it does not answer")
        assert "没有应答" in still["trouble"] or "does not answer" in still["trouble"]
        os.kill(site.pid("media-0"), signal.SIGCONT)
        await zhao.sees("media-0", lambda one: one["state"] == "up", "it answers again")
        site.process.send_signal(signal.SIGCONT)

        await site.kill("console")
        await site.kill("redis")
        await zhao.sees("redis", lambda one: (one["restarts"], one["status"]) == (1, -9), "Redis was started again")
        await zhao.sees("console", lambda one: (one["restarts"], one["pid"]) == (1, site.pid("console")), "so was the console")


async def test_an_engine_that_stands_still_is_told_by_the_scribe(tmp_path: Path) -> None:
    async with running(tmp_path) as site:
        zhao = Supervisor(site)
        await zhao.sees("engine", lambda one: one["state"] == "up", "the engine tells of its node")
        assert site.process is not None
        site.process.send_signal(signal.SIGSTOP)  # the supervisor, who would kill it
        os.kill(site.pid("engine"), signal.SIGSTOP)
        await zhao.sees("engine", lambda one: one["state"] == "silent", "its lease is over")
        assert zhao.processes()["media-0"]["state"] == "up"
        os.kill(site.pid("engine"), signal.SIGCONT)
        site.process.send_signal(signal.SIGCONT)
        await zhao.sees("engine", lambda one: one["state"] == "up", "it goes on, or another one does")
