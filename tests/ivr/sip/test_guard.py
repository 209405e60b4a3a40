"""Who is slowed and banned, for what, for how long; and who never is."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest

from ivr.sip import guard as module
from ivr.sip.events import Address, Banned
from ivr.sip.guard import Ban, Guard, Policy, source_of
from ivr.sip.peers import Peers
from ivr.sip.trunk import TrunkPeer

POLICY = Policy(max_failures=3, max_names=2, max_garbage=4, window_s=100.0, ban_s=60.0, ban_max_s=200.0)
STRANGER = Address("203.0.113.9", 5060)
ELSEWHERE = Address("203.0.113.9", 40000)
TRUNK = Address("10.0.0.5", 5060)
OFFICE = Address("198.51.100.7", 5062)


def make(policy: Policy = POLICY) -> tuple[Guard, Peers]:
    peers = Peers([TrunkPeer.of("carrier", ["10.0.0.0/24", "2001:db8:1::5/128"], ["4000"])], {"1001": "secret"})
    return Guard(policy, peers), peers


def fail(guard: Guard, source: Address, times: int, now: float) -> list[Banned]:
    return [ban for _ in range(times) for ban in guard.failed(source, now)]


def test_too_many_wrong_passwords() -> None:
    guard, _ = make()
    assert fail(guard, STRANGER, 3, 0.0) == []
    assert not guard.bars(STRANGER, 0.0)
    assert guard.failed(ELSEWHERE, 99.0) == [Banned("203.0.113.9", "passwords", 60.0)]
    assert guard.bars(STRANGER, 99.0)
    assert guard.banned(ELSEWHERE, 158.9)
    assert not guard.bars(Address("203.0.113.10", 5060), 99.0)
    assert not guard.bars(STRANGER, 159.0)


def test_what_lies_a_window_apart_does_not_add_up() -> None:
    guard, _ = make()
    for at in (0.0, 100.0, 200.0):
        assert fail(guard, STRANGER, 3, at) == []
        assert [guard.asked(STRANGER, name, at) for name in "ab"] == [[], []]


def test_each_ban_is_twice_as_long_until_it_is_forgotten() -> None:
    guard, _ = make()
    now, lengths = 0.0, []
    for _ in range(4):
        (ban,) = fail(guard, STRANGER, 4, now)
        lengths.append(ban.seconds)
        now += ban.seconds
    assert lengths == [60.0, 120.0, 200.0, 200.0]
    (ban,) = fail(guard, STRANGER, 4, now + 200.0)
    assert ban.seconds == 60.0


def test_scans() -> None:
    guard, _ = make()
    for name in ("100", "101", "100", "101"):
        assert guard.asked(STRANGER, name, 0.0) == []
    assert guard.asked(STRANGER, "102", 0.0) == [Banned("203.0.113.9", "scan", 60.0)]


def test_garbage_and_asking_for_one_name_again_and_again() -> None:
    guard, _ = make()
    assert [guard.garbage(STRANGER, 0.0) for _ in range(2)] == [[], []]
    assert [guard.asked(STRANGER, "100", 0.0) for _ in range(2)] == [[], []]
    assert guard.garbage(STRANGER, 0.0) == [Banned("203.0.113.9", "garbage", 60.0)]


def test_what_can_be_spoofed_bans_nobody_of_ours() -> None:
    guard, peers = make()
    peers.set_flows("1001", [OFFICE])
    peers.learn("carrier", ["198.51.100.99"])
    proved = Address("192.0.2.77", 5060)
    guard.proved(proved, 0.0)
    sources = (TRUNK, Address("2001:db8:1::99", 5060), Address("198.51.100.99", 5060), OFFICE, Address(OFFICE.host, 9), proved)
    for source in sources:
        for number in range(50):
            assert guard.asked(source, str(number), 10.0) == []
            assert guard.garbage(source, 10.0) == []
    assert not guard.unshared(10.0)
    assert [ban for n in range(5) for ban in guard.garbage(proved, 3600.0)] != []  # an hour later it is a stranger again


def test_an_office_full_of_telephones_may_fail_more_often() -> None:
    guard, peers = make()
    peers.set_flows("1001", [OFFICE])
    peers.set_flows("1002", [Address(OFFICE.host, 5064)])
    assert fail(guard, Address(OFFICE.host, 7000), 9, 0.0) == []
    assert fail(guard, Address(OFFICE.host, 7000), 1, 0.0) == [Banned(OFFICE.host, "passwords", 60.0)]
    assert not guard.bars(OFFICE, 1.0)  # its calls go on
    assert guard.banned(OFFICE, 1.0)  # but nobody is asked for a password there
    assert guard.bars(Address(OFFICE.host, 7000), 1.0)


def test_a_trunk_s_calls_go_on_whoever_tries_passwords_there() -> None:
    guard, _ = make()
    assert fail(guard, TRUNK, 9, 0.0) == [Banned(TRUNK.host, "passwords", 60.0)]
    assert not guard.bars(TRUNK, 1.0)
    assert guard.banned(TRUNK, 1.0)


def test_exempt_networks_and_what_is_no_address() -> None:
    guard, _ = make(replace(POLICY, exempt=(ip_network("203.0.113.0/24"),)))
    for source in (STRANGER, Address("node1", 5060)):
        assert fail(guard, source, 9, 0.0) == []
        assert [ban for _ in range(9) for ban in guard.garbage(source, 0.0)] == []


def test_half_way_to_a_ban_challenges_come_once_a_second() -> None:
    guard, _ = make()
    fail(guard, STRANGER, 1, 0.0)
    assert not guard.slows(STRANGER, 0.0)
    fail(guard, STRANGER, 1, 0.0)
    assert [guard.slows(STRANGER, at) for at in (0.0, 0.5, 0.9, 1.0, 1.5)] == [False, True, True, False, True]
    assert not guard.slows(STRANGER, 100.0)
    assert not guard.slows(OFFICE, 0.0)


def test_bans_are_shared_and_lifted() -> None:
    guard, _ = make()
    fail(guard, STRANGER, 4, 0.0)
    (own,) = guard.unshared(1.0)
    assert own == Ban("203.0.113.9", "passwords", 60.0)
    guard.agree([], 1.0)
    assert guard.bars(STRANGER, 1.0), "what the others don't know of yet is not lifted"
    guard.share(own)
    guard.share(own)
    assert guard.unshared(1.0) == []
    guard.agree([Ban("203.0.113.9", "passwords", 60.0), Ban("10.0.0.5", "scan", 70.0)], 2.0)
    assert guard.bars(STRANGER, 2.0)
    assert guard.banned(TRUNK, 2.0)
    assert not guard.bars(TRUNK, 2.0)
    guard.agree([], 3.0)
    assert not guard.bars(STRANGER, 3.0)
    assert fail(guard, STRANGER, 3, 3.0) == []  # who is let in again begins anew


def test_a_ban_that_ran_out_is_remembered_by_its_count_only() -> None:
    guard, _ = make()
    fail(guard, STRANGER, 4, 0.0)
    guard.share(guard.unshared(0.0)[0])
    guard.agree([], 61.0)
    (ban,) = fail(guard, STRANGER, 4, 61.0)
    assert ban.seconds == 120.0
    assert guard.unshared(200.0) == []


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SOURCES", 3)
    guard, _ = make()
    fail(guard, STRANGER, 3, 0.0)
    for n in range(10):
        source = Address(f"192.0.2.{n}", 5060)
        guard.proved(source, 0.0)
        for name in range(9):
            guard.asked(Address(f"198.18.0.{n}", 5060), f"{name}", 0.0)
    assert len(guard._trusted) == len(guard._bans) == 3
    assert len(guard._seen) <= 3
    assert guard.failed(STRANGER, 1.0) != [], "a flood of spoofed addresses makes nobody forget who tried passwords"


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("a:b", "a:b"),
    ],
)
def test_what_counts_as_one_source(host: str, key: str) -> None:
    assert source_of(host) == key


def test_bans_with_proof_are_shared_first() -> None:
    guard, _ = make()
    for number in range(5):
        guard.garbage(Address("192.0.2.1", 5060), 0.0)
        guard.asked(Address("192.0.2.2", 5060), str(number), 0.0)
    fail(guard, STRANGER, 4, 0.0)
    assert [ban.reason for ban in guard.unshared(1.0)] == ["passwords", "scan", "garbage"]
