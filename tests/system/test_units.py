"""The units for systemd, by its own judgement, and against what the processes say of themselves."""

from __future__ import annotations

import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest

from ivr.watchdog import PATIENT_S, SILENT_S

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
BOUNDS_S = {"engine": SILENT_S, "media@": SILENT_S, "gateway": SILENT_S, "scribe": PATIENT_S, "console": PATIENT_S}


def service(name: str) -> dict[str, str]:
    parser = RawConfigParser(strict=False)  # After= and Requires= may come twice
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNITS / f"hotline-{name}.service", encoding="utf-8")
    return dict(parser["Service"])


@pytest.mark.parametrize(("name", "silent_s"), BOUNDS_S.items())
def test_who_says_that_it_goes_on_is_missed_when_it_doesn_t(name: str, silent_s: float) -> None:
    found = service(name)
    terms = {key: found.get(key) for key in ("Type", "NotifyAccess", "WatchdogSec", "WatchdogSignal", "Restart")}
    assert terms == {
        "Type": "notify",
        "NotifyAccess": "main",
        "WatchdogSec": f"{silent_s:.0f}",
        "WatchdogSignal": "SIGKILL",
        "Restart": "always",
    }


def test_speech_is_watched_by_the_engine() -> None:
    assert "WatchdogSec" not in service("speech@")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_understands_them(tmp_path: Path) -> None:
    """All of them, with a command that is there."""
    for unit in UNITS.iterdir():
        text = unit.read_text(encoding="utf-8").replace("/opt/hotline/.venv/bin/hotline", "/bin/true")
        (tmp_path / unit.name.replace("@", "@0")).write_text(text, encoding="utf-8")
    units = [str(path) for path in sorted(tmp_path.iterdir())]
    assert len(units) == 10
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
