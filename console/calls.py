"""[io] The call log (来电记录): its list with filters and exports, and a call's page with its story and its recordings."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta

from flask import Blueprint, Response, abort, render_template, request

from console import labels, listening
from console.callexport import FORMS, MOST, export
from console.callquery import KINDS, Query, begin_of, key_of, read
from console.ground import Ground, ground
from console.heard import menu_at
from console.language import gettext as _
from console.levels import figures_of
from console.listening import may_hear, path_of
from console.roles import Role, needs
from console.story import Line, Take, Teller
from console.waveform import seconds_of
from followup.calllog import OUTCOMES
from followup.history import Details
from followup.ratings import Satisfaction, satisfaction
from followup.search import COUNTED, OWED, SHORTEST_TAIL, SORTS, count, page
from followup.seatstates import during

blueprint = Blueprint("calls", __name__, url_prefix="/calls")

PAGE = 50
_TALKS = (30, 60, 180, 300, 600, 1800)
_MOST_DAYS = 31
"""Figures of a longer time would be read for longer than anybody waits."""


@blueprint.get("/")
@needs(Role.SUPERVISOR)
def index() -> str:
    """The log, filtered and sorted as the address says (console/callquery.py), by ?after= or ?before= a key."""
    here = ground()
    query = read(request.args, here.zone)
    sort = next(sort for sort in SORTS if sort == query.sort)
    after, before = key_of(request.args, "after"), key_of(request.args, "before")
    shown = page(here.engine, query.search, sort, after=after, before=before, limit=PAGE)
    since, until, days = _days(query, here)
    rated = satisfaction(here.engine, since, until, zone=here.zone)
    options = here.options
    return render_template(
        "calls/index.html",
        query=query,
        values=query.values,
        page=shown,
        first_page=after is None and before is None,
        total=count(here.engine, query.search, sort),
        counted=COUNTED,
        most=MOST,
        shortest=SHORTEST_TAIL,
        hotlines=_choices(options.hotline_titles, query.values.get("hotline")),
        queues=_choices(options.queue_titles, query.values.get("queue")),
        seats=_choices(
            {number: f"{number} {name}".strip() for number, name in options.seats.items()}, query.values.get("seat")
        ),
        talks=_talks(query.values.get("talk")),
        outcomes=OUTCOMES,
        kinds=KINDS,
        owing=[owed for owed in OWED if owed],
        sorts=SORTS,
        satisfaction=rated[0] if rated else Satisfaction("", 0, 0, 0),
        figures=figures_of(here.engine, options, since, until),
        figures_days=days,
    )


@blueprint.get("/export.<form>")
@needs(Role.SUPERVISOR)
def download(form: str) -> Response:
    """The list of the same address as a file: csv or xlsx."""
    if form not in FORMS:
        abort(404)
    return export(read(request.args, ground().zone), form)


@blueprint.get("/<call_id>")
@needs(Role.SEAT)
def call(call_id: str) -> str:
    """One call from its arrival to its end: who calls back must know what was before."""
    found = listening.call_of(call_id)
    directory = ground().options.recordings_dir
    heard = [number for number, named in enumerate(found.messages, 1) if path_of(directory, named) is not None]
    takes = takes_of(found)
    may = may_hear(found.call.row)
    return render_template(
        "calls/call.html",
        found=found,
        call=found.call,
        row=found.call.row,
        takes=takes if may else (),
        may_hear=may,
        messages=heard,
        lines=story_of(found, takes if may else ()),
    )


@blueprint.get("/<call_id>/recordings/<int:take>")
@needs(Role.SEAT)
def recording(call_id: str, take: int) -> Response:
    """A take, from 1. A seat hears its own talks only."""
    return listening.recording(call_id, take)


@blueprint.get("/<call_id>/messages/<int:take>")
@needs(Role.SEAT)
def message(call_id: str, take: int) -> Response:
    """A message that the caller left, from 1; 0: the call's longest."""
    return listening.message(call_id, take)


def takes_of(found: Details) -> tuple[Take, ...]:
    """The recordings of a call whose files are there."""
    directory = ground().options.recordings_dir
    begun = [event.at for event in found.events if event.type == "recording"]
    files = [path_of(directory, named) for named in found.takes]
    return tuple(
        Take(number, at, round(seconds_of(path), 1))
        for number, (at, path) in enumerate(zip(begun, files, strict=True), 1)
        if path is not None
    )


def story_of(found: Details, takes: tuple[Take, ...]) -> list[Line]:
    """The call's story in the reader's language."""
    here = ground()
    engine, options = here.engine, here.options
    numbers = tuple(options.seats)
    teller = Teller(
        options.queue_titles,
        options.hotline_titles,
        options.seats,
        menu=lambda hotline, at: menu_at(engine, hotline, at),
        wait=lambda queue, since, until: during(engine, numbers, queue, since, until),
        clock=lambda at: labels.moment(at, here.zone, "%H:%M:%S"),
        takes=takes,
    )
    return teller.story(found, time.time())


def _days(query: Query, here: Ground) -> tuple[float, float, str]:
    """The time that the figures on top are of: the list's own days, today where it has none or too many; and its name."""
    today = datetime.now(here.zone).date()
    first, last = query.first or query.last, query.last or query.first
    if first is None or last is None or last - first >= timedelta(days=_MOST_DAYS):
        first = last = today
    name = first.isoformat() if first == last else f"{first.isoformat()} – {last.isoformat()}"
    return begin_of(first, here.zone), begin_of(last + timedelta(days=1), here.zone), name


def _choices(titles: Mapping[str, str], chosen: str | None) -> dict[str, str]:
    """What a filter offers: what there is now, and what is chosen, though it may be there no more."""
    return dict(titles) if chosen is None else {chosen: chosen, **titles}


def _talks(chosen: str | None) -> list[tuple[str, str]]:
    """Lengths of talks that can be asked for, and the one that is: seconds, and how people say it."""
    seconds = sorted({*_TALKS, *([int(chosen)] if chosen else [])})
    return [(str(each), _("%(n)s 分钟", n=each // 60) if each % 60 == 0 else _("%(n)s 秒", n=each)) for each in seconds]
