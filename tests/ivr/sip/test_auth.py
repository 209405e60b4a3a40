"""Digest, both sides (RFC 7616, RFC 8760)."""

from __future__ import annotations

import hashlib

import pytest

from ivr.sip import auth
from ivr.sip.auth import Challenger, digest, parse_digest, respond
from tests.ivr.sip.conftest import tokens


def challenger(**changes: object) -> Challenger:
    return Challenger("hotline", b"k" * 32, tokens("a"), **changes)  # type: ignore[arg-type]


def credentials(
    value: str, *, nc: str = "00000001", qop: str = "auth", password: str = "secret", **changes: str
) -> dict[str, str]:
    """What a phone makes of a challenge."""
    asked = parse_digest(value)
    given = {
        "username": "1001",
        "realm": asked["realm"],
        "nonce": asked["nonce"],
        "uri": "sip:hotline",
        "algorithm": asked["algorithm"],
        "qop": qop,
        "nc": nc,
        "cnonce": "c",
    }
    if not qop:
        del given["qop"], given["nc"], given["cnonce"]
    given |= changes
    given["response"] = digest(
        given["algorithm"].upper(),
        user="1001",
        realm=given["realm"],
        password=password,
        method="REGISTER",
        uri=given["uri"],
        nonce=given["nonce"],
        qop=qop,
        nc=given.get("nc", ""),
        cnonce=given.get("cnonce", ""),
    )
    return given


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_vectors_of_rfc_7616(algorithm: str, expected: str) -> None:
    value = digest(
        algorithm,
        user="Mufasa",
        realm="http-auth@example.org",
        password="Circle of Life",
        method="GET",
        uri="/dir/index.html",
        nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        qop="auth",
        nc="00000001",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    assert value == expected


def test_vector_of_rfc_2069() -> None:
    value = digest(
        "MD5",
        user="Mufasa",
        realm="testrealm@host.com",
        password="CircleOfLife",
        method="GET",
        uri="/dir/index.html",
        nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",
    )
    assert value == "1949323746fe6a43ef61f9606e7febea"


def test_parameters() -> None:
    assert parse_digest('Digest realm="a, \\"b\\"" , QOP="auth,auth-int",nonce=n , stale=true') == {
        "realm": 'a, "b"',
        "qop": "auth,auth-int",
        "nonce": "n",
        "stale": "true",
    }
    assert parse_digest('digest a="1", a="2"') == {"a": "1"}
    for bad in ("", "Basic a=b", 'Digest realm="x', "Digest nonsense", "Digest a=b c=d"):
        assert parse_digest(bad) == {}


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_right_password(algorithm: str) -> None:
    gate = challenger(algorithms=["SHA-256", "MD5"])
    values = [value for _, value in gate.challenge(100.0)]
    assert [parse_digest(value)["algorithm"] for value in values] == ["SHA-256", "MD5"]
    value = values[["SHA-256", "MD5"].index(algorithm)]
    assert gate.verify(credentials(value), "REGISTER", "secret", 101.0) == "ok"


@pytest.mark.parametrize(
    "change",
    [
        {"password": "wrong"},
        {"realm": "other"},
        {"algorithm": "MD5-sess"},
        {"nc": "1"},
        {"nc": "zzzzzzzz"},
    ],
)
def test_wrong(change: dict[str, str]) -> None:
    gate = challenger()
    ((_, value),) = gate.challenge(100.0)
    given = credentials(value) | change if "algorithm" in change else credentials(value, **change)
    assert gate.verify(given, "REGISTER", "secret", 101.0) == "bad"
    assert gate.verify(credentials(value) | {"qop": "auth-int"}, "REGISTER", "secret", 101.0) == "bad"
    assert gate.verify(credentials(value), "REGISTER", None, 101.0) == "bad"
    assert gate.verify(credentials(value), "INVITE", "secret", 101.0) == "bad"
    assert gate.verify({}, "INVITE", "secret", 101.0) == "bad"


def test_an_algorithm_that_was_not_offered_is_refused() -> None:
    """Else whoever listens could have MD5 answered where SHA-256 is wanted."""
    gate = challenger(algorithms=["SHA-256"])
    ((_, value),) = gate.challenge(100.0)
    assert gate.verify(credentials(value), "REGISTER", "secret", 101.0) == "ok"
    assert gate.verify(credentials(value.replace("SHA-256", "MD5")), "REGISTER", "secret", 101.0) == "bad"


@pytest.mark.parametrize(
    ("offered", "taken"),
    [
        (["MD5", "SHA-256"], "SHA-256"),
        (["MD5", "SHA-256", "SHA-512-256"], "SHA-512-256"),
        (["AKAv1-MD5", "MD5"], "MD5"),
        (["X", "SHA-256-sess", ""], "MD5"),
        (["AKAv1-MD5"], None),
    ],
)
def test_the_best_challenge_is_answered(offered: list[str], taken: str | None) -> None:
    challenges = [f'Digest realm="r", nonce="n"{f", algorithm={name}" if name else ""}' for name in offered]
    value = respond(challenges, user="u", password="p", method="INVITE", uri="sip:x", cnonce="c")
    assert (parse_digest(value)["algorithm"] if value else None) == taken


def test_sha_512_256() -> None:
    def h(text: str) -> str:
        return hashlib.new("sha512_256", text.encode()).hexdigest()

    value = digest("SHA-512-256", user="u", realm="r", password="p", method="INVITE", uri="sip:x", nonce="n")
    assert value == h(f"{h('u:r:p')}:n:{h('INVITE:sip:x')}")
    assert len(value) == 64


def test_a_count_is_good_once() -> None:
    gate = challenger()
    ((_, value),) = gate.challenge(100.0)
    assert gate.verify(credentials(value, nc="00000001"), "REGISTER", "secret", 101.0) == "ok"
    assert gate.verify(credentials(value, nc="00000001"), "REGISTER", "secret", 101.0) == "stale"
    assert gate.verify(credentials(value, nc="0000000a"), "REGISTER", "secret", 101.0) == "ok"
    assert gate.verify(credentials(value, nc="00000002"), "REGISTER", "secret", 101.0) == "stale"


def test_without_qop_a_nonce_is_good_once() -> None:
    gate = challenger()
    ((_, value),) = gate.challenge(100.0)
    assert gate.verify(credentials(value, qop=""), "REGISTER", "secret", 101.0) == "ok"
    assert gate.verify(credentials(value, qop=""), "REGISTER", "secret", 101.0) == "stale"


def test_a_nonce_grows_old() -> None:
    gate = challenger()
    ((_, value),) = gate.challenge(100.0)
    assert gate.verify(credentials(value), "REGISTER", "secret", 400.0) == "stale"
    assert gate.verify(credentials(value), "REGISTER", "secret", 99.0) == "stale"
    ((_, again),) = gate.challenge(400.0, stale=True)
    assert parse_digest(again)["stale"] == "true"


@pytest.mark.parametrize("nonce", ["", "n", "64-a", "64-a-b", "x-y-z"])
def test_a_nonce_of_somebody_else(nonce: str) -> None:
    gate = challenger()
    ((_, value),) = gate.challenge(100.0)
    assert gate.verify(credentials(value, nonce=nonce), "REGISTER", "secret", 101.0) == "stale"


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "_MAX_NONCES", 4)
    gate = challenger()
    for at in (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 900.0):
        ((_, value),) = gate.challenge(at)
        assert gate.verify(credentials(value), "REGISTER", "secret", at) == "ok"
    assert gate.verify(credentials(value), "REGISTER", "secret", 900.0) == "stale"
    assert len(gate._counts) == 1


def test_our_answers() -> None:
    def ask(*challenges: str) -> str | None:
        return respond(challenges, user='u"', password="p", method="INVITE", uri="sip:x", cnonce="c")

    assert ask() is None
    assert ask('Digest realm="r", nonce="n", qop="auth-int"') is None
    assert ask('Digest realm="r", algorithm=MD5') is None
    plain = ask('Digest realm="r", nonce="n", algorithm=FUTURE', 'Digest realm="r", nonce="n"')
    assert plain is not None
    assert parse_digest(plain)["username"] == 'u"'
    assert "qop" not in parse_digest(plain)
    strong = ask('Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth"')
    assert strong is not None
    assert parse_digest(strong)["nc"] == "00000001"
    assert len(parse_digest(strong)["response"]) == 64
