"""Which room may import which, and which modules may do I/O (docs/architecture.md)."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("ivr", "routing", "followup", "console", "storage", "prompts")

MAY_IMPORT = {
    "ivr": {"routing", "storage", "prompts"},
    "routing": {"storage"},
    "followup": {"storage"},
    "console": {"routing", "followup", "storage", "ivr", "prompts"},
    "prompts": set(),
    "storage": set(),
}
"""One way only, of ivr the console sees ivr.flow and the form of recordings. A few shells see more: the command line starts
every room, the demo reads the call log it has just filled."""
SHELLS = {
    "ivr/cli.py": {"routing", "storage", "prompts", "followup", "console"},
    "ivr/cli_bans.py": {"routing", "storage", "console"},
    "ivr/cli_calendar.py": {"storage", "followup"},
    "ivr/cli_caller.py": {"followup"},
    "ivr/cli_console.py": {"routing", "storage", "prompts", "followup", "console"},
    "ivr/cli_people.py": {"storage", "console"},
    "ivr/cli_rehearse.py": {"storage", "prompts", "followup"},
    "ivr/demo.py": {"routing", "storage", "prompts", "followup"},
    "ivr/demo_twilio.py": {"routing", "storage", "prompts", "followup"},
}
OUTSIDE = {
    "asyncio",
    "socket",
    "threading",
    "time",
    "redis",
    "sqlalchemy",
    "flask",
    "vosk",
    "subprocess",
    "selectors",
    "random",
    "secrets",
}


def modules() -> Iterator[Path]:
    for room in ROOMS:
        yield from sorted((ROOT / room).rglob("*.py"))


@functools.cache
def imports(path: Path) -> list[str]:
    """Every module this file imports, dotted; `if TYPE_CHECKING` ones too."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


def is_shell(path: Path) -> bool:
    """By the first words of the file; asked of each when tests are collected, so nothing is parsed for it."""
    with path.open(encoding="utf-8") as file:
        return file.readline().startswith('"""[io]')


@pytest.mark.parametrize("path", list(modules()), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    room = name.split("/", maxsplit=1)[0]
    allowed = SHELLS.get(name, MAY_IMPORT[room]) | {room}
    seen = {module.split(".")[0] for module in imports(path)} & set(ROOMS)
    assert seen <= allowed, f"{name} imports {seen - allowed}"


def test_of_the_calls_the_console_sees_the_menu_language_and_how_recordings_are_written() -> None:
    seen = ("ivr.flow", "ivr.media.wav", "ivr.media.g711")
    for path in sorted((ROOT / "console").rglob("*.py")):
        foreign = [m for m in imports(path) if m.split(".")[0] == "ivr" and m != "ivr" and not m.startswith(seen)]
        assert not foreign, f"{path.name} imports {foreign}"
    words = ("ivr.speech.spoken", "ivr.speech.phrases")  # what is said, as values
    for path in sorted((ROOT / "ivr" / "flow").rglob("*.py")):
        foreign = [
            m for m in imports(path) if m.split(".")[0] == "ivr" and m != "ivr" and not m.startswith(("ivr.flow", *words))
        ]
        assert not set(foreign) - {"ivr.speech"}, f"{path.name} imports {foreign}: the console would load it too"
    for name in (*words, "ivr.speech.recogniser", "ivr.speech"):
        path = ROOT / name.replace(".", "/")
        assert not is_shell(path / "__init__.py" if path.is_dir() else path.with_suffix(".py"))


@pytest.mark.parametrize("path", [p for p in modules() if not is_shell(p)], ids=lambda path: str(path.relative_to(ROOT)))
def test_only_modules_marked_io_do_io(path: Path) -> None:
    seen = {module.split(".")[0] for module in imports(path)} & OUTSIDE
    assert not seen, f"{path.relative_to(ROOT)} imports {seen}: mark it [io] or move the I/O into a shell"


def test_the_scripted_telephone_shares_no_code_with_the_hotline() -> None:
    for path in sorted((ROOT / "ivr" / "phones").glob("*.py")):
        foreign = [m for m in imports(path) if m.split(".")[0] in ROOMS and not m.startswith("ivr.phones") and m != "ivr"]
        assert not foreign, f"{path.name} imports {foreign}"


def test_the_engine_never_opens_sql() -> None:
    """SQL may be away for as long as it likes: no module that the engine loads imports SQLAlchemy."""
    seen: set[str] = set()
    waiting = ["ivr.engine"]
    while waiting:
        module = waiting.pop()
        path = ROOT / (module.replace(".", "/") + ".py")
        if not path.exists():
            path = ROOT / module.replace(".", "/") / "__init__.py"
        if module in seen or not path.exists():
            continue
        seen.add(module)
        found = set(imports(path))
        assert not {name for name in found if name.split(".")[0] in {"sqlalchemy", "alembic", "followup"}}, module
        waiting += sorted(found)
    assert "ivr.calltask" in seen
