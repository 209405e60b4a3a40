"""Twilio's signatures: HMAC-SHA1 with the account's auth token over the URL as Twilio knows it and the form's fields. Webhooks
bear one, and the handshakes of streams (Twilio's documentation, "Security: validating requests", "Media Streams
configuration").

That URL is the configured public_url and the path that came, whatever a proxy made of host, port and scheme; so no X-Forwarded
header is read, and none needs to be believed."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from twilio.request_validator import RequestValidator

HEADER = "X-Twilio-Signature"
STREAM_PATH = "/twilio/stream"


class Signatures:
    """Of one account and public_url."""

    def __init__(self, public_url: str, token: str) -> None:
        self._public_url = public_url
        self._validator = RequestValidator(token)
        self._streams = _written(stream_url(public_url))

    def webhook(self, path: str, form: Mapping[str, str], signature: str) -> bool:
        """Whether Twilio has signed this request; path with its query."""
        return bool(self._validator.validate(self._public_url + path, form, signature))

    def of_stream(self) -> str:
        """What Twilio would sign a handshake with."""
        return str(self._validator.compute_signature(self._streams[0], {}))

    def stream(self, signature: str) -> bool:
        """Whether Twilio has signed this handshake: the stream's URL, which bears no query, and no form."""
        return any(self._validator.validate(url, {}, signature) for url in self._streams)


def stream_url(public_url: str) -> str:
    """Where Twilio streams to."""
    return "ws" + public_url.removeprefix("http") + STREAM_PATH


def _written(url: str) -> tuple[str, ...]:
    """As it may have been written when it was signed: what a port is by default, and a slash at a path's end, are not the same
    everywhere at Twilio. Its library tries the port for https alone."""
    host = urlsplit(url).netloc
    ports = (url,) if ":" in host else (url, url.replace(host, f"{host}:443", 1))
    return tuple(one + end for one in ports for end in ("", "/"))
