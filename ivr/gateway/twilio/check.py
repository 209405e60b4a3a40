"""[io] `hotline twilio check`: what Twilio's API says of account and numbers, against the settings; and whether webhooks and
streams would find the gateway."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus

from ivr.gateway.twilio.api import Api, ApiError
from ivr.gateway.twilio.desk import STATUS_PATH, VOICE_PATH
from ivr.gateway.twilio.signatures import HEADER, Signatures, stream_url
from ivr.gatewaysettings import Twilio


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. remedy: what to do about it, "" where it is ok."""

    what: str
    ok: bool
    remedy: str = ""


async def check(twilio: Twilio, token: str) -> list[Finding]:
    """Look at everything; what depends on something that failed is left out."""
    api = Api(twilio, token)
    try:
        findings = [await _account(api, twilio)]
        if findings[0].ok:
            for number in twilio.numbers:
                findings += await _number(api, twilio, number)
        reachable = await _reachable(twilio)
        findings.append(reachable)
        if findings[0].ok and reachable.ok:
            findings.append(await _streams(twilio, token))
    finally:
        await api.close()
    return findings


async def _account(api: Api, twilio: Twilio) -> Finding:
    what = f"account {twilio.account_sid[:6]}…"
    try:
        account = await api.account()
    except ApiError as error:
        if error.why == "api_credentials":
            return Finding(what, False, "Twilio refuses the credentials; copy Account SID and Auth Token of one account anew")
        if error.status == 404:
            return Finding(what, False, "Twilio knows no such account; is [twilio] region that of the account's token?")
        return Finding(what, False, f"Twilio's API can't be asked ({error}); is the way out through the firewall open?")
    status = str(account.get("status"))
    if status != "active":
        return Finding(what, False, f"the account is {status}; Twilio's console says why")
    if account.get("type") == "Trial":
        return Finding(f"{what}: a trial account, whose callers hear Twilio's notice first", True)
    return Finding(what, True)


async def _number(api: Api, twilio: Twilio, number: str) -> list[Finding]:
    try:
        found = await api.number(number)
    except ApiError as error:
        return [Finding(number, False, f"Twilio's API can't be asked: {error}")]
    if found is None:
        return [Finding(number, False, "the account has no such number; take it out of [twilio] numbers, or buy it")]
    return list(_webhooks(twilio, number, found))


def _webhooks(twilio: Twilio, number: str, found: Mapping[str, Any]) -> Iterator[Finding]:
    if not (found.get("capabilities") or {}).get("voice", True):
        yield Finding(f"{number} takes calls", False, "it has no voice capability; another number is needed")
    if found.get("trunk_sid"):
        yield Finding(f"{number} leads to webhooks", False, "it belongs to an Elastic SIP trunk; take it out of that trunk")
        return
    if found.get("voice_application_sid"):
        yield Finding(f"{number} leads to webhooks", False, "it leads to a TwiML App; set its voice configuration to Webhook")
        return
    for what, key, path in (
        ("a call comes in", "voice_url", VOICE_PATH),
        ("call status changes", "status_callback", STATUS_PATH),
    ):
        want, has = twilio.public_url + path, found.get(key) or "nothing"
        yield Finding(f"{number}, {what}", has == want, f"it leads to {has}; set it to {want}")
        method = found.get("voice_method" if key == "voice_url" else "status_callback_method") or "POST"
        if method != "POST":
            yield Finding(f"{number}, how it is told that {what}", False, f"by {method}; set it to HTTP POST")
    if not found.get("voice_fallback_url"):
        yield Finding(
            f"{number}, primary handler fails",
            False,
            "nothing is set: callers hear an error while this machine is away; put deploy/twilio/fallback.xml into a TwiML Bin "
            "and name it there",
        )
    else:
        yield Finding(f"{number}, primary handler fails", True)


async def _reachable(twilio: Twilio) -> Finding:
    """From here; Twilio's way may be another one."""
    url = f"{twilio.public_url}/healthz"
    try:
        async with httpx.AsyncClient(timeout=10.0) as client:
            answer = await client.get(url)
    except httpx.HTTPError as error:
        why = f"no answer ({type(error).__name__}); is the gateway running, does the proxy lead to it, is the certificate good?"
        return Finding(url, False, why)
    good = answer.status_code == 200 and answer.text == "ok\n"
    why = f"it answers {answer.status_code} and is not the gateway; does the proxy lead /healthz and /twilio/ there?"
    return Finding(url, good, "" if good else why)


async def _streams(twilio: Twilio, token: str) -> Finding:
    """A stream is opened as Twilio opens one, and closed."""
    url = stream_url(twilio.public_url)
    headers = {HEADER: Signatures(twilio.public_url, token).of_stream()}
    try:
        async with connect(url, additional_headers=headers, open_timeout=10.0):
            return Finding(url, True)
    except InvalidStatus as error:
        status = error.response.status_code
    except (OSError, InvalidHandshake) as error:
        return Finding(url, False, f"no WebSocket ({type(error).__name__}); does the proxy pass WebSockets on?")
    if status == 403:
        why = "the gateway finds no signature of this token; does it run with another one, or does the proxy drop the header "
        return Finding(url, False, f"{why}{HEADER}? (then: [twilio] streams_signed = false)")
    return Finding(url, False, f"it answers {status}, no WebSocket; the proxy must pass Upgrade (deploy/nginx does)")
