from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.sip.events import Address
from ivr.sip.uri import (
    UriError,
    clean,
    host_port,
    is_private,
    parse_name_addr,
    parse_uri,
    split_list,
    write_name_addr,
    write_user,
)


@pytest.mark.parametrize(
    ("text", "user", "host", "port", "params"),
    [
        ("sip:4000@192.0.2.1:5070", "4000", "192.0.2.1", 5070, {}),
        ("SIP:a%20b:pw@node1;Transport=udp;lr", "a b", "node1", None, {"transport": "udp", "lr": ""}),
        ("sips:[2001:db8::1]:5061", "", "2001:db8::1", 5061, {}),
        ("sip:+8613912345678;npdi@host.example?Subject=x", "+8613912345678", "host.example", None, {}),
        ("tel:+8613912345678;phone-context=x", "+8613912345678", "", None, {"phone-context": "x"}),
        ("sip:1@h;self=1", "1", "h", None, {"self": "1"}),
    ],
)
def test_uri(text: str, user: str, host: str, port: int | None, params: dict[str, str]) -> None:
    uri = parse_uri(text)
    assert (uri.user, uri.host, uri.port, uri.params) == (user, host, port, params)


@pytest.mark.parametrize(
    "text", ["", "http://x", "sip:", "sip:a@", "sip:a@h:0", "sip:a@h:99999", "sip:a@h:x", "sip:a@b@c", "sip:a@ h"]
)
def test_no_uri(text: str) -> None:
    with pytest.raises(UriError):
        parse_uri(text)


def test_address_only_of_ip_literals() -> None:
    assert parse_uri("sip:a@192.0.2.1").address == Address("192.0.2.1", 5060)
    assert parse_uri("sip:a@[2001:db8::1]:7").address == Address("2001:db8::1", 7)
    assert parse_uri("sip:a@pbx.example").address is None
    assert parse_uri("sip:a@400.hotline").address is None
    assert parse_uri("tel:1").address is None


@pytest.mark.parametrize(
    ("text", "display", "uri", "tag"),
    [
        ('"Wang \\"A\\", x" <sip:1@h>;tag=7;x', 'Wang "A", x', "sip:1@h", "7"),
        ("Wang Li <sip:1@h;lr>; TAG = 7", "Wang Li", "sip:1@h;lr", "7"),
        ("<sip:1@h>", "", "sip:1@h", ""),
        ('<sip:1@h>;+sip.instance="<urn:uuid:1;tag=8>";tag=7', "", "sip:1@h", "7"),
        ('sip:1@h;+sip.instance="<urn:uuid:1>";tag=7', "", "sip:1@h", "7"),
        ("sip:1@h;tag=7", "", "sip:1@h", "7"),
        ("王 <tel:10086>", "王", "tel:10086", ""),
    ],
)
def test_name_addr(text: str, display: str, uri: str, tag: str) -> None:
    address = parse_name_addr(text)
    assert (address.display, address.uri, address.tag) == (display, uri, tag)


@pytest.mark.parametrize("text", ["", '"a <sip:1@h>', "<sip:1@h", "<>", "<sip:1 2@h>"])
def test_no_name_addr(text: str) -> None:
    with pytest.raises(UriError):
        parse_name_addr(text)


def test_lists() -> None:
    assert split_list(["<sip:a@h>", " ", "<sip:b@h>"]) == ["<sip:a@h>", "<sip:b@h>"]
    assert split_list(['"a, \\"b" <sip:a,b@h>;x=1, <sip:c@h>', "<sip:d@h>"]) == [
        '"a, \\"b" <sip:a,b@h>;x=1',
        "<sip:c@h>",
        "<sip:d@h>",
    ]
    assert split_list([]) == []


def test_written() -> None:
    assert write_name_addr('A "B"\r\nX: y', "sip:1@h") == '"A \\"B\\"X: y" <sip:1@h>'
    assert write_name_addr("", "sip:1@h") == "<sip:1@h>"
    assert write_user("a b@c") == "a%20b%40c"
    assert write_user("*81") == "*81"
    assert host_port("::1", 5) == "[::1]:5"
    assert clean("a\r\nb\0") == "ab"


def test_private() -> None:
    assert is_private("192.168.1.1")
    assert is_private("100.64.3.1")
    assert is_private("fd00::1")
    assert not is_private("8.8.8.8")
    assert not is_private("2001:4860::1")


@given(st.text(max_size=60))
def test_nothing_but_uri_errors(text: str) -> None:
    for read in (parse_uri, parse_name_addr):
        with suppress(UriError):
            read(text)
    split_list([text, text])


@given(st.text(max_size=40), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_what_is_written_is_read_again(display: str, user: str) -> None:
    address = parse_name_addr(write_name_addr(display, f"sip:{write_user(user)}@h"))
    assert address.display == clean(display)
    assert parse_uri(address.uri).user == user.partition(";")[0]
