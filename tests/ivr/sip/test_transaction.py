"""The four machines with literal times (RFC 3261 17, RFC 6026)."""

from __future__ import annotations

import pytest

from ivr.sip.events import Address, Send
from ivr.sip.transaction import ClientInvite, ClientRequest, ServerInvite, ServerRequest, State, Transaction

THERE = Address("192.0.2.9", 5060)
ACK = Send(b"ack", THERE)


def times(machine: Transaction, until: float) -> list[float]:
    """When it sends by itself."""
    found = []
    while machine.deadline is not None and machine.deadline <= until:
        at = machine.deadline
        found += [at] * len(machine.tick(at))
    return found


def test_client_invite_repeats_doubling_and_gives_up() -> None:
    machine = ClientInvite(THERE, b"invite")
    assert machine.start(0.0) == [Send(b"invite", THERE)]
    assert times(machine, 100.0) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert machine.over
    assert machine.failed


def test_client_invite_is_quiet_after_a_provisional() -> None:
    machine = ClientInvite(THERE, b"invite")
    machine.start(0.0)
    assert machine.receive(180, 0.1) == (True, [])
    assert machine.receive(183, 0.2) == (True, [])
    assert machine.deadline is None
    assert not machine.tick(1000.0)


def test_client_invite_acknowledges_each_failure_but_passes_one() -> None:
    machine = ClientInvite(THERE, b"invite")
    machine.start(0.0)
    assert machine.receive(486, 1.0, ACK) == (True, [ACK])
    assert machine.receive(486, 1.5, ACK) == (False, [ACK])
    assert machine.receive(180, 1.6) == (False, [])
    assert times(machine, 100.0) == []
    assert machine.over
    assert not machine.failed


def test_client_invite_passes_every_2xx_while_accepted() -> None:
    machine = ClientInvite(THERE, b"invite")
    machine.start(0.0)
    assert machine.receive(200, 1.0) == (True, [])
    assert machine.receive(200, 2.0) == (True, [])
    assert machine.receive(486, 2.0, ACK) == (False, [])
    assert machine.deadline == 33.0
    machine.tick(33.0)
    assert machine.over
    assert not machine.failed
    assert machine.receive(200, 34.0) == (False, [])


def test_client_invite_bound() -> None:
    machine = ClientInvite(THERE, b"invite")
    machine.start(0.0)
    machine.bound(100.0)
    assert machine.end_at == 32.0
    machine.receive(180, 1.0)
    machine.bound(10.0)
    machine.bound(20.0)
    machine.tick(10.0)
    assert machine.failed
    machine.bound(30.0)
    assert machine.deadline is None


def test_client_invite_hushed() -> None:
    machine = ClientInvite(THERE, b"invite")
    machine.start(0.0)
    machine.hush()
    assert times(machine, 100.0) == []
    assert machine.failed


def test_client_request_repeats_up_to_t2_and_gives_up() -> None:
    machine = ClientRequest(THERE, b"bye")
    assert machine.start(0.0) == [Send(b"bye", THERE)]
    assert times(machine, 100.0) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert machine.failed


def test_client_request_slows_down_when_proceeding() -> None:
    machine = ClientRequest(THERE, b"bye")
    machine.start(0.0)
    assert machine.receive(100, 0.1)
    assert times(machine, 10.0) == [0.5, 4.5, 8.5]
    assert machine.receive(200, 10.0)
    assert not machine.receive(200, 10.1)
    assert machine.deadline == 15.0
    machine.tick(15.0)
    assert machine.over
    assert not machine.failed
    assert not machine.receive(200, 16.0)


def test_server_invite_repeats_2xx_until_ack() -> None:
    machine = ServerInvite(THERE)
    assert machine.request() == []
    assert machine.respond(100, b"100", 0.0) == [Send(b"100", THERE)]
    assert machine.request() == [Send(b"100", THERE)]
    assert machine.deadline is None
    assert machine.respond(200, b"200", 1.0) == [Send(b"200", THERE)]
    assert machine.respond(486, b"486", 1.1) == []
    assert times(machine, 12.0) == [1.5, 2.5, 4.5, 8.5]
    assert machine.request() == [Send(b"200", THERE)]
    assert machine.acknowledge(12.0)
    assert not machine.acknowledge(12.1)
    assert machine.request() == []
    assert times(machine, 100.0) == []
    assert machine.over
    assert not machine.failed


def test_server_invite_without_ack_fails() -> None:
    machine = ServerInvite(THERE)
    machine.respond(200, b"200", 0.0)
    assert times(machine, 100.0) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert machine.failed


def test_server_invite_repeats_a_refusal_without_failing() -> None:
    machine = ServerInvite(THERE)
    machine.respond(486, b"486", 0.0)
    assert times(machine, 3.6) == [0.5, 1.5, 3.5]
    assert machine.acknowledge(4.0)
    assert machine.state is State.CONFIRMED
    assert times(machine, 100.0) == []
    assert not machine.failed


def test_server_invite_rings_each_minute() -> None:
    machine = ServerInvite(THERE)
    machine.respond(180, b"180", 0.0)
    assert times(machine, 130.0) == [60.0, 120.0]
    assert not machine.acknowledge(131.0)


def test_server_request_answers_once_and_repeats_when_asked() -> None:
    machine = ServerRequest(THERE)
    machine.start(0.0)
    assert machine.request() == []
    assert machine.respond(b"200", 1.0) == [Send(b"200", THERE)]
    assert machine.respond(b"500", 1.0) == []
    assert machine.request() == [Send(b"200", THERE)]
    assert machine.deadline == 33.0
    machine.tick(33.0)
    assert machine.over


def test_server_request_that_nobody_answers_ends() -> None:
    machine = ServerRequest(THERE)
    machine.start(0.0)
    assert machine.tick(31.0) == []
    machine.tick(32.0)
    assert machine.over


@pytest.mark.parametrize("repeats", [True, False])
def test_rebased(repeats: bool) -> None:
    machine = ServerInvite(THERE)
    machine.respond(200 if repeats else 180, b"data", 0.0)
    new = ServerInvite(Address("", 0))
    new.restore(machine.to_json(10.0), 1000.0)
    assert new.destination == THERE
    assert new.repeat_at == 1000.0
    assert new.end_at == (1022.0 if repeats else None)
    assert new.tick(1000.0) == [Send(b"data", THERE)]
    assert new.repeat_at == (1001.0 if repeats else 1060.0)
