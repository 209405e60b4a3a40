"""[io] Secrets of people: their passwords as Argon2id hashes, and the random keys of sessions, tokens and links."""

from __future__ import annotations

import hashlib
import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from console import passwords

_HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
"""OWASP's figures: 19 MiB, two passes."""
_AT_ONCE = threading.BoundedSemaphore(2)
"""Hashing costs CPU and memory: a flood of logins must leave some to the calls of this machine."""
_NOBODY = _HASHER.hash(secrets.token_urlsafe(32))

TOKEN_PREFIX = "hl_"


def hash_password(password: str) -> str:
    """Argon2id of the password, in PHC form."""
    with _AT_ONCE:
        return _HASHER.hash(passwords.normal(password))


def right(hashed: str, password: str) -> bool:
    """Whether this is the password. With no hash ("") it takes as long, and is never right."""
    try:
        with _AT_ONCE:
            return _HASHER.verify(hashed or _NOBODY, passwords.normal(password)) and bool(hashed)
    except (VerificationError, InvalidHashError):
        return False


def outdated(hashed: str) -> bool:
    """Whether it was hashed by other figures than those of today."""
    return _HASHER.check_needs_rehash(hashed)


def new_key(prefix: str = "") -> str:
    """A key that nobody can guess: 256 bits, in letters that fit a URL."""
    return prefix + secrets.token_urlsafe(32)


def hash_key(key: str) -> str:
    """What is kept of a key. It is random: no salt is needed."""
    return hashlib.sha256(key.encode()).hexdigest()
