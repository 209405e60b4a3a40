"""Our registration with an operator: when it asks, what it asks, what it learns."""

from __future__ import annotations

from ivr.sip.events import Address, Replied
from ivr.sip.registrant import BACK_OFF_S, MAX_BACK_OFF_S, REFUSED_S, Account, Registrant

SERVER = Address("192.0.2.7", 5060)
ACCOUNT = Account("ims.carrier.cn", "+864713614000", "864713614000@ims", "pw", 3600, user_phone=True)


def registrant(account: Account = ACCOUNT, chance: float = 1.0) -> Registrant:
    return Registrant(account, call_id="c", tag="t", chance=lambda: chance, now=0.0)


def replied(status: int, *headers: tuple[str, str], cseq: int = 1) -> Replied:
    return Replied("r", status, cseq, headers)


def test_the_request() -> None:
    machine = registrant()
    assert machine.due == 0.0
    assert not machine.registered(0.0)
    ask = machine.ask(SERVER, ("<sip:192.0.2.7;lr>",))
    assert (ask.method, ask.uri, ask.call_id, ask.cseq) == ("REGISTER", "sip:ims.carrier.cn", "c", 1)
    assert ask.from_ == "<sip:+864713614000@ims.carrier.cn;user=phone>;tag=t"
    assert ask.to == "<sip:+864713614000@ims.carrier.cn;user=phone>"
    assert (ask.contact, ask.user, ask.password) == ("+864713614000", "864713614000@ims", "pw")
    assert ask.headers == (("Expires", "3600"), ("Supported", "path"))
    assert registrant(Account("a.cn", "4000")).ask(SERVER, ()).user == "4000", "one user for both"


def test_over_a_connection_it_asks_for_calls_to_come_in_by_that() -> None:
    """RFC 5626. A proxy before the registrar that does not know that (439) is asked without, at once."""
    machine = Registrant(ACCOUNT, call_id="c", tag="t", chance=lambda: 1.0, now=0.0, instance="urn:uuid:1-2")
    for leave in (False, True):
        ask = machine.ask(SERVER, (), leave=leave)
        assert ask.contact_params == ';reg-id=1;+sip.instance="<urn:uuid:1-2>"'
        assert ask.headers[1] == ("Supported", "path, outbound")
    machine.answered(replied(200, ("Flow-Timer", "120"), ("Require", "outbound")), 1.0)
    assert (machine.flow_timer_s, machine.outbound) == (120, True)
    machine.answered(replied(200), 2.0)
    assert (machine.flow_timer_s, machine.outbound) == (0, False)
    machine.answered(replied(439), 3.0)
    assert machine.due == 3.0
    ask = machine.ask(SERVER, ())
    assert (ask.contact_params, ask.headers[1]) == ("", ("Supported", "path"))
    machine.answered(replied(439), 4.0)
    assert machine.due == 4.0 + REFUSED_S, "once"


def test_what_is_granted_and_learnt() -> None:
    machine = registrant()
    machine.answered(
        replied(
            200,
            ("Contact", "<sip:+864713614000@192.0.2.1:5060>;expires=1800"),
            ("Contact", "<sip:other@192.0.2.1>;expires=60"),
            ("Contact", "<sip:+864713614000@192.0.2.99>;expires=2000"),
            ("Contact", "no address"),
            ("Service-Route", "<sip:orig@scscf.carrier.cn;lr>"),
            ("P-Associated-URI", "<sip:+864713614000@ims.carrier.cn>"),
            ("P-Associated-URI", "<tel:+864713614000>"),
            cseq=2,
        ),
        10.0,
    )
    assert machine.registered(1809.0)
    assert not machine.registered(1810.0)
    assert machine.due == 10.0 + 1200, "600 s before the end"
    assert machine.service_route == ("<sip:orig@scscf.carrier.cn;lr>",)
    assert machine.associated == ("<sip:+864713614000@ims.carrier.cn>", "<tel:+864713614000>")
    assert machine.ask(SERVER, ()).cseq == 3, "above the one that answered the challenge"


def test_lifetimes() -> None:
    machine = registrant()
    machine.answered(replied(200, ("Expires", "600")), 0.0)
    assert machine.due == 300.0, "half of a short lifetime"
    machine.answered(replied(200), 0.0)
    assert machine.until == 3600.0, "what we asked for"
    machine.answered(replied(200, ("Contact", "<sip:+864713614000@192.0.2.1>"), ("Expires", "1")), 0.0)
    assert machine.until == 30.0, "nothing is refreshed more often than each 15 s"


def test_a_service_route_that_leads_nowhere_is_none() -> None:
    machine = registrant()
    machine.answered(replied(200, ("Service-Route", "<http://x>")), 0.0)
    assert machine.service_route == ()


def test_a_longer_lifetime_is_asked_for_at_once() -> None:
    machine = registrant(Account("a", "b", expires_s=60))
    machine.answered(replied(423, ("Min-Expires", "7200")), 5.0)
    assert machine.due == 5.0
    assert machine.ask(SERVER, ()).headers[0] == ("Expires", "7200")
    machine.answered(replied(423, ("Min-Expires", "7200")), 5.0)
    assert machine.due > 5.0, "but not twice the same"
    machine.answered(replied(423), 5.0)
    assert machine.due > 5.0


def test_failures_wait_longer_each_time() -> None:
    machine = registrant()
    waits = []
    for _ in range(9):
        machine.answered(replied(503), 0.0)
        waits.append(machine.due)
    assert waits[:3] == [BACK_OFF_S, 2 * BACK_OFF_S, 4 * BACK_OFF_S]
    assert waits[-1] == MAX_BACK_OFF_S
    machine.answered(replied(200), 0.0)
    machine.answered(replied(408), 0.0)
    assert machine.due == BACK_OFF_S, "a success forgets them"
    half = registrant(chance=0.0)
    half.answered(replied(503), 0.0)
    assert half.due == BACK_OFF_S / 2, "not all at one instant"


def test_a_refusal_waits_from_the_start_and_retry_after_is_kept() -> None:
    machine = registrant()
    machine.answered(replied(403), 0.0)
    assert machine.due == REFUSED_S
    machine = registrant()
    machine.answered(replied(503, ("Retry-After", "900 (maintenance)")), 0.0)
    assert machine.due == 900.0


def test_a_lost_connection_is_replaced_soon() -> None:
    machine = registrant(chance=0.5)
    machine.answered(replied(200), 0.0)
    machine.lost(100.0)
    assert machine.due == 101.0
    assert not machine.registered(100.0)
