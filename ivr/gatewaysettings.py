"""The `[gateway]` and `[twilio]` of the settings: calls that come over the web, and the trunk that the engine sees in their
place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from ivr.sections import Called, Ip, Name, Port, Section

LISTENER = "gateway"
"""The engine's listener that the gateway has for itself."""
LOOPBACK = "127.0.0.1"
TOKEN_VARIABLE = "HOTLINE_TWILIO_AUTH_TOKEN"

Number = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{4,14}$")]
"""E.164, as Twilio writes numbers."""


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    local = parts.hostname in {LOOPBACK, "localhost", "::1"}
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise ValueError("it must begin with https:// (Twilio streams to wss only)")
    if not parts.hostname or parts.query or parts.fragment or parts.username is not None:
        raise ValueError("an address without user, query and fragment is wanted: https://hotline.example.com")
    return text.rstrip("/")


PublicUrl = Annotated[str, AfterValidator(_public_url)]


def _api_url(text: str) -> str:
    if text and urlsplit(text).scheme not in {"http", "https"}:
        raise ValueError("it begins with https://")
    return text.rstrip("/")


class Gateway(Section):
    """The process that takes calls from the web: where it listens, and the two loopback ports between it and the engine."""

    host: Ip = LOOPBACK
    """Where HTTP and WebSockets are listened to; a reverse proxy with the certificate stands before it."""
    port: Port = 8090
    engine_port: Port = 5068
    """UDP on 127.0.0.1: the engine's listener for the gateway alone."""
    sip_port: Port = 5069
    """UDP on 127.0.0.1: the gateway's own."""
    max_calls: int = Field(default=200, ge=1)
    """Calls at once; further callers are asked for a message, and owed a return call."""
    drain_s: float = Field(default=300.0, ge=0)
    """A gateway that is told to end (SIGTERM) lets its calls go on for so long."""


class Twilio(Section):
    """An account of Twilio's, and its numbers. The auth token stands in no settings file: HOTLINE_TWILIO_AUTH_TOKEN, or the
    file that auth_token_file names."""

    account_sid: Annotated[str, Field(pattern=r"^AC[0-9a-fA-F]{32}$")]
    auth_token: SecretStr = SecretStr("")
    """From the environment only."""
    auth_token_file: Path | None = None
    """Relative paths are looked for beside hotline.toml."""
    public_url: PublicUrl
    """Where Twilio reaches us, as it is written in Twilio's console: signatures are checked against it."""
    trunk: Name = "twilio"
    """The name of the trunk in call log, dial plan and events."""
    numbers: dict[Number, Name] = Field(min_length=1)
    """Our numbers at Twilio and their hotlines."""
    languages: dict[Annotated[str, Field(pattern=r"^\+[0-9]{1,15}$")], Annotated[str, Field(pattern=r"^(zh|en)$")]] = Field(
        default={"+86": "zh", "+852": "zh", "+853": "zh", "+886": "zh"}
    )
    """In which language callers are asked for a message when they can't be connected, by how their numbers begin."""
    language: Annotated[str, Field(pattern=r"^(zh|en)$")] = "en"
    """That of all others."""
    caller_ids: tuple[Called, ...] = ()
    """Numbers that calls out may show; none: no calls out."""
    allow_prefixes: tuple[Annotated[str, Field(pattern=r"^\+?[0-9]{1,15}$")], ...] = ()
    """Numbers that begin so may be called through Twilio, as for any trunk (docs/calls-out.md)."""
    limit_callers: bool = True
    """As for any trunk."""
    streams_signed: bool = True
    """Streams must bear Twilio's signature, as webhooks must. false for a proxy that drops the header; a stream's one-time
    token is asked for in any case."""
    region: Annotated[str, Field(pattern=r"^[a-z0-9]*$")] = ""
    """Twilio's region, "ie1" or "au1", and edge ("dublin"); empty for its usual ones."""
    edge: Annotated[str, Field(pattern=r"^[a-z0-9-]*$")] = ""
    api_url: Annotated[str, AfterValidator(_api_url)] = ""
    """What stands in the place of https://api.twilio.com: a proxy of the company's, or a test's Twilio."""

    def token(self, environ: Mapping[str, str] = os.environ) -> str:
        """The auth token. Raises ValueError that names what is missing, OSError for a file that can't be read."""
        found = self.auth_token.get_secret_value() or environ.get(TOKEN_VARIABLE, "")
        if not found and self.auth_token_file is not None:
            found = self.auth_token_file.read_text(encoding="utf-8").strip()
        if not found:
            raise ValueError(f"twilio.auth_token: missing; set {TOKEN_VARIABLE}, or auth_token_file to a file that holds it")
        return found

    def language_of(self, caller: str) -> str:
        """The language of a caller by this number (E.164)."""
        known = [prefix for prefix in self.languages if caller.startswith(prefix)]
        return self.languages[max(known, key=len)] if known else self.language


def derived(gateway: Gateway, twilio: Twilio) -> tuple[dict[str, Any], dict[str, Any]]:
    """The listener and the trunk that the engine has for the gateway, as hotline.toml would have them."""
    listener = {"name": LISTENER, "host": LOOPBACK, "port": gateway.engine_port, "media_host": LOOPBACK}
    trunk = {
        "name": twilio.trunk,
        "listener": LISTENER,
        "own_listener": True,
        "networks": [f"{LOOPBACK}/32"],
        "proxy": f"{LOOPBACK}:{gateway.sip_port}",
        "numbers": dict(twilio.numbers),
        "in_band_dtmf": "never",  # keys come as messages; their tones are in the sound too
        "limit_callers": twilio.limit_callers,
        "caller_ids": list(twilio.caller_ids),
        "allow_prefixes": list(twilio.allow_prefixes),
        "number_format": "e164",
    }
    return listener, trunk
