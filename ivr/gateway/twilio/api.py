"""[io] Twilio's REST API, as far as it is needed: calls are made and ended, recordings fetched, the account looked at (Twilio's
documentation, "Calls resource", "Recordings resource", "IncomingPhoneNumbers resource")."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import structlog

from ivr.gatewaysettings import Twilio

TRIES = 4
FIRST_PAUSE_S = 0.5
TIMEOUT_S = 10.0
MAX_RECORDING = 64 << 20
"""Bytes; two minutes are 2 MB."""
SID = re.compile(r"[A-Z]{2}[0-9a-fA-F]{32}")

AGAIN = frozenset({429, 500, 502, 503, 504})
"""Answers after which the same may be asked again: Twilio's documentation wants back-off for 429, and 5xx are said to pass."""

log = structlog.get_logger(__name__)


class ApiError(Exception):
    """Twilio refused: HTTP status (0 for no answer), Twilio's error code (0 where it gives none). Its words are not kept: they
    name telephone numbers, and this goes to the log. why: "api_credentials", "api_refused", or "api_unreachable" where no
    answer came for all tries."""

    def __init__(self, status: int, code: int = 0, text: str = "") -> None:
        said = str(status) if status else "no answer"
        more = f"https://www.twilio.com/docs/errors/{code}" if code else text
        super().__init__(f"{said}: {more}" if more else said)
        self.status = status
        self.code = code

    @property
    def why(self) -> str:
        if self.status in (401, 403):
            return "api_credentials"
        return "api_unreachable" if not self.status or self.status in AGAIN else "api_refused"


class Api:
    """One account's. on_state is told after each request why the API can't be had, "" when it can; a request that Twilio
    understood and refused says that it can."""

    def __init__(
        self,
        twilio: Twilio,
        token: str,
        on_state: Callable[[str], Awaitable[None]] | None = None,
        *,
        first_pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        self._account = twilio.account_sid
        self._on_state = on_state
        self._first_pause_s = first_pause_s
        self._client = httpx.AsyncClient(
            base_url=base_url(twilio),
            auth=(twilio.account_sid, token),
            timeout=TIMEOUT_S,
            headers={"User-Agent": "hotline", "Accept": "application/json"},
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def call(self, to: str, caller_id: str, *, url: str, status_url: str, timeout_s: int = 60) -> str:
        """Call a number; Twilio asks at `url` what to do when it answers. The call's SID. Raises ApiError."""
        form = {
            "To": to,
            "From": caller_id,
            "Url": url,
            "StatusCallback": status_url,
            "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
            "Timeout": str(timeout_s),
        }
        # A request that timed out may have made a call: a second one would ring the party twice.
        made = await self._ask("POST", "Calls.json", form, even_if_read=False)
        return str(made["sid"])

    async def end(self, call_sid: str) -> None:
        """End a call, whatever its state. Raises ApiError."""
        await self._ask("POST", f"Calls/{call_sid}.json", {"Status": "completed"})

    async def account(self) -> Mapping[str, Any]:
        """The account: friendly_name, status, type. Raises ApiError."""
        return await self._ask("GET", "", None)

    async def number(self, number: str) -> Mapping[str, Any] | None:
        """One of the account's numbers with its webhooks, None where the account has no such number. Raises ApiError."""
        found = await self._ask("GET", "IncomingPhoneNumbers.json", {"PhoneNumber": number})
        return next((one for one in found["incoming_phone_numbers"] if one["phone_number"] == number), None)

    async def recording(self, recording_sid: str, path: Path) -> None:
        """Fetch a recording as a WAV file. Raises ApiError, OSError. The path is there only when the file is whole."""
        assert SID.fullmatch(recording_sid), "checked where it came in"
        draft = path.with_suffix(".part")
        url = f"/2010-04-01/Accounts/{self._account}/Recordings/{recording_sid}.wav"
        try:
            async with self._client.stream("GET", url, follow_redirects=True) as response:
                if response.status_code != 200:
                    raise _refused(response.status_code, await response.aread())
                path.parent.mkdir(parents=True, exist_ok=True)
                size = 0
                with draft.open("wb") as file:
                    async for part in response.aiter_bytes():
                        size += len(part)
                        if size > MAX_RECORDING:
                            raise ApiError(413, 0, "the recording is too large")
                        file.write(part)
        except httpx.HTTPError as error:
            raise ApiError(0, 0, type(error).__name__) from error
        if not _is_wav(draft):
            raise ApiError(0, 0, "what came is no WAV file")
        draft.replace(path)

    async def _ask(
        self, method: str, resource: str, form: Mapping[str, Any] | None, *, even_if_read: bool = True
    ) -> Mapping[str, Any]:
        fault: ApiError | None = None
        for attempt in range(TRIES):
            if fault is not None:
                log.warning("Twilio's API fails", why=str(fault), tries=attempt)
                await asyncio.sleep(self._first_pause_s * 2 ** (attempt - 1) * (0.5 + random.random()))
            try:
                found = await self._once(method, resource, form)
            except httpx.ReadTimeout as error:
                fault = ApiError(0, 0, type(error).__name__)
                if not even_if_read:
                    break
            except httpx.HTTPError as error:
                fault = ApiError(0, 0, type(error).__name__)
            except ApiError as error:
                fault = error
                if error.status not in AGAIN:
                    break
            else:
                await self._tell("")
                return found
        assert fault is not None, "it is left without an answer only with one"
        await self._tell("" if fault.why == "api_refused" else fault.why)
        raise fault

    async def _once(self, method: str, resource: str, form: Mapping[str, Any] | None) -> Mapping[str, Any]:
        account = f"/2010-04-01/Accounts/{self._account}"
        url = f"{account}/{resource}" if resource else f"{account}.json"
        sent: dict[str, Any] = {"params" if method == "GET" else "data": form} if form else {}
        response = await self._client.request(method, url, **sent)
        if response.status_code >= 300:
            raise _refused(response.status_code, response.content)
        try:
            found = response.json()
        except ValueError as error:
            raise ApiError(0, 0, "its answer is no JSON") from error
        if not isinstance(found, dict):
            raise ApiError(0, 0, "its answer is no object")
        return found

    async def _tell(self, why: str) -> None:
        if self._on_state is not None:
            await self._on_state(why)


def base_url(twilio: Twilio) -> str:
    """Where the API is: Twilio's host for region and edge (its documentation, "Understanding Twilio Regions")."""
    if twilio.api_url:
        return twilio.api_url
    edge, region = twilio.edge, twilio.region or ("us1" if twilio.edge else "")
    return "https://" + ".".join(part for part in ("api", edge, region, "twilio", "com") if part)


def _refused(status: int, body: bytes) -> ApiError:
    try:
        said = httpx.Response(status, content=body).json()
        return ApiError(status, int(said.get("code") or 0))
    except (ValueError, AttributeError, TypeError):
        return ApiError(status)


def _is_wav(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(12)
    return head[:4] == b"RIFF" and head[8:] == b"WAVE"
