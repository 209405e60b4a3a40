"""[io] The engine: one node's signalling and calls. Here the parts are wired; the deciding is done in call/, sip/, flow/ and
routing/lua.

start:  epoch from Redis → menus, seats, registrations → the calls that an engine before this one left → listen
"""

from __future__ import annotations

import asyncio
import gc
import secrets
import socket
from collections.abc import Sequence

import structlog

from ivr.callees import Callees
from ivr.callers import Callers
from ivr.calltask import Shared
from ivr.config import ConfigError, Settings
from ivr.listen import allow_descriptors, bind_listener, inherited, notify_ready, socket_name
from ivr.matching import Matcher
from ivr.media.pool import MediaPool
from ivr.menus import Menus
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
from ivr.strangers import Strangers
from ivr.trunks import Trunks, peer
from prompts import PATH
from prompts.catalogue import Catalogue, languages
from routing.seats import SeatProfile
from routing.store import Store
from storage.journal import Journal
from storage.redis import connect

BEAT_S = 2.0
GOODBYE_S = 3.0
"""An engine that ends in good order gives its last messages so long."""

log = structlog.get_logger(__name__)


class Engine:
    """One engine process. `run` returns after `stop()`; it raises Fenced when another engine has taken this node over."""

    def __init__(self, settings: Settings) -> None:
        sip = settings.sip
        self._settings = settings
        self._redis = connect(settings.redis_url)
        self._store = Store(self._redis, node=settings.node, journal=Journal(settings.data_dir / f"journal-{settings.node}"))
        self._menus = Menus(settings, self._store)
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
        clock = asyncio.get_running_loop().time
        fixed = {seat.number: seat.contact for seat in settings.seats if seat.contact}
        self._registrations = Registrations(agent, peers, self._store, clock, self._send, fixed)
        names: dict[Address, str] = {}
        resolver = Resolver([Place.parse(server) for server in sip.dns_servers])
        self._trunks = Trunks(settings.trunks, settings.all_listeners, agent, self._send, resolver, names)
        self._media = MediaPool([settings.run_dir / f"media-{index}.sock" for index in range(settings.media.processes)])
        roots = (PATH, settings.prompts)
        catalogues = {language: Catalogue(language, *roots) for language in languages(*roots)}
        callees = Callees(self._registrations, self._trunks)
        shared = Shared(
            self._store,
            agent,
            self._send,
            self._registrations,
            callees,
            self._media,
            catalogues,
            clock,
            self._trunks,
        )
        callers = Callers(settings.callers.max_calls, settings.callers.window_s)
        self._strangers = Strangers(self._redis, settings.node, agent.guard, callers, clock)
        self._reception = Reception(settings, shared, self._menus, self._strangers)
        self._transport = Transport(
            agent,
            settings.all_listeners,
            self._reception.on_sip,
            _log_send_error,
            _log_refused,
            self._lost,
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
        await self._menus.publish()
        await self._menus.load()
        await self._store.set_seats(
            [SeatProfile(seat.number, seat.name, seat.queues, fixed=seat.fixed) for seat in settings.seats]
        )
        await self._registrations.load(seat.number for seat in settings.seats)
        await self._store.reconcile()
        await self._strangers.agree()
        for live in await self._store.live_calls():
            self._reception.restore(live)
        sockets = {one.name: _socket(one) for one in settings.all_listeners}
        try:
            async with asyncio.TaskGroup() as group:
                self._reception.open(group)
                await self._transport.start(sockets)  # what has waited in the sockets may come at once
                background = [
                    group.create_task(work, name=name)
                    for name, work in (
                        ("store", self._store.run()),
                        ("beat", self._beat()),
                        ("trunks", self._trunks.run()),
                        ("registrations", self._registrations.keep_alive()),
                        ("strangers", self._strangers.run()),
                        ("media", self._media.run(epoch, self._reception.on_media, self._reception.on_snapshot)),
                        ("wakes", self._matcher.follow_wakes()),
                        ("clock", self._matcher.follow_clock()),
                        ("calls out", self._reception.calls_out.follow_requests()),
                    )
                ]
                log.info(
                    "engine serves",
                    epoch=epoch,
                    sip=f"{settings.sip.host}:{settings.sip.port}",
                    calls=len(self._reception.tasks),
                )
                gc.freeze()  # settings, menus and code: the collector need not look at them again
                notify_ready()
                await self._stopping.wait()
                if not self._hang_up:
                    self._transport.close()  # what comes from now on waits in the socket for the next engine
                await self._reception.close(GOODBYE_S, hang_up=self._hang_up)
                for task in background:
                    task.cancel()
                if self._hang_up:
                    await self._trunks.leave(GOODBYE_S)
        finally:
            self._transport.close()
            await self._transport.wait_closed()
            self._media.close()
            await self._redis.aclose()

    def stop(self, *, hang_up: bool) -> None:
        """End in good order: every call is hung up with its record, or left for the next engine to go on with."""
        self._hang_up = hang_up
        self._stopping.set()

    def _lost(self, connection: Address) -> None:
        self._trunks.on_lost(connection)
        self._registrations.on_lost(connection)

    def _send(self, outputs: Sequence[Output]) -> None:
        self._transport.send(outputs)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            if not self._store.away:
                await self._store.beat(self._trunks.states)
                await self._store.reap()


def _tls(listener: OtherListener) -> Tls:
    assert listener.certificate is not None, "checked by the settings"
    assert listener.private_key is not None, "likewise"
    try:
        return contexts(listener.certificate, listener.private_key, listener.ca, verify=listener.verify)
    except OSError as error:
        raise ConfigError(f"listeners.{listener.name}: certificate, private_key or ca can't be used: {error}") from error


def _socket(listener: Listener) -> socket.socket:
    descriptor = inherited(socket_name(listener))
    return bind_listener(listener) if descriptor is None else socket.socket(fileno=descriptor)


def _log_refused(peer: Address, why: str) -> None:
    log.info("no connection", peer=f"{peer.host}:{peer.port}", listener=peer.listener, why=why)


def _log_send_error(error: OSError) -> None:
    log.info("a datagram could not be sent", why=str(error))
