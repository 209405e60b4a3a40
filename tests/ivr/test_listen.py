"""Ports for hotlines that live for a while."""

from __future__ import annotations

import random
import socket

import pytest

from ivr.consolesettings import NO_BROWSER_OPENS
from ivr.listen import OURS, free_port

KINDS = (socket.SOCK_DGRAM, socket.SOCK_STREAM)


def test_every_browser_opens_them() -> None:
    assert NO_BROWSER_OPENS.isdisjoint(OURS)


@pytest.mark.parametrize("kind", KINDS)
def test_one_in_use_is_passed_over(kind: socket.SocketKind) -> None:
    random.seed(1)
    first = free_port(kind, "127.0.0.1")
    assert first in OURS
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", first))
        random.seed(1)
        assert free_port(kind, "127.0.0.1") in {*OURS} - {first}


def test_of_an_address_that_is_not_ours_there_is_none() -> None:
    with pytest.raises(OSError, match="assign"):
        free_port(socket.SOCK_DGRAM, "192.0.2.1")
