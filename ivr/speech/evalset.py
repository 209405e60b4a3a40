"""[io] Recordings with what is said in them: a folder of NAME.wav with NAME.txt, or a table (TSV) that names files."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ivr.speech.ground import FOREIGN
from ivr.speech.recording import BadRecording, Channel, Recording, read
from ivr.speech.spoken import Spoken

MANIFEST = "manifest.tsv"
COLUMNS = ("file", "text", "class", "node")
MAX_FILE_BYTES = 32 << 20
MAX_TEXT_BYTES = 4096


class BadSet(ValueError):
    """Not a set of recordings; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Item:
    """A recording and what is said in it; text "" is something that no menu waits for. kind, node: "" where nobody said."""

    path: Path
    text: str
    kind: str = ""
    node: str = ""


def find(place: Path) -> list[Item]:
    """The recordings of a folder (its manifest.tsv, else its WAVs with their texts, in folders below too) or of a table. Raises
    BadSet."""
    if place.is_file():
        return _table(place)
    if not place.is_dir():
        raise BadSet(f"{place}: there is no such folder or table")
    if (place / MANIFEST).is_file():
        return _table(place / MANIFEST)
    items = []
    for path in sorted(path for path in place.rglob("*") if path.suffix.lower() == ".wav"):
        text = path.with_suffix(".txt")
        if not text.is_file():
            raise BadSet(f"{path}: {text.name} with what is said is missing (an empty one: something no menu waits for)")
        items.append(Item(path, _text(text)))
    if not items:
        raise BadSet(f"{place}: there is neither a WAV nor {MANIFEST}")
    return items


def listen(item: Item, channel: Channel) -> Recording:
    """The sound. Raises BadRecording, its text naming the file."""
    try:
        if item.path.stat().st_size > MAX_FILE_BYTES:
            raise BadRecording(f"it is larger than {MAX_FILE_BYTES >> 20} MB")
        return read(item.path.read_bytes(), channel)
    except OSError as error:
        raise BadRecording(f"{item.path}: {error.strerror or error}") from error
    except BadRecording as error:
        raise BadRecording(f"{item.path}: {error}") from error


def language_of(items: list[Item]) -> Spoken:
    """The language that a set's texts are written in. Raises BadSet where they don't tell, or are of both."""
    found: set[Spoken] = set()
    for item in items:
        for sign in item.text:
            if "\u3400" <= sign <= "\u9fff":
                found.add("zh")
            elif sign.isascii() and sign.isalpha():
                found.add("en")
    if len(found) != 1:
        why = "are of two languages: evaluate each apart" if found else "don't tell their language"
        raise BadSet(f"the texts {why}, with --language zh or en")
    return found.pop()


def _table(path: Path) -> list[Item]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(_rows(path, csv.DictReader(file, delimiter="\t", strict=True)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadSet(f"{path}: {error}") from error


def _rows(path: Path, rows: csv.DictReader[str]) -> Iterator[Item]:
    names = rows.fieldnames or ()
    if "file" not in names or "text" not in names or not set(names) <= set(COLUMNS):
        raise BadSet(
            f"{path}:1: its first line must name the columns file and text, and may name class and node; it has {names}"
        )
    for row in rows:
        file, text, kind, node = ((row.get(name) or "").strip() for name in COLUMNS)
        if not file or None in row:
            raise BadSet(f"{path}:{rows.line_num}: {'too many columns' if None in row else 'no file is named'}")
        yield Item(path.parent / file, "" if kind == FOREIGN else text, kind, node)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_TEXT_BYTES + 1)
        text = data.decode("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSet(f"{path}: {error}") from error
    if len(data) > MAX_TEXT_BYTES or "\n" in text:
        raise BadSet(f"{path}: one line is wanted, what is said in the WAV of this name")
    return text
