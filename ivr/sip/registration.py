"""REGISTER on the wire: contacts out of the request, responses out of the bindings (RFC 3261 10.3, 20.10)."""

from __future__ import annotations

from collections.abc import Sequence

from ivr.sip.core import Core, Purpose, Server
from ivr.sip.events import Address, Contact, Output, RegisterRequested
from ivr.sip.message import Request
from ivr.sip.registrar import MAX_EXPIRES_S, MIN_EXPIRES_S, Binding
from ivr.sip.transaction import ServerRequest
from ivr.sip.uri import UriError, parse_name_addr, parse_uri, q_value

_MAX_CONTACTS = 10


class ContactError(ValueError):
    """The Contact or Expires headers can't be followed; `status` says how to refuse."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def contacts_of(request: Request) -> tuple[tuple[Contact, ...], bool]:
    """The contacts with their lifetimes, and whether it is the wildcard. ContactError: 400, or 423 for a lifetime under
    MIN_EXPIRES_S."""
    default = _expires(request.get("Expires"), MAX_EXPIRES_S)
    values = request.values("Contact")
    if "*" in values:
        if len(values) > 1 or default != 0:
            raise ContactError(400, "wildcard with other contacts or without Expires: 0")
        return (), True
    if len(values) > _MAX_CONTACTS:
        raise ContactError(400, "too many contacts")
    return tuple(_contact(value, default) for value in values), False


def _contact(value: str, default: int) -> Contact:
    try:
        address = parse_name_addr(value)
        if parse_uri(address.uri).scheme not in {"sip", "sips"}:
            raise ContactError(400, "contact is no SIP URI")
    except UriError as error:
        raise ContactError(400, "contact can't be read") from error
    expires = min(_expires(address.params.get("expires", ""), default), MAX_EXPIRES_S)
    if 0 < expires < MIN_EXPIRES_S:
        raise ContactError(423, "lifetime is too short")
    return Contact(address.uri, expires, q_value(address.params.get("q", "")))


def _expires(text: str, default: int) -> int:
    """Delta seconds; what is malformed counts as the default (20.19)."""
    text = text.strip()
    return min(int(text), 2**31) if text.isascii() and text.isdigit() and len(text) <= 10 else default


class Registration:
    """REGISTERs that wait for the app."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._waiting: dict[str, Server[ServerRequest]] = {}

    def receive(self, request: Request, source: Address, user: str, now: float) -> list[Output]:
        """A REGISTER whose sender has proved to be `user`. It may bind its own address of record only."""
        core = self._core
        try:
            owner = parse_uri(request.to.uri).user
            contacts, wildcard = contacts_of(request)
        except UriError:
            return [*core.refuse(request, source, 400, now)]
        except ContactError as error:
            return self._wrong(request, source, error, now)
        if owner != user:
            return [*core.refuse(request, source, 403, now)]
        name = core.token()
        self._waiting[name] = core.serve_request(request, source, now, Purpose.PLAIN)
        self._waiting = {key: opened for key, opened in self._waiting.items() if not opened.machine.over}
        return [RegisterRequested(name, user, contacts, source, request.call_id, request.cseq, wildcard)]

    def echo(self, request: Request, source: Address, now: float) -> list[Output]:
        """200 with the contacts as they came, to a PBX that registers with its trunk; nothing is bound."""
        try:
            contacts, _ = contacts_of(request)
        except ContactError as error:
            return self._wrong(request, source, error, now)
        headers = [("Contact", f"<{contact.uri}>;expires={contact.expires_s}") for contact in contacts if contact.expires_s]
        return [*self._core.refuse(request, source, 200, now, headers=headers)]

    def accept(self, name: str, contacts: Sequence[Binding], now: float) -> list[Output]:
        """200 with all that is bound now (10.3 step 8)."""
        headers = [
            ("Contact", f"<{binding.uri}>;expires={max(1, round(binding.expires_s))}")
            for binding in contacts
            if binding.expires_s > 0
        ]
        return self._respond(name, 200, headers, now)

    def refuse(self, name: str, status: int, now: float, retry_after: int | None) -> list[Output]:
        """Refuse it; retry_after in seconds."""
        return self._respond(name, status, [] if retry_after is None else [("Retry-After", str(retry_after))], now)

    def _wrong(self, request: Request, source: Address, error: ContactError, now: float) -> list[Output]:
        headers = [("Min-Expires", str(MIN_EXPIRES_S))] if error.status == 423 else []
        return [*self._core.refuse(request, source, error.status, now, headers=headers)]

    def _respond(self, name: str, status: int, headers: list[tuple[str, str]], now: float) -> list[Output]:
        opened = self._waiting.pop(name, None)
        if opened is None or opened.machine.over:
            return []
        return [*self._core.respond(opened, status, now, tag=self._core.token(), headers=headers)]
