"""[io] `hotline console`: the pages; `hotline console link`: a new link that creates the first administrator."""

from __future__ import annotations

import time
from ipaddress import ip_network
from typing import TYPE_CHECKING, Annotated

import typer

from ivr.cli_shell import alive, database, fail, process, settings

if TYPE_CHECKING:
    from console.options import ConsoleOptions
    from ivr.config import Settings

app = typer.Typer(help="The pages. Without a command: serve them.", invoke_without_command=True)


@app.callback()
def serve(
    context: typer.Context,
    link: Annotated[
        bool, typer.Option(help="Print the link that creates the first administrator, while there is none.")
    ] = True,
) -> None:
    """Serve the pages."""
    if context.invoked_subcommand is not None:
        return
    from console.serve import serve as serve_console
    from ivr.listen import inherited, is_loopback

    found = process("console")
    descriptor = inherited("http")
    if descriptor is not None and found.console.loopback and not is_loopback(descriptor):
        raise fail("console.host: says loopback, but the socket that was passed listens elsewhere; name its address")
    host = f"[{found.console.host}]" if ":" in found.console.host else found.console.host
    bind = f"fd://{descriptor}" if descriptor is not None else f"{host}:{found.console.port}"
    with alive(found, "console"):
        serve_console(bind, options(found), typer.echo if link else None)


@app.command("link")
def make_link() -> None:
    """Print a new one-time link by which the first administrator is created. Exit status 1 where there is one."""
    from console import links
    from storage.sql import migrate

    found = settings()
    with database() as engine:
        migrate(found.database_url)
        key = links.first(engine, time.time())
    if key is None:
        raise fail("there is an administrator: `hotline people reset LOGIN` makes a link for a new password", 1)
    typer.echo(welcome(found, key))


def welcome(found: Settings, key: str) -> str:
    """The address of a one-time link."""
    return f"{found.console.url}welcome/{key}"


def options(found: Settings) -> ConsoleOptions:
    """What the console must know of these settings."""
    from console.options import ConsoleOptions, QueueSetting, SeatSetting, Trunk, Workshop
    from console.reasons import Reason
    from console.sessionlimits import Limits
    from followup.calendar import Calendar
    from followup.windows import Window
    from ivr import rehearsal
    from ivr.menus import facts_of_authors
    from ivr.voices import voice_cache
    from prompts import PATH
    from prompts.catalogue import available
    from routing.limits import QUEUE_S
    from storage.hours import parse_spans

    console, terms = found.console, found.followup
    try:
        calendars = {one.name: Calendar.read(one.model_dump()) for one in found.all_calendars}
    except ValueError as error:
        raise fail(str(error)) from None
    calendar = calendars["default"]
    names = ["127.0.0.1", "localhost", "[::1]", *console.names]
    return ConsoleOptions(
        redis_url=found.redis_url,
        sql_url=found.database_url,
        recordings_dir=found.recordings,
        language=console.language,
        time_zone=calendar.time_zone,
        url=console.url,
        trusted_hosts=(*names, console.own_host),
        trusted_proxies=tuple(ip_network(text) for text in console.trusted_proxies),
        tls_only=console.tls_only,
        plain_http=not console.loopback and console.plain_http,
        limits=Limits(console.idle_s, console.session_s),
        link_file=found.link_file,
        node=found.node,
        run_dir=found.run_dir,
        hotline_titles={hotline.name: hotline.title or hotline.name for hotline in found.hotlines},
        queue_titles={queue.name: queue.title or queue.name for queue in found.queues},
        seats={seat.number: seat.name for seat in found.seats},
        window=Window(calendar, parse_spans(terms.quiet_hours), tuple(60.0 * each for each in terms.retry_minutes)),
        in_time_s=terms.in_time_s,
        break_reasons=tuple(Reason(one.code, one.zh, one.en) for one in found.desks.break_reasons),
        wrap_up_reasons=tuple(Reason(one.code, one.zh, one.en) for one in found.desks.wrap_up_reasons),
        wrap_up_renew_s=found.desks.wrap_up_renew_s,
        wrap_up_max_s=found.desks.wrap_up_max_s,
        calendars=tuple(calendars.values()),
        queues=tuple(
            QueueSetting(
                queue.name,
                {key: getattr(queue, key) for key in (*QUEUE_S, "music")} | {"in_time_s": queue.in_time_s or terms.in_time_s},
            )
            for queue in found.queues
        ),
        seat_settings=tuple(SeatSetting(seat.number, seat.name, seat.queues) for seat in found.seats),
        music=tuple(sorted(frozenset.intersection(*map(frozenset, available(PATH, found.prompts).values())))),
        trunks=tuple(
            Trunk(
                trunk.name,
                trunk.listener,
                trunk.outbound_proxy or trunk.proxy or trunk.registrar,
                trunk.registers,
                trunk.ping_s,
                trunk.numbers,
                trunk.networks,
                trunk.caller_ids,
                trunk.allow_prefixes,
            )
            for trunk in found.trunks
        ),
        workshop=Workshop(
            found.prompts,
            voice_cache(found),
            lambda: facts_of_authors(found),
            lambda: rehearsal.texts_of(PATH, found.prompts),
        ),
    )
