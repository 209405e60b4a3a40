"""[io] Telling all engines that something they keep has a new text: a menu, working hours, a prompt."""

from __future__ import annotations

from redis import Redis

from routing.scripts import PREFIX

CHANNEL = f"{PREFIX}published"

PROMPT = "prompt"
"""A kind: engines read their catalogues of prompts anew."""


def tell(redis: Redis, kind: str, name: str) -> None:
    """Have Store.publications(kind) of all engines give this name. Raises redis.exceptions.RedisError."""
    redis.publish(CHANNEL, f"{kind}:{name}")
