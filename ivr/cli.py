"""[io] The `hotline` command."""

from __future__ import annotations

import gc

if __name__ == "__main__":
    gc.set_threshold(50_000, 20, 20)  # what is loaded is no garbage: to look through it costs a sixth of a process's start

import asyncio
import os
import signal
import sys
from typing import Annotated, Literal

import typer

from ivr import (
    cli_bans,
    cli_calendar,
    cli_caller,
    cli_check,
    cli_console,
    cli_flow,
    cli_people,
    cli_prompts,
    cli_rehearse,
    cli_speech,
    cli_twilio,
    log,
)
from ivr.cli_shell import alive as _alive
from ivr.cli_shell import fail as _fail
from ivr.cli_shell import process as _process
from ivr.cli_shell import redis as _redis
from ivr.cli_shell import settings as _settings
from ivr.config import ConfigError

app = typer.Typer(
    name="hotline",
    help="The service behind a company's 400 number. Settings: ./hotline.toml (or HOTLINE_CONFIG), then HOTLINE_* variables.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
flow = cli_flow.flow
followup = typer.Typer(help="What is owed after calls.", no_args_is_help=True)
cli_check.add_to(flow)
cli_rehearse.add_to(flow)
app.add_typer(flow, name="flow")
app.add_typer(cli_calendar.calendar, name="calendar")
app.add_typer(cli_prompts.app, name="prompts")
app.add_typer(cli_speech.app, name="speech")
app.add_typer(followup, name="followup")
app.add_typer(cli_caller.app, name="caller")
app.add_typer(cli_console.app, name="console")
app.add_typer(cli_people.app, name="people")
app.add_typer(cli_bans.app, name="bans")
app.add_typer(cli_twilio.app, name="twilio")


@app.command()
def serve() -> None:
    """Run everything on this machine: Redis unless one is given, media, engine, scribe, console."""
    from ivr.listen import PortTaken
    from ivr.nursery import Nursery
    from ivr.serve import StartFailed, Supervisor
    from storage.redis import StorageError

    supervisor = Supervisor(_settings(), say=typer.echo, nursery=Nursery.fork())

    def ready() -> None:
        if supervisor.first_link:
            typer.echo(f"log in:  {supervisor.first_link}  creates the administrator; once, within 24 hours")
        typer.echo(supervisor.ready_line)

    try:
        supervisor.run(ready)
    except (PortTaken, StartFailed, StorageError) as error:
        raise _fail(str(error), 1) from error
    finally:
        supervisor.stop()


@app.command()
def demo(
    stay: Annotated[bool, typer.Option(help="Use the ports of the settings and stay until Ctrl-C.")] = False,
    voice: Annotated[bool, typer.Option("--voice", help="The caller speaks and presses no key.")] = False,
    trunk: Annotated[
        Literal["sip", "twilio"],
        typer.Option(help="How the caller comes; twilio: by one of ours, with real HTTP and WebSockets."),
    ] = "sip",
) -> None:
    """Start the sample hotline and make one real call through it, step by step. Exit status 1 names the step that failed."""
    from ivr import demo as show
    from ivr import demo_twilio
    from ivr.demo_voice import SpokenDemo

    if trunk == "twilio" and stay:
        raise _fail("--stay goes with --trunk sip only")
    try:
        if trunk == "twilio":
            asyncio.run(demo_twilio.run(typer.echo))
        else:
            asyncio.run(show.run(_settings(), typer.echo, stay=stay, demo=SpokenDemo if voice else show.Demo))
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
    from ivr.lines.client import Fenced as MediaFenced
    from ivr.listen import PortTaken
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

        with _alive(settings, "engine"):
            uvloop.run(main())
    except* (Fenced, MediaFenced) as fenced:
        raise _fail(f"another engine has taken over node {settings.node}: {fenced.exceptions[0]}", 3) from None
    except* (ConfigError, PortTaken) as faults:
        raise _fail(str(faults.exceptions[0])) from None


@app.command()
def gateway() -> None:
    """Twilio's callers, for the engine those of a SIP trunk. SIGTERM lets their calls go on for [gateway] drain_s, SIGINT
    doesn't."""
    from ivr.gateway.process import Gateway

    settings = _process("gateway")
    twilio = settings.twilio
    if twilio is None:
        raise _fail("there is no [twilio] in the settings: nobody comes by the gateway")
    try:
        token = twilio.token()
    except (ValueError, OSError) as error:
        raise _fail(str(error)) from error

    async def main() -> None:
        node = Gateway(settings, twilio, token)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, lambda: node.stop(at_once=False))
        loop.add_signal_handler(signal.SIGINT, lambda: node.stop(at_once=True))
        await node.run()

    import uvloop

    with _alive(settings, "gateway"):
        uvloop.run(main())


@app.command()
def media(index: Annotated[int, typer.Option(help="Which of this node's media processes this is, from 0.")] = 0) -> None:
    """RTP: prompts, bridges, recordings. Needs neither Redis nor SQL."""
    from ivr.media import worker
    from ivr.media.loops import NotBuilt

    settings = _settings()
    log.configure(f"media-{index}", settings.log_level)
    terms = settings.media
    # Every process has an equal share of the port range; RTP ports are even.
    share = (terms.port_max + 1 - terms.port_min) // terms.processes // 2 * 2
    first = terms.port_min + index * share
    try:
        with _alive(settings, f"media-{index}"):
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
                loops=terms.loops,
            )
    except NotBuilt as error:
        raise _fail(f"media.loops: {error}") from error


@cli_speech.app.callback(invoke_without_command=True)
def speech(
    context: typer.Context,
    index: Annotated[int, typer.Option(help="Which of this node's speech processes this is, from 0.")] = 0,
) -> None:
    """What callers say. Alone: be a speech process, which needs neither Redis nor SQL."""
    if context.invoked_subcommand is not None:
        return
    from ivr.speech import worker
    from ivr.speech.installed import BadChoice
    from ivr.speech.inuse import models_in_use
    from ivr.speech.recogniser import RecogniserError

    settings = _settings()
    log.configure(f"speech-{index}", settings.log_level)
    try:
        models = models_in_use(settings.speech, settings.data_dir)
        if not models:
            raise _fail("speech.enabled: callers are not heard here: see `hotline speech list`")
        with _alive(settings, f"speech-{index}"):
            worker.run(settings.run_dir / f"speech-{index}.sock", models=models, turns=settings.speech.turns)
    except (BadChoice, RecogniserError) as error:
        raise _fail(str(error)) from error


@app.command()
def scribe() -> None:
    """Writes the call log and what is owed from the event stream into SQL."""
    from followup.book import Rules
    from followup.calendar import Calendar
    from followup.scribe import ScribeOptions, run

    settings = _process("scribe")
    try:
        calendars = {one.name: Calendar.read(one.model_dump()) for one in settings.all_calendars}
    except ValueError as error:
        raise _fail(str(error)) from None
    with _alive(settings, "scribe"):
        run(
            settings.redis_url,
            settings.database_url,
            ScribeOptions(
                Rules(
                    gave_up_after_s=settings.followup.gave_up_after_s,
                    due_working_s=settings.followup.due_working_hours * 3600,
                    calendar=calendars["default"],
                ),
                calendars=tuple(calendars.values()),
                node=settings.node,
                run_dir=settings.run_dir,
            ),
        )


_OCCUPIED = {
    "no_such_seat": "there is no seat {seat}",
    "busy": "{seat} has a call: {call}",
    "dialling": "{seat} is calling already: {call}",
}


@app.command()
def call(
    seat: Annotated[str, typer.Argument(help="Agent number; its telephone is called first.")],
    number: Annotated[str, typer.Argument(help="Whom to call then, as people write it.")],
    trunk: Annotated[str, typer.Option(help="The trunk to call through; else the first that lets the number out.")] = "",
) -> None:
    """Have a seat call a number. Prints the call's id; exit status 1 where the seat can't call now."""
    from routing.requests import Occupied, originate

    with _redis() as redis:
        try:
            typer.echo(originate(redis, seat, number, trunk))
        except Occupied as error:
            raise _fail(_OCCUPIED[error.why].format(seat=seat, call=error.call_id), 1) from None


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
