"""[io] The live truth of all calls, queues and seats, as one engine sees and changes it. Every change is one Lua script.

An engine: `start()`, `live_calls()`, then `run()` and `wakes()` as tasks, `beat()` every few seconds, `commit()` at each step
of a call. Without start() it serves tools: they are not fenced.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from redis.asyncio import Redis

from routing import line as lines
from routing import link, menus, scripts
from routing.commit import Commit, Dequeue, Enqueue, FreeSeat, Op, Requeue, SeatState
from routing.events import Event
from routing.link import Fenced, Pauses, RedisAway
from routing.match import Claim
from routing.publications import CHANNEL
from routing.requests import CallRequest
from routing.scripts import PREFIX
from routing.seats import SeatProfile, SeatView, Status, view
from routing.together import Together
from storage import jsontext
from storage.journal import Journal
from storage.pipe import Pipe

__all__ = [
    "Claim",
    "Commit",
    "Dequeue",
    "Enqueue",
    "Event",
    "Fenced",
    "FreeSeat",
    "LiveCall",
    "Op",
    "RedisAway",
    "Requeue",
    "SeatProfile",
    "SeatState",
    "SeatView",
    "Store",
    "UnknownSeat",
]

_START = scripts.load("start")
_BEAT = scripts.load("beat")
_COMMIT = scripts.load("commit")
_CLAIM = scripts.load("claim")
_RECONCILE = scripts.load("reconcile")
_LIVE_CALLS = scripts.load("live_calls")
_DUE = scripts.load("due")
_REAP = scripts.load("reap")
_SET_SEATS = scripts.load("set_seats")
_SET_STATUS = scripts.load("set_status")
_SEATS = scripts.load("seats")
_BIND = scripts.load("bind")
_WAITING = scripts.load("waiting")
_LINE = scripts.load("line")
_TAKE_SEAT = scripts.load("take_seat")
_NOTE = scripts.load("note")
_TAKE_REQUEST = scripts.load("take_request")

_REPLAY_AT_ONCE = 200

_log = structlog.get_logger(__name__)


class UnknownSeat(KeyError):
    """No seat of this number is configured."""


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A call this node has to go on with. `elapsed_s`: seconds by Redis TIME since `state` was saved, which is {} where what is
    there is no JSON object."""

    call_id: str
    version: int
    state: dict[str, Any]
    elapsed_s: float


class Store:
    """One node's access to Redis. All methods raise Fenced when a newer engine of the node exists."""

    def __init__(self, redis: Redis, *, node: str, journal: Journal, lease_s: float = 10.0, reap_s: float = 75.0) -> None:
        self.node = node
        self.epoch = 0
        self._redis = redis
        self._journal = journal
        self._lease_s = repr(float(lease_s))
        self._reap_s = repr(float(reap_s))
        self._lost = asyncio.Event()
        self._flowing = asyncio.Event()  # cleared while commits have to wait for the replay
        self._flowing.set()
        self._who = (node, "0")
        self._pipe = Pipe(redis)
        self._commits = Together(self._pipe, _COMMIT)
        self._shows: tuple[str, ...] = ("{}",) * 5

    @property
    def away(self) -> bool:
        """Redis cannot be reached: commits go to the journal until run() has brought them home."""
        return self._lost.is_set()

    # --- this engine

    async def start(self) -> int:
        """Take a new epoch: from now on all older engines of this node are refused.

        Brings home a journal left by the last engine and frees the seats it had reserved. Returns the epoch. Raises RedisAway.
        """
        self.epoch = int(await link.run(self._redis, _START, self.node, self._lease_s))
        self._who = (self.node, str(self.epoch))
        await self._replay()
        await self.reconcile()
        return self.epoch

    async def beat(
        self,
        trunks: Mapping[str, str] | None = None,
        menus: Mapping[str, int] | None = None,
        speech: Mapping[str, str] | None = None,
        lines: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Renew the lease; call it several times per lease_s. While Redis is away it does nothing. trunks: those of the node
        that are known to be up (""), or why they are down; each change is an event of the stream. menus: the version of each
        hotline's that its new calls have. speech: its speech processes, told like trunks. lines: what people are told of each
        trunk beside that (ivr.trunks.Trunks.report)."""
        known = dict(trunks or {})
        up = {name: not why for name, why in known.items()}
        self._shows = tuple(jsontext.write(dict(told)) for told in (up, menus or {}, known, speech or {}, lines or {}))
        await self._unless_away(_BEAT, self._lease_s, *self._shows)

    async def run(self) -> None:
        """For ever, as a task: when Redis was away and is back, renew the lease and replay the journal. Raises Fenced."""
        while True:
            await self._lost.wait()
            pauses = Pauses()
            while self.away:
                try:
                    await self._script(_BEAT, self._lease_s, *self._shows)
                    await self._replay()
                except RedisAway:
                    await pauses.wait()
                else:
                    # No await since the journal was found empty, so no commit came between.
                    self._lost.clear()
                    _log.info("redis_back", node=self.node)

    async def live_calls(self) -> list[LiveCall]:
        """The calls of this node, oldest first. Raises RedisAway."""
        calls = await self._script(_LIVE_CALLS)
        return [
            LiveCall(call_id, int(version), _object(state), float(elapsed))
            for call_id, version, state, elapsed in sorted(calls)
        ]

    async def reconcile(self) -> list[str]:
        """Free the seats this node holds for calls that are gone, or that an earlier engine had only reserved.

        Callers of reserved seats get their places back. Returns the seats' numbers. Safe at any time. Raises RedisAway.
        """
        return list(await self._script(_RECONCILE))

    # --- calls

    async def commit(self, commit: Commit) -> None:
        """Save a step of a call: state, events, queue and seat in one script. Done twice, it counts once.

        While Redis is away the step goes to the journal, with this machine's time, and commit() returns normally.
        Commit one call's steps one after the other. Raises OSError when the journal cannot be written.
        """
        arguments = commit.arguments()
        if not self.away:
            try:
                await self._commits.run([*self._who, "", *arguments])
            except RedisAway as error:
                self._lose(error)
            else:
                return
        await self._journal.append([time.time(), *arguments])
        await self._flowing.wait()

    async def claim(self, queue: str) -> Claim | None:
        """Take the first caller of the queue and the seat that is idle for longest, if both are there and the caller is ours.

        The seat is reserved: it must be rung (SeatState in a commit) within lease_s, or both are given back.
        None while Redis is away.
        """
        taken = await self._unless_away(_CLAIM, queue, self._lease_s)
        if taken is None:
            return None
        call_id, seat, waited_s, skipped, left = taken
        return Claim(call_id, seat, float(waited_s), tuple(zip(skipped[::2], skipped[1::2], strict=True)), int(left))

    async def take_seat(self, seat: str, call_id: str) -> bool:
        """Reserve a seat for a call that names it; it must be rung within lease_s. False when it has another call, there is no
        such seat, or Redis is away."""
        return bool(await self._unless_away(_TAKE_SEAT, seat, call_id, self._lease_s))

    async def note(self, call_id: str, event: Event, seq: int) -> None:
        """Tell an event of a call that is no step of it, perhaps after its end. Told twice by one `seq` (from QUALITY_SEQ on)
        it counts once; while Redis is away it is lost."""
        await self._unless_away(_NOTE, call_id, str(seq), event.type, jsontext.write(event.data))

    async def line(self, queue: str, call_id: str = "") -> lines.Line | None:
        """A queue as it is now, and this call's place there; None while Redis is away."""
        seen = await self._unless_away(_LINE, queue, call_id)
        return None if seen is None else lines.read(seen)

    async def caller(self, number: str) -> dict[str, str] | None:
        """What is known of who calls from this number, {} where nothing is. None while Redis is away."""
        if self.away:
            return None
        try:
            return dict(await link.command(self._redis.hgetall(f"{PREFIX}{lines.CALLERS}{number}")))
        except RedisAway as error:
            self._lose(error)
            return None

    async def due(self) -> float | None:
        """End wrap-ups, set-asides and reservations that are over. Returns seconds till the next one ends; None: there is none.

        Something may become due earlier at any commit: ask again after each SeatState or FreeSeat, or once a second.
        """
        wait_s = await self._unless_away(_DUE, self._lease_s)
        return None if wait_s is None else float(wait_s)

    async def reap(self) -> list[str]:
        """End the calls of engines that died more than reap_s ago, each with its event; returns their ids.

        Does nothing within one lease of a Redis restart or failover.
        """
        return list(await self._unless_away(_REAP, self._lease_s, self._reap_s, "") or ())

    async def give_up(self, call_id: str) -> None:
        """End a call of this node that can't be gone on with, as reap() ends those of others: with its event, its place in the
        queue and its seats free. Raises RedisAway."""
        await self._script(_REAP, self._lease_s, self._reap_s, call_id)

    def wakes(self) -> AsyncIterator[str]:
        """For ever: names of queues where something may be matched now; claim() until None or nobody is left in line. All where
        somebody waits at first and now and then."""
        return link.listen(self._redis, (f"{PREFIX}wake", f"{PREFIX}wake:{self.node}"), self._queues)

    # --- calls that seats are to make

    async def requests(self) -> AsyncGenerator[CallRequest, None]:
        """For ever: the calls that are asked for; each is given to one engine, and lost with it before its first commit."""

        async def waiting() -> list[str]:
            return [""]

        async for _ in link.listen(self._redis, (f"{PREFIX}requested",), waiting):
            while (text := await self._unless_away(_TAKE_REQUEST)) is not None:
                yield CallRequest(**jsontext.read(text))

    # --- seats

    async def set_seats(self, seats: Sequence[SeatProfile]) -> None:
        """Publish the configured seats. What is live of them stays; new ones are off; a removed one ends with its call.

        Raises RedisAway.
        """
        arguments = [
            text
            for seat in seats
            for text in (
                seat.number,
                seat.name,
                jsontext.write(seat.queues),
                "1" if seat.fixed else "",
                jsontext.write(dict(zip(seat.queues, seat.levels, strict=False))),
            )
        ]
        await self._script(_SET_SEATS, *arguments)

    async def set_status(self, seat: str, status: Status, reason: str = "") -> None:
        """The human's wish. "ready" also ends a set-aside, but not a wrap-up. Raises UnknownSeat, RedisAway."""
        if not await self._script(_SET_STATUS, seat, status, reason):
            raise UnknownSeat(seat)

    async def seat(self, number: str) -> SeatView | None:
        """One seat, None when there is no such seat. Raises RedisAway."""
        found = await link.run(self._redis, _SEATS, number)
        return _view(found[0]) if found else None

    async def seats(self) -> list[SeatView]:
        """All configured seats, by number. Raises RedisAway."""
        return sorted((_view(row) for row in await link.run(self._redis, _SEATS)), key=lambda seat: seat.number)

    async def bind(
        self, user: str, contacts: Mapping[str, Mapping[str, Any]], *, replace: bool = False
    ) -> list[dict[str, Any]]:
        """Register contacts of a user (RFC 3261 10.3): contact URI to what is kept with it; 0 `expires_s` in it removes it.

        replace: all contacts not named are forgotten. Returns the live bindings as bindings() does. Raises RedisAway.
        """
        arguments = [
            text for uri, kept in contacts.items() for text in (uri, jsontext.write(kept), repr(float(kept["expires_s"])))
        ]
        live = await self._script(_BIND, user, "1" if replace else "0", *arguments)
        return [{**jsontext.read(kept), "uri": uri, "expires_s": float(left_s)} for uri, kept, left_s in live]

    async def bindings(self, user: str) -> list[dict[str, Any]]:
        """The live contacts of a user, the one that expires last first: what was kept, with `uri` and the `expires_s` left.

        Raises RedisAway.
        """
        return await self.bind(user, {})

    # --- documents

    async def documents(self, kind: str) -> dict[str, str]:
        """The current texts of a kind, by name. Raises RedisAway."""
        return dict(await link.command(self._redis.hgetall(f"{PREFIX}documents:{kind}")))

    async def new_menus(self, known: Mapping[str, int]) -> dict[str, tuple[int, str]]:
        """The published menus, by hotline: version and text; those of which `known` has this version are left out. Raises
        RedisAway."""
        versions = await link.command(self._redis.hgetall(f"{PREFIX}versions:menu"))
        found = {}
        for hotline, version in versions.items():
            if known.get(hotline) != int(version):
                text = await self.menu(hotline, int(version))
                if text is not None:  # else a hundred newer ones came meanwhile: the next look finds them
                    found[hotline] = (int(version), text)
        return found

    async def menu(self, hotline: str, version: int) -> str | None:
        """The text of one of the newest 100 versions of a menu, else None. Raises RedisAway."""
        text = await link.command(self._redis.hget(f"{PREFIX}document:menu:{hotline}", str(version)))
        return None if text is None else str(text)

    async def published_menu(self, hotline: str) -> menus.Published | None:
        """What is known of the menu that is published now. Raises RedisAway."""
        return await menus.current(self._redis, hotline)

    async def publish_menu(self, draft: menus.Draft) -> int:
        """Publish a menu; returns its version. Raises menus.Conflict, menus.TooLarge, RedisAway."""
        return await menus.publish_seed(self._redis, draft)

    async def publications(self, kind: str) -> AsyncIterator[str]:
        """For ever: names of documents of a kind that have a new text; "" at first and now and then, when any may have."""

        async def everything() -> list[str]:
            return [f"{kind}:"]

        async for message in link.listen(self._redis, (CHANNEL,), everything):
            of_kind, _, name = message.partition(":")
            if of_kind == kind:
                yield name

    async def tell_published(self, kind: str, name: str) -> None:
        """Have publications(kind) of all engines give this name. Raises RedisAway."""
        await link.command(self._redis.publish(CHANNEL, f"{kind}:{name}"))

    # --- inside

    async def _script(self, script: scripts.Script, *arguments: str) -> Any:
        return await link.run(self._pipe, script, *self._who, *arguments)

    async def _unless_away(self, script: scripts.Script, *arguments: str) -> Any:
        """The script's answer, None while Redis is away."""
        if self.away:
            return None
        try:
            return await self._script(script, *arguments)
        except RedisAway as error:
            self._lose(error)
            return None

    def _lose(self, error: RedisAway) -> None:
        if not self.away:
            _log.warning("redis_away", node=self.node, why=str(error))
        self._lost.set()

    async def _replay(self) -> None:
        """Say all that the journal holds, in order, then clear it."""
        done = 0
        try:
            while records := self._journal.records(done):
                for start in range(0, len(records), _REPLAY_AT_ONCE):
                    await self._say_again(records[start : start + _REPLAY_AT_ONCE])
                done += len(records)
                # What came during this pass is little. Commits wait now, or a busy engine might write faster than we read.
                self._flowing.clear()
        finally:
            self._flowing.set()
        if done:
            self._journal.clear()

    async def _say_again(self, records: Sequence[list[Any]]) -> None:
        many = [(*self._who, repr(at), *arguments) for at, *arguments in records]
        for arguments, fault in zip(many, await link.run_all(self._pipe, _COMMIT, many), strict=True):
            if fault is not None:
                # It would fail for ever and keep all that follows from Redis. Its call's next step brings the state.
                _log.error("journal_record_refused", call_id=arguments[3], version=arguments[4], why=str(fault))

    async def _queues(self) -> list[str]:
        return sorted(await link.run(self._redis, _WAITING))


def _view(row: tuple[str, str, list[str]]) -> SeatView:
    number, registered, flat = row
    return view(number, registered == "1", dict(zip(flat[::2], flat[1::2], strict=True)))


def _object(text: str) -> dict[str, Any]:
    try:
        value = jsontext.read(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
