"""[io] The call log: search, a call's timeline, its recording."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, render_template, request, send_file

from console.ground import ground
from followup.history import OUTCOMES, Search, details, figures, search

blueprint = Blueprint("calls", __name__, url_prefix="/calls")

PAGE = 50
_DEEPEST_PAGE = 10_000


@blueprint.get("/")
def index() -> str:
    """The log, filtered by ?number=, ?outcome=, ?day= (YYYY-MM-DD); wrong values are taken as none."""
    here = ground()
    today = datetime.now(here.zone).date().isoformat()
    number = "".join(c for c in request.args.get("number", "") if c in "0123456789*#+")[:32]
    outcome = request.args.get("outcome", "")
    outcome = outcome if outcome in OUTCOMES else ""
    day = request.args.get("day", "")
    span = _span(day, here.zone)
    page = min(max(1, request.args.get("page", 1, type=int)), _DEEPEST_PAGE)
    wanted = Search(number, outcome, *(span or (None, None)))
    calls, total = search(here.engine, wanted, limit=PAGE, offset=(page - 1) * PAGE)
    since, until = span or _span(today, here.zone) or (0.0, 0.0)
    return render_template(
        "calls/index.html",
        calls=calls,
        total=total,
        page=page,
        pages=max(1, -(-total // PAGE)),
        number=number,
        outcome=outcome,
        outcomes=list(OUTCOMES),
        day=day if span else "",
        figures=figures(here.engine, since, until),
        figures_day=day if span else today,
    )


@blueprint.get("/<call_id>")
def call(call_id: str) -> str:
    """One call from its arrival to its end."""
    found = details(ground().engine, call_id) or abort(404)
    directory = ground().options.recordings_dir
    playable = [number for number, named in enumerate(found.takes, 1) if recording_path(directory, named) is not None]
    return render_template("calls/call.html", found=found, call=found.call, row=found.call.row, playable=playable)


@blueprint.get("/<call_id>/recordings/<int:take>")
def recording(call_id: str, take: int) -> Response:
    """A take, from 1, as it lies there (stereo A-law WAV: the caller left, the seat right); answers Range requests."""
    found = details(ground().engine, call_id) or abort(404)
    named = found.takes[take - 1] if 1 <= take <= len(found.takes) else ""
    path = recording_path(ground().options.recordings_dir, named) or abort(404)
    response = send_file(path, mimetype="audio/wav", conditional=True, max_age=0, download_name=f"{call_id}-{take}.wav")
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def recording_path(directory: Path, named: str) -> Path | None:
    """The file a recording event names, absolute or from `directory`; None when there is none, or none inside of it."""
    if not named:
        return None
    path = (directory / named).resolve()
    return path if path.is_relative_to(directory.resolve()) and path.is_file() else None


def _span(day: str, zone: ZoneInfo) -> tuple[float, float] | None:
    try:
        begin = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=zone)
        return begin.timestamp(), (begin + timedelta(days=1)).timestamp()
    except (ValueError, OverflowError):
        return None
