"""[io] Prompts (提示音): what there is, to be heard; a text that is read aloud; a recording that is uploaded."""

from __future__ import annotations

import time
from dataclasses import dataclass

from flask import Blueprint, Response, make_response, render_template, request
from sqlalchemy import Engine

from console import menuwords, menuwork
from console.changes import PROMPT, Actor, write
from console.gate import actor, takes
from console.ground import ground, live
from console.language import gettext as _
from console.roles import Role, needs
from ivr.flow.parts import LANGUAGES
from prompts import PATH
from prompts.catalogue import COMMON
from prompts.importing import MAX_BYTES, Imported, ImportFailed, convert
from prompts.own import Prompt, inventory, keep
from routing import publications
from storage.sql import writing

blueprint = Blueprint("library", __name__, url_prefix="/prompts")

MAX_UPLOAD_BYTES = MAX_BYTES + 64 * 1024
"""The largest recording, and the form around it."""


@dataclass(frozen=True, slots=True)
class Made:
    """A prompt that was made of a recording."""

    language: str
    name: str
    imported: Imported


class Refused(ValueError):
    """It can't become a prompt; as a str what people read."""


@blueprint.get("/")
@needs(Role.SUPERVISOR)
def index() -> str:
    """All prompts, filtered by ?q= (a part of name or text) and ?language=."""
    return _page()


@blueprint.post("/")
@needs(Role.SUPERVISOR)
@takes(MAX_UPLOAD_BYTES)
def upload() -> Response:
    """Make the `file` the prompt `name` of `language`; 409 and the page with the fault if not."""
    given = request.files.get("file")
    name, language = request.form.get("name", "").strip(), request.form.get("language", "")
    try:
        if given is None or not given.filename:
            raise Refused(_("请选择一个录音文件。"))
        made = record(name, language, given.stream.read(MAX_BYTES + 1))
    except Refused as error:
        return make_response(_page(str(error)), 409)
    return make_response(_page(made=made))


def prompts() -> list[Prompt]:
    """Every prompt that callers can hear."""
    return inventory(PATH, menuwork.workshop().prompts)


def record(name: str, language: str, data: bytes) -> Made:
    """Make a prompt of a recording, tell the engines, and the change log. Raises Refused."""
    if language not in LANGUAGES:
        raise Refused(_("请选择语言。"))
    own = menuwork.workshop().prompts
    try:
        imported = convert(data, name)
        keep(own, language, name, imported)
    except ImportFailed as error:
        raise Refused(menuwords.import_fault(error)) from None
    except ValueError:
        raise Refused(_("名称只能用 1 到 64 个英文字母、数字和下划线。")) from None
    except OSError:
        raise Refused(_("录音存不下来，请检查磁盘。")) from None
    with live() as redis:
        publications.tell(redis, publications.PROMPT, name)
    _tell(ground().engine, actor(), f"{language}/{name}", imported.report.seconds)
    return Made(language, name, imported)


def _tell(engine: Engine, by: Actor, prompt: str, seconds: float) -> None:
    with writing(engine) as connection:
        write(connection, by, "prompt_recorded", f"{PROMPT}:{prompt}", time.time(), after={"seconds": round(seconds, 1)})


def _page(fault: str = "", made: Made | None = None) -> str:
    wanted, language = request.args.get("q", "").strip()[:64], request.args.get("language", "")
    found = prompts()
    languages = sorted({one.language for one in found}, key=_place)
    rows = [
        one
        for one in found
        if (not wanted or wanted.lower() in one.name.lower() or wanted in one.text) and language in ("", one.language)
    ]
    return render_template(
        "library/index.html",
        rows=sorted(rows, key=lambda one: (one.origin == "packaged", _place(one.language), one.name)),
        total=len(found),
        wanted=wanted,
        language=language,
        languages=languages,
        spoken=LANGUAGES,
        given={key: request.form.get(key, "") if fault else "" for key in ("name", "language")},
        fault=fault,
        made=made,
        menuwords=menuwords,
    )


def _place(language: str) -> tuple[int, str]:
    """Chinese first, what needs no words last."""
    order = (*LANGUAGES, "", COMMON)
    return order.index(language if language in order else ""), language
