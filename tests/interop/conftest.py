"""The site that all scenarios share, and the report at the end of `make interop`: peer, scenario, pass or fail, reason."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import trustme
from rich.console import Console
from rich.table import Table

from tests.interop.scenario import SCENARIOS, Floor, Scenario, SideBySide
from tests.ports import free_port, has_ipv6
from tests.site import running

POSTGRESQL = "PostgreSQL"
"""The peer whose tests are those of other rooms (tests/postgresql.py): one line of the report for each file."""
MORE_LISTENERS = """
[[listeners]]
name = "tcp"
transport = "tcp"
port = {tcp}
[[listeners]]
name = "tls"
transport = "tls"
port = {tls}
certificate = "cert.pem"
private_key = "key.pem"
[[trunks]]
name = "header"
networks = ["127.0.0.2/32"]
called_from = "P-Called-Party-ID"
numbers = {{ {numbers} }}
"""
IPV6 = """
[[listeners]]
name = "six"
host = "::1"
port = {six}
media_host = "::1"
[[trunks]]
name = "six"
listener = "six"
networks = ["::1/128"]
numbers = {{ {numbers} }}
"""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def floor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Floor]:
    """A hotline with a desk for each scenario."""
    directory = tmp_path_factory.mktemp("floor")
    desks = [one.desk for one in SCENARIOS]
    for desk in desks:
        (directory / f"{desk.queue}.yaml").write_text(desk.menu, encoding="utf-8")
    numbers = {desk.number: desk.queue for desk in desks}
    listed = ", ".join(f'"{number}" = "{queue}"' for number, queue in numbers.items())
    tcp, tls = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_STREAM)
    more = {"tcp": ("127.0.0.1", tcp), "tls": ("127.0.0.1", tls)}
    certify(directory)
    extra = MORE_LISTENERS.format(tcp=tcp, tls=tls, numbers=listed)
    if has_ipv6():
        more["six"] = ("::1", free_port(host="::1"))
        extra += IPV6.format(six=more["six"][1], numbers=listed)
    extra += "".join(desk.settings() for desk in desks)
    quiet = {"HOTLINE_MEDIA_RTP_TIMEOUT_S": "90"}  # SIPp's callers send no sound
    async with running(
        directory, networks="127.0.0.1/32", trunk="early_media = true", numbers=numbers, extra=extra, environ=quiet
    ) as site:
        yield Floor(site, tmp_path_factory.mktemp("peers"), {"udp": site.server, **more})


def certify(directory: Path) -> None:
    """A certificate for 127.0.0.1 and its authority's: cert.pem with key.pem, and authority.pem."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(directory / "authority.pem")
    issued.private_key_pem.write_to_path(directory / "key.pem")
    issued.cert_chain_pems[0].write_to_path(directory / "cert.pem")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def side_by_side(request: pytest.FixtureRequest, floor: Floor) -> AsyncIterator[SideBySide]:
    """All scenarios that were asked for, under way."""
    chosen = [one for item in request.session.items if isinstance(one := _parameters(item).get("one"), Scenario)]
    together = SideBySide(floor)
    together.start(chosen)
    yield together
    await together.stop()


def _parameters(item: pytest.Item) -> dict[str, Any]:
    callspec = getattr(item, "callspec", None)
    return callspec.params if callspec is not None else {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each test's line of the report travels with its result."""
    for item in items:
        marker = item.get_closest_marker("interop")
        if marker is None:
            continue
        one, peer = _parameters(item).get("one"), marker.kwargs.get("peer", "our telephones")
        if isinstance(one, Scenario):
            line = (one.peer, one.name, one.says)
        elif peer == POSTGRESQL:
            line = (peer, f"{item.path.parent.name}/{item.path.stem.removeprefix('test_')}", "It does as SQLite does.")
        else:
            says = getattr(getattr(item, "function", None), "__doc__", None) or "It went as its name says."
            line = (
                peer,
                item.name.removeprefix("test_").replace("_", " "),
                " ".join(says.split()),
            )
        item.user_properties.append(("interop", line))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The report."""
    rows = Counter(
        (*line[:2], _WORDS[result], line[2] if result == "passed" else _reason(report))
        for result in ("passed", "failed", "error", "skipped")
        for report in terminalreporter.stats.get(result, [])
        for name, line in getattr(report, "user_properties", ())
        if name == "interop"
    )
    table = Table("peer", "scenario", "result", "reason", title="interop", title_justify="left")
    for (peer, scenario, result, reason), tests in rows.items():
        table.add_row(peer, scenario, result if tests == 1 else f"{result} ({tests})", reason)
    if table.row_count:
        console = Console(width=160)
        with console.capture() as text:
            console.print(table)
        terminalreporter.write(f"\n{text.get()}")


_WORDS = {"passed": "pass", "failed": "FAIL", "error": "FAIL", "skipped": "not run"}


def _reason(report: pytest.TestReport) -> str:
    """One line of why it is not a pass."""
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2]
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr)
    return next((line for line in text.splitlines() if line.strip()), "")[:300]
