"""What was heard is put together by timestamps, and gaps are found by arrival."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest

from ivr.phones import audio
from ivr.phones.rtp import FRAME, Heard, Packet, Player, key_events, pack, unpack

VOICE = audio.tone(440, 1.0)


def packets(first: int = 0, last: int = 50, *, at: float = 100.0, stamp: int = 0, ssrc: int = 7) -> list[Packet]:
    """Frames of VOICE from a source whose first timestamp is `stamp`, arriving every 20 ms."""
    sent = range(first, last)
    datagrams = [
        pack(8, n, stamp + n * FRAME, ssrc, audio.encode("PCMA", VOICE[n * FRAME : (n + 1) * FRAME]), marker=n == 0)
        for n in sent
    ]
    received = [unpack(data, at + n * 0.02) for n, data in zip(sent, datagrams, strict=True)]
    return [packet for packet in received if packet is not None]


def test_packets_are_read_past_what_the_header_may_hold() -> None:
    packet = unpack(
        struct.pack("!BBHII", 0xB1, 0x88, 65535, 2**32 - 1, 9) + b"csrc" + b"\0\0\0\1extn" + b"sound" + b"\0\0\3", 1.5
    )
    assert packet == Packet(1.5, 65535, 2**32 - 1, 8, True, 9, b"sound")
    assert unpack(b"", 0.0) is None
    assert unpack(b"\x40" + bytes(11), 0.0) is None


@pytest.mark.parametrize("stamp", [0, 2**32 - 3000])
def test_order_loss_and_wrap_do_not_move_the_sound(stamp: int) -> None:
    came = packets(stamp=stamp)
    came[3], came[4] = came[4], came[3]
    del came[10]
    samples = Heard(came).samples()
    assert len(samples) == 8000
    assert not samples[1600:1760].any()
    assert audio.snr(samples[1760:], 440) > 35
    assert np.array_equal(samples[480:800], audio.decode("PCMA", audio.encode("PCMA", VOICE[480:800])))


def test_a_source_that_starts_anew_is_placed_by_the_clock() -> None:
    samples = Heard([*packets(), *packets(at=103.0, ssrc=8, stamp=123456789)]).samples()
    assert len(samples) == 8000 * 4
    assert not samples[8000:24000].any()
    assert audio.snr(samples[24000:], 440) > 35


def test_a_far_timestamp_takes_no_memory() -> None:
    samples = Heard([*packets(0, 25), *packets(25, 50, stamp=2**31)]).samples()
    assert len(samples) <= 8000 + FRAME


def test_only_the_time_asked_for_is_heard() -> None:
    assert len(Heard(packets()).samples(100.5, 100.7)) in {10 * FRAME, 11 * FRAME}
    assert len(Heard().samples()) == 0


def test_a_sample_was_there_when_its_packet_came() -> None:
    late = packets(0, 10, at=100.0) + [replace(packet, at=100.5) for packet in packets(10, 20)]
    heard = Heard(late)
    assert heard.arrived(0) == 100.0
    assert heard.arrived(9 * FRAME - 1) == pytest.approx(100.16)
    assert heard.arrived(12 * FRAME) == heard.arrived(10**6) == 100.5
    assert heard.arrived(0, since=100.1) == pytest.approx(100.1)
    with pytest.raises(ValueError, match="empty"):
        heard.arrived(0, since=101.0)


def test_gaps_by_arrival() -> None:
    heard = Heard([*packets(0, 10), *packets(30, 50)])

    def gaps(begin: float | None, end: float) -> list[tuple[float, float]]:
        return [(round(at, 3), round(length, 3)) for at, length in heard.gaps(0.06, begin, end)]

    assert gaps(None, 101.0) == [(100.18, 0.42)]
    assert gaps(99.0, 105.0) == [(99.0, 1.0), (100.18, 0.42), (100.98, 4.02)]
    assert Heard().gaps(0.06, 99.0, 105.0) == [(99.0, 6.0)]


def test_a_key_is_heard_once_whatever_is_lost_of_it() -> None:
    for lost in range(8):
        heard, keys = Heard(), ""
        for n, payload in enumerate(key_events("#", 120)):
            packet = unpack(pack(101, n, 5000, 7, payload, marker=n == 0), 1.0)
            if packet is not None and n != lost:
                keys += heard.add(packet)
        assert keys == "#"
    payloads = key_events("5", 100)
    assert [payload[1] >> 7 for payload in payloads] == [0, 0, 0, 0, 1, 1, 1]
    assert payloads[-1][2:] == (800).to_bytes(2, "big")


def test_the_player_loops_and_falls_silent() -> None:
    player = Player()
    assert not player.frame().any()
    player.play(np.arange(1, 101).astype(np.int16), loop=True)
    assert list(player.frame()) == [*range(1, 101), *range(1, 61)]
    assert list(player.frame())[:3] == [61, 62, 63]
    player.play(np.arange(1, 201).astype(np.int16), loop=False)
    assert list(player.frame()) == list(range(1, 161))
    assert list(player.frame()) == [*range(161, 201), *[0] * 120]
    assert not player.frame().any()
