"""[io] The `hotline` command."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ivr import config, log
from ivr.config import ConfigError, Settings

if TYPE_CHECKING:
    from redis import Redis

app = typer.Typer(
    name="hotline",
    help="The service behind a company's 400 number. Settings: ./hotline.toml (or HOTLINE_CONFIG), then HOTLINE_* variables.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
flow = typer.Typer(help="Menus.", no_args_is_help=True)
prompts_app = typer.Typer(help="Prompts.", no_args_is_help=True)
followup = typer.Typer(help="What is owed after calls.", no_args_is_help=True)
app.add_typer(flow, name="flow")
app.add_typer(prompts_app, name="prompts")
app.add_typer(followup, name="followup")


def _fail(text: str, status: int = 2) -> typer.Exit:
    typer.echo(text, err=True)
    return typer.Exit(status)


def _settings() -> Settings:
    try:
        return config.load()
    except ConfigError as error:
        raise _fail(str(error)) from error


def _process(name: str) -> Settings:
    """Settings of a process that needs Redis: only `serve` brings its own."""
    settings = _settings()
    log.configure(name, settings.log_level)
    if not settings.redis_url:
        raise _fail(
            "redis_url is not set: give it in hotline.toml or as HOTLINE_REDIS_URL "
            "(only `hotline serve` starts a Redis of its own)"
        )
    return settings


@app.command()
def serve() -> None:
    """Run everything on this machine: Redis unless one is given, media, engine, scribe, console."""
    from ivr.listen import PortTaken
    from ivr.serve import StartFailed, Supervisor
    from storage.redis import StorageError

    supervisor = Supervisor(_settings(), say=typer.echo)
    try:
        supervisor.start()
        supervisor.wait_ready()
        typer.echo(supervisor.ready_line)
        supervisor.run()
    except (PortTaken, StartFailed, StorageError) as error:
        raise _fail(str(error), 1) from error
    finally:
        supervisor.stop()


@app.command()
def demo(
    stay: Annotated[bool, typer.Option(help="Use the ports of the settings and stay until Ctrl-C.")] = False,
) -> None:
    """Start the sample hotline and make one real call through it, step by step. Exit status 1 names the step that failed."""
    from ivr import demo as show

    try:
        asyncio.run(show.run(_settings(), typer.echo, stay=stay))
    except show.DemoFailed as error:
        raise _fail(f"FAILED  {error}", 1) from error
    if not stay:
        typer.echo("all steps came true")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def probe(context: typer.Context) -> None:
    """Dial a number as an outsider would and say what was heard; for monitors too. `hotline probe --help` has the options."""
    from ivr.phones.probe import main as run_probe

    run_probe(context.args)


@app.command()
def engine() -> None:
    """SIP and the calls of this node. SIGTERM leaves the calls to the next engine, SIGINT hangs them up."""
    from ivr.engine import Engine
    from ivr.media.client import Fenced as MediaFenced
    from routing.store import Fenced

    settings = _process("engine")

    async def main() -> None:
        node = Engine(settings)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, lambda: node.stop(hang_up=False))
        loop.add_signal_handler(signal.SIGINT, lambda: node.stop(hang_up=True))
        await node.run()

    try:
        import uvloop

        uvloop.run(main())
    except* (Fenced, MediaFenced) as fenced:
        raise _fail(f"another engine has taken over node {settings.node}: {fenced.exceptions[0]}", 3) from None
    except* ConfigError as faults:
        raise _fail(str(faults.exceptions[0])) from None


@app.command()
def media(index: Annotated[int, typer.Option(help="Which of this node's media processes this is, from 0.")] = 0) -> None:
    """RTP: prompts, bridges, recordings. Needs neither Redis nor SQL."""
    from ivr.media import worker

    settings = _settings()
    log.configure(f"media-{index}", settings.log_level)
    terms = settings.media
    # Every process has an equal share of the port range; RTP ports are even.
    share = (terms.port_max + 1 - terms.port_min) // terms.processes // 2 * 2
    first = terms.port_min + index * share
    settings.make_directories()
    worker.run(
        settings.run_dir / f"media-{index}.sock",
        host=terms.host,
        hosts=[listener.media_bind for listener in settings.all_listeners],
        dscp=terms.dscp,
        port_min=first,
        port_max=first + share - 1,
        rtp_timeout_s=terms.rtp_timeout_s,
        orphan_s=terms.orphan_s,
        min_free_bytes=terms.min_free_mb << 20,
        recordings_dir=settings.recordings,
    )


@app.command()
def scribe() -> None:
    """Writes the call log and what is owed from the event stream into SQL."""
    from followup.book import Rules
    from followup.calendar import WorkingHours
    from followup.scribe import ScribeOptions, run

    settings = _process("scribe")
    run(
        settings.redis_url,
        settings.database_url,
        ScribeOptions(
            Rules(
                gave_up_after_s=settings.followup.gave_up_after_s,
                due_working_s=settings.followup.due_working_hours * 3600,
                hours=WorkingHours(**settings.hours.model_dump()),
            )
        ),
    )


@app.command()
def call(
    seat: Annotated[str, typer.Argument(help="Agent number; its telephone is called first.")],
    number: Annotated[str, typer.Argument(help="Whom to call then, as people write it.")],
    trunk: Annotated[str, typer.Option(help="The trunk to call through; else the first that lets the number out.")] = "",
) -> None:
    """Have a seat call a number. Prints the call's id."""
    from routing.requests import originate

    with _redis() as redis:
        typer.echo(originate(redis, seat, number, trunk))


@app.command()
def seat(
    number: Annotated[str, typer.Argument(help="Agent number.")],
    status: Annotated[Literal["ready", "break", "off"], typer.Argument(help="What its human wishes.")],
) -> None:
    """Change a seat's status, as the codes do that telephones dial: a mobile can't dial them."""
    from routing.requests import set_status

    with _redis() as redis:
        if not set_status(redis, number, status):
            raise _fail(f"there is no seat {number}")


@contextlib.contextmanager
def _redis() -> Iterator[Redis]:
    """The live state, for a tool beside the engine: the Redis of the settings, or that of `hotline serve`."""
    from redis.exceptions import RedisError

    from storage.embedded import EmbeddedRedis
    from storage.redis import StorageError, connect_sync

    settings = _settings()
    try:
        with connect_sync(settings.redis_url or EmbeddedRedis(settings.data_dir).foreign_url) as redis:
            yield redis
    except (StorageError, RedisError) as error:
        raise _fail(str(error), 1) from None


@app.command()
def console() -> None:
    """The pages."""
    from console.options import ConsoleOptions
    from console.serve import serve as serve_console
    from ivr.listen import inherited

    settings = _process("console")
    descriptor = inherited("http")
    bind = f"fd://{descriptor}" if descriptor is not None else f"{settings.console.host}:{settings.console.port}"
    serve_console(
        bind,
        ConsoleOptions(
            redis_url=settings.redis_url,
            sql_url=settings.database_url,
            recordings_dir=settings.recordings,
            language=settings.console.language,
            time_zone=settings.hours.time_zone,
            hotline_titles={hotline.name: hotline.title or hotline.name for hotline in settings.hotlines},
            queue_titles={queue.name: queue.title or queue.name for queue in settings.queues},
        ),
    )


@flow.command("check")
def flow_check(file: Path) -> None:
    """Find what is wrong with a menu; exit status 1 when there is an error."""
    from ivr.menus import findings_of

    findings = findings_of(file, _settings())
    for finding in findings:
        typer.echo(str(finding))
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)
    typer.echo(f"{file}: fit for publishing")


@prompts_app.command("build")
def prompts_build(force: Annotated[bool, typer.Option(help="Speak every text again.")] = False) -> None:
    """Speak the texts that changed into WAVs."""
    from prompts import PATH
    from prompts.build import build

    for name in build(PATH, force=force):
        typer.echo(name)


@followup.command("audit")
def followup_audit() -> None:
    """Is every return call that was ever owed closed, open or waived? Exit status 1 when one is missing."""
    from followup.audit import audit
    from storage.sql import open_database

    settings = _settings()
    database = open_database(settings.database_url)
    result = audit(database)
    database.dispose()
    typer.echo(str(result))
    if not result.ok:
        raise typer.Exit(1)


def main() -> None:
    """For `python -m ivr.cli`."""
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(app())


if __name__ == "__main__":
    main()
