"""REGISTER from the challenge to the bindings (RFC 3261 10.3), and seats that call."""

from __future__ import annotations

import pytest

from ivr.sip import events as sip
from ivr.sip.agent import UserAgent
from ivr.sip.auth import parse_digest, respond
from ivr.sip.events import Address, Contact, Party
from ivr.sip.peers import Peers
from ivr.sip.registrar import Binding, Change, StaleRegister, update
from ivr.sip.trunk import TrunkPeer
from tests.ivr.sip.conftest import PEER, SDP, Phone, events, header, lines, make_agent, only, pass_time, sends

HOME = Address("203.0.113.7", 40000)


def seat(**changes: object) -> Phone:
    return Phone(**{"address": HOME, "caller": "1001", "called": "1001", "call_id": "reg", **changes})  # type: ignore[arg-type]


def proof(challenged: str, method: str = "REGISTER", user: str = "1001", password: str = "secret") -> str:
    value = respond(
        [header(challenged, "WWW-Authenticate")], user=user, password=password, method=method, uri="sip:x", cnonce="c"
    )
    return f"Authorization: {value}"


def register(agent: UserAgent, phone: Phone, *extra: str, contact: bool = True) -> list[sip.Output]:
    """Challenge and proof."""
    challenged = agent.receive(phone.request("REGISTER", uri="sip:hotline", extra=extra, contact=contact), phone.address, 0.0)
    assert lines(challenged) == ["401 REGISTER"]
    return agent.receive(
        phone.next("REGISTER", uri="sip:hotline", extra=[*extra, proof(sends(challenged)[0])], contact=contact),
        phone.address,
        0.1,
    )


def test_register() -> None:
    agent, phone = make_agent(), seat()
    outputs = register(agent, phone, "Expires: 600")
    request = only(outputs, sip.RegisterRequested)
    assert lines(outputs) == []
    assert (request.user, request.source, request.call_id, request.cseq) == ("1001", HOME, "reg", 2)
    assert request.contacts == (Contact("sip:1001@203.0.113.7:40000", 600),)
    change = update([], request)
    done = agent.registered(request.request, change.bound, 0.2)
    assert lines(done) == ["200 REGISTER"]
    assert header(sends(done)[0], "Contact") == "<sip:1001@203.0.113.7:40000>;expires=600"
    assert agent.registered(request.request, change.bound, 0.2) == []
    pass_time(agent, 100.0)
    assert agent.deadline() is None


def test_a_challenge_costs_no_memory_and_has_one_tag() -> None:
    agent, phone = make_agent(), seat()
    data = phone.request("REGISTER")
    first, second = (sends(agent.receive(data, HOME, at))[0] for at in (0.0, 0.5))
    assert header(first, "To") == header(second, "To")
    assert agent.deadline() is None


def test_a_wrong_password_is_challenged_again() -> None:
    agent, phone = make_agent(), seat()
    challenged = agent.receive(phone.request("REGISTER"), HOME, 0.0)
    wrong = proof(sends(challenged)[0], password="wrong")
    again = agent.receive(phone.next("REGISTER", extra=[wrong]), HOME, 0.1)
    assert lines(again) == ["401 REGISTER"]
    assert "stale" not in parse_digest(header(sends(again)[0], "WWW-Authenticate"))
    old = agent.receive(phone.next("REGISTER", extra=[proof(sends(challenged)[0])]), HOME, 900.0)
    assert parse_digest(header(sends(old)[0], "WWW-Authenticate"))["stale"] == "true"


def test_the_account_must_be_ones_own() -> None:
    agent, phone = make_agent(), seat(called="1002")
    assert lines(register(agent, phone)) == ["403 REGISTER"]


def test_a_retransmission_asks_the_app_once() -> None:
    agent, phone = make_agent(), seat()
    outputs = register(agent, phone)
    request = only(outputs, sip.RegisterRequested)
    challenged = agent.receive(phone.request("REGISTER"), HOME, 0.0)
    data = phone.next("REGISTER", extra=[proof(sends(challenged)[0])])
    assert events(agent.receive(data, HOME, 0.2)) != []
    assert agent.receive(data, HOME, 0.3) == []
    refusal = agent.refuse_register(request.request, 503, 0.4, 10)
    assert lines(refusal) == ["503 REGISTER"]
    assert header(sends(refusal)[0], "Retry-After") == "10"
    pass_time(agent, 200.0)
    assert agent.registered(request.request, [], 200.0) == []


def test_a_register_that_the_app_never_answers_ends() -> None:
    agent, phone = make_agent(), seat()
    request = only(register(agent, phone), sip.RegisterRequested)
    pass_time(agent, 200.0)
    assert agent.registered(request.request, [], 200.0) == []


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        (["Contact: *"], "400"),
        (["Contact: *", "Contact: <sip:a@h>", "Expires: 0"], "400"),
        (["Contact: <sip:a@h>;expires=5"], "423"),
        (["Contact: <tel:1>"], "400"),
        (["Contact: nonsense <"], "400"),
        (["Contact: " + ", ".join(f"<sip:{n}@h>" for n in range(11))], "400"),
    ],
)
def test_bad_contacts(extra: list[str], status: str) -> None:
    outputs = register(make_agent(), seat(), *extra, contact=False)
    assert lines(outputs) == [f"{status} REGISTER"]
    if status == "423":
        assert header(sends(outputs)[0], "Min-Expires") == "30"


def test_lifetimes_and_preference() -> None:
    contacts = "Contact: <sip:a@h>;q=0.5, <sip:b@h>;expires=0;q=x, <sip:c@h>;expires=99999;q=7, <sip:d@h>;expires=x"
    request = only(register(make_agent(), seat(), contacts, "Expires: 60", contact=False), sip.RegisterRequested)
    assert request.contacts == (
        Contact("sip:a@h", 60, 0.5),
        Contact("sip:b@h", 0),
        Contact("sip:c@h", 3600),
        Contact("sip:d@h", 60),
    )


def test_asking_and_removing_all() -> None:
    asked = only(register(make_agent(), seat(), contact=False), sip.RegisterRequested)
    assert asked.contacts == ()
    assert not asked.wildcard
    removed = only(register(make_agent(), seat(), "Contact: *", "Expires: 0", contact=False), sip.RegisterRequested)
    assert removed.wildcard


def test_bad_address_of_record() -> None:
    agent, phone = make_agent(), seat()
    challenged = agent.receive(phone.request("REGISTER"), HOME, 0.0)
    data = phone.next("REGISTER", extra=[proof(sends(challenged)[0])]).replace(b"To: <sip:", b"To: <urn:")
    assert lines(agent.receive(data, HOME, 0.1)) == ["400 REGISTER"]


def requested(*contacts: Contact, cseq: int = 2, call_id: str = "reg", wildcard: bool = False) -> sip.RegisterRequested:
    return sip.RegisterRequested("r", "1001", contacts, HOME, call_id, cseq, wildcard)


OLD = Binding("sip:old@h", 100.0, Address("198.51.100.1", 1), "other", 9)


def test_bindings_are_added_refreshed_and_removed() -> None:
    new = Binding("sip:a@h", 60, HOME, "reg", 2, 0.5)
    change = update([OLD, Binding("sip:gone@h", 0.0, HOME)], requested(Contact("sip:a@h", 60, 0.5)))
    assert change == Change((new,), (), (OLD, new))
    assert update([OLD, new], requested(cseq=3)) == Change((), (), (OLD, new))
    moved = update([OLD], requested(Contact("sip:old@h", 60)))
    assert [binding.received for binding in moved.bound] == [HOME]
    assert update([OLD, new], requested(Contact("sip:a@h", 0), cseq=3)) == Change((), ("sip:a@h",), (OLD,))
    assert update([OLD, new], requested(cseq=3, wildcard=True)) == Change((), ("sip:old@h", "sip:a@h"), ())
    both = update([], requested(Contact("sip:a@h", 60), Contact("sip:a@h", 0)))
    assert (both.written, both.bound) == ((), ())


def test_an_older_register_changes_nothing() -> None:
    bound = Binding("sip:a@h", 60, HOME, "reg", 2)
    for request in (requested(Contact("sip:a@h", 60)), requested(wildcard=True), requested(Contact("sip:a@h", 0), cseq=1)):
        with pytest.raises(StaleRegister):
            update([bound], request)


def test_binding_as_json() -> None:
    assert Binding.from_json(OLD.to_json() | {"extra": 1}) == OLD


def test_a_seat_calls() -> None:
    agent, phone = make_agent(), seat(called="4000", call_id="c")
    challenged = agent.receive(phone.invite(), HOME, 0.0)
    assert lines(challenged) == ["401 INVITE"]
    assert agent.receive(phone.ack(branch=phone.branch, to_tag="x"), HOME, 0.1) == []
    outputs = agent.receive(phone.next("INVITE", body=SDP, extra=[proof(sends(challenged)[0], "INVITE")]), HOME, 0.2)
    assert lines(outputs) == ["100 INVITE"]
    assert only(outputs, sip.Invited).party == Party("seat", "1001")


def test_a_registered_flow_must_prove_itself_even_among_a_trunks_addresses() -> None:
    agent = make_agent()
    inside = Address("192.0.2.33", 5060)
    agent.peers.set_flows("1001", [inside])
    phone = Phone(address=inside)
    assert lines(agent.receive(phone.invite(), inside, 0.0)) == ["401 INVITE"]
    agent.peers.set_flows("1001", [])
    assert lines(agent.receive(phone.next("INVITE", body=SDP), inside, 0.0)) == ["100 INVITE"]


def test_an_unknown_account_hears_nothing() -> None:
    agent = make_agent()
    assert agent.receive(seat(caller="9", called="9").request("REGISTER"), HOME, 0.0) == []
    named = ['Authorization: Digest username="9", realm="hotline", nonce="x", uri="sip:x", response="y"']
    assert agent.receive(seat(caller="9", called="9").request("REGISTER", extra=named), HOME, 0.0) == []
    assert lines(agent.receive(seat(called="1001", caller="9").request("REGISTER"), HOME, 0.0)) == ["401 REGISTER"]


def test_a_pbx_that_registers_with_its_trunk_is_told_yes_and_nothing_is_bound() -> None:
    trunk = TrunkPeer.of("pbx", ["192.0.2.0/24"], ["4000"], takes_register=True)
    agent, pbx = make_agent(peers=Peers([trunk], {"1001": "secret"})), Phone(caller="pbx", called="pbx", call_id="pbx")
    told = agent.receive(pbx.request("REGISTER", uri="sip:hotline", extra=["Expires: 600"], contact=True), PEER, 0.0)
    assert lines(told) == ["200 REGISTER"]
    assert events(told) == []
    assert header(sends(told)[0], "Contact").endswith(";expires=600")
    short = agent.receive(pbx.next("REGISTER", uri="sip:hotline", extra=["Expires: 5"], contact=True), PEER, 0.1)
    assert lines(short) == ["423 REGISTER"]
    phone = seat(address=Address("192.0.2.77", 5060))
    claimed = agent.receive(phone.request("REGISTER", uri="sip:hotline"), phone.address, 0.2)
    assert lines(claimed) == ["401 REGISTER"], "an account must prove itself all the same"
    stranger = Address("198.51.100.1", 5060)
    assert lines(agent.receive(pbx.next("REGISTER", uri="sip:hotline", contact=True), stranger, 0.3)) == []
