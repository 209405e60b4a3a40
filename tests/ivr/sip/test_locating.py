"""Places, SRV order, and addresses that did not answer."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from ivr.sip.events import Address
from ivr.sip.locating import DEAD_S, LONGEST_S, Health, Place, Service, ordered, service_name, usual_port


@pytest.mark.parametrize(
    ("text", "place", "written"),
    [
        ("sip.carrier.cn", Place("sip.carrier.cn"), "sip.carrier.cn"),
        ("10.0.0.1:5070", Place("10.0.0.1", 5070), "10.0.0.1:5070"),
        ("[2001:db8::1]", Place("2001:db8::1"), "[2001:db8::1]"),
        ("[2001:db8::1]:5061", Place("2001:db8::1", 5061), "[2001:db8::1]:5061"),
    ],
)
def test_places(text: str, place: Place, written: str) -> None:
    assert Place.parse(text) == place
    assert str(place) == written
    assert place.is_ip == (place.host != "sip.carrier.cn")


@pytest.mark.parametrize("text", ["", "a@b", "a:0", "a:70000", "a;transport=tcp", "a b"])
def test_what_is_no_place(text: str) -> None:
    with pytest.raises(ValueError, match="no host or host:port"):
        Place.parse(text)


def test_names_and_ports_by_transport() -> None:
    assert service_name("carrier.cn", "udp") == "_sip._udp.carrier.cn"
    assert service_name("carrier.cn", "tcp") == "_sip._tcp.carrier.cn"
    assert service_name("carrier.cn", "tls") == "_sips._tcp.carrier.cn"
    assert (usual_port("udp"), usual_port("tcp"), usual_port("tls")) == (5060, 5060, 5061)


def test_priorities_come_first_and_weights_share_out() -> None:
    """RFC 2782: 3 of 4 first calls go to the server with three times the weight; the backup is always last."""
    heavy, light, backup = Service(10, 60, "heavy", 1), Service(10, 20, "light", 1), Service(20, 0, "backup", 1)
    random = Random(1)
    first: Counter[str] = Counter()
    for _ in range(4000):
        order = ordered([backup, light, heavy], lambda most: random.randint(0, most))
        assert order[2] is backup
        assert {order[0].host, order[1].host} == {"heavy", "light"}
        first[order[0].host] += 1
    assert 2800 < first["heavy"] < 3200
    assert ordered([Service(1, 0, "a", 1), Service(1, 0, "b", 1)], lambda most: most)[0].host == "a"


def test_a_dead_address_is_tried_last_for_a_while() -> None:
    a, b, c = (Address(f"192.0.2.{n}", 5060) for n in (1, 2, 3))
    health = Health()
    health.died(a, 100.0)
    assert health.sorted([a, b, c], 100.0) == [b, c, a]
    assert health.sorted([a, b, c], 100.0 + DEAD_S) == [a, b, c]
    health.died(b, 100.0)
    health.lives(b)
    assert health.sorted([a, b, c], 101.0) == [b, c, a]


def test_who_names_a_time_is_tried_last_for_that_time_though_it_answers() -> None:
    a, b = (Address(f"192.0.2.{n}", 5060) for n in (1, 2))
    health = Health()
    health.died(a, 100.0, 300.0)
    health.lives(a)
    assert health.sorted([a, b], 399.0) == [b, a]
    assert health.sorted([a, b], 400.0) == [a, b]
    health.died(a, 500.0, 10.0)
    assert health.sorted([a, b], 511.0) == [a, b]
    health.died(a, 600.0, 1e9)
    assert health.sorted([a, b], 600.0 + LONGEST_S) == [a, b]
