"""Frames and keys of a stream as RTP: numbers, gaps, late frames; and that media's own receiver of keys takes them."""

from __future__ import annotations

import struct

from ivr.gateway.inward import Inward
from ivr.gateway.outward import Outward
from ivr.media.dtmf import DigitReceiver
from ivr.phones import audio, rtp

SSRC, SEQUENCE, TIMESTAMP = 7, 65534, 2**32 - 200
FRAME = bytes(160)


def make(dtmf_type: int | None = 101) -> Inward:
    inward = Inward(ssrc=SSRC, sequence=SEQUENCE, timestamp=TIMESTAMP)
    inward.dtmf_type = dtmf_type
    return inward


def read(packet: bytes) -> rtp.Packet:
    found = rtp.unpack(packet, 0.0)
    assert found is not None
    return found


def numbers(*packets: bytes) -> list[tuple[int, int]]:
    """Sequence and samples, from the beginning."""
    found = [read(packet) for packet in packets]
    return [((one.sequence - SEQUENCE) & 0xFFFF, (one.timestamp - TIMESTAMP) & 0xFFFFFFFF) for one in found]


def test_frames_follow_each_other_over_the_wrap() -> None:
    inward = make()
    packets = [inward.sound(FRAME, chunk, (chunk - 1) * 20) for chunk in (1, 2, 3, 4)]
    assert numbers(*packets) == [(0, 0), (1, 160), (2, 320), (3, 480)]
    assert [read(packet).marker for packet in packets] == [True, False, False, False]
    assert {read(packet).payload_type for packet in packets} == {0}


def test_frames_without_numbers_follow_each_other_too() -> None:
    inward = make()
    assert numbers(*(inward.sound(FRAME) for _ in range(3))) == [(0, 0), (1, 160), (2, 320)]


def test_a_missing_frame_is_a_gap_and_comes_late() -> None:
    inward = make()
    inward.sound(FRAME, 1, 0)
    assert numbers(inward.sound(FRAME, 3, 40)) == [(2, 320)]
    assert numbers(inward.sound(FRAME, 2, 20)) == [(1, 160)]
    assert numbers(inward.sound(FRAME, 4, 60)) == [(3, 480)]


def test_a_frame_that_comes_twice_goes_once() -> None:
    inward = make()
    assert inward.sound(FRAME, 1, 0)
    assert inward.sound(FRAME, 1, 0) == b""
    assert numbers(inward.sound(FRAME, 2, 20)) == [(1, 160)]


def test_a_frame_of_long_ago_is_of_no_use() -> None:
    inward = make()
    inward.sound(FRAME, 200, 4000)
    assert inward.sound(FRAME, 3, 40) == b""


def test_a_pause_without_missing_frames_is_a_pause() -> None:
    inward = make()
    inward.sound(FRAME, 1, 0)
    assert numbers(inward.sound(FRAME, 2, 1020)) == [(1, 160 + 8000)]


def test_clocks_that_are_coarse_make_no_gaps() -> None:
    inward = make()
    stamps = [0, 21, 39, 62, 79]
    assert [stamp for _, stamp in numbers(*(inward.sound(FRAME, n + 1, ms) for n, ms in enumerate(stamps)))] == [
        0, 160, 320, 480, 640,
    ]  # fmt: skip


def keys_of(packets: list[bytes]) -> str:
    """What media makes of them."""
    receiver = DigitReceiver()
    heard = ""
    for number, packet in enumerate(packets):
        one = read(packet)
        code, flags, duration = struct.unpack(">BBH", one.payload)
        heard += "".join(key for key, _ in receiver.receive(one.timestamp, code, flags, duration, number * 0.02))
    return heard


def test_keys_are_pressed_one_after_the_other_each_once() -> None:
    inward = make()
    for key in "1123#*":
        inward.press(key)
    packets: list[bytes] = []
    ticks = 0
    while inward.pressing:
        packets += inward.tick()
        ticks += 1
        assert ticks < 200
    assert keys_of(packets) == "1123#*"
    assert {read(packet).payload_type for packet in packets} == {101}
    assert len({read(packet).sequence for packet in packets}) == len(packets)


def test_keys_between_frames_keep_the_frames_numbers_apart() -> None:
    inward = make()
    first = inward.sound(FRAME, 1, 0)
    inward.press("5")
    [event] = inward.tick()
    second = inward.sound(FRAME, 2, 20)
    assert numbers(first, event, second) == [(0, 0), (1, 160), (2, 160)]


def test_keys_that_nobody_takes_hold_nothing_up() -> None:
    inward = make(None)
    inward.press("5")
    assert inward.tick() == []
    assert not inward.pressing


def test_outward_takes_sound_in_its_order_and_nothing_else() -> None:
    outward = Outward()
    outward.hush_type = 102

    def packet(sequence: int, kind: int = 0, ssrc: int = 9) -> bytes:
        return rtp.pack(kind, sequence, 0, ssrc, bytes([sequence & 0xFF]), marker=False)

    assert outward.frame(packet(65535)) == b"\xff"
    assert outward.frame(packet(0)) == b"\x00"
    assert outward.frame(packet(65535)) == b"", "late"
    assert outward.frame(packet(0)) == b"", "twice"
    assert outward.frame(packet(1, 101)) == b"", "a key"
    assert outward.frame(packet(2, 13)) == b"", "comfort noise"
    assert outward.frame(packet(3, 102)) is None, "what came before was broken off"
    assert outward.frame(packet(3, 102)) == b"", "that is told once"
    assert outward.frame(packet(5, ssrc=10)) == b"\x05", "another source begins anew"
    assert outward.frame(b"\x80\x00") == b""
    assert outward.frame(b"") == b""


def test_a_seats_keys_are_heard_as_tones() -> None:
    """A stream knows sound alone: of 100 ms in event packets become 100 ms of the key's two tones, once."""
    outward = Outward()
    outward.dtmf_type = 101
    heard = b""
    for number, payload in enumerate(rtp.key_events("5", 100)):
        heard += outward.frame(rtp.pack(101, number, 1000, 9, payload, marker=False)) or b""
    assert len(heard) == 800
    samples = audio.decode("PCMU", heard)
    assert audio.tone_share(samples, 770) + audio.tone_share(samples, 1336) > 0.95
    again = outward.frame(rtp.pack(101, 50, 5000, 9, rtp.key_events("#", 100)[0], marker=False))
    assert again is not None
    assert len(again) == 160
    assert outward.frame(rtp.pack(101, 51, 5000, 9, b"\x63\x0a", marker=False)) == b""
    assert outward.frame(rtp.pack(101, 52, 9000, 9, b"\x63\x0a\x01\x00", marker=False)) == b"", "no key"
