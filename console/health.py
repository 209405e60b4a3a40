"""[io] How the system is: for people every process, the trunks and what the console reaches; for machines whether the process
is up and can do its work, and the figures (Prometheus)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from time import time
from typing import Any

from flask import Blueprint, Response, jsonify, render_template
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from console import processes
from console.ground import ground
from console.roles import Role, needs, open_to_all
from followup.events import STREAM
from followup.quality import Histogram, histograms
from followup.returncalls import tally
from followup.scribe import ALIVE, GROUP
from followup.trunks import changes
from routing.floor import snapshot
from storage.redis import StorageError, connect_sync
from storage.sql import reading

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
@needs(Role.SUPERVISOR)
def index() -> str:
    """Every process, the trunks as living engines see them now, their last changes, and what the console reaches."""
    state, trunks = reached(), []
    if state["redis"]:
        try:
            with closing(connect_sync(ground().options.redis_url)) as redis:
                trunks = snapshot(redis).trunks
        except (StorageError, RedisError, OSError):
            state["redis"] = False
    return render_template(
        "health/index.html",
        state=state,
        trunks=trunks,
        seen=processes.look(),
        processes=processes,
        changes=changes(ground().engine),
    )


@blueprint.get("/healthz")
@open_to_all
def healthz() -> Response:
    """200 while the process answers."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
@open_to_all
def readyz() -> tuple[Response, int]:
    """200 when Redis and SQL answer and a scribe is at work, else 503; JSON tells which."""
    state = reached()
    return jsonify(state), 200 if all(state.values()) else 503


def reached() -> dict[str, bool]:
    """Which of console.labels.PARTS answer."""
    state = {"redis": False, "scribe": False, "sql": False}
    try:
        with closing(connect_sync(ground().options.redis_url)) as redis:
            state["scribe"] = bool(redis.exists(ALIVE))
            state["redis"] = True
    except (StorageError, RedisError, OSError):
        pass
    try:
        with reading(ground().engine) as connection:
            connection.execute(text("SELECT 1 FROM call_log LIMIT 1"))
        state["sql"] = True
    except DBAPIError:
        pass
    return state


@blueprint.get("/metrics")
@needs(Role.SUPERVISOR)
def metrics() -> Response:
    """The floor and what is owed, for Prometheus; what can't be asked now is left out and hotline_up says so. A program on this
    machine needs no token (console/gate.py)."""
    registry = CollectorRegistry()
    up = Gauge("hotline_up", "1 when the console reaches it", ["part"], registry=registry)
    try:
        with closing(connect_sync(ground().options.redis_url)) as redis:
            _floor(redis, registry)
            registry.register(_Processes(processes.seen(redis)))
            up.labels("scribe").set(redis.exists(ALIVE))
        up.labels("redis").set(1)
    except (StorageError, RedisError, OSError):
        up.labels("redis").set(0)
        up.labels("scribe").set(0)
    try:
        _owed(registry)
        registry.register(_Quality(histograms(ground().engine)))
        up.labels("sql").set(1)
    except DBAPIError:
        up.labels("sql").set(0)
    Gauge("hotline_console_live_views", "Open live pages of this process", registry=registry).set(ground().feed.views)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _floor(redis: Redis, registry: CollectorRegistry) -> None:
    seen = snapshot(redis)
    calls = Gauge("hotline_calls", "Live calls", ["phase"], registry=registry)
    for phase, count in Counter(str(call.get("phase", "")) for call in seen.calls).items():
        calls.labels(phase).set(count)
    seats = Gauge("hotline_seats", "Seats", ["status", "state"], registry=registry)
    for (status, state), count in Counter((str(seat["status"]), str(seat["state"])) for seat in seen.seats).items():
        seats.labels(status, state).set(count)
    waiting = Gauge("hotline_queue_waiting", "Callers in a queue", ["queue"], registry=registry)
    longest = Gauge("hotline_queue_longest_wait_seconds", "The longest wait in a queue", ["queue"], registry=registry)
    for queue in seen.queues:
        waiting.labels(queue["name"]).set(len(queue["waiting"]))
        longest.labels(queue["name"]).set(max((float(w["waited_s"]) for w in queue["waiting"]), default=0.0))
    trunks = Gauge("hotline_trunk_up", "1 when calls can go out by it", ["node", "trunk"], registry=registry)
    for trunk in seen.trunks:
        trunks.labels(trunk["node"], trunk["name"]).set(trunk["up"])
    speech = Gauge("hotline_speech_up", "1 when the process hears callers", ["node", "process"], registry=registry)
    for process in seen.speech:
        speech.labels(process["node"], process["name"]).set(process["up"])
    running = Gauge("hotline_menu_version", "Version of the menu that new calls have", ["node", "hotline"], registry=registry)
    for menu in seen.menus:
        running.labels(menu["node"], menu["hotline"]).set(menu["version"])
    published = Gauge("hotline_menu_published_version", "Version that they should have", ["hotline"], registry=registry)
    for hotline, version in seen.published.items():
        published.labels(hotline).set(version)
    if redis.exists(STREAM):
        groups: list[dict[str, Any]] = redis.xinfo_groups(STREAM)
        behind = Gauge("hotline_events_behind", "Events the scribe has not booked", registry=registry)
        for group in groups:
            if group["name"] == GROUP:
                behind.set(group["pending"] + (group.get("lag") or 0))


class _Processes(Collector):
    """Whether each process is up and answers, and what it uses."""

    def __init__(self, seen: processes.Seen) -> None:
        self._rows = seen.rows

    def collect(self) -> Iterator[Metric]:
        told = ["node", "name"]
        up = GaugeMetricFamily("hotline_process_up", "1 when the process lives and answers", labels=told)
        restarts = CounterMetricFamily("hotline_process_restarts", "How often it was started again", labels=told)
        memory = GaugeMetricFamily("hotline_process_memory_bytes", "In use (PSS), with its children", labels=told)
        cpu = GaugeMetricFamily("hotline_process_cpu_ratio", "Share of one core just now", labels=told)
        for row in self._rows:
            of = [row.node, row.process.name]
            up.add_metric(of, float(row.state == "up"))
            restarts.add_metric(of, row.process.restarts)
            if row.process.memory is not None:
                memory.add_metric(of, row.process.memory)
            if row.process.cpu is not None:
                cpu.add_metric(of, row.process.cpu)
        yield from (up, restarts, memory, cpu)


class _Quality(Collector):
    """The histograms of followup.quality, which count in SQL."""

    def __init__(self, found: list[Histogram]) -> None:
        self._found = found

    def collect(self) -> Iterator[HistogramMetricFamily]:
        for one in self._found:
            yield HistogramMetricFamily(one.name, one.help, buckets=one.buckets, sum_value=one.total)


def _owed(registry: CollectorRegistry) -> None:
    owed = tally(ground().engine, time())
    Gauge("hotline_return_calls_open", "Return calls owed", registry=registry).set(owed.pending)
    Gauge("hotline_return_calls_overdue", "Return calls owed past their deadline", registry=registry).set(owed.late)
