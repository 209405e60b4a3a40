"""Codecs, headers, messages, schedule: what needs no clock and no socket."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.lines import wire
from ivr.lines.wire import ControlError
from ivr.media import control, wav
from ivr.media.g711 import ALAW_TO_ULAW, ULAW_TO_ALAW, Law, decode, encode
from ivr.media.mix import mix
from ivr.media.outbox import MAX_KEPT, Outbox
from ivr.media.rtp import payload_span, sequence_step, timestamp_step
from ivr.media.schedule import SLOT_S, Schedule
from ivr.media.wire import MEDIA, snapshot_from_json, snapshot_to_json
from tests.ivr.media.rig import snr_db, tone

COMMANDS: list[control.Command] = [
    control.Hello(4, "abc"),
    control.Open("leg", "call"),
    control.Open("leg", "call", "192.0.2.7"),
    control.Remote("leg", "192.0.2.1", 4000, "PCMU", 0, None, 20, send=False, receive=True),
    control.Play("leg", 3, ("/a.wav", "/b.wav"), loop=True),
    control.Stop("leg"),
    control.Mix(("a", "b"), {"a": ("b",), "b": ()}),
    control.Record("r", "/r.wav", "a", "b"),
    control.Record("r", "/r.wav", "a", max_s=120.0, silence_s=6),
    control.StopRecord("r"),
    control.Hear("leg", 2**64 - 1, "/run/speech-0.1"),
    control.Unhear("leg", 7),
    control.Close("leg"),
    control.List(),
    control.Stats(),
    control.Stats("leg"),
]
EVENTS: list[control.Message] = [
    control.Digit("leg", "#", 100),
    control.Played("leg", 3, finished=False),
    control.Silent("leg", 30.5),
    control.Recording("r", "gap", "满"),
    control.Recording("r", "silence", "/r.wav", 2.5),
    control.Quality("leg", "call", 1, 2, 3, 4, 5, 0.25),
    control.Unheard("leg", 7, 50, 3),
    control.Quality("leg", "call", 1, 2, 3, 4, 5, 0.25, 7.5, -8, 9.0),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_read_as_they_were_written(command: control.Command) -> None:
    line = MEDIA.encode_request(7, 3, command)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert MEDIA.decode_request(line) == wire.Request(7, 3, command)


def test_what_is_as_usual_is_not_said() -> None:
    said = json.loads(MEDIA.encode_request(7, 3, control.Remote("leg", "192.0.2.1", 4000, "PCMA", 8, send=False)))
    assert said == {
        **{"id": 7, "epoch": 3, "do": "remote", "leg": "leg", "host": "192.0.2.1", "port": 4000},
        **{"codec": "PCMA", "payload_type": 8, "send": False},
    }


@pytest.mark.parametrize("message", EVENTS)
def test_events_are_read_as_they_were_written(message: control.Message) -> None:
    assert MEDIA.decode_answer(MEDIA.encode_event(wire.Event(9, message))) == wire.Event(9, message)


def test_replies_acks_and_snapshots_are_read_as_they_were_written() -> None:
    assert MEDIA.decode_request(wire.encode_ack(12)) == wire.Ack(12)
    assert MEDIA.decode_answer(wire.encode_ok(1, {"port": 2})) == wire.Reply(1, {"port": 2}, None)
    assert MEDIA.decode_answer(wire.encode_error(1, "why")) == wire.Reply(1, {}, "why")
    assert wire.encode_ok(0, {}) == b"", "nobody waits for it"
    assert MEDIA.decode_answer(wire.encode_error(0, "why")) == wire.Reply(0, {}, "why")
    snapshot = control.Snapshot(
        "i",
        {"a": control.LegState("c", 4000, "192.0.2.1:9", "PCMA", None, ("b",), 1.5)},
        (control.RecordingState("r", "/r.wav", "a", "b"), control.RecordingState("m", "/m.wav", "a", "")),
        5,
    )
    assert snapshot_from_json(json.loads(json.dumps(snapshot_to_json(snapshot)))) == snapshot


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"do":"dance","id":1,"epoch":1}',
        b'{"do":"open","epoch":1,"leg":"a","call":"c"}',
        b'{"do":"open","id":1,"epoch":1,"leg":"a"}',
        b'{"do":"open","id":1,"epoch":1,"leg":7,"call":"c"}',
        b'{"do":"open","id":true,"epoch":1,"leg":"a","call":"c"}',
        b'{"do":"play","id":1,"epoch":1,"leg":"a","play":1,"files":"x"}',
        b'{"do":"play","id":1,"epoch":1,"leg":"a","play":1,"files":["x"],"loop":1}',
        b'{"do":"mix","id":1,"epoch":1,"legs":[],"hears":[]}',
        b'{"do":"remote","id":1,"epoch":1,"leg":"a","host":"h","port":1,"codec":"G729","payload_type":18}',
        b'{"do":"record","id":1,"epoch":1,"recording":"r","path":"/r.wav","left":"a","max_s":-1}',
        b'{"do":"record","id":1,"epoch":1,"recording":"r","path":"/r.wav","left":"a","silence_s":NaN}',
        b'{"ack":"x"}',
        b'{"do":"open","id":1,"epoch":1,"leg":"\\ud800","call":"c"}',
        b'{"do":"mix","id":1,"epoch":1,"legs":[],"hears":{"\\ud800":[]}}',
        b"[" * 100000,
    ],
)
def test_a_malformed_request_is_an_error_of_the_protocol(line: bytes) -> None:
    with pytest.raises(ControlError):
        MEDIA.decode_request(line)


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["do", "id", "epoch", "leg", "re", "ok", "error", "ev", "type", "legs"]), inner)
        ),
    )
)
def test_nothing_else_is_raised_whatever_comes(value: Any) -> None:
    line = json.dumps(value).encode()
    for read in (MEDIA.decode_request, MEDIA.decode_answer):
        with contextlib.suppress(ControlError):
            read(line)
    if isinstance(value, dict):
        with pytest.raises(ControlError):
            snapshot_from_json(value)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.just("\ud800")
    | st.integers(10**30, 10**31),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3) | st.just("\udfff"), inner, max_size=2),
    max_leaves=4,
)


@settings(deadline=None)
@given(st.sampled_from(COMMANDS), st.dictionaries(st.integers(0, 20), ANYTHING, max_size=3), st.binary(max_size=3), st.data())
def test_a_line_with_other_things_in_it_is_read_or_refused(
    command: control.Command, instead: dict[int, Any], noise: bytes, data: st.DataObject
) -> None:
    """Values replaced, then bytes; what is read can be written again, and whatever it says can be answered."""
    fields = json.loads(MEDIA.encode_request(7, 3, command))
    for place, value in instead.items():
        fields[list(fields)[place % len(fields)]] = value
    line = json.dumps(fields).encode()
    at = data.draw(st.integers(0, len(line)))
    for attempt in (line, line[:at] + noise + line[at + len(noise) :]):
        try:
            found = MEDIA.decode_request(attempt)
        except ControlError as error:
            wire.encode_error(-1, str(error))  # raises nothing
            continue
        if isinstance(found, wire.Request):
            again = MEDIA.encode_request(found.number, found.epoch, found.command)
            assert MEDIA.decode_request(again) == found


@pytest.mark.parametrize("law", ["PCMA", "PCMU"])
def test_g711_keeps_speech_at_37_db_and_codes_what_it_decodes(law: Law) -> None:
    sound = tone(440, 0.5)
    assert snr_db(decode(law, encode(law, sound)), 440) > 36
    codes = bytes(range(256))
    again = encode(law, decode(law, codes))
    assert again == codes if law == "PCMA" else again == codes.replace(b"\x7f", b"\xff")  # µ-law has a second zero
    extremes = np.array([-32768, -1, 0, 1, 32767], dtype=np.int16)
    assert np.all(np.abs(decode(law, encode(law, extremes)).astype(int) - extremes) <= 1024)


def test_g711_codes_are_those_of_the_standard() -> None:
    # ITU-T G.711 tables: quietest codes, first step of the second segment, loudest.
    assert encode("PCMA", np.array([0, -1, 16, 512, 32767, -32768], dtype=np.int16)) == bytes.fromhex("d555d4f5aa2a")
    assert encode("PCMU", np.array([0, -8, 8, 32767, -32768], dtype=np.int16)) == bytes.fromhex("ff7efe8000")
    assert list(decode("PCMA", b"\xd5\x55\xaa\x2a")) == [8, -8, 32256, -32256]
    assert list(decode("PCMU", b"\xff\x7f\x80\x00")) == [0, 0, 32124, -32124]


def test_transcoding_costs_little() -> None:
    sound = tone(440, 0.5)
    assert snr_db(decode("PCMU", encode("PCMA", sound).translate(ALAW_TO_ULAW)), 440) > 30
    assert snr_db(decode("PCMA", encode("PCMU", sound).translate(ULAW_TO_ALAW)), 440) > 30


def test_a_mix_is_the_sum_and_clips() -> None:
    loud = np.full(160, 30000, dtype=np.int16)
    quiet = np.full(160, -1000, dtype=np.int16)
    assert np.all(np.abs(decode("PCMU", mix([loud, quiet], "PCMU")).astype(int) - 29000) < 1100)
    assert np.all(decode("PCMA", mix([loud, loud], "PCMA")) == 32256)


@pytest.mark.parametrize(
    ("head", "size", "span"),
    [
        (b"\x80", 172, (12, 172)),
        (b"\x80", 12, (0, 0)),
        (b"\x80", 0, (0, 0)),
        (b"\x40", 172, (0, 0)),
        (b"\x82", 172, (20, 172)),
        (b"\x8f", 60, (0, 0)),
        (b"\xa0", 172, (12, 168)),
        (b"\x90", 172, (20, 172)),
        (b"\x90", 14, (0, 0)),
    ],
)
def test_where_the_payload_lies(head: bytes, size: int, span: tuple[int, int]) -> None:
    packet = bytearray(head + bytes(171))
    packet[15] = 1  # an extension of one word
    packet[171] = 4  # padding
    assert payload_span(packet, size) == span
    packet[171] = 200
    if head == b"\xa0":
        assert payload_span(packet, size) == (0, 0)


def test_numbers_wrap() -> None:
    assert sequence_step(2, 65534) == 4
    assert sequence_step(65534, 2) == -4
    assert timestamp_step(100, 2**32 - 100) == 200
    assert timestamp_step(2**32 - 100, 100) == -200


def test_the_schedule_does_not_drift_and_leaves_out_what_is_long_over() -> None:
    schedule = Schedule(1000.0)
    for _ in range(8000):
        schedule.number += 1
    assert schedule.deadline == 1000.0 + 8000 * SLOT_S == 1040.0
    assert schedule.clock == schedule.samples(1040.0) == 320_000
    schedule.catch_up(1040.15)
    assert (schedule.number, schedule.skipped) == (8000, 0)
    schedule.catch_up(1041.007)
    assert (schedule.number % 4, schedule.skipped) == (0, 200)
    assert 1041.007 - SLOT_S * 4 < schedule.deadline <= 1041.007
    schedule.idle_until(1100.001)
    assert schedule.deadline == 1100.0
    assert schedule.skipped == 200


def test_a_slot_is_waited_for_but_not_by_who_has_missed_one() -> None:
    schedule = Schedule(1000.0)

    def waits(now: float) -> float:
        return round(now + schedule.until_slot(now) - 1000.0, 6)

    assert [waits(1000.001), waits(1000.0055), waits(1000.0149)] == [0.005, 0.01, 0.015]
    assert waits(1000.021) == 0.021, "the slot at 20 ms has begun"
    assert waits(1000.0215) == 0.025
    assert waits(1000.0249) == 0.025, "woken a little too early"
    assert waits(1003.0011) == 3.0011
    assert waits(1003.0012) == 3.005


def test_events_are_kept_until_acknowledged_and_not_for_ever() -> None:
    outbox = Outbox()
    for number in range(5):
        assert outbox.add(control.Digit("a", str(number), 1)).seq == number + 1
    outbox.ack(2)
    assert [event.seq for event in outbox.after(0)] == [3, 4, 5]
    assert [event.seq for event in outbox.after(4)] == [5]
    for _ in range(MAX_KEPT):
        outbox.add(control.Digit("a", "1", 1))
    assert len(outbox.after(0)) == MAX_KEPT
    assert outbox.dropped == 3


def test_a_part_knows_its_worker() -> None:
    part = wav.part_path("/x/a.wav", "media-1")
    assert wav.final_path(part, "media-1") == "/x/a.wav"
    assert wav.final_path(part, "media-2") is None
    assert [wav.channels_of(wav.header(5, channels)) for channels in (1, 2, 3)] == [1, 2, 0]
    assert not wav.channels_of(wav.header(5, 2)[:57])
    assert not wav.channels_of(bytes(58))
