"""What people may set of queues and seats while calls run: told to the console and checked by the engines."""

from __future__ import annotations

from collections.abc import Mapping

QUEUE_S: Mapping[str, tuple[float, float]] = {
    "ring_timeout_s": (5.0, 120.0),
    "time_limit_s": (10.0, 7200.0),
    "wrap_up_s": (0.0, 3600.0),
    "set_aside_s": (1.0, 3600.0),
    "in_time_s": (1.0, 3600.0),
}
"""Times of a queue in seconds: the least and the most."""

WORST_LEVEL = 5
"""Skills have levels from 1, the best, to this."""

MAX_NAME = 64
