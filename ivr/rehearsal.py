"""[io] A menu tried out in the terminal: by hand, by a file of cases, or by the calls of the past."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

import yaml

from ivr.flow.events import Item, Reading, Speech
from ivr.flow.load import load
from ivr.flow.model import Document
from ivr.flow.script import ScriptError, play, read_cases
from ivr.flow.simulate import Simulation, Texts, World

HELP = """keys (12#)   press them                    say WORDS    say something; `say 0.4 WORDS`: understood so surely
misheard unknown | too_much | noise        not_hearing busy | slow | failed | off
early KEYS   press into what is said       Enter        stay silent
queue time_limit | closed | overflow       connect busy | no_answer | refused | unknown
message 12   leave a message of 12 s       talk over    the seat has hung up
?            this text                     quit"""

_SURE = re.compile(r"0?\.\d+")


class RehearsalFailed(Exception):
    """A file can't be read, or isn't a menu; the message names it."""


def document_of(path: Path) -> Document:
    """The menu in a file, errors of meaning aside. Raises RehearsalFailed."""
    loaded = load(_text(path), str(path))
    if loaded.document is None:
        raise RehearsalFailed("\n".join(str(finding) for finding in loaded.findings))
    return loaded.document


def texts_of(*roots: Path) -> Texts:
    """The words of prompts, from <root>/<language>/texts.yaml; of two roots the later one counts. A recording without a text is
    its name."""
    known: dict[str, dict[str, str]] = {}
    for root in roots:
        for path in sorted(root.glob("*/texts.yaml")):
            known.setdefault(path.parent.name, {}).update(_texts(path, path.stat().st_mtime_ns))

    def text(item: Item, language: str) -> str:
        match item:
            case Speech(words):
                return words
            case Reading(_, value):
                return f"[{value}]"
            case name:
                return known.get(language, {}).get(name) or f"‹{name}›"

    return text


@lru_cache(maxsize=32)
def _texts(path: Path, _changed_at: int) -> Mapping[str, str]:
    """The words of a texts.yaml, read once for as long as it stays as it is: pages ask again and again."""
    entries: Mapping[str, str | Mapping[str, str]] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    return {name: entry if isinstance(entry, str) else entry["text"] for name, entry in entries.items()}


def run_cases(document: Document, path: Path, texts: Texts, say: Callable[[str], None]) -> bool:
    """Let all cases of a file happen, and tell what came of each; whether all came true. Raises RehearsalFailed."""
    try:
        cases = read_cases(_text(path), str(path))
    except ScriptError as error:
        raise RehearsalFailed(str(error)) from error
    good = True
    for outcome in play(document, cases, texts):
        good = good and not outcome.faults
        say(f"{'ok    ' if not outcome.faults else 'FAILED'} {outcome.case.name}: {' > '.join(outcome.walk.path)}")
        for fault in outcome.faults:
            say(f"       {fault}")
    return good


def by_hand(document: Document, texts: Texts, world: World, say: Callable[[str], None], ask: Callable[[], str | None]) -> None:
    """Let somebody be the caller: `ask` gives a line of input, None at its end."""
    walk = Simulation(document, texts, world)
    told = _Told(walk, say)
    say(HELP)
    walk.begin()
    walk.listen()
    told.tell()
    while walk.end != "hangup" and (line := ask()) is not None and line != "quit":
        try:
            _do(walk, line.strip(), say)
        except (ValueError, KeyError):
            say(f"{line!r} is nothing that a caller does; ? helps")
        told.tell()


def _do(walk: Simulation, line: str, say: Callable[[str], None]) -> None:
    what, _, rest = line.partition(" ")
    match what, rest:
        case "", _:
            walk.silence()
        case "?", _:
            say(HELP)
        case "say", words if words:
            sure, _, rest = words.partition(" ")
            if _SURE.fullmatch(sure) and rest:
                walk.speak(rest, float(sure))
            else:
                walk.speak(words)
        case "misheard", "unknown" | "too_much" | "noise" as why:
            walk.mumble(why)
        case "not_hearing", "busy" | "slow" | "failed" | "off" as why:
            walk.fall_deaf(why)
        case "early", keys:
            walk.press(keys, early=True)
        case "queue", "time_limit" | "closed" | "overflow" as why:
            walk.give_back(why)
        case "connect", why if why:
            walk.not_reached(why)
        case "message", seconds:
            walk.message(float(seconds))
        case "talk", "over":
            walk.talk_over()
        case keys, "" if set(keys) <= set("0123456789*#ABCD"):
            walk.press(keys)
        case _:
            raise ValueError(line)


class _Told:
    """Tells what is new since it was told last."""

    def __init__(self, walk: Simulation, say: Callable[[str], None]) -> None:
        self._walk = walk
        self._say = say
        self._nodes = self._words = 0

    def tell(self) -> None:
        walk = self._walk
        if new := walk.path[self._nodes :]:
            self._say(f"  → {' → '.join(new)}")
        for words in walk.heard[self._words :]:
            self._say(f"  “{words}”")
        if walk.end:
            self._say(f"  [{walk.end}]")
        self._nodes, self._words = len(walk.path), len(walk.heard)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise RehearsalFailed(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RehearsalFailed(f"{path} is not UTF-8 text") from error
