"""Calls with SRTP through the media process, with libsrtp at the peers."""

from __future__ import annotations

import contextlib
from base64 import b64encode
from dataclasses import replace

import numpy as np
from pylibsrtp import Error, Policy, Session

from ivr.media.control import Digit, Mix, Record, Srtp, Stats, StopRecord
from ivr.media.g711 import Law
from tests.ivr.media.rig import Peer, Rig, power, read_recording, snr_db, tone

OURS, THEIRS, OTHER = bytes(range(30)), bytes(range(100, 130)), bytes(range(200, 230))


def keys(local: bytes = OURS, remote: bytes = THEIRS) -> Srtp:
    return Srtp("AES_CM_128_HMAC_SHA1_80", b64encode(local).decode(), b64encode(remote).decode())


class SecurePeer(Peer):
    """A peer that protects what it sends and takes only what is protected."""

    def __init__(self, law: Law, ssrc: int) -> None:
        super().__init__(law, ssrc)
        self.rekey()

    def rekey(self, local: bytes = THEIRS, remote: bytes = OURS) -> None:
        """`local` is its own key."""
        self.ear, self.mouth = (
            Session(Policy(key, kind)) for key, kind in ((remote, Policy.SSRC_ANY_INBOUND), (local, Policy.SSRC_ANY_OUTBOUND))
        )

    def packet(self, payload: bytes, second: int) -> bytes:
        return self.mouth.protect(super().packet(payload, second))

    def drain(self) -> None:
        packets, self.packets = self.packets, []
        super().drain()
        self.packets, arrived = packets, self.packets
        for packet in arrived:
            with contextlib.suppress(Error):  # what was under way when the key changed
                self.packets.append(self.ear.unprotect(packet))


async def secure_leg(rig: Rig, name: str, law: Law = "PCMA") -> SecurePeer:
    plain = await rig.leg(name, law)
    rig.peers.remove(plain)
    peer = SecurePeer(law, len(rig.peers) + 77)
    peer.to = plain.to
    plain.close()
    rig.peers.append(peer)
    await rig.do(replace(rig.remote(name, peer), srtp=keys()))
    return peer


async def test_a_protected_and_a_plain_leg_talk_and_are_recorded(rig: Rig) -> None:
    a, b = await secure_leg(rig, "a"), await rig.leg("b", "PCMU")
    await rig.do(Mix(("a", "b"), {"a": ("b",), "b": ("a",)}))
    await rig.do(Record("r", str(rig.recordings / "r.wav"), "a", "b"))
    a.says(tone(440, 1.0))
    b.says(tone(1000, 1.0))
    await rig.talk(2.0, a, b)
    a.press("5")
    assert await rig.event(Digit) == [Digit("a", "5", 100)]
    stopped = await rig.do(StopRecord("r"))
    assert snr_db(b.heard()[-4000:], 440) > 20
    assert snr_db(a.heard()[-4000:], 1000) > 20
    left, right = read_recording(rig.recordings / "r.wav")
    assert stopped["gaps"] == 0
    assert power(left[4000:12000], 440) > 0.95
    assert power(right[4000:12000], 1000) > 0.95


async def test_plain_and_forged_packets_are_garbage_to_a_protected_leg(rig: Rig) -> None:
    a, b = await secure_leg(rig, "a"), await rig.leg("b")
    await rig.do(Mix(("a", "b"), {"a": ("b",), "b": ("a",)}))
    before = (await rig.do(Stats()))["garbage"]
    a.rekey(OTHER)
    a.says(tone(440, 1.0))
    await rig.talk(0.5, a)
    forged = Peer("PCMA", a.ssrc)
    rig.peers.append(forged)
    forged.to = a.to
    forged.says(tone(440, 1.0))
    await rig.talk(0.5, forged)
    assert not b.packets or np.abs(b.heard()).max() < 100
    assert (await rig.do(Stats()))["garbage"] >= before + 45
    a.rekey()
    await rig.until(lambda: bool(b.packets) and np.abs(b.heard()[-800:]).max() > 4000, a)


async def test_the_same_keys_said_again_go_on_and_new_ones_take_over(rig: Rig) -> None:
    a, b = await secure_leg(rig, "a"), await rig.leg("b")
    await rig.do(Mix(("a", "b"), {"a": ("b",), "b": ("a",)}))
    a.says(tone(440, 1.0))
    b.says(tone(1000, 1.0))
    await rig.talk(0.5, a, b)
    await rig.do(replace(rig.remote("a", a), srtp=keys()))
    await rig.talk(0.5, a, b)
    assert snr_db(a.heard()[-2400:], 1000) > 20
    assert snr_db(b.heard()[-2400:], 440) > 20
    await rig.do(replace(rig.remote("a", a), srtp=keys(OTHER, OURS)))
    a.rekey(OURS, OTHER)
    await rig.talk(0.7, a, b)
    assert snr_db(a.heard()[-2400:], 1000) > 20
    assert snr_db(b.heard()[-2400:], 440) > 20


async def test_protection_ends_with_a_negotiation_without_keys(rig: Rig) -> None:
    a = await secure_leg(rig, "a")
    await rig.until(lambda: len(a.packets) > 3, a)
    plain = Peer("PCMA", 5)
    rig.peers.append(plain)
    plain.to = a.to
    await rig.do(rig.remote("a", plain))
    plain.press("9")
    await rig.event(Digit)
    await rig.until(lambda: len(plain.packets) > 3)
    assert {len(packet) for packet in plain.packets} == {172}
