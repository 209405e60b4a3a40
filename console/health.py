"""[io] For machines: is the process up, can it do its work, and the figures (Prometheus)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from time import time
from typing import Any

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from console.ground import ground
from followup.callbacks import list_open
from followup.events import STREAM
from followup.quality import Histogram, histograms
from followup.scribe import ALIVE, GROUP
from routing.floor import snapshot
from storage.redis import StorageError, connect_sync
from storage.sql import reading

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """200 while the process answers."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """200 when Redis and SQL answer and a scribe is at work, else 503; JSON tells which."""
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
    return jsonify(state), 200 if all(state.values()) else 503


@blueprint.get("/metrics")
def metrics() -> Response:
    """The floor and what is owed, for Prometheus; what can't be asked now is left out and hotline_up says so."""
    registry = CollectorRegistry()
    up = Gauge("hotline_up", "1 when the console reaches it", ["part"], registry=registry)
    try:
        with closing(connect_sync(ground().options.redis_url)) as redis:
            _floor(redis, registry)
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
    if redis.exists(STREAM):
        groups: list[dict[str, Any]] = redis.xinfo_groups(STREAM)
        behind = Gauge("hotline_events_behind", "Events the scribe has not booked", registry=registry)
        for group in groups:
            if group["name"] == GROUP:
                behind.set(group["pending"] + (group.get("lag") or 0))


class _Quality(Collector):
    """The histograms of followup.quality, which count in SQL."""

    def __init__(self, found: list[Histogram]) -> None:
        self._found = found

    def collect(self) -> Iterator[HistogramMetricFamily]:
        for one in self._found:
            yield HistogramMetricFamily(one.name, one.help, buckets=one.buckets, sum_value=one.total)


def _owed(registry: CollectorRegistry) -> None:
    owed = list_open(ground().engine, time(), limit=100_000)
    Gauge("hotline_return_calls_open", "Return calls owed", registry=registry).set(len(owed))
    Gauge("hotline_return_calls_overdue", "Return calls owed past their deadline", registry=registry).set(
        sum(row.overdue for row in owed)
    )
