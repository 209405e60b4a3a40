"""[io] The paths of /api/v1/calls: the log, one call with its events and its story, its recordings, lists as files."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from console import callexport, listening
from console.api import callshapes as shapes
from console.api.answers import EITHER, FAULTS, PATH, shaped
from console.callquery import read
from console.calls import story_of, takes_of
from console.ground import ground
from console.listening import may_hear
from console.roles import Role, needs
from console.waveform import waveform
from followup.history import LoggedCall
from followup.search import Key, Search, count, page, tail_of

calls_api = APIBlueprint("calls_api", __name__, url_prefix=PATH, abp_security=EITHER, abp_responses=FAULTS)

_CALLS = Tag(name="calls", description="The call log")
_SOUND: Any = {"200": {"content": {"audio/wav": {"schema": {"type": "string", "format": "binary"}}}}}
_CSV: Any = {"200": {"content": {"text/csv": {"schema": {"type": "string"}}}}}
_XLSX: Any = {"200": {"content": {callexport.FORMS["xlsx"]: {"schema": {"type": "string", "format": "binary"}}}}}


@calls_api.get("/calls", tags=[_CALLS], responses={"200": shapes.CallList})
@needs(Role.SUPERVISOR)
def list_calls(query: shapes.CallQuery) -> Response:
    """The call log, paged by key: ask again with `after` as it was told."""
    wanted = Search(
        tail_of(query.number),
        query.hotline,
        query.queue,
        query.seat,
        query.outcome,
        query.kind,
        query.owed,
        query.recorded,
        query.message,
        query.min_talk_s,
        query.note,
        query.since,
        query.until,
    )
    engine, after, before = ground().engine, Key.read(query.after), Key.read(query.before)
    shown = page(engine, wanted, query.sort, after=after, before=before, limit=query.limit)
    return shaped(
        shapes.CallList(
            calls=[_call(one) for one in shown.calls],
            total=count(engine, wanted, query.sort),
            after=str(shown.after or ""),
            before=str(shown.before or ""),
        )
    )


@calls_api.get("/calls.csv", tags=[_CALLS], responses=_CSV)
@needs(Role.SUPERVISOR)
def export_csv(query: shapes.ExportQuery) -> Response:
    """A list of calls as CSV, UTF-8 with BOM, in the language of Accept-Language; the change log tells of it."""
    return _export("csv")


@calls_api.get("/calls.xlsx", tags=[_CALLS], responses=_XLSX)
@needs(Role.SUPERVISOR)
def export_xlsx(query: shapes.ExportQuery) -> Response:
    """A list of calls for Excel, in the language of Accept-Language; the change log tells of it."""
    return _export("xlsx")


@calls_api.get("/calls/<call_id>", tags=[_CALLS], responses={"200": shapes.CallDetails})
@needs(Role.SEAT)
def show_call(path: shapes.CallId) -> Response:
    """One call with its events, and its story in the language of Accept-Language."""
    found = listening.call_of(path.call_id)
    takes = takes_of(found) if may_hear(found.call.row) else ()
    return shaped(
        shapes.CallDetails(
            call=_call(found.call),
            events=[shapes.CallEvent.model_validate(event) for event in found.events],
            story=[
                shapes.StoryLine(at=one.at, what=one.what, said=one.said, more=list(one.more)) for one in story_of(found, takes)
            ],
            takes=[shapes.Take.model_validate(take) for take in takes],
        )
    )


@calls_api.get("/calls/<call_id>/recordings/<int:take>", tags=[_CALLS], responses=_SOUND)
@needs(Role.SEAT)
def hear_recording(path: shapes.TakeId) -> Response:
    """A recording, from 1: stereo A-law WAV, the caller left, the seat right; Range requests are answered. A seat hears its own
    talks. The change log tells who listened."""
    return listening.recording(path.call_id, path.take)


@calls_api.get("/calls/<call_id>/recordings/<int:take>/levels", tags=[_CALLS], responses={"200": shapes.Levels})
@needs(Role.SEAT)
def show_levels(path: shapes.TakeId) -> Response:
    """How loud each side of a recording is, and when it speaks."""
    drawn = waveform(listening.take_of(path.call_id, path.take)) or abort(404)
    return shaped(shapes.Levels.model_validate(drawn))


@calls_api.get("/calls/<call_id>/messages/<int:take>", tags=[_CALLS], responses=_SOUND)
@needs(Role.SEAT)
def hear_message(path: shapes.TakeId) -> Response:
    """A message that the caller left, from 1; 0: the longest. Mono A-law WAV. The change log tells who listened."""
    return listening.message(path.call_id, path.take)


def _export(form: str) -> Response:
    return callexport.export(read(request.args, ground().zone), form)


def _call(one: LoggedCall) -> shapes.Call:
    values = {**one.row._asdict(), "recorded": one.row.recording != "", "outcome": one.outcome}
    return shapes.Call(**values, return_call_id=one.return_call_id, return_call_state=one.return_call_state)
