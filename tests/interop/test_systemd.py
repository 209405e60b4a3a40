"""The units of deploy/systemd under a systemd of the test's own, with ports and paths of a test."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.ports import free_port
from tests.site import PATIENCE_S, Site
from tests.twilio import NUMBER, TABLE, TOKEN

pytestmark = pytest.mark.interop(peer="systemd")

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
SYSTEMD = Path("/lib/systemd/systemd")
TARGETS = ("basic", "multi-user", "network-online", "shutdown", "sockets")
ALL = (
    "hotline-sip.socket", "hotline-http.socket", "hotline-gateway-http.socket", "hotline-gateway-sip.socket",
    "hotline-engine", "hotline-media@0", "hotline-scribe", "hotline-speech@0", "hotline-console", "hotline-gateway",
)  # fmt: skip
DEATHS = 7
"""As many within ten seconds as systemd would not bear by itself: that are five."""
RUN_AS_BOOTED = 'mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system && exec "$@"'
"""systemd wants to see that the machine was booted by one; a container was not."""


class Systemd:
    """A user's systemd that knows these units and no others."""

    def __init__(self, place: Path, log: Path, environ: dict[str, str]) -> None:
        self.units = place / "units"
        self._log = log
        self._environ = environ | {"XDG_RUNTIME_DIR": str(place), "SYSTEMD_UNIT_PATH": str(self.units)}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Skips the test where none may be run."""
        command = ["unshare", "--mount", "sh", "-c", RUN_AS_BOOTED, "sh", str(SYSTEMD), "--user", "--unit=basic.target"]
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                [*command, "--log-target=console"],
                env=self._environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        end = time.monotonic() + PATIENCE_S
        while self.ctl("is-active", "basic.target", check=False) != "active":
            said = self._log.read_text(encoding="utf-8")
            if self._process.poll() is not None:  # not root, or in a container that may not, or without cgroups
                pytest.skip(f"no systemd can be run here: {said.strip()}")
            assert time.monotonic() < end, said
            time.sleep(0.05)

    def ctl(self, *arguments: str, check: bool = True) -> str:
        """What systemctl says; with `check` it must succeed."""
        done = subprocess.run(
            ["systemctl", "--user", *arguments], env=self._environ, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0 or not check, f"{arguments}: {done.stderr}{self._log.read_text(encoding='utf-8')}"
        return done.stdout.strip()

    def pid(self, unit: str) -> int:
        """0: it does not run."""
        return int(self.ctl("show", "--value", "--property=MainPID", unit))

    def close(self) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self.ctl("stop", *ALL, check=False)
            self._process.kill()
        self._process.wait()


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory with a short name: its sockets' have at most 107 letters."""
    with tempfile.TemporaryDirectory(prefix="hotline-systemd-", dir="/tmp") as name:
        yield Path(name)


@dataclass(frozen=True)
class Ports:
    """Those of the gateway."""

    http: int = field(default_factory=lambda: free_port(socket.SOCK_STREAM))
    engine: int = field(default_factory=free_port)
    sip: int = field(default_factory=free_port)


@pytest_asyncio.fixture
async def run(tmp_path: Path, place: Path, redis_url: str, emptied: None) -> AsyncIterator[tuple[Site, Systemd, Ports]]:
    """A hotline with a number at Twilio, and a systemd that has its units; none of them runs yet."""
    ports = Ports()
    twilio = TABLE.format(
        http=ports.http, engine=ports.engine, sip=ports.sip, public_url=f"http://127.0.0.1:{ports.http}",
        account="AC" + "0" * 32, api="", number=NUMBER, hotline="sample", gateway="",
    )  # fmt: skip
    environ = {"HOTLINE_REDIS_URL": redis_url, "HOTLINE_TWILIO_AUTH_TOKEN": TOKEN, "HOTLINE_SPEECH_ENABLED": "on"}
    site = Site(tmp_path, extra=twilio, environ=environ)
    site.furnish()
    site.open_books()
    systemd = Systemd(place, tmp_path / "serve.log", site.environment())
    write_units(systemd.units, site, ports)
    try:
        systemd.start()
        yield site, systemd, ports
    finally:
        systemd.close()
        await site.close()


def write_units(folder: Path, site: Site, ports: Ports) -> None:
    """As they are delivered, but for paths, ports and the user."""
    folder.mkdir()
    changes = {
        "/opt/hotline/.venv/bin/hotline": f"{sys.executable} -m ivr.cli",
        "/etc/hotline/hotline.toml": str(site.directory / "hotline.toml"),
        "/var/lib/hotline": str(site.directory),
        "User=hotline\n": "",
        "0.0.0.0:5060": f"0.0.0.0:{site.sip_port}",
        "127.0.0.1:8080": f"127.0.0.1:{site.console_port}",
        "127.0.0.1:8090": f"127.0.0.1:{ports.http}",
        "127.0.0.1:5069": f"127.0.0.1:{ports.sip}",
    }
    texts = {unit.name: unit.read_text(encoding="utf-8") for unit in UNITS.iterdir()}
    for old, new in changes.items():
        assert any(old in text for text in texts.values()), old
        texts = {name: text.replace(old, new) for name, text in texts.items()}
    texts |= {f"{target}.target": f"[Unit]\nDescription={target}\nDefaultDependencies=no\n" for target in TARGETS}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


async def test_the_units(run: tuple[Site, Systemd, Ports]) -> None:
    """All come up, a call comes through; who is killed or hangs is back, however often; what is stopped ends."""
    site, systemd, ports = run
    await asyncio.to_thread(systemd.ctl, "start", *ALL)
    assert systemd.ctl("is-active", *ALL).split() == ["active"] * len(ALL)
    for url in (f"http://127.0.0.1:{site.console_port}/healthz", f"http://127.0.0.1:{ports.http}/healthz"):
        assert (await answered(url)).status_code == 200
    await call_comes_through(site)

    for _ in range(DEATHS):  # as soon as it is there again
        await killed(site, systemd, "hotline-engine", signal.SIGKILL)
    await call_comes_through(site)
    for unit in ("hotline-media@0", "hotline-console"):
        await killed(site, systemd, unit, signal.SIGKILL)
    await killed(site, systemd, "hotline-engine", signal.SIGSTOP)
    await call_comes_through(site)
    assert (await answered(f"http://127.0.0.1:{site.console_port}/healthz")).status_code == 200

    await asyncio.to_thread(systemd.ctl, "stop", *ALL)
    assert systemd.ctl("is-active", *ALL, check=False).split() == ["inactive"] * len(ALL)


async def killed(site: Site, systemd: Systemd, unit: str, by: signal.Signals) -> None:
    """The signal, and until another one is there in its place."""
    before = systemd.pid(unit)
    assert before
    os.kill(before, by)
    await site.until(lambda: systemd.pid(unit) not in {0, before}, f"{unit} was started again")


async def answered(url: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False) as client:
        return await client.get(url)


async def call_comes_through(site: Site) -> None:
    """It is answered, its key is understood, it says good-bye, and is in the books."""
    before = len(site.calls())
    caller = await site.phone()
    call = await caller.dial("4001")
    await call.wait_answered(PATIENCE_S)
    await call.press("2")
    assert await call.wait_ended(PATIENCE_S) == "remote"
    rows = await site.ended_in_the_books(before + 1)
    assert rows[-1]["menu_path"]
