"""[io] The paths of /api/v1 about menus and prompts."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import asdict

from flask import Response, send_file
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI
from flask_openapi3.types import ResponseDict
from pydantic import BaseModel

from console import library, menuwords, menuwork, sounding
from console.api import menushapes, problem
from console.api.answers import EITHER, FAULTS, PATH, shaped
from console.gate import takes
from console.ground import ground
from console.labels import ENDINGS, label
from console.menus import MAX_FORM_BYTES
from console.menuwork import Standing
from console.roles import Role, needs
from ivr.flow.desk import Unfit
from ivr.flow.finding import Finding
from prompts.importing import MAX_BYTES

MAX_JSON_BYTES = 2 * MAX_FORM_BYTES
"""As MAX_FORM_BYTES; programs may write letters beyond ASCII as \\uXXXX."""

api = APIBlueprint("menus_api", __name__, url_prefix=PATH, abp_security=EITHER, abp_responses=FAULTS)

_MENUS = Tag(name="menus", description="菜单: what callers hear, its drafts and versions")
_PROMPTS = Tag(name="prompts", description="提示音: recordings and synthetic voices")
_WAV: ResponseDict = {"200": {"description": "A WAV", "content": {"audio/wav": {"schema": {"type": "string"}}}}}


def _acts(shape: type[BaseModel]) -> ResponseDict:
    return {"200": shape, "409": problem.Problem}


def add_to(app: OpenAPI) -> None:
    """Register these paths."""
    app.register_api(api)


@api.get("/menus", tags=[_MENUS], responses={"200": menushapes.MenuList})
@needs(Role.SUPERVISOR)
def list_menus() -> Response:
    """The menus of all hotlines, how they stand."""
    return shaped(menushapes.MenuList(menus=[menushapes.Menu.model_validate(one) for one in menuwork.overview()]))


@api.get("/menus/<hotline>", tags=[_MENUS], responses={"200": menushapes.MenuDetails})
@needs(Role.SUPERVISOR)
def show_menu(path: menushapes.HotlineName) -> Response:
    """One menu with its text."""
    found: Standing = menuwork.standing(path.hotline)
    return shaped(
        menushapes.MenuDetails(
            menu=menushapes.Menu.model_validate(found),
            source=found.source,
            published_source=found.published.source if found.published else "",
        )
    )


@api.post("/menus/<hotline>/check", tags=[_MENUS], responses={"200": menushapes.Findings})
@needs(Role.SUPERVISOR)
@takes(MAX_JSON_BYTES)
def check_menu(path: menushapes.HotlineName, body: menushapes.Text) -> Response:
    """What is wrong with a text, by line, in the reader's language."""
    return shaped(menushapes.Findings(findings=_findings(menuwork.check(path.hotline, body.source))))


@api.put("/menus/<hotline>/draft", tags=[_MENUS], responses=_acts(menushapes.Saved))
@needs(Role.SUPERVISOR)
@takes(MAX_JSON_BYTES)
def save_menu_draft(path: menushapes.HotlineName, body: menushapes.Saving) -> Response:
    """Save the draft over the revision that was read; it may have faults. 409: somebody else has saved meanwhile."""
    return _acted(
        lambda: menushapes.Saved(
            revision=menuwork.save(path.hotline, body.source, body.revision, body.based_on),
            findings=_findings(menuwork.check(path.hotline, body.source)),
        )
    )


@api.post("/menus/<hotline>/publish", tags=[_MENUS], responses=_acts(menushapes.PublishedVersion))
@needs(Role.SUPERVISOR)
def publish_menu(path: menushapes.HotlineName, body: menushapes.Publishing) -> Response:
    """Have new calls hear the draft. 409: it has errors, or somebody has saved or published meanwhile."""
    return _acted(lambda: menushapes.PublishedVersion(version=menuwork.publish(path.hotline, body.revision, body.note)))


@api.get("/menus/<hotline>/versions", tags=[_MENUS], responses={"200": menushapes.VersionList})
@needs(Role.SUPERVISOR)
def list_menu_versions(path: menushapes.HotlineName) -> Response:
    """The history, the newest first."""
    found = menuwork.versions(path.hotline)
    return shaped(menushapes.VersionList(versions=[menushapes.Version.model_validate(one) for one in found]))


@api.get("/menus/<hotline>/versions/<int:version>", tags=[_MENUS], responses={"200": menushapes.VersionDetails})
@needs(Role.SUPERVISOR)
def show_menu_version(path: menushapes.VersionNumber) -> Response:
    """One version as it was written."""
    found = menuwork.version_of(path.hotline, path.version)
    return shaped(menushapes.VersionDetails(version=menushapes.Version.model_validate(found), source=found.source))


@api.get("/menus/<hotline>/diff", tags=[_MENUS], responses={"200": menushapes.Diff})
@needs(Role.SUPERVISOR)
def compare_menus(path: menushapes.HotlineName, query: menushapes.Pair) -> Response:
    """What changed from a version to another, or to the draft."""
    return shaped(menushapes.Diff(diff=menuwork.diff(path.hotline, query.old, query.new)))


@api.post("/menus/<hotline>/rollback", tags=[_MENUS], responses=_acts(menushapes.PublishedVersion))
@needs(Role.SUPERVISOR)
def roll_menu_back(path: menushapes.HotlineName, body: menushapes.RollingBack) -> Response:
    """Publish an old version's text as a new version. 409: what it needs is gone, or somebody has published meanwhile."""
    return _acted(lambda: menushapes.PublishedVersion(version=menuwork.rollback(path.hotline, body.version, body.note)))


@api.post("/menus/<hotline>/simulate", tags=[_MENUS], responses=_acts(menushapes.Walk))
@needs(Role.SUPERVISOR)
@takes(MAX_JSON_BYTES)
def simulate_menu(path: menushapes.HotlineName, body: menushapes.Walking) -> Response:
    """Be a caller of a text: what is heard and where it leads, step by step. 409: it is no menu."""

    def walked() -> menushapes.Walk:
        found, queues = menuwork.simulate(path.hotline, body.source, body.case), ground().options.queue_titles
        return menushapes.Walk(
            steps=[
                menushapes.Step(
                    nodes=list(step.nodes),
                    titles=[label(ENDINGS, title) for title in step.titles],
                    heard=[
                        menushapes.Heard(
                            text=heard.text, language=heard.language, items=[sounding.written(item) for item in heard.items]
                        )
                        for heard in step.heard
                    ],
                    end=step.end,
                    end_text=menuwords.end_text(step.end, queues),
                )
                for step in found.steps
            ],
            endless=found.endless,
        )

    return _acted(walked)


@api.get("/prompts", tags=[_PROMPTS], responses={"200": menushapes.PromptList})
@needs(Role.SUPERVISOR)
def list_prompts() -> Response:
    """Every prompt that callers can hear."""
    found = [
        menushapes.Prompt(**{key: value for key, value in asdict(one).items() if key != "path"}) for one in library.prompts()
    ]
    return shaped(menushapes.PromptList(prompts=found))


@api.put("/prompts/<language>/<name>", tags=[_PROMPTS], responses=_acts(menushapes.Recorded))
@needs(Role.SUPERVISOR)
@takes(library.MAX_UPLOAD_BYTES)
def record_prompt(path: menushapes.PromptName, form: menushapes.Recording) -> Response:
    """Make a prompt of a recording; one of that name is replaced for this hotline. 409: it can't be one."""
    try:
        made = library.record(path.name, path.language, form.file.stream.read(MAX_BYTES + 1))
    except library.Refused as error:
        return problem.answer(409, str(error), kind="Refused")
    report = made.imported.report
    return shaped(
        menushapes.Recorded(
            seconds=report.seconds,
            recorded_level_db=report.recorded_level_db,
            format=report.format,
            warnings=[menuwords.flaw(found) for found in report.warnings],
        )
    )


@api.get("/sound", tags=[_PROMPTS], responses={**_WAV, "409": problem.Problem})
@needs(Role.SUPERVISOR)
def hear_sound(query: menushapes.Sound) -> Response:
    """What callers would hear, as a WAV (8 kHz, mono, 16 bit); answers Range requests. 409: it can't be heard."""
    tools = menuwork.workshop()
    try:
        items = [sounding.item_of(text) for text in query.item]
        data = sounding.sound(items, query.language, tools.prompts, tools.voice)
    except sounding.NoSound as error:
        return problem.answer(409, menuwords.no_sound(error), kind="NoSound")
    response = send_file(io.BytesIO(data), mimetype="audio/wav", conditional=True, etag=False, max_age=0)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _findings(found: list[Finding]) -> list[menushapes.Finding]:
    return [menushapes.Finding.model_validate(one.to_json(menuwork.language())) for one in found]


def _acted(act: Callable[[], BaseModel]) -> Response:
    try:
        return shaped(act())
    except (Unfit, menuwork.NoMenu) as error:
        found = [one.model_dump() for one in _findings(error.findings)]
        return problem.answer(409, menuwork.fault(error), kind="Unfit", errors=found)
    except menuwork.Refusals as error:
        return problem.answer(409, menuwork.fault(error), kind=type(error).__name__)
