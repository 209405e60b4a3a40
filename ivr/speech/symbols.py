"""The words that a model knows, as its files list them: words.txt, or the symbol table inside a graph (OpenFST's binary format,
fst/lib/fst.cc and symbol-table.cc). Pure: bytes in, words out."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from mmap import mmap

_FST_MAGIC = 2125659606
_TABLE_MAGIC = 2125658996
_HAS_INPUT, _HAS_OUTPUT = 1, 2
_HEADER_REST = struct.Struct("<iiQqqq")
"""version, flags, properties, start, states, arcs: behind the two type names."""


class BadSymbols(ValueError):
    """Bytes that are no graph or no table."""


def of_text(text: str) -> tuple[str, ...]:
    """The words of a words.txt: a word and its number a line. Marks such as <eps>, #0, [unk] and <s> are no words."""
    lines = (line.split() for line in text.splitlines())
    return tuple(_words(parts[0] for parts in lines if parts))


def of_graph(data: bytes | mmap) -> tuple[str, ...] | None:
    """The words of the output symbols inside a graph's file, None where it has none. Raises BadSymbols."""
    reader = _Reader(data)
    if reader.integer() != _FST_MAGIC:
        raise BadSymbols("it is no OpenFST graph")
    reader.text()
    reader.text()
    _, flags, *_ = reader.fields(_HEADER_REST)
    if flags & _HAS_INPUT:
        reader.table()
    return tuple(_words(reader.table())) if flags & _HAS_OUTPUT else None


def _words(symbols: Iterable[str]) -> Iterator[str]:
    return (symbol for symbol in symbols if symbol[0] not in "<[#!")


class _Reader:
    def __init__(self, data: bytes | mmap) -> None:
        self._data = data
        self._at = 0

    def fields(self, layout: struct.Struct) -> tuple[int, ...]:
        try:
            values = layout.unpack_from(self._data, self._at)
        except struct.error as error:
            raise BadSymbols("the file ends too early") from error
        self._at += layout.size
        return values

    def integer(self) -> int:
        return self.fields(_INT32)[0]

    def text(self) -> str:
        size = self.integer()
        if not 0 <= size <= len(self._data) - self._at:
            raise BadSymbols("the file ends too early")
        self._at += size
        return self._data[self._at - size : self._at].decode(errors="replace")

    def table(self) -> list[str]:
        if self.integer() != _TABLE_MAGIC:
            raise BadSymbols("its symbol table is none")
        self.text()
        _, count = self.fields(_TABLE_SIZES)
        symbols = []
        for _ in range(count):
            symbol = self.text()
            self.fields(_INT64)
            if symbol:
                symbols.append(symbol)
        return symbols


_INT32 = struct.Struct("<i")
_INT64 = struct.Struct("<q")
_TABLE_SIZES = struct.Struct("<qq")
