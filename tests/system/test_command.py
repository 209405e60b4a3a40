"""The command itself: what it says when something is wrong, and a Redis that is given."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from storage.embedded import EmbeddedRedis
from storage.lifeline import spawn
from storage.signs import Process, Watch
from tests.ports import free_port, needs_ipv6
from tests.site import ENDS_S, Site, running
from tests.talk import talking


async def hotline(*arguments: str, **environ: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ivr.cli", *arguments, env=os.environ | environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def test_a_taken_port_is_named_with_the_way_out(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        status, said = await hotline("serve", HOTLINE_SIP_PORT=port, HOTLINE_DATA_DIR=str(tmp_path))
    assert status == 1
    assert f"127.0.0.1:{port}" in said
    assert "make run SIP_PORT=" in said
    assert "Traceback" not in said


async def test_an_engine_alone_names_a_taken_port_too(tmp_path: Path, redis_url: str, emptied: None) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        status, said = await hotline(
            "engine", HOTLINE_SIP_PORT=port, HOTLINE_DATA_DIR=str(tmp_path), HOTLINE_REDIS_URL=redis_url
        )
    assert status == 2
    assert f"127.0.0.1:{port}" in said
    assert "Traceback" not in said


@needs_ipv6
async def test_a_socket_of_the_wrong_family_is_named(tmp_path: Path, redis_url: str, emptied: None) -> None:
    """As systemd's ListenDatagram=5060 is: of IPv6."""
    environ = {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "sip", "HOTLINE_DATA_DIR": str(tmp_path), "HOTLINE_REDIS_URL": redis_url}
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as passed, (tmp_path / "said").open("wb") as output:
        passed.bind(("::1", 0))
        engine = spawn(
            [sys.executable, "-m", "ivr.cli", "engine"], output=output, env=os.environ | environ, listen_fds=[passed.fileno()]
        )
        status = await asyncio.to_thread(engine.wait, ENDS_S)
    said = (tmp_path / "said").read_text(encoding="utf-8")
    assert status == 2
    assert "passed as sip is not of the family of 127.0.0.1" in said
    assert "ListenDatagram=0.0.0.0:5060" in said
    assert "Traceback" not in said


async def test_only_serve_brings_a_redis_of_its_own() -> None:
    for command in ("engine", "scribe", "console"):
        status, said = await hotline(command, HOTLINE_REDIS_URL="")
        assert status == 2
        assert "HOTLINE_REDIS_URL" in said
        assert "Traceback" not in said


async def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    (tmp_path / "hotline.toml").write_text("[sip]\nprot = 5060\n")
    status, said = await hotline("serve", HOTLINE_CONFIG=str(tmp_path / "hotline.toml"))
    assert status == 2
    assert "sip.prot" in said


async def test_flow_check_names_file_line_node_and_remedy(tmp_path: Path) -> None:
    menu = tmp_path / "menu.yaml"
    menu.write_text("start: a\nnodes:\n  a: {kind: say, prompt: welcome, notice: true, then: nowhere}\n", encoding="utf-8")
    status, said = await hotline("flow", "check", str(menu))
    assert status == 1
    assert f"{menu}:3" in said
    assert "nowhere" in said
    status, said = await hotline("flow", "check", str(Path(__file__).parents[2] / "prompts" / "menus" / "sample.yaml"))
    assert (status, said.count("\n")) == (0, 1), said


async def test_flow_check_speaks_chinese_english_and_to_editors(tmp_path: Path) -> None:
    menu = tmp_path / "menu.yaml"
    menu.write_text("start: a\nnodes:\n  a: {kind: goto, to: nowhere}\n", encoding="utf-8")
    status, said = await hotline("flow", "check", str(menu), "--language", "zh")
    assert (status, f"{menu}:3: 错误：[a] 没有节点“nowhere”。现有节点：a。" in said) == (1, True), said
    status, said = await hotline("flow", "check", str(menu), "--language", "en")
    assert (status, f"{menu}:3: error: [a] There is no node 'nowhere'. Nodes are: a." in said) == (1, True), said
    status, said = await hotline("flow", "check", str(menu), "--json", "--language", "en")
    found = {finding["rule"]: finding for finding in json.loads(said)}
    assert status == 1
    assert found["missing_target"] == {
        "file": str(menu),
        "line": 3,
        "node": "a",
        "severity": "error",
        "rule": "missing_target",
        "message": "There is no node 'nowhere'.",
        "remedy": "Nodes are: a.",
    }


async def test_flow_check_holds_menus_against_the_installation(tmp_path: Path) -> None:
    menu = tmp_path / "menu.yaml"
    menu.write_text(
        "start: a\nhuman: q\nnodes:\n  a: {kind: transfer, number: '10086', trunk: nobody}\n"
        "  q: {kind: extension, directory: {'1': {seat: '9999'}}}\n",
        encoding="utf-8",
    )
    _, said = await hotline("flow", "check", str(menu), "--language", "en")
    assert "There is no trunk 'nobody'. Trunks are: local" in said
    assert "There is no seat '9999'." in said
    menu.write_text(menu.read_text(encoding="utf-8").replace(", trunk: nobody", ""), encoding="utf-8")
    _, said = await hotline("flow", "check", str(menu), "--language", "en")
    assert "10086 may not be called" in said


async def test_flow_schema_prints_what_the_docs_hold() -> None:
    status, said = await hotline("flow", "schema")
    assert (status, said) == (0, (Path(__file__).parents[2] / "docs" / "menu.schema.json").read_text(encoding="utf-8"))


async def test_a_given_redis_is_used_and_left_running(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "elsewhere") as redis:
        async with running(tmp_path, environ={"HOTLINE_REDIS_URL": redis.url}) as site:
            assert not (site.data_dir / "redis").exists()
            seat = await site.seat()
            caller, agent = await talking(site, seat)
            await caller.hang_up()
            assert await agent.wait_ended() == "remote"
            await site.ended()
        assert redis.poll() is None


async def test_an_engine_that_is_replaced_leaves_and_one_that_is_stopped_hangs_up(tmp_path: Path) -> None:
    async with running(tmp_path) as site:
        seat = await site.seat()
        caller, agent = await talking(site, seat)
        await site.kill("media-0")
        assert "nursery" not in site.said
        assert nursery_of(site).up
        await site.kill("engine", by="TERM")
        assert "nursery  dismissed" in site.said, "the next one may be of a newer version"
        assert "nursery" not in {one.name for one in Watch(site.run_dir).look()}
        await site.kill("engine")
        caller.send_tone(500)
        await agent.wait_tone(500, 30)
        assert site.process is not None
        site.process.terminate()
        assert await caller.wait_ended(ENDS_S) == "remote"
        assert await agent.wait_ended(ENDS_S) == "remote"
        await asyncio.to_thread(site.process.wait, ENDS_S)
        site.process = None
        [row] = await site.ended_in_the_books()
        assert row["reason"] == "shutdown"


async def test_a_nursery_that_dies_is_missed_at_once_and_nobody_else_dies(tmp_path: Path) -> None:
    async with running(tmp_path) as site:
        os.kill(nursery_of(site).pid, signal.SIGKILL)
        await site.until(lambda: "nursery  dismissed" in site.said, "its death was seen")
        names = {one.name for one in Watch(site.run_dir).look() if one.up}
        assert names >= {"engine", "media-0", "scribe", "console", "redis"}
        assert "nursery" not in names
        await site.kill("scribe")


def nursery_of(site: Site) -> Process:
    """As the health page would see it."""
    return next(one for one in Watch(site.run_dir).look() if one.name == "nursery")


async def test_a_second_serve_on_the_same_data_is_refused_and_does_the_first_no_harm(tmp_path: Path) -> None:
    async with running(tmp_path) as site:
        status, said = await site.command("serve")
        assert status == 1
        assert "cannot be used" in said, "the port is taken"
        other = {
            "HOTLINE_SIP_PORT": str(free_port(socket.SOCK_DGRAM)),
            "HOTLINE_CONSOLE_PORT": str(free_port(socket.SOCK_STREAM)),
        }
        status, said = await hotline("serve", **(site.environment() | other))
        assert status == 1
        assert "another `hotline serve` runs on" in said
        seat = await site.seat()
        caller, agent = await talking(site, seat)
        await site.kill("engine")
        caller.send_tone(500)
        await agent.wait_tone(500, 30)
        await agent.hang_up()
        assert await caller.wait_ended(30) == "remote"


async def test_music_that_is_not_there_is_named_at_start(tmp_path: Path) -> None:
    async with running(tmp_path) as site:
        text = (
            (site.directory / "hotline.toml").read_text().replace('name = "service"', 'name = "service"\nmusic = "nowhere"', 1)
        )
        (site.directory / "other.toml").write_text(text)
        environ = site.environment() | {"HOTLINE_CONFIG": str(site.directory / "other.toml"), "HOTLINE_NODE": "n2"}
        with EmbeddedRedis(tmp_path / "other") as redis:
            status, said = await hotline(
                "engine", **(environ | {"HOTLINE_REDIS_URL": redis.url, "HOTLINE_SIP_PORT": str(free_port())})
            )
        assert status == 2
        assert "queues.service.music" in said
