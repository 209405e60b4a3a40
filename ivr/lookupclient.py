"""[io] Asks the company's systems over HTTP, within a time, a size and a number of questions at once. A system that is slow or
broken costs its callers the answer and nobody anything else. What is sent and what comes never stands in the log."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Mapping, Sequence

import httpx
import structlog

from ivr.config import ConfigError
from ivr.flow.events import LookedUp, LookUp
from ivr.lookup import Lookup, kept

log = structlog.get_logger(__name__)
logging.getLogger("httpx").setLevel(logging.WARNING)  # it would write down each address, with what was asked


class _TooLarge(ValueError):
    """More than max_answer_bytes came."""


class LookupClient:
    """The systems by their names. Raises ConfigError for a secret that isn't there."""

    def __init__(self, lookups: Sequence[Lookup]) -> None:
        self._lookups = {one.name: one for one in lookups}
        self._headers = {one.name: {**one.headers, **_secret(one)} for one in lookups}
        self._slots = {one.name: asyncio.Semaphore(one.max_parallel) for one in lookups}
        self._client: httpx.AsyncClient | None = None

    async def ask(self, question: LookUp) -> LookedUp:
        """The answer, in time: found is None for whatever went wrong."""
        lookup = self._lookups.get(question.lookup)
        if lookup is None:
            log.error("a menu asks a system that the settings don't name", lookup=question.lookup)
            return LookedUp(question.number, None)
        began, why = time.monotonic(), ""
        try:
            async with asyncio.timeout(min(lookup.timeout_s, question.timeout_s)), self._slots[lookup.name]:
                status, body = await self._fetch(lookup, question.send)
            if status == 404:
                return LookedUp(question.number, False)
            if 200 <= status < 300:
                return LookedUp(question.number, True, kept(body, question.keep))
            why = f"status {status}"
        except TimeoutError:
            why = "time is up"
        except _TooLarge:
            why = f"the answer is larger than {lookup.max_answer_bytes} bytes"
        except ValueError:
            why = "the answer is no JSON"
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            why = type(error).__name__
        log.warning("a lookup failed", lookup=lookup.name, why=why, after_s=round(time.monotonic() - began, 3))
        return LookedUp(question.number, None)

    async def _fetch(self, lookup: Lookup, send: Mapping[str, str]) -> tuple[int, bytes]:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=None, follow_redirects=False, limits=httpx.Limits(max_connections=None))
        post = lookup.method == "POST"
        url = httpx.URL(lookup.url)
        request = self._client.build_request(
            lookup.method,
            url if post else url.copy_merge_params(dict(send)),
            json=dict(send) if post else None,
            headers=self._headers[lookup.name],
        )
        response = await self._client.send(request, stream=True)
        try:
            body = b""
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > lookup.max_answer_bytes:
                    raise _TooLarge
        finally:
            await response.aclose()
        return response.status_code, body

    async def close(self) -> None:
        """Let go of all connections."""
        if self._client is not None:
            await self._client.aclose()


def _secret(lookup: Lookup) -> dict[str, str]:
    if lookup.secret_header is None:
        return {}
    where = f"lookups.{lookup.name}"
    if lookup.secret_file is not None:
        try:
            secret = lookup.secret_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{where}.secret_file: {lookup.secret_file} can't be read: {error}") from error
    else:
        assert lookup.secret_env is not None, "checked by the settings"
        secret = os.environ.get(lookup.secret_env, "").strip()
        if not secret:
            raise ConfigError(f"{where}.secret_env: the environment has no {lookup.secret_env}")
    if not secret.isascii() or not secret.isprintable():
        raise ConfigError(f"{where}: the secret has characters that no header can carry")
    return {lookup.secret_header: secret}
