"""The plain rules: passwords, lock-outs, rates, proxies, roles."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console import passwords
from console.lockout import Policy, Tally, attempt, forgiven, locked, network_of
from console.proxies import Asker, asker
from console.rate import MAX_KEPT, Rate
from console.roles import Role, Undeclared, needed, needs, open_to_all


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("correct horse battery", None),
        ("一只红色的猫爬上了屋顶", None),
        ("short", "too_short"),
        ("九个字符的密码太短", "too_short"),
        ("x" * 129, "too_long"),
        ("1234567890", "common"),
        ("１２３４５６７８９０", "common"),
        ("PassWord123", "common"),
        ("abababababab", "simple"),
        ("wang2026", "too_short"),
        ("xxwangxiao1", "like_login"),
        ("wangxiao and a horse", None),
    ],
)
def test_passwords(password: str, fault: str | None) -> None:
    assert passwords.fault(password, "wangxiao") == fault


def test_no_common_password_is_kept_in_vain() -> None:
    for one in passwords.COMMON:
        assert passwords.MIN_LENGTH <= len(one) <= passwords.MAX_LENGTH
        assert passwords.fault(one, "") == "common"


POLICY = Policy(max_tries=3, window_s=100.0, lock_s=50.0, lock_max_s=150.0, forget_s=1000.0)


def after(*times: float, tally: Tally | None = None) -> Tally:
    tally = tally or Tally()
    for now in times:
        tally = attempt(tally, POLICY, now)
    return tally


def test_one_try_too_many_locks_and_each_lock_is_longer() -> None:
    assert not locked(after(1.0, 2.0, 3.0), 3.0)
    first = after(1.0, 2.0, 3.0, 4.0)
    assert (first.locked_until, first.locks) == (54.0, 1)
    assert after(5.0, 53.0, tally=first) == first, "tries while locked change nothing"
    second = after(54.0, 55.0, 56.0, 57.0, tally=first)
    assert second.locked_until == 157.0
    third = after(157.0, 158.0, 159.0, 160.0, tally=second)
    assert third.locked_until == 310.0, "150 s at most"
    late = after(1311.0, 1312.0, 1313.0, 1314.0, tally=third)
    assert (late.locked_until, late.locks) == (1364.0, 1), "forgotten"


def test_tries_that_are_far_apart_lock_nobody() -> None:
    assert after(*(60.0 * n for n in range(100))).locks == 0
    assert after(0.0, 1.0, 2.0, 100.0).tries == 1


def test_a_right_password_was_no_try() -> None:
    assert forgiven(after(1.0, 2.0)).tries == 1
    assert forgiven(Tally()).tries == 0
    tally = Tally()
    for n in range(100):
        tally = forgiven(attempt(tally, POLICY, float(n)))
    assert not locked(tally, 100.0)


@given(st.lists(st.floats(0.0, 10000.0), max_size=60))
def test_no_more_than_the_policy_s_tries_pass_in_a_window(times: list[float]) -> None:
    tally, passed = Tally(), []
    for now in sorted(times):
        tally = attempt(tally, POLICY, now)
        if not locked(tally, now):
            passed.append(now)
    for start in passed:
        # Two windows may meet, no more.
        assert sum(start <= one < start + POLICY.window_s for one in passed) <= 2 * POLICY.max_tries


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
        ("x" * 100, "x" * 64),
    ],
)
def test_by_what_an_address_is_counted(address: str, network: str) -> None:
    assert network_of(address) == network


def test_rate() -> None:
    rate = Rate(per_s=2.0, burst=3.0)
    assert [rate.take("a", 0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert rate.take("b", 0.0) == 0.0, "each has a bucket"
    assert rate.take("a", 0.5) == 0.0
    assert rate.take("a", 0.5) > 0.0
    assert [rate.take("a", 100.0) for _ in range(4)][-1] > 0.0, "never more than the burst"
    for n in range(MAX_KEPT):
        rate.take(f"n{n}", 200.0)
    assert len(rate._buckets) == MAX_KEPT


PROXY = (ip_network("10.0.0.1/32"), ip_network("10.0.1.0/24"))


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "proto", "by_proxy", "found"),
    [
        ("192.0.2.7", "", "", False, Asker("192.0.2.7", "http", False)),
        ("192.0.2.7", "127.0.0.1", "https", True, Asker("192.0.2.7", "http", False)),  # who isn't trusted isn't believed
        ("127.0.0.1", "", "", False, Asker("127.0.0.1", "http", True)),
        ("127.0.0.1", "", "", True, Asker("127.0.0.1", "http", False)),  # a proxy that the settings don't know
        ("10.0.0.1", "192.0.2.7", "https", True, Asker("192.0.2.7", "https", False)),
        ("10.0.0.1", "6.6.6.6, 192.0.2.7", "https", True, Asker("192.0.2.7", "https", False)),  # forged by the asker
        ("10.0.0.1", "6.6.6.6, 192.0.2.7, 10.0.1.9", "https", True, Asker("192.0.2.7", "https", False)),
        ("10.0.0.1", "127.0.0.1", "http", True, Asker("127.0.0.1", "http", False)),
        ("10.0.0.1", "nonsense", "https", True, Asker("10.0.0.1", "https", False)),
        ("10.0.0.1", "", "", False, Asker("10.0.0.1", "http", False)),
        ("", "", "", False, Asker("", "http", False)),
    ],
)
def test_who_asks(peer: str, forwarded_for: str, proto: str, by_proxy: bool, found: Asker) -> None:
    assert asker(peer, "http", forwarded_for, proto, PROXY, by_proxy) == found


def test_roles() -> None:
    assert [[role.covers(need) for need in Role] for role in Role] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]

    def view() -> None: ...

    with pytest.raises(Undeclared):
        needed(view)
    assert needed(needs(Role.SUPERVISOR)(view)) is Role.SUPERVISOR
    assert needed(open_to_all(view)) is None
