"""[io] The engine: one node's signalling and calls. Here the parts are wired; the deciding is done in call/, sip/, flow/ and
routing/lua.

start:  epoch from Redis → menus, seats, registrations → the calls that an engine before this one left → listen
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Sequence

import structlog

from ivr.calltask import Shared
from ivr.config import Settings
from ivr.listen import bind, inherited, notify_ready
from ivr.matching import Matcher
from ivr.media.pool import MediaPool
from ivr.menus import Menus
from ivr.reception import Reception
from ivr.registrations import Registrations
from ivr.sip.agent import UserAgent
from ivr.sip.events import Output
from ivr.sip.peers import Peers
from ivr.sip.transport import Transport
from ivr.sip.trunk import TrunkPeer
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
            [TrunkPeer.of(t.name, t.networks, tuple(t.numbers)) for t in settings.trunks],
            {seat.number: seat.password.get_secret_value() for seat in settings.seats},
        )
        agent = UserAgent(
            host=sip.public_host,
            port=sip.port,
            realm=sip.realm,
            peers=peers,
            token=lambda: secrets.token_hex(8),
            secret=secrets.token_bytes(32),
        )
        clock = asyncio.get_running_loop().time
        self._registrations = Registrations(agent, peers, self._store, clock)
        self._media = MediaPool([settings.run_dir / f"media-{index}.sock" for index in range(settings.media.processes)])
        catalogues = {language: Catalogue(PATH, language) for language in languages(PATH)}
        shared = Shared(self._store, agent, self._send, self._registrations, self._media, catalogues, clock)
        self._reception = Reception(settings, shared, self._menus)
        self._transport = Transport(agent, self._reception.on_sip, _log_send_error)
        self._matcher = Matcher(self._store, self._reception.tasks, [queue.name for queue in settings.queues])

    async def run(self) -> None:
        """Serve calls until stop()."""
        settings = self._settings
        epoch = await self._store.start()
        await self._menus.publish()
        await self._menus.load()
        await self._store.set_seats([SeatProfile(seat.number, seat.name, seat.queues) for seat in settings.seats])
        await self._registrations.load(seat.number for seat in settings.seats)
        await self._store.reconcile()
        for live in await self._store.live_calls():
            self._reception.restore(live)
        await self._transport.start(self._socket())
        try:
            async with asyncio.TaskGroup() as group:
                self._reception.open(group)
                background = [
                    group.create_task(work, name=name)
                    for name, work in (
                        ("store", self._store.run()),
                        ("beat", self._beat()),
                        ("media", self._media.run(epoch, self._reception.on_media, self._reception.on_snapshot)),
                        ("wakes", self._matcher.follow_wakes()),
                        ("clock", self._matcher.follow_clock()),
                    )
                ]
                log.info(
                    "engine serves",
                    epoch=epoch,
                    sip=f"{settings.sip.host}:{settings.sip.port}",
                    calls=len(self._reception.tasks),
                )
                notify_ready()
                await self._stopping.wait()
                if not self._hang_up:
                    self._transport.close()  # what comes from now on waits in the socket for the next engine
                await self._reception.close(GOODBYE_S, hang_up=self._hang_up)
                for task in background:
                    task.cancel()
        finally:
            self._transport.close()
            await self._transport.wait_closed()
            self._media.close()
            await self._redis.aclose()

    def stop(self, *, hang_up: bool) -> None:
        """End in good order: every call is hung up with its record, or left for the next engine to go on with."""
        self._hang_up = hang_up
        self._stopping.set()

    def _send(self, outputs: Sequence[Output]) -> None:
        self._transport.send(outputs)

    def _socket(self) -> socket.socket:
        descriptor, sip = inherited("sip"), self._settings.sip
        if descriptor is None:
            return bind(socket.SOCK_DGRAM, sip.host, sip.port, "HOTLINE_SIP_PORT")
        return socket.socket(fileno=descriptor)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            if not self._store.away:
                await self._store.beat()
                await self._store.reap()


def _log_send_error(error: OSError) -> None:
    log.info("a datagram could not be sent", why=str(error))
