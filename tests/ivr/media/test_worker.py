"""The media process with real peers: what each side hears, what is recorded, what the engine is told."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ivr.media.control import (
    Close,
    Digit,
    Mix,
    Play,
    Played,
    Record,
    Silent,
    Stats,
    Stop,
    StopRecord,
)
from ivr.media.g711 import Law
from ivr.media.loops import Loops
from tests.ivr.media.rig import Peer, Rig, power, read_recording, snr_db, tone, write_wav
from tests.stalls import again_where_late


def both(one: str, two: str) -> Mix:
    return Mix((one, two), {one: (two,), two: (one,)})


def continuous(peer: Peer) -> None:
    """One SSRC, no number missing or doubled, time only forward."""
    headers = peer.headers()
    assert len({ssrc for _, _, _, ssrc in headers}) == 1
    for (_, sequence, timestamp, _), (second, next_sequence, next_timestamp, _) in pairwise(headers):
        assert next_sequence == (sequence + 1) & 0xFFFF
        step = (next_timestamp - timestamp) & 0xFFFFFFFF
        assert 0 < step < 0x80000000 or (step == 0 and second & 0x7F == 101)  # a key's packets share their time


async def test_a_prompt_is_heard_and_its_end_reported(rig: Rig) -> None:
    one, two = (write_wav(rig.directory / f"{hz}.wav", tone(hz, 0.4)) for hz in (440, 1000))
    peer = await rig.leg("a")
    await rig.do(Play("a", 5, (str(one), str(two))))
    (played,) = await rig.event(Played)
    assert played == Played("a", 5, finished=True)
    await rig.talk(0.1)
    loud = [number for number, packet in enumerate(peer.packets) if set(packet[12:]) != {0xD5}]
    assert loud == list(range(loud[0], loud[0] + 40))
    sound = peer.heard(loud[0])
    assert power(sound[:3200], 440) > 0.98
    assert power(sound[3200:6400], 1000) > 0.98
    continuous(peer)


async def test_music_loops_until_it_is_stopped_and_a_play_replaces_the_one_before(rig: Rig) -> None:
    music = write_wav(rig.directory / "music.wav", tone(500, 0.1))
    peer = await rig.leg("a")
    await rig.do(Play("a", 0, (str(music),), loop=True))
    await rig.talk(0.5)
    assert not rig.of(Played)
    await rig.do(Play("a", 1, (str(write_wav(rig.directory / "x.wav", tone(900, 0.1))),)))
    assert await rig.event(Played) == [Played("a", 1, finished=True)]
    await rig.do(Play("a", 2, (str(music),), loop=True))
    await rig.do(Stop("a"))
    await rig.do(Stop("a"))
    since = len(peer.packets)
    await rig.talk(0.2)
    assert np.abs(peer.heard(since + 2)).max() < 100
    assert len(rig.of(Played)) == 1


async def test_who_holds_what_it_got_is_told_what_was_broken_off(rig: Rig) -> None:
    """By a packet without sound in its place in the stream; of what came to its end, and to others, nothing is told."""
    hush = 102
    music = write_wav(rig.directory / "music.wav", tone(500, 0.1))
    asks, other = await rig.leg("a"), await rig.leg("b")
    await rig.do(replace(rig.remote("a", asks), hush_payload_type=hush))

    def told() -> list[int]:
        return [number for number, packet in enumerate(asks.packets) if packet[1] & 0x7F == hush]

    await rig.do(Stop("a"))  # nothing plays
    await rig.do(Play("a", 1, (str(music),)))
    await rig.event(Played)
    assert told() == []
    for leg in ("a", "b"):
        await rig.do(Play(leg, 2, (str(music),), loop=True))
        await rig.talk(0.2)
        await rig.do(Play(leg, 3, (str(music),), loop=True))  # in its place
        await rig.talk(0.2)
        await rig.do(Stop(leg))
        await rig.talk(0.2)
    replaced, stopped = told()
    assert asks.packets[stopped][12:] == b""
    assert np.abs(asks.heard(stopped)).max() < 100, "nothing of it comes after that"
    assert np.abs(asks.heard(replaced)[:8000]).max() > 1000
    times = [(sequence, timestamp) for _, sequence, timestamp, _ in asks.headers()]
    for (sequence, timestamp), (follows, later), packet in zip(times, times[1:], asks.packets, strict=False):
        assert follows == (sequence + 1) & 0xFFFF
        assert later == (timestamp + len(packet) - 12) & 0xFFFFFFFF, "no time is left out, none doubled"
    assert {packet[1] & 0x7F for packet in other.packets} == {8}


async def test_a_file_that_cannot_be_read_is_told_and_does_not_stop_the_others(rig: Rig) -> None:
    fine = write_wav(rig.directory / "fine.wav", tone(440, 0.1))
    wrong = write_wav(rig.directory / "wrong.wav", tone(440, 0.1), rate=16000)
    peer = await rig.leg("a")
    await rig.do(Play("a", 1, (str(rig.directory / "none.wav"), str(fine))))
    await rig.event(Played)
    await rig.talk(0.1)
    (first, *_) = (number for number, packet in enumerate(peer.packets) if set(packet[12:]) != {0xD5})
    assert power(peer.heard(first)[:800], 440) > 0.9
    await rig.do(Play("a", 2, (str(wrong),), loop=True))
    assert await rig.event(Played, 2) == [Played("a", 1, finished=False), Played("a", 2, finished=False)]


@pytest.mark.parametrize(("left", "right"), [("PCMA", "PCMA"), ("PCMA", "PCMU"), ("PCMU", "PCMA"), ("PCMU", "PCMU")])
@again_where_late
async def test_two_parties_hear_each_other_and_both_are_recorded_apart(rig: Rig, left: Law, right: Law) -> None:
    caller, seat = await rig.leg("caller", left), await rig.leg("seat", right)
    caller.says(tone(400, 1))
    seat.says(tone(1500, 1))
    path = rig.recordings / "2026" / "talk.wav"
    await rig.do(both("caller", "seat"))
    await rig.do(Record("r", str(path), "caller", "seat"))
    await rig.talk(1.0, caller, seat)
    reply = await rig.do(StopRecord("r"))
    for peer, hz in ((caller, 1500), (seat, 400)):
        continuous(peer)
        # As sent by the other side, without a packet of silence between.
        assert snr_db(peer.heard()[1600:6400], hz) > (35 if left == right else 30)
    assert reply == {"frames": reply["frames"], "gaps": 0, "path": str(path)}
    sides = read_recording(path)
    assert len(sides[0]) == len(sides[1]) == reply["frames"] >= 7200
    for side, hz, other in ((sides[0], 400, 1500), (sides[1], 1500, 400)):
        assert snr_db(side[2400:5600], hz) > 30
        assert power(side, other) < 0.01
    assert list(path.parent.iterdir()) == [path]
    assert await rig.do(StopRecord("r")) == reply
    assert await rig.do(StopRecord("never")) == {"frames": 0, "gaps": 0, "path": ""}


@again_where_late
async def test_in_a_crowd_each_hears_who_they_talk_to(rig: Rig) -> None:
    """So many that their packets wait for each other, and leave in more than one burst."""
    peers = [await rig.leg(f"leg{number}") for number in range(40)]
    for number, peer in enumerate(peers):
        peer.says(tone(300 + 50 * number, 1))
    for number in range(0, 40, 2):
        await rig.do(both(f"leg{number}", f"leg{number + 1}"))
    await rig.until(lambda: all(len(peer.packets) >= 40 for peer in peers), *peers)
    for number, peer in enumerate(peers):
        continuous(peer)
        assert power(peer.heard()[-3200:], 300 + 50 * (number ^ 1)) > 0.95


@again_where_late
async def test_announcement_then_talk_then_music_is_one_stream(rig: Rig) -> None:
    prompt = write_wav(rig.directory / "number.wav", tone(700, 0.3))
    music = write_wav(rig.directory / "music.wav", tone(300, 0.3))
    caller, seat = await rig.leg("caller"), await rig.leg("seat")
    caller.says(tone(400, 1))
    seat.says(tone(1500, 1))
    await rig.talk(0.1, caller, seat)
    await rig.do(both("caller", "seat"))
    await rig.do(Play("caller", 1, (str(prompt),)))
    await rig.do(Play("seat", 1, (str(prompt),)))
    await rig.until(lambda: len(rig.of(Played)) == 2, caller, seat)
    await rig.talk(0.5, caller, seat)
    await rig.do(Mix(("caller", "seat"), {}))
    await rig.do(Play("caller", 0, (str(music),), loop=True))
    await rig.talk(0.4, caller, seat)
    for peer in (caller, seat):
        continuous(peer)
    sound = caller.heard()
    spans = [sound[at : at + 800] for at in range(0, len(sound) - 800, 800)]
    order = [hz for span in spans for hz in (700, 1500, 300) if power(span, hz) > 0.9]
    assert order == sorted(order, key=[700, 1500, 300].index)
    assert set(order) == {700, 1500, 300}


@again_where_late
async def test_three_parties_are_mixed(rig: Rig) -> None:
    peers = [await rig.leg(name, law) for name, law in (("a", "PCMA"), ("b", "PCMU"), ("c", "PCMA"))]  # type: ignore[arg-type]
    for peer, hz in zip(peers, (400, 1000, 1900), strict=True):
        peer.says(tone(hz, 1, 0.1))
    await rig.do(Mix(("a", "b", "c"), {"a": ("b", "c"), "b": ("a", "c"), "c": ("a",)}))
    await rig.talk(0.6, *peers)
    heard = [peer.heard()[-1600:] for peer in peers]
    assert power(heard[0], 1000) == pytest.approx(0.5, abs=0.1)
    assert power(heard[0], 1900) == pytest.approx(0.5, abs=0.1)
    assert power(heard[0], 400) < 0.01
    assert power(heard[1], 400) == pytest.approx(0.5, abs=0.1)
    assert power(heard[2], 400) > 0.95
    await rig.do(Close("a"))
    await rig.talk(0.3, *peers[1:])
    assert power(peers[1].heard()[-800:], 1900) > 0.95  # one is left: relayed
    assert np.abs(peers[2].heard()[-800:]).max() < 100


async def test_keys_are_reported_once_and_forwarded_only_to_who_takes_them(rig: Rig) -> None:
    caller, plain, able = await rig.leg("caller"), await rig.leg("plain", dtmf=False), await rig.leg("able")
    await rig.talk(0.1, caller)
    caller.press("1")
    caller.press("2", ends=1)
    caller.press("3", ends=0)
    caller.press("3", ends=5)
    digits = await rig.event(Digit, 4)
    assert [(d.leg, d.digit) for d in digits] == [("caller", d) for d in "1233"]
    assert digits[0].duration_ms == 100
    caller.press("#", ends=0)  # nothing follows: told by time
    await rig.event(Digit, 5)
    for name, peer in (("plain", plain), ("able", able)):
        await rig.do(both("caller", name))
        await rig.talk(0.2, caller)
        caller.press("9")
        await rig.talk(0.2, caller)
        await rig.do(Mix(("caller", name), {}))
        assert ([p for p in peer.packets if p[1] & 0x7F == 101] != []) == (name == "able")
        continuous(peer)
    await rig.talk(0.2)
    assert "".join(d.digit for d in rig.of(Digit)) == "1233#99"


async def test_the_peer_is_found_where_it_really_is(rig: Rig) -> None:
    """A telephone behind a router sends from elsewhere than its SDP says; a stranger's single packets change nothing."""
    peer = await rig.leg("a")
    behind = Peer(ssrc=9)
    rig.peers.append(behind)
    behind.to = peer.to
    behind.says(tone(400, 1))
    stranger = Peer(ssrc=10)
    rig.peers.append(stranger)
    stranger.to = peer.to
    stranger.send(b"\xd5" * 160)
    await rig.talk(0.1)
    assert not stranger.packets
    await rig.talk(0.3, behind)
    since = len(peer.packets)
    stranger.says(tone(400, 1))
    await rig.talk(0.3, behind, stranger)
    assert len(peer.packets) == since
    assert behind.packets
    assert not stranger.packets
    await rig.do(rig.remote("a", behind))
    await rig.do(rig.remote("a", peer))
    await rig.until(lambda: len(peer.packets) > since)


async def test_a_held_peer_gets_nothing_and_a_play_goes_on_silently(rig: Rig) -> None:
    peer = await rig.leg("a")
    await rig.talk(0.2, peer)
    await rig.do(rig.remote("a", peer, send=False, receive=False))
    await rig.talk(0.1, peer)
    since = len(peer.packets)
    await rig.do(Play("a", 3, (str(write_wav(rig.directory / "x.wav", tone(440, 0.1))),)))
    peer.press("1")
    assert await rig.event(Played) == [Played("a", 3, finished=True)]
    assert len(peer.packets) == since
    await rig.do(rig.remote("a", peer))
    peer.press("2")
    assert [d.digit for d in await rig.event(Digit)] == ["2"]
    await rig.until(lambda: len(peer.packets) > since)
    assert peer.packets[since][1] & 0x80  # a marker after the pause
    assert len({ssrc for _, _, _, ssrc in peer.headers()}) == 1


@again_where_late
async def test_silence_is_told_once_until_something_is_heard_again(tmp_path: Path, loops: Loops) -> None:
    rig = Rig(tmp_path, loops=loops.name, rtp_timeout_s=1.0)
    try:
        await rig.connect()
        peer, held = await rig.leg("a"), await rig.leg("held")
        await rig.do(rig.remote("held", held, receive=False))
        await rig.talk(1.3, peer)
        assert not rig.of(Silent)
        (silent,) = await rig.event(Silent)
        assert silent.leg == "a"
        assert silent.seconds >= 1.0
        await rig.talk(0.8)
        assert len(rig.of(Silent)) == 1
        await rig.talk(0.6, peer)
        await rig.event(Silent, 2)
    finally:
        rig.close()


async def test_a_listener_is_kept_alive_with_silence_while_its_source_says_nothing(rig: Rig) -> None:
    caller, seat = await rig.leg("caller"), await rig.leg("seat")
    await rig.talk(0.1, caller, seat)
    await rig.do(both("caller", "seat"))
    seat.says(tone(400, 1))
    await rig.talk(0.2, caller, seat)
    since = len(caller.packets)
    await rig.until(lambda: len(caller.packets) > since + 20, caller)  # the seat sends nothing
    assert np.abs(caller.heard(since + 10)).max() < 100
    await rig.talk(0.5, caller, seat)
    assert power(caller.heard()[-800:], 400) > 0.95
    continuous(caller)


@again_where_late
async def test_garbage_is_counted_and_harms_nobody(own: Rig) -> None:
    caller, seat = await own.leg("caller"), await own.leg("seat")
    await own.do(both("caller", "seat"))
    await own.do(Record("r", str(own.recordings / "r.wav"), "caller", "seat"))
    caller.says(tone(400, 1))
    await own.talk(0.4, caller, seat)
    before = memory(own.process.pid)
    rubbish = [
        b"",
        b"\x80",
        b"\x80\x08" + bytes(9),
        b"\x00" * 172,
        b"\xff" * 172,
        bytes(range(256)) * 8,
        b"\x8f\x08" + bytes(20),
    ]
    for number in range(400):
        caller.sock.sendto(rubbish[number % len(rubbish)], caller.to)
        far = caller.packet(b"\xd5" * 160, 8)
        caller.sock.sendto(far[:2] + os.urandom(6) + far[8:], caller.to)
        if number % 20 == 0:
            await own.do(Stats())  # it is there, and reads: what it doesn't, the kernel throws away
            await own.talk(0.02)
    await own.talk(0.5, caller, seat)
    assert power(seat.heard()[-800:], 400) > 0.95
    assert memory(own.process.pid) < before + 8_000
    assert (await own.do(Stats()))["garbage"] >= 200
    reply = await own.do(StopRecord("r"))
    assert reply["frames"] < 8 * 20000


def memory(pid: int) -> int:
    """Resident kB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
