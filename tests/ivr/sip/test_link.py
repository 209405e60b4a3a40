"""Two agents over a wire that loses, doubles and reorders: whatever happens, both ends agree in the end and nothing stays
behind."""

from __future__ import annotations

import heapq
import json
from dataclasses import dataclass, field
from itertools import count
from random import Random

import pytest

from ivr.sip import events as sip
from ivr.sip.agent import UserAgent
from ivr.sip.events import Address, Output, Send
from ivr.sip.peers import Peers
from ivr.sip.target import Target
from ivr.sip.trunk import TrunkPeer
from tests.ivr.sip.conftest import OURS, SDP, make_agent

A, B = Address("192.0.2.1", 5060), Address("192.0.2.2", 5060)


@dataclass
class Side:
    agent: UserAgent
    address: Address
    session: str = ""
    log: list[str] = field(default_factory=list)
    sent_bye: bool = False


class Link:
    """Delivers datagrams in the order of their arrival times, which a seeded source draws; a simple app sits on each side.

    The caller (a) dials; the callee (b) rings, or sends early media, and answers; after the answer `story` says who re-INVITEs
    and who hangs up.
    """

    def __init__(self, seed: int, *, loss: float, kill: float = 0.0, early: bool = False) -> None:
        self.early = early
        self.random = Random(seed)
        self.loss, self.kill = loss, kill
        self.generation = count(1)
        self.sides = {A: Side(self._agent("a", A), A, "leg"), B: Side(self._agent("b", B), B)}
        self.queue: list[tuple[float, int, object]] = []
        self.order = count()
        self.now = 0.0

    def _agent(self, prefix: str, address: Address) -> UserAgent:
        peers = Peers([TrunkPeer.of("other", ["192.0.2.0/24"], ["4000"])])
        return make_agent(address, prefix=f"{prefix}{next(self.generation)}", peers=peers, session_expires_s=90)

    @property
    def a(self) -> Side:
        return self.sides[A]

    @property
    def b(self) -> Side:
        return self.sides[B]

    def do(self, side: Side, outputs: list[Output]) -> None:
        """Send, and let the side's app react."""
        for output in outputs:
            if isinstance(output, Send):
                for _ in range(2 if self.random.random() < 0.1 else 1):
                    if self.random.random() >= self.loss:
                        at = self.now + 0.01 + self.random.random() * (1.0 if self.random.random() < 0.1 else 0.05)
                        heapq.heappush(self.queue, (at, next(self.order), (output, side.address)))
            else:
                self.react(side, output)

    def react(self, side: Side, event: sip.Event) -> None:
        side.log.append(event.why if isinstance(event, sip.Broken) and event.why == "session_expired" else type(event).__name__)
        agent = side.agent
        match event:
            case sip.Invited(session):
                side.session = session
                self.do(side, agent.progress(session, OURS, self.now) if self.early else agent.ring(session, self.now))
                self.at(2.0, lambda: self.do(self.b, self.b.agent.answer(session, OURS, self.now)))
            case sip.Reinvited(session):
                self.do(side, agent.answer_reinvite(session, OURS, self.now))
            case sip.HungUp(session):
                self.do(side, agent.confirm_bye(session, self.now))
            case sip.Broken(session):
                self.do(side, agent.bye(session, self.now))
            case sip.ReinviteRejected(session, 491, owner):
                self.at(3.0 if owner else 1.0, lambda: self.do(side, side.agent.reinvite(session, SDP, self.now)))

    def at(self, delay: float, act: object) -> None:
        heapq.heappush(self.queue, (self.now + delay, next(self.order), act))

    def run(self, until: float) -> None:
        while True:
            deadlines = [(at, side) for side in self.sides.values() if (at := side.agent.deadline()) is not None]
            at, timed = min(deadlines, key=lambda pair: pair[0], default=(float("inf"), None))
            arrival = self.queue[0][0] if self.queue else float("inf")
            self.now = min(at, arrival)
            if self.now > until:
                self.now = until
                return
            if arrival <= at:
                _, _, what = heapq.heappop(self.queue)
                if callable(what):
                    what()
                    continue
                assert isinstance(what, tuple)
                send, source = what
                side = self.sides[send.destination]
                self.do(side, side.agent.receive(send.data, source, self.now))
            else:
                assert timed is not None
                side = timed
                self.do(side, side.agent.tick(self.now))
            if side.session and self.random.random() < self.kill:
                self.replace(side)

    def replace(self, side: Side) -> None:
        """kill -9 and restore; what was in the kernel stays there."""
        stored = json.loads(json.dumps(side.agent.dump(side.session, self.now)))
        side.agent = self._agent("a" if side is self.a else "b", side.address)
        side.agent.restore(stored, self.now)


def dial(link: Link) -> None:
    link.do(link.a, link.a.agent.invite("leg", Target("sip:4000@192.0.2.2", B, from_user="139"), SDP, 0.0))


@pytest.mark.parametrize("hangs_up", ["a", "b", "both"])
@pytest.mark.parametrize("seed", range(12))
def test_a_call_over_a_bad_wire(seed: int, hangs_up: str) -> None:
    link = Link(seed, loss=0.25)
    dial(link)
    link.at(12.0, lambda: link.do(link.a, link.a.agent.reinvite("leg", SDP, link.now)))
    link.at(12.0, lambda: link.do(link.b, link.b.agent.reinvite(link.b.session, SDP, link.now)))
    if hangs_up in {"a", "both"}:
        link.at(60.0, lambda: link.do(link.a, link.a.agent.bye("leg", link.now)))
    if hangs_up in {"b", "both"}:
        link.at(60.0, lambda: link.do(link.b, link.b.agent.bye(link.b.session, link.now)))
    link.run(400.0)
    assert link.a.log.count("Answered") == 1
    assert link.b.log.count("Invited") == 1
    assert "Acknowledged" in link.b.log
    assert {"ReinviteAnswered"} <= set(link.a.log) | set(link.b.log)
    ends = {"HungUp", "Over", "Broken"}
    assert ends & set(link.a.log)
    assert ends & set(link.b.log)
    for side in (link.a, link.b):
        assert not side.agent.knows(side.session)
        assert side.agent.deadline() is None
        assert "Garbage" not in side.log


@pytest.mark.parametrize("kill", [0.0, 0.1])
@pytest.mark.parametrize("seed", range(16))
def test_early_media_and_updates_over_a_bad_wire(seed: int, kill: float) -> None:
    """183, PRACK, UPDATE before and beside the answer, and refreshes each 45 s; in the end both have heard all."""
    link = Link(seed, loss=0.15, kill=kill, early=True)
    dial(link)
    for at in (1.0, 1.9):
        link.at(at, lambda: link.do(link.a, link.a.agent.reinvite("leg", SDP, link.now)))
        link.at(at, lambda: link.do(link.b, link.b.agent.reinvite(link.b.session, OURS, link.now)))
    link.at(300.0, lambda: link.do(link.a, link.a.agent.bye("leg", link.now)))
    link.run(700.0)
    assert link.a.log.count("Answered") == 1
    assert "Progressed" in link.a.log or kill
    assert "Reinvited" in link.a.log + link.b.log
    assert {"HungUp", "Broken"} & set(link.b.log)
    for side in (link.a, link.b):
        assert "session_expired" not in side.log
        assert not side.agent.knows(side.session)
        assert side.agent.deadline() is None


@pytest.mark.parametrize("at", [0.0, 0.03, 0.5, 1.99, 2.0, 2.01, 2.05, 2.5])
@pytest.mark.parametrize("seed", range(6))
def test_cancel_at_any_time_over_a_bad_wire(seed: int, at: float) -> None:
    link = Link(seed, loss=0.25)
    dial(link)
    link.at(at, lambda: link.do(link.a, link.a.agent.cancel("leg", link.now)))
    link.run(400.0)
    answered = "Answered" in link.a.log
    assert ("Rejected" in link.a.log) != answered
    if link.b.log and not answered:
        assert {"Cancelled", "HungUp", "Over", "Broken"} & set(link.b.log)
    for side in (link.a, link.b):
        assert not side.agent.knows(side.session)
        assert side.agent.deadline() is None


@pytest.mark.parametrize("seed", range(30))
def test_kill_9_after_any_step(seed: int) -> None:
    link = Link(seed, loss=0.1, kill=0.3)
    dial(link)
    link.at(20.0, lambda: link.do(link.b, link.b.agent.reinvite(link.b.session, SDP, link.now)))
    link.at(60.0, lambda: link.do(link.a, link.a.agent.bye("leg", link.now)))
    link.run(500.0)
    assert link.a.log.count("Answered") == 1
    assert link.b.log.count("Invited") == 1
    assert {"HungUp", "Broken"} & set(link.b.log)
    for side in (link.a, link.b):
        assert not side.agent.knows(side.session)
        assert side.agent.deadline() is None
