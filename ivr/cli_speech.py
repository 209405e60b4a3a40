"""[io] `hotline speech …`: models fetched, listed, chosen, and evaluated on callers' recordings."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ivr.cli_shell import fail
from ivr.cli_shell import settings as load_settings

if TYPE_CHECKING:
    from ivr.config import Settings
    from ivr.speech.evalset import Item
    from ivr.speech.evaluation import Grounds
    from ivr.speech.fetching import Progress
    from ivr.speech.ground import Ground
    from ivr.speech.installed import Models
    from ivr.speech.spoken import Spoken

app = typer.Typer(help="Speech: the models that hear callers.", no_args_is_help=True)

Language = Literal["zh", "en"]
RESTART = "what starts from now on uses it: restart `hotline serve`, or the units of speech and engine"


@app.command("fetch")
def fetch(
    wanted: Annotated[
        str,
        typer.Argument(metavar="zh|en|NAME|FILE.zip", help="The recommended small model, one of the list, or a zip at hand."),
    ],
    url: Annotated[str, typer.Option(help="Of the list, on a mirror: the zips lie beside it. Else [speech] list_url.")] = "",
) -> None:
    """Bring a model of Vosk into <data_dir>/speech/models. Broken off, the same command goes on."""
    from ivr.speech import fetching
    from ivr.speech.modellist import Unknown, choose

    settings = load_settings()
    models = _models(settings)
    try:
        if wanted.endswith(".zip"):
            folder = fetching.take(Path(wanted), models.folder)
        else:
            list_url = url or settings.speech.list_url
            with fetching.client() as http, _progress(wanted) as progress:
                model = choose(fetching.fetch_list(http, list_url), wanted)
                zip_url = fetching.zip_url(model, list_url)
                folder = fetching.fetch(http, model, zip_url, models.folder, progress=progress)
    except (fetching.FetchFailed, Unknown) as error:
        raise fail(str(error), 1) from error
    typer.echo(str(folder))
    typer.echo(f"next: hotline speech eval DIR --model {folder.name}; when it passed, hotline speech use {folder.name}")


@app.command("list")
def list_(
    available: Annotated[bool, typer.Option("--available", help="What the vendor's list has for Chinese and English.")] = False,
    url: Annotated[str, typer.Option(help="Of the list, on a mirror.")] = "",
) -> None:
    """The models here: languages, rate, size, words, use, verdict. Then, whether callers are heard."""
    from ivr.speech.inuse import models_in_use

    settings = load_settings()
    if available:
        from ivr.speech import fetching
        from ivr.speech.modellist import usable

        try:
            with fetching.client() as http:
                listed = usable(fetching.fetch_list(http, url or settings.speech.list_url))
        except fetching.FetchFailed as error:
            raise fail(str(error), 1) from error
        for one in listed:
            typer.echo(f"{one.name:40} {one.language}  {one.type:10}  {one.size / 1e6:8.1f} MB  {one.lang_text}".rstrip())
        return
    models = _models(settings)
    used = _in_use(settings, models)
    for name in [*models.names(), *(name for name in dict.fromkeys(used.values()) if name not in models.names())]:
        typer.echo(_line(models, name, [language for language, one in used.items() if one == name]))
    heard = models_in_use(settings.speech, settings.data_dir)
    told = f"callers are heard in {' and '.join(heard)}" if heard else "callers are not heard"
    typer.echo(f'{told} ([speech] enabled = "{settings.speech.enabled}")', err=True)


@app.command("use")
def use(
    name: Annotated[str, typer.Argument(help="A name of `hotline speech list`, or a folder.")],
    language: Annotated[Language | None, typer.Option(help="For this language alone; else for what the name tells.")] = None,
) -> None:
    """Choose the model that hears callers, for each language apart. What hotline.toml names wins."""
    from ivr.speech.folder import NotAModel
    from ivr.speech.installed import BadChoice

    settings = load_settings()
    models = _models(settings)
    try:
        languages = models.choose(name, language or "")
    except (BadChoice, NotAModel, OSError) as error:
        raise fail(str(error)) from error
    used = _in_use(settings, models)
    for one in languages:
        typer.echo(f"{one}: {name}")
        if used[one] != models.chosen()[one]:
            typer.echo(f"warning: hotline.toml names {used[one]} for {one}, and wins", err=True)
        elif settings.speech.enabled == "auto" and not models.passed(used[one], one):
            typer.echo(f"{one}: callers' speech stays off until this model passes `hotline speech eval` (docs/speech.md)")
    typer.echo(RESTART)


@app.command("eval")
def evaluate(
    place: Annotated[Path, typer.Argument(metavar="DIR|TABLE", help="NAME.wav with NAME.txt, or a table (docs/speech.md).")],
    model: Annotated[str, typer.Option(help="A name of `hotline speech list`, or a folder; else the one in use.")] = "",
    language: Annotated[Language | None, typer.Option(help="Of the recordings; else as their texts are written.")] = None,
    grammar: Annotated[Path | None, typer.Option(help='What may be said: a choice a line, synonyms behind "|".')] = None,
    menu: Annotated[Path | None, typer.Option(help="A menu: each recording is heard where it may be said.")] = None,
    node: Annotated[str, typer.Option(help="The node of the menu where all recordings are heard.")] = "",
    channel: Annotated[
        Literal["mono", "left", "right"], typer.Option(help="Of stereo; left is the caller's in ours.")
    ] = "mono",
    min_said: Annotated[int | None, typer.Option(min=1, help="Recordings of what may be said that a verdict needs.")] = None,
    min_foreign: Annotated[int | None, typer.Option(min=1, help="Recordings of other speech that it needs.")] = None,
    min_accuracy: Annotated[float | None, typer.Option(help="Share that must be understood.")] = None,
    max_misled: Annotated[float | None, typer.Option(help="Share that may surely be taken for something else.")] = None,
    max_foreign: Annotated[float | None, typer.Option(help="Share of other speech that may be accepted.")] = None,
    max_real_time: Annotated[float | None, typer.Option(help="Seconds of a core for a second of speech.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, each recording too.")] = False,
) -> None:
    """How well a model hears recordings of your own callers. The verdict is kept; exit status 1 when it does not pass."""
    from pydantic import ValidationError

    from ivr.speech import evalset, evaluation, verdict
    from ivr.speech.folder import NotAModel, fingerprint, look
    from ivr.speech.kaldi import Vosk
    from ivr.speech.recogniser import RecogniserError

    given = {
        "min_said": min_said,
        "min_foreign": min_foreign,
        "accuracy": min_accuracy,
        "misled": max_misled,
        "foreign": max_foreign,
        "real_time": max_real_time,
    }
    settings = load_settings()
    models = _models(settings)
    try:
        terms = verdict.Terms.model_validate({key: value for key, value in given.items() if value is not None})
        items = evalset.find(place)
        spoken = language or evalset.language_of(items)
        name = model or _in_use(settings, models)[spoken]
        folder = models.path(name)
        look(folder)
        grounds = _grounds(items, spoken, grammar, menu, node)
        with _progress("listening") as progress:
            found = evaluation.evaluate(
                Vosk(folder),
                items,
                grounds,
                unsure_below=settings.speech.unsure_below,
                channel=channel,
                progress=lambda count: progress(count, len(items)),
            )
        given_verdict = verdict.give(
            model=name,
            fingerprint=fingerprint(folder),
            language=spoken,
            at=datetime.now(UTC),
            measured=found.score.measured,
            terms=terms,
        )
        file = models.keep(given_verdict)
    except ValidationError as error:
        raise fail("; ".join(f"{'.'.join(str(p) for p in one['loc'])}: {one['msg']}" for one in error.errors())) from error
    except (evalset.BadSet, NotAModel, RecogniserError, OSError) as error:
        raise fail(str(error)) from error
    if as_json:
        told = found.to_json() | {"verdict": given_verdict.model_dump(mode="json"), "passed": given_verdict.passed}
        typer.echo(json.dumps(told | {"faults": given_verdict.faults, "file": str(file)}, ensure_ascii=False, indent=1))
    else:
        from ivr.speech.evalreport import lines

        for line in lines(found, given_verdict):
            typer.echo(line)
        typer.echo(f"kept in {file}")
    if not given_verdict.passed:
        raise typer.Exit(1)


def _models(settings: Settings) -> Models:
    from ivr.speech.installed import Models

    return Models(settings.data_dir)


def _in_use(settings: Settings, models: Models) -> dict[str, str]:
    from ivr.speech.installed import BadChoice
    from ivr.speech.modellist import LANGUAGES

    try:
        return {one: models.in_use(one, settings.speech.models, settings.speech.model) for one in LANGUAGES}
    except BadChoice as error:
        raise fail(str(error)) from error


def _line(models: Models, name: str, used_for: Sequence[str]) -> str:
    """A model in the list."""
    from ivr.speech.folder import NotAModel, look, words
    from ivr.speech.verdict import BadVerdict

    mark = "*" if used_for else " "
    try:
        found = look(models.path(name))
        known = len(words(models.path(name)))
        told = models.languages(name)
        worth = []
        for language in dict.fromkeys((*told, *used_for)):
            try:
                given = models.verdict(name, language)
            except (BadVerdict, OSError) as error:
                worth.append(f"{language} {error}")
            else:
                worth.append(f"{language} {given or 'not evaluated'}")
    except NotAModel as error:
        return f"{mark} {name:36}  {error}"
    use_ = f"in use for {' and '.join(used_for)}" if used_for else "not in use"
    fixed = "" if found.grammars else "; fixed graph: not for menus"
    return (
        f"{mark} {name:36}  {' '.join(told) or '?':5}  {found.rate_hz:5} Hz  {found.size / 1e6:7.1f} MB  {known:7} words  "
        f"{use_}; {', '.join(worth)}{fixed}"
    )


def _grounds(items: Sequence[Item], language: Spoken, grammar: Path | None, menu: Path | None, node: str) -> Grounds:
    """Where recordings are heard, as the options say it."""
    from ivr.speech import evaluation
    from ivr.speech.ground import of_lines

    if menu is not None and grammar is not None:
        raise fail("--menu and --grammar exclude each other")
    if node and menu is None:
        raise fail("--node is a node of --menu")
    if grammar is not None:
        try:
            ground = of_lines(grammar.name, grammar.read_text(encoding="utf-8-sig"))
        except ValueError as error:
            raise fail(f"{grammar}: {error}") from error
        return lambda item: (ground,)
    if menu is None:
        return evaluation.of_kinds(items, language)
    nodes = _nodes(menu, language)
    for wanted in dict.fromkeys(name for name in (node, *(item.node for item in items)) if name):
        if wanted not in nodes:
            raise fail(f"{menu}: nothing is heard in {language} at a node {wanted!r}; nodes are: {', '.join(nodes)}")
    return evaluation.of_nodes({node: nodes[node]} if node else nodes)


def _nodes(menu: Path, language: Spoken) -> dict[str, Ground]:
    """Where a menu hears callers."""
    from ivr.flow.load import load
    from ivr.speech.ground import of_menu

    loaded = load(menu.read_text(encoding="utf-8-sig"), str(menu))
    if loaded.document is None:
        raise fail(f"{menu} is no menu: see hotline flow check {menu}")
    nodes = of_menu(loaded.document, language)
    if not nodes:
        raise fail(f"{menu}: nothing may be said in {language} at any of its nodes")
    return nodes


@contextmanager
def _progress(title: str) -> Iterator[Progress]:
    """A bar on a terminal; elsewhere a line each tenth. To standard error, for what is asked for goes to standard output."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(title, total=None)
            yield lambda so_far, of_all: bar.update(task, completed=so_far, total=of_all)
        return
    told = 0

    def tell(so_far: int, of_all: int) -> None:
        nonlocal told
        tenth = so_far * 10 // of_all
        if tenth != told:
            told = tenth
            typer.echo(f"{title}: {tenth * 10} %", err=True)

    yield tell
