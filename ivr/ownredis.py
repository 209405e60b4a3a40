"""[io] The embedded Redis as `hotline serve` keeps it: started, watched, and started again where it died or stands still."""

from __future__ import annotations

from collections.abc import Callable

from ivr.config import Settings
from ivr.watchdog import Watchdog
from storage import signs
from storage.embedded import EmbeddedRedis
from storage.pulse import Pulse
from storage.redis import StorageError

NAME = "redis"
"""By which its sign is known."""


class OwnRedis:
    """Calls go on from the engine's memory while there is none. `say` gets a line for each step; note_end(name, status, hung_s)
    is told how it ended."""

    def __init__(
        self, settings: Settings, *, say: Callable[[str], None], note_end: Callable[[str, int, float | None], None]
    ) -> None:
        self._redis = EmbeddedRedis(settings.data_dir)
        self._run_dir = settings.run_dir
        self._say = say
        self._note_end = note_end
        self._sign: signs.Sign | None = None
        self._pulse: Pulse | None = None
        self._watchdog = Watchdog()
        self._hung = False

    @property
    def url(self) -> str:
        """Of the running server."""
        return self._redis.url

    @property
    def pids(self) -> list[int]:
        """Its process, while it runs."""
        return [self._redis.pid] if self._sign is not None and self._redis.poll() is None else []

    def start(self) -> None:
        """Until it answers. Raises StorageError."""
        self._redis.start()
        self._sign = signs.leave(self._run_dir, NAME, self._redis.pid)
        self._pulse, self._watchdog, self._hung = Pulse(self._redis.socket), Watchdog(), False
        self._watchdog.beat()
        self._say(f"redis    started, pid {self._redis.pid}, {self._redis.url}")

    def watch(self, now: float) -> None:
        """Kill it where it stands still, start it again when it has ended. now: seconds of the clock of earlier looks."""
        ended = self._redis.poll()
        if ended is None:
            self._feel(now)
            return
        self._say(f"redis    ended with {ended}, starting it again")
        self._forget(ended)
        try:
            self.start()
        except StorageError as error:
            self._say(f"redis    does not start: {error}")  # tried again at the next look

    def stop(self) -> None:
        """End it in good order."""
        self._forget(None)
        self._redis.stop()

    def _feel(self, now: float) -> None:
        if self._pulse is not None and self._pulse.felt():
            self._watchdog.beat()
        if self._watchdog.look(now):
            self._say(f"redis    has stood still for {self._watchdog.bound_s:.0f} s, killing it")
            self._watchdog.stop()
            self._hung = True
            self._redis.kill()

    def _forget(self, ended: int | None) -> None:
        """The process that was. ended: how, to be noted."""
        if self._pulse is not None:
            self._pulse.close()
            self._pulse = None
        if self._sign is not None:
            self._sign.remove()
            self._sign = None
            if ended is not None:
                self._note_end(NAME, ended, self._watchdog.bound_s if self._hung else None)
