"""[io] The live board for all pages of a process that read one language: each version is drawn once, each piece of it only when
it has changed, and who has seen the version before gets what differs."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from flask import get_template_attribute, render_template

from console.feed import Frame
from console.patch import Drawing, patch
from console.stream import message

KEPT = 16
"""Patches that are kept: a page that missed more gets the whole board."""


class Drawings:
    """Boards as events of a stream, drawn in the language of the request that asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # all live pages wake at once, and one draws for all
        self._frame = Frame()
        self._drawing = Drawing()
        self._whole = ""
        self._patches: deque[tuple[int, str]] = deque(maxlen=KEPT)
        """Each with the version that it is to be laid on, in order."""
        self._pieces: dict[tuple[str, Hashable], str] = {}

    def since(self, seen: int, frame: Frame) -> tuple[int, str]:
        """What brings a page that shows version `seen` (0: none) up to date, and the version it shows then: the one of `frame`
        or a later one that is drawn already."""
        with self._lock:
            if frame.version > self._frame.version:
                self._draw(frame)
            version = self._frame.version
            if seen == version:
                return seen, ""
            if seen in (base for base, _ in self._patches):
                return version, "".join(text for base, text in self._patches if base >= seen)
            if not self._whole:
                self._whole = message("board", render_template("floor/board.html", frame=self._frame, shared=True))
            return version, self._whole

    def _draw(self, frame: Frame) -> None:
        drawing = self._drawn(frame)
        change = patch(self._drawing, drawing) if self._frame.version else None
        if change is None:
            self._patches.clear()
        else:
            said = json.dumps({"now": time.time(), **change}, ensure_ascii=False, separators=(",", ":"))
            self._patches.append((self._frame.version, message("patch", said)))
        self._frame, self._drawing, self._whole = frame, drawing, ""

    def _drawn(self, frame: Frame) -> Drawing:
        board, used = frame.board, dict[tuple[str, Hashable], str]()
        if board is None:
            return Drawing((frame.away, False))

        def piece(macro: str, value: Hashable) -> str:
            known = self._pieces.get((macro, value))
            used[macro, value] = known if known is not None else _macro(macro)(value)
            return used[macro, value]

        shape = (frame.away, True, bool(board.seats), bool(board.queues), bool(board.calls))
        lists: Mapping[str, Mapping[str, str]] = {
            "seats": {f"seat-{seat.number}": piece("seat_card", seat) for seat in board.seats},
            "queues": {f"queue-{queue.name}": piece("queue_card", queue) for queue in board.queues},
            "calls": {f"call-{call.call_id}": piece("call_row", call) for call in board.calls},
        }
        parts = {"tiles": str(_macro("tiles")(frame)), "calls-count": str(len(board.calls))}
        self._pieces = used
        return Drawing(shape, parts, lists)


def _macro(name: str) -> Callable[..., Any]:
    """A macro of the board's pieces."""
    macro: Callable[..., Any] = get_template_attribute("floor/parts.html", name)
    return macro
