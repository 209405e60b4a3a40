"""[io] The engine: one node's signalling and calls. Here the parts are wired; the deciding is done in call/, sip/, flow/ and
routing/lua.

start:  epoch from Redis → menus, seats, registrations → the calls that an engine before this one left → listen
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import secrets
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog

from ivr import lifesign, tasks
from ivr.asking import Asking
from ivr.callees import Callees
from ivr.callers import Callers
from ivr.calltask import Shared
from ivr.config import ConfigError, Settings
from ivr.edits import Edits
from ivr.flow.hearing import Ears
from ivr.gatewaysettings import LISTENER
from ivr.listen import allow_descriptors, bind_listener, inherited, socket_name
from ivr.listeners import Listeners
from ivr.matching import Matcher
from ivr.media.pool import MediaPool
from ivr.menus import Menus
from ivr.openings import Openings
from ivr.pace import Pace
from ivr.reception import Reception
from ivr.registrations import Registrations
from ivr.sections import OtherListener
from ivr.sip import number
from ivr.sip.agent import UserAgent
from ivr.sip.connections import Limits, Tls, contexts
from ivr.sip.events import Address, Output
from ivr.sip.listener import Listener
from ivr.sip.locating import Place
from ivr.sip.peers import Peers
from ivr.sip.resolver import Resolver
from ivr.sip.transport import Transport
from ivr.speech.inuse import models_in_use
from ivr.speech.pool import SpeechPool
from ivr.strangers import Strangers
from ivr.studio import Studio
from ivr.trunks import Trunks, peer
from ivr.voicing import Voicing
from prompts import PATH
from prompts.catalogue import Catalogue, languages
from prompts.engines import Espeak
from prompts.voicecache import VoiceCache
from routing.link import RedisAway, command
from routing.publications import PROMPT
from routing.store import Store
from storage import signs
from storage.journal import Journal
from storage.notify import keep_beating, notify_ready
from storage.redis import connect

if TYPE_CHECKING:
    from ivr.lookupclient import LookupClient

BEAT_S = 2.0
GARBAGE = (10_000, 20, 20)
"""Thresholds of the collector: nearly nothing here is a cycle, and each look at the oldest goes through all live calls."""
GOODBYE_S = 3.0
"""An engine that ends in good order gives its last messages so long."""
LAST_S = 12.0
"""One that has not ended by then ends hard: its calls are in Redis, and the next engine waits for it."""

VOICE_BYTES = 500_000_000
"""Of texts that were spoken so much is kept."""

log = structlog.get_logger(__name__)


class Engine:
    """One engine process. `run` returns after `stop()`; it raises Fenced when another engine has taken this node over."""

    def __init__(self, settings: Settings) -> None:
        sip = settings.sip
        self._settings = settings
        self._redis = connect(settings.redis_url)
        self._store = Store(self._redis, node=settings.node, journal=Journal(settings.data_dir / f"journal-{settings.node}"))
        self._menus = Menus(settings, self._store)
        self._openings = Openings(settings.data_dir, self._store)
        self._edits = Edits(settings, self._store)
        self._stopping = asyncio.Event()
        self._hang_up = False
        peers = Peers(
            [peer(trunk) for trunk in settings.trunks],
            {seat.number: seat.password.get_secret_value() for seat in settings.seats},
        )
        agent = UserAgent(
            listeners=settings.all_listeners,
            realm=sip.realm,
            algorithms=("SHA-256", "MD5") if sip.sha256 else ("MD5",),
            peers=peers,
            token=lambda: secrets.token_hex(8),
            secret=secrets.token_bytes(32),
            session_expires_s=sip.session_expires_s,
            min_se_s=sip.min_se_s,
            policy=settings.guard.policy,
        )
        self._agent = agent
        clock = asyncio.get_running_loop().time
        fixed = {seat.number: seat.contact for seat in settings.seats if seat.contact}
        self._registrations = Registrations(agent, peers, self._store, clock, self._send, fixed)
        names: dict[Address, str] = {}
        resolver = Resolver([Place.parse(server) for server in sip.dns_servers])
        self._trunks = Trunks(
            settings.trunks, settings.all_listeners, agent, self._send, resolver, names, self._keep_alive, settings.node
        )
        self._media = MediaPool([settings.run_dir / f"media-{index}.sock" for index in range(settings.media.processes)])
        self._lookups = _lookup_client(settings)
        self._voicing = Voicing(VoiceCache(settings.data_dir / "voice", Espeak(), VOICE_BYTES))
        callees = Callees(self._registrations, self._trunks)
        heard = models_in_use(settings.speech, settings.data_dir)
        processes = range(settings.speech.processes if heard else 0)
        self._speech = SpeechPool([settings.run_dir / f"speech-{index}.sock" for index in processes])
        self._shared = shared = Shared(
            self._store,
            agent,
            self._send,
            self._registrations,
            callees,
            self._media,
            _catalogues(settings),
            clock,
            self._trunks,
            Asking(
                self._store,
                settings.dial_plan,
                self._edits.first_queues,
                self._lookups,
                self._media,
            ),
            self._voicing,
            Studio(settings.prompts, self._store, self._renew_prompts),
            Listeners(self._speech, self._media),
        )
        # As people write them: +86 139 1234 5678 is the caller 13912345678.
        unlimited = [number.normalise(text, None).number for text in settings.callers.unlimited]
        callers = Callers(settings.callers.max_calls, settings.callers.window_s, unlimited)
        self._strangers = Strangers(self._redis, settings.node, agent.guard, callers, clock)
        ears = Ears(frozenset(heard), settings.speech.unsure_below) if heard else None
        self._reception = Reception(settings, shared, self._menus, self._openings, self._strangers, ears, self._edits)
        self._transport = Transport(
            agent,
            settings.all_listeners,
            self._reception.on_sip,
            _log_send_error,
            _log_refused,
            self._lost,
            on_answered=self._reception.on_answered,
            tls={one.name: _tls(one) for one in settings.listeners if one.transport == "tls"},
            names=names,
            limits=Limits(sip.max_connections, sip.max_connections_per_host),
            dscp=sip.dscp,
        )
        queues = [queue.name for queue in settings.queues]
        self._matcher = Matcher(self._store, self._reception.tasks, queues, settings.dial_plan.seats)

    async def run(self) -> None:
        """Serve calls until stop()."""
        settings = self._settings
        allow_descriptors()
        number.load()
        epoch = await self._store.start()
        await self._menus.start()
        await self._openings.start()
        self._warm()
        await self._edits.start()
        await self._registrations.load(seat.number for seat in settings.seats)
        await self._store.reconcile()
        await self._strangers.agree()
        for live in await self._store.live_calls():
            await self._reception.restore(live)
        sockets = {one.name: _socket(one) for one in settings.all_listeners}
        try:
            async with asyncio.TaskGroup() as group:
                self._reception.open(group)
                await self._transport.start(sockets)  # what has waited in the sockets may come at once
                self._reception.hang_up_unread()
                background = [
                    group.create_task(work, name=name)
                    for name, work in (
                        ("store", self._store.run()),
                        ("beat", self._beat()),
                        ("watchdog", keep_beating()),
                        ("processes", self._tell_processes()),
                        ("trunks", self._trunks.run()),
                        ("registrations", self._registrations.keep_alive()),
                        ("strangers", self._strangers.run()),
                        ("media", self._media.run(epoch, self._reception.on_media, self._reception.on_snapshot)),
                        ("speech", self._speech.run(epoch)),
                        ("wakes", self._matcher.follow_wakes()),
                        ("clock", self._matcher.follow_clock()),
                        ("menus", self._menus.follow(self._renew_prompts)),
                        ("openings", self._openings.follow()),
                        ("edits", self._edits.follow()),
                        ("prompts", self._follow_prompts()),
                        ("calls out", self._reception.calls_out.follow_requests()),
                        *([("gateway", self._follow_gateway())] if settings.twilio is not None else []),
                    )
                ]
                log.info(
                    "engine serves",
                    epoch=epoch,
                    sip=f"{settings.sip.host}:{settings.sip.port}",
                    calls=len(self._reception.tasks),
                )
                gc.freeze()  # settings, menus and code: the collector need not look at them again
                gc.set_threshold(*GARBAGE)
                Pace().start()
                notify_ready()
                await self._stopping.wait()
                if not self._hang_up:
                    self._transport.close()  # what comes from now on waits in the socket for the next engine
                await self._reception.close(GOODBYE_S, hang_up=self._hang_up)
                await tasks.end(background)
                if self._hang_up:
                    await self._trunks.leave(GOODBYE_S)
        finally:
            self._transport.close()
            await self._transport.wait_closed()
            self._media.close()
            self._speech.stop()
            self._voicing.close()
            if self._lookups is not None:
                await self._lookups.close()
            await self._redis.aclose()

    def stop(self, *, hang_up: bool) -> None:
        """End in good order: every call is hung up with its record, or left for the next engine to go on with."""
        self._hang_up = hang_up
        self._stopping.set()
        asyncio.get_running_loop().call_later(LAST_S, _end_hard)

    def _lost(self, connection: Address) -> None:
        self._trunks.on_lost(connection)
        self._registrations.on_lost(connection)

    def _send(self, outputs: Sequence[Output]) -> None:
        self._transport.send(outputs)

    def _keep_alive(self, peer: Address, flow_timer_s: int) -> None:
        self._transport.keep_alive(peer, flow_timer_s)

    async def _follow_gateway(self) -> None:
        """Who came by a gateway that has died is cut off now, not when the silence has lasted; and as long as there is none,
        calls out are refused at once, not when nobody has answered them."""

        def changed(lives: bool) -> None:
            if lives:
                self._agent.lives(LISTENER)
            else:
                self._send(self._agent.died(LISTENER))
            self._trunks.look(LISTENER)

        await lifesign.follow(self._settings.gateway_sign, changed)

    async def _renew_prompts(self) -> None:
        self._shared.catalogues = await asyncio.to_thread(_catalogues, self._settings)
        self._warm()

    async def _follow_prompts(self) -> None:
        async for name in self._store.publications(PROMPT):
            if name:
                await self._renew_prompts()

    def _warm(self) -> None:
        """Have what menus say by a synthetic voice ready before it is wanted."""
        for hotline in self._settings.hotlines:
            menu = self._menus.get(hotline.name)
            if menu is not None:
                self._voicing.warm(menu.document)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            if not self._store.away:
                await self._store.beat(self._trunks.faults, self._menus.versions, self._speech.report(), self._trunks.report)
                await self._store.reap()

    async def _tell_processes(self) -> None:
        """Who of this node lives, answers, and was started again: for people. It waits for disks, so no lease waits for it."""
        watch = signs.Watch(self._settings.run_dir)
        needed = [*self._media.names, *self._speech.names, *(["gateway"] if self._settings.twilio is not None else [])]
        while True:
            seen = await asyncio.to_thread(watch.look, needed, self._media.silent() | self._speech.silent())
            if not self._store.away:
                pipeline = self._redis.pipeline(transaction=False)
                signs.tell(pipeline, self._settings.node, signs.report(seen))
                with contextlib.suppress(RedisAway):
                    await command(pipeline.execute())
            await asyncio.sleep(BEAT_S)


def _lookup_client(settings: Settings) -> LookupClient | None:
    """What asks the company's systems, where there are any. Raises ConfigError."""
    if not settings.lookups:
        return None
    from ivr.lookupclient import LookupClient  # httpx takes a tenth of a second to load: an engine's start is to be short

    return LookupClient(settings.lookups)


def _catalogues(settings: Settings) -> dict[str, Catalogue]:
    """The prompts there are now, by language."""
    roots = (PATH, settings.prompts)
    return {language: Catalogue(language, *roots) for language in languages(*roots)}


def _tls(listener: OtherListener) -> Tls:
    assert listener.certificate is not None, "checked by the settings"
    assert listener.private_key is not None, "likewise"
    try:
        return contexts(listener.certificate, listener.private_key, listener.ca, verify=listener.verify)
    except OSError as error:
        raise ConfigError(f"listeners.{listener.name}: certificate, private_key or ca can't be used: {error}") from error


def _socket(listener: Listener) -> socket.socket:
    """The one that was passed, else one of our own. Raises ConfigError, PortTaken."""
    descriptor = inherited(socket_name(listener))
    if descriptor is None:
        return bind_listener(listener)
    sock = socket.socket(fileno=descriptor)
    if (sock.family == socket.AF_INET6) != (":" in listener.host):
        # systemd's ListenDatagram=5060 is of IPv6: callers of IPv4 would have addresses that nothing here knows.
        wanted = f"[{listener.host}]" if ":" in listener.host else "0.0.0.0"
        raise ConfigError(
            f"the listening socket that was passed as {socket_name(listener)} is not of the family of {listener.host}, "
            f"its listener's host; systemd: ListenDatagram={wanted}:{listener.port} (ListenStream for tcp and tls)"
        )
    return sock


def _log_refused(peer: Address, why: str) -> None:
    log.info("no connection", peer=f"{peer.host}:{peer.port}", listener=peer.listener, why=why)


def _end_hard() -> None:
    """The engine was told to end and doesn't: say what holds it, and leave the rest to the next one."""
    tasks = {task.get_name(): str(task.get_stack(limit=1)) for task in asyncio.all_tasks() if not task.done()}
    log.error("engine does not end by itself", tasks=tasks)
    os._exit(1)


def _log_send_error(error: OSError) -> None:
    log.info("a datagram could not be sent", why=str(error))
