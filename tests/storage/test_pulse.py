"""A Redis is asked whether it answers, and nobody waits for it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from storage.embedded import EmbeddedRedis
from storage.pulse import Pulse

BOUND_S = 30.0


def felt(pulse: Pulse) -> bool:
    """Sooner or later."""
    end = time.monotonic() + BOUND_S
    while not pulse.felt():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def test_a_redis_that_runs_stands_still_goes_on_and_is_another_one(tmp_path: Path) -> None:
    pulse = Pulse(tmp_path / "none")
    assert not pulse.felt()
    with EmbeddedRedis(tmp_path) as redis:
        pulse = Pulse(redis.socket)
        assert not pulse.felt(), "it was not asked before"
        assert felt(pulse)
        os.kill(redis.pid, signal.SIGSTOP)
        pulse.felt()  # what it had answered before
        assert not any(pulse.felt() for _ in range(100))
        os.kill(redis.pid, signal.SIGCONT)
        assert felt(pulse)
        redis.kill()
        end = time.monotonic() + BOUND_S
        while redis.poll() is None:
            assert time.monotonic() < end
        pulse.felt()  # what it had answered before
        assert not any(pulse.felt() for _ in range(100))
        redis.start()
        assert felt(pulse)
    pulse.close()
