"""[io] A model's folder as Vosk reads it: is it one, at what rate, which words, and is it still the one that was evaluated.

Two layouts exist (vosk-api, src/model.cc): am/, conf/, graph/, and the older one with everything in one folder.
"""

from __future__ import annotations

import hashlib
import mmap
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ivr.speech import symbols

KALDI_RATE_HZ = 16000
"""Where no configuration names another."""
LOAD_S = 300.0
"""A large model on a slow disk."""
_HEAD = 1 << 20
_RATE = re.compile(r"^\s*--sample-frequency=(\d+)", re.MULTILINE)
_SPEEDS = re.compile(r"^\s*--speeds=(\d+\.\d+(?::\d+\.\d+)*)\s*$", re.MULTILINE)


class NotAModel(ValueError):
    """The folder is none that Vosk can open; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Folder:
    """What a model's folder says of it."""

    path: Path
    rate_hz: int
    size: int
    """Bytes."""
    grammars: bool
    """Whether it can be told what may be said. One with a fixed graph hears everything it knows, whatever is asked."""
    speeds: tuple[float, ...] = ()
    """An unsure string is played so much faster too, and heard again: our own file conf/again.conf, which Vosk doesn't read."""


def look(path: Path) -> Folder:
    """What lies in a folder. Raises NotAModel."""
    if not path.is_dir():
        raise NotAModel(f"{path}: there is no such folder")
    graph = _graph(path)
    missing = [
        str(file.relative_to(path))
        for file in (_acoustic(path), *([] if graph[0].name == "HCLG.fst" else graph))
        if not file.is_file()
    ]
    if missing:
        raise NotAModel(f"{path}: it is no model of Vosk: {', '.join(missing)} missing")
    rates = [int(found[1]) for name in ("mfcc.conf", "fbank.conf") for found in _configured(path, name, _RATE)]
    speeds = tuple(float(speed) for found in _configured(path, "again.conf", _SPEEDS) for speed in found[1].split(":"))
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return Folder(path, rates[0] if rates else KALDI_RATE_HZ, size, graph[0].name != "HCLG.fst", speeds)


def _configured(path: Path, name: str, option: re.Pattern[str]) -> list[re.Match[str]]:
    """An option in the configuration file of that name, in both layouts."""
    files = [file for file in (path / "conf" / name, path / name) if file.is_file()]
    return [found for file in files if (found := option.search(file.read_text(encoding="utf-8", errors="replace")))]


def words(path: Path) -> tuple[str, ...]:
    """All words of a model. Raises NotAModel."""
    graph = _graph(path)[-1]
    try:
        with graph.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            inside = symbols.of_graph(data)
        listed = graph.parent / "words.txt"
        return symbols.of_text(listed.read_text(encoding="utf-8", errors="replace")) if inside is None else inside
    except (OSError, ValueError) as error:  # an empty file can't be mapped
        raise NotAModel(f"{path}: its words can't be read: {error}") from error


def fingerprint(path: Path) -> str:
    """Tells one model from another: names and sizes of all files, and the first and last MiB of each."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        if not file.is_file():
            continue
        size = file.stat().st_size
        digest.update(f"{file.relative_to(path).as_posix()} {size}\n".encode())
        with file.open("rb") as opened:
            digest.update(opened.read(_HEAD))
            if size > _HEAD:
                opened.seek(max(_HEAD, size - _HEAD))
                digest.update(opened.read())
    return digest.hexdigest()


def try_loading(path: Path) -> None:
    """Have Vosk open the model, in a process of its own: a broken one may end it. Raises NotAModel."""
    code = "import sys, vosk; vosk.Model(sys.argv[1])"
    try:
        tried = subprocess.run(
            [sys.executable, "-c", code, str(path)],
            capture_output=True,
            text=True,
            timeout=LOAD_S,
            check=False,
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        raise NotAModel(f"{path}: Vosk has not opened it within {LOAD_S:.0f} s") from None
    if tried.returncode != 0:
        said = [line for line in tried.stderr.splitlines() if line.startswith(("ERROR", "ASSERTION"))]
        why = said[0] if said else (tried.stderr.strip().splitlines() or [f"status {tried.returncode}"])[-1]
        raise NotAModel(f"{path}: Vosk can't open it: {why}")


def _acoustic(path: Path) -> Path:
    return path / "am" / "final.mdl" if (path / "am").is_dir() else path / "final.mdl"


def _graph(path: Path) -> list[Path]:
    """The one graph, or the two that a grammar may be put between; the one with the words is last."""
    graph = path / "graph" if (path / "am").is_dir() else path
    if (graph / "HCLG.fst").is_file():
        return [graph / "HCLG.fst"]
    return [graph / "HCLr.fst", graph / "Gr.fst"]
