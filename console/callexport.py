"""[io] A list of calls as a file for spreadsheets: CSV as it is read, or XLSX from a file of its own. At most MOST rows, and
few at once; each export is a line in the change log."""

from __future__ import annotations

import csv
import io
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import xlsxwriter
from flask import Response

from console import changes, labels
from console.callquery import Query
from console.gate import actor, slow_down
from console.ground import ground
from console.heard import titles
from console.language import gettext as _
from console.options import ConsoleOptions
from followup.history import LoggedCall
from followup.search import SORTS, count, walk
from storage.sql import writing

MOST = 100_000
AT_ONCE = 2
_BUSY_S = 10.0

FORMS = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}

Cell = str | int | datetime | None
_BOM = "\ufeff"
"""By which Excel knows UTF-8."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_PIECE_ROWS = 500
_PIECE_BYTES = 64 * 1024

_places = threading.BoundedSemaphore(AT_ONCE)


def export(query: Query, form: str) -> Response:
    """The calls of this list as a file; `form` is a key of FORMS. 429 where too many are being made."""
    if not _places.acquire(blocking=False):
        slow_down(_BUSY_S)
    with ExitStack() as held:
        held.callback(_places.release)
        response = _made(query, form)
        response.call_on_close(held.pop_all().close)
    return response


def _made(query: Query, form: str) -> Response:
    here = ground()
    sort = next(sort for sort in SORTS if sort == query.sort)
    there = count(here.engine, query.search, sort, MOST)
    told = {**query.values, "rows": min(there, MOST), "form": form}
    with writing(here.engine) as connection:
        changes.write(connection, actor(), "calls_exported", f"{changes.CALLS}:{form}", time.time(), after=told)
    words = _Words.now(titles(here.engine, here.options.hotline_titles, time.time()))
    rows = _rows(walk(here.engine, query.search, sort, MOST), here.options, here.zone, words)
    name = _name(query, form, cut=there > MOST)
    if form == "xlsx":
        file = _workbook(rows)
        response = Response(iter(lambda: file.read(_PIECE_BYTES), b""), mimetype=FORMS[form])
        response.call_on_close(file.close)
    else:
        response = Response(_csv(rows, headings()), mimetype=FORMS[form])
    response.headers["Content-Disposition"] = f"attachment; filename=calls.{form}; filename*=UTF-8''{quote(name)}"  # RFC 6266
    return response


def headings() -> list[str]:
    """The columns' names in the reader's language."""
    return [
        _("来电时间"),
        _("方向"),
        _("对方号码"),
        _("省"),
        _("市"),
        _("热线"),
        _("被叫号码"),
        _("队列"),
        _("工号"),
        _("坐席"),
        _("等待（秒）"),
        _("通话（秒）"),
        _("结果"),
        _("说明"),
        _("挂机方"),
        _("菜单路径"),
        _("录音"),
        _("留言（秒）"),
        _("回电"),
        _("编号"),
    ]


_STEP = " > "
"""Between the nodes of a way through a menu (followup.calllog)."""

NUMBERS = frozenset({2, 6, 8})
"""The columns that hold numbers of telephones: text, though they look like figures."""


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of cells in the reader's language, who is gone from sight once the file is on its way."""

    kinds: Mapping[str, str]
    outcomes: Mapping[str, str]
    reasons: Mapping[str, str]
    phases: Mapping[str, str]
    sides: Mapping[str, str]
    states: Mapping[str, str]
    there: str
    endings: Mapping[str, str]
    nodes: Mapping[str, Mapping[str, str]]
    """By hotline: what people call the nodes of its menu now."""

    @classmethod
    def now(cls, nodes: Mapping[str, Mapping[str, str]]) -> _Words:
        """In the language of the present request."""

        def said(words: Mapping[str, Any]) -> Mapping[str, str]:
            return {code: str(word) for code, word in words.items()}

        return cls(
            said(labels.KINDS),
            said(labels.OUTCOMES),
            said(labels.REASONS),
            said(labels.PHASES),
            said(labels.SIDES),
            said(labels.STATES),
            there=_("有"),
            endings=said(labels.ENDINGS),
            nodes=nodes,
        )

    def path(self, hotline: str, menu_path: str) -> str:
        """A way through a menu as people read it."""
        called = {**self.endings, **self.nodes.get(hotline, {})}
        return _STEP.join(called.get(name, name) for name in menu_path.split(_STEP))


def _rows(calls: Iterable[LoggedCall], options: ConsoleOptions, zone: ZoneInfo, words: _Words) -> Iterator[list[Cell]]:
    for call in calls:
        row = call.row
        yield [
            datetime.fromtimestamp(row.arrived_at, zone).replace(microsecond=0, tzinfo=None),
            words.kinds.get(row.kind, row.kind),
            row.caller,
            row.province,
            row.city,
            options.hotline_titles.get(row.hotline, row.hotline),
            row.called,
            options.queue_titles.get(row.queue, row.queue),
            row.seat,
            options.seats.get(row.seat, ""),
            None if row.wait_s is None else round(row.wait_s),
            None if row.talk_s is None else round(row.talk_s),
            words.outcomes[call.outcome],
            words.reasons.get(row.reason, row.reason) if row.ended_at is not None else words.phases.get(row.phase, row.phase),
            words.sides.get(row.ended_by, row.ended_by),
            words.path(row.hotline, row.menu_path),
            words.there if row.recording else "",
            None if row.message_s is None else round(row.message_s),
            words.states.get(call.return_call_state, ""),
            row.call_id,
        ]


def defused(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return "'" + text if text.startswith(_FORMULA) else text


def _csv_cell(column: int, cell: Cell) -> str | int:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat(" ")
    if isinstance(cell, int):
        return cell
    # The tab keeps a spreadsheet from making a figure of it, which would lose the 0 at its begin.
    return "\t" + cell if column in NUMBERS and cell else defused(cell)


def _csv(rows: Iterable[list[Cell]], heading: list[str]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write(_BOM)
    writer.writerow(heading)
    for n, row in enumerate(rows, 1):
        writer.writerow([_csv_cell(column, cell) for column, cell in enumerate(row)])
        if n % _PIECE_ROWS == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _workbook(rows: Iterable[list[Cell]]) -> IO[bytes]:
    """Rows go to disk as they come; strings are written as strings, whatever they begin with."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    book = xlsxwriter.Workbook(file, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet(_("通话记录"))
    bold, moment = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    for column, name in enumerate(headings()):
        sheet.set_column(column, column, 20 if column == 0 else 16 if column in NUMBERS else 12)
        sheet.write_string(0, column, name, bold)
    sheet.freeze_panes(1, 0)
    for number, row in enumerate(rows, 1):
        for column, cell in enumerate(row):
            _write(sheet, number, column, cell, moment)
    book.close()
    file.seek(0)
    return file


def _write(sheet: Any, row: int, column: int, cell: Cell, moment: Any) -> None:
    if isinstance(cell, datetime):
        sheet.write_datetime(row, column, cell, moment)
    elif isinstance(cell, int):
        sheet.write_number(row, column, cell)
    elif cell:
        sheet.write_string(row, column, cell)


def _name(query: Query, form: str, *, cut: bool) -> str:
    days = [day.isoformat() for day in (query.first, query.last) if day is not None]
    first = [_("前%(n)s条", n=MOST)] if cut else []
    return "-".join([_("通话记录"), *days, *first]) + f".{form}"
