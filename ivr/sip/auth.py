"""Digest authentication (RFC 7616, RFC 8760), both sides: our challenges with stateless nonces, and our answers to others'
challenges."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

NONCE_LIFE_S = 300.0
_MAX_NONCES = 20000
_ALGORITHMS = {
    name: function
    for name, function in (("SHA-512-256", "sha512_256"), ("SHA-256", "sha256"), ("MD5", "md5"))
    if function in hashlib.algorithms_available
}
"""By their names in SIP, the best first."""
_PARAM = re.compile(r'\s*+([A-Za-z0-9_-]++)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^\s,"]*+))\s*+(?:,|$)')

Verdict = Literal["ok", "stale", "bad"]


def parse_digest(value: str) -> dict[str, str]:
    """The parameters of a Digest challenge or credentials, names in lower case; {} when it is no Digest or is malformed.

    Commas inside quotes (qop="auth,auth-int") part nothing.
    """
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest":
        return {}
    params: dict[str, str] = {}
    position = 0
    while position < len(rest):
        match = _PARAM.match(rest, position)
        if match is None:
            return {}
        name, quoted, plain = match.groups()
        params.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain)
        position = match.end()
    return params


def digest(
    algorithm: str,
    *,
    user: str,
    realm: str,
    password: str,
    method: str,
    uri: str,
    nonce: str,
    qop: str = "",
    nc: str = "",
    cnonce: str = "",
) -> str:
    """The response value (RFC 7616 3.4.1) for MD5, SHA-256 or SHA-512-256 without session; without qop the form of RFC
    2069."""

    def h(text: str) -> str:
        return hashlib.new(_ALGORITHMS[algorithm], text.encode()).hexdigest()

    middle = f"{nonce}:{nc}:{cnonce}:{qop}" if qop else nonce
    return h(f"{h(f'{user}:{realm}:{password}')}:{middle}:{h(f'{method}:{uri}')}")


class Challenger:
    """Our side as a server. A nonce is the time, whom it was given to and a keyed hash of both, so a challenge costs no
    memory; only nonces that proved a password are remembered, with their last count, until they expire."""

    def __init__(self, realm: str, secret: bytes, token: Callable[[], str], algorithms: Sequence[str] = ("MD5",)) -> None:
        self.realm = realm
        self._secret = secret
        self._token = token
        self._algorithms = algorithms
        self._counts: dict[str, tuple[int, float]] = {}

    def challenge(self, now: float, *, stale: bool = False, to: str = "") -> list[tuple[str, str]]:
        """WWW-Authenticate headers, one for each algorithm in the order of preference (RFC 8760 2.4). to: the source that
        they are sent to (guard.source_of)."""
        token = self._token()
        nonce = self._nonce(f"{int(now * 1000):x}-{token}-{self._mark(token, to)}")
        end = ", stale=true" if stale else ""
        return [
            ("WWW-Authenticate", f'Digest realm="{self.realm}", nonce="{nonce}", algorithm={algorithm}, qop="auth"{end}')
            for algorithm in self._algorithms
        ]

    def gave(self, nonce: str, *, to: str) -> bool:
        """Whether this nonce was given to that source: who uses it receives there. A telephone may use it from another
        address too; it is just no evidence against that one then."""
        stamp = nonce.rpartition("-")[0]
        token, _, mark = stamp.partition("-")[2].partition("-")
        ours = hmac.compare_digest(self._nonce(stamp).encode(), nonce.encode())
        return ours and hmac.compare_digest(self._mark(token, to).encode(), mark.encode())

    def verify(self, credentials: Mapping[str, str], method: str, password: str | None, now: float) -> Verdict:
        """Judge an Authorization. "stale": the password is right but the nonce is old, or its count was used before;
        challenge with stale=true.

        A client without qop (RFC 2069; old telephones) may use a nonce once.
        """
        qop, algorithm = credentials.get("qop", ""), credentials.get("algorithm", "MD5").upper()
        nonce, nc = credentials.get("nonce", ""), credentials.get("nc", "")
        if (
            password is None
            or algorithm not in self._algorithms
            or qop not in {"", "auth"}
            or credentials.get("realm") != self.realm
        ):
            return "bad"
        if qop and not re.fullmatch("[0-9A-Fa-f]{8}", nc):
            return "bad"
        expected = digest(
            algorithm,
            user=credentials.get("username", ""),
            realm=self.realm,
            password=password,
            method=method,
            uri=credentials.get("uri", ""),
            nonce=nonce,
            qop=qop,
            nc=nc,
            cnonce=credentials.get("cnonce", ""),
        )
        given = credentials.get("response", "").lower()
        if not hmac.compare_digest(expected.encode(), given.encode()):
            return "bad"
        stamp = nonce.rpartition("-")[0]
        if not hmac.compare_digest(self._nonce(stamp).encode(), nonce.encode()):
            return "stale"  # not one of ours: of another node, or from before a change of secret
        made_at = int(stamp.partition("-")[0], 16) / 1000
        if not made_at <= now < made_at + NONCE_LIFE_S:
            return "stale"
        count = int(nc, 16) if qop else 1
        last, _ = self._counts.get(nonce, (0, 0.0))
        if count <= last or (not qop and last):
            return "stale"
        self._remember(nonce, count, made_at + NONCE_LIFE_S, now)
        return "ok"

    def _nonce(self, stamp: str) -> str:
        return f"{stamp}-{hmac.new(self._secret, stamp.encode(), hashlib.sha256).hexdigest()[:32]}"

    def _mark(self, token: str, to: str) -> str:
        return hmac.new(self._secret, f"{token} {to}".encode(), hashlib.sha256).hexdigest()[:16]

    def _remember(self, nonce: str, count: int, until: float, now: float) -> None:
        if nonce not in self._counts and len(self._counts) >= _MAX_NONCES:
            self._counts = {key: value for key, value in self._counts.items() if value[1] > now}
            if len(self._counts) >= _MAX_NONCES:
                # All live: forget the oldest half rather than grow. Their holders were valid anyway.
                self._counts = dict(list(self._counts.items())[_MAX_NONCES // 2 :])
        self._counts[nonce] = (count, until)


def respond(challenges: Sequence[str], *, user: str, password: str, method: str, uri: str, cnonce: str) -> str | None:
    """Our Authorization value for the best of these challenges that we can answer; None when there is none (RFC 8760 2.4)."""
    for params in sorted(map(parse_digest, challenges), key=_preference):
        algorithm = params.get("algorithm", "MD5").upper()
        offered = {option.strip().lower() for option in params.get("qop", "").split(",")} - {""}
        if (
            "nonce" not in params
            or "realm" not in params
            or algorithm not in _ALGORITHMS
            or (offered and "auth" not in offered)
        ):
            continue
        qop, nc = ("auth", "00000001") if offered else ("", "")
        realm, nonce = params["realm"], params["nonce"]
        response = digest(
            algorithm,
            user=user,
            realm=realm,
            password=password,
            method=method,
            uri=uri,
            nonce=nonce,
            qop=qop,
            nc=nc,
            cnonce=cnonce,
        )
        fields = [("username", user), ("realm", realm), ("nonce", nonce), ("uri", uri), ("response", response)]
        if "opaque" in params:
            fields.append(("opaque", params["opaque"]))
        text = ", ".join(f'{name}="{_quoted(value)}"' for name, value in fields) + f", algorithm={algorithm}"
        return f"Digest {text}" + (f', qop={qop}, nc={nc}, cnonce="{cnonce}"' if qop else "")
    return None


def _preference(challenge: Mapping[str, str]) -> int:
    names, algorithm = list(_ALGORITHMS), challenge.get("algorithm", "MD5").upper()
    return names.index(algorithm) if algorithm in names else len(names)


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
