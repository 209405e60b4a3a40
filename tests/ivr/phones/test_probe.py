"""The pyVoIP probe, in its own process, against a scripted telephone that plays the server."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ivr.phones import audio
from ivr.phones.probe import ProbePlan, ProbeReport, probe
from ivr.phones.pyvoip import Phone
from ivr.phones.scripted import Answer, Refuse, ScriptedPhone
from tests.ivr.phones.conftest import MakePhone, Registrar
from tests.stalls import again_where_late

FRESH_TAG = "an ACK with a To tag that is not ours (RFC 3261 12.2.1.1)"
"""What pyVoIP's ACK is complained about."""


def speech(seed: int) -> audio.Samples:
    """A second of noise in syllables."""
    chance = np.random.default_rng(seed)
    return np.asarray(np.repeat(chance.uniform(0, 1, 10), 800) * chance.normal(0, 4000, 8000), dtype=np.int16)


def uri(phone: ScriptedPhone) -> str:
    return f"sip:4001@127.0.0.1:{phone.address[1]}"


@pytest.fixture
async def server(make_phone: MakePhone) -> ScriptedPhone:
    """Plays the hotline; the probe offers µ-law only."""
    phone = await make_phone("4001", codecs=("PCMA", "PCMU"))
    phone.on_invite = Answer(0.0)
    return phone


@again_where_late
async def test_a_whole_call(server: ScriptedPhone, tmp_path: Path) -> None:
    welcome, voice, saved = tmp_path / "welcome.wav", tmp_path / "voice.wav", tmp_path / "heard.wav"
    welcome.write_bytes(audio.write_wav(speech(1)))
    voice.write_bytes(audio.write_wav(speech(2)))
    events: list[dict[str, Any]] = []
    call = asyncio.create_task(
        asyncio.to_thread(
            probe,
            uri(server),
            keys="17",
            play=voice,
            seconds=1.0,
            caller="13912345678",
            expect=[welcome],
            tone=[440],
            save=saved,
            on_event=events.append,
        )
    )
    theirs = await server.incoming()
    await theirs.wait_answered()
    assert theirs.caller == "13912345678"
    theirs.send_samples(speech(1))
    assert await theirs.wait_like(speech(2)) > 0.95
    await theirs.wait_until(lambda: theirs.digits == "17", "the keys came")
    await theirs.reinvite()
    theirs.send_tone(440)
    report = await call
    assert report.ok, report
    assert report.ended_by == "probe"
    assert report.similarity[str(welcome)] > 0.95
    assert report.keys == "17"
    assert await theirs.wait_ended() == "remote"
    assert [event["event"] for event in events] == ["dialling", "answered", "heard", "pressed", "tone", "hung up"]
    assert audio.similarity(audio.read_wav(saved.read_bytes()).channels[0], speech(1)) > 0.95
    assert set(server.complaints) == {FRESH_TAG}


async def test_the_other_side_hangs_up(server: ScriptedPhone, tmp_path: Path) -> None:
    welcome = tmp_path / "welcome.wav"
    welcome.write_bytes(audio.write_wav(speech(1)))
    call = asyncio.create_task(asyncio.to_thread(probe, uri(server), seconds=30.0, expect=[welcome], tone=[440]))
    theirs = await server.incoming()
    await theirs.wait_answered()
    await theirs.hang_up()
    report = await call
    assert (report.ended_by, report.ok, report.missing) == ("remote", False, [str(welcome), "440 Hz"])


@pytest.mark.parametrize("status", [404, 486, 503])
async def test_a_refusal_ends_the_probe(server: ScriptedPhone, status: int) -> None:
    server.on_invite = Refuse(status, "No")
    report = await asyncio.to_thread(probe, uri(server))
    assert (report.status, report.ended_by, report.ok) == (status, "refused", False)
    assert str(status) in report.error


async def test_it_registers_when_it_has_a_password(registrar: Registrar) -> None:
    registrar.qop = False
    target = f"sip:4001@127.0.0.1:{registrar.address[1]}"
    report = await asyncio.to_thread(probe, target, user="1026", password="secret")
    assert registrar.seen == ["REGISTER", "REGISTER", "INVITE", "ACK", "INVITE", "REGISTER", "REGISTER"]
    assert registrar.contacts == []  # taken back at the end
    assert "pyVoIP fails at 'SIP/2.0 200 OK'" in report.error  # the registrar's answer to INVITE has no session
    assert (report.ended_by, report.answer_s) == ("error", None)


def test_mistakes_are_reported_not_raised(tmp_path: Path) -> None:
    assert "not a SIP URI" in probe("4001").error
    assert "FileNotFoundError" in probe("sip:4001@127.0.0.1:9", expect=[tmp_path / "none.wav"]).error


def test_the_command_for_a_monitor_prints_one_json_line() -> None:
    command = [sys.executable, "-m", "ivr.cli", "probe", "no-uri", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    [line] = done.stdout.splitlines()
    assert json.loads(line)["ended_by"] == "error"
    assert subprocess.run([*command[:4]], capture_output=True, check=False, timeout=60).returncode == 2


def test_the_bound_covers_what_is_planned() -> None:
    plan = ProbePlan("sip:1@h", keys="12", key_after_s=7.0, seconds=9.0)
    assert plan.bound_s > 7 + 9 + 20
    assert not ProbeReport("sip:1@h").ok


def test_its_ports_are_its_own_before_it_dials() -> None:
    phone = Phone("127.0.0.1", 5060, "1026", "")
    for port in (phone.client.myPort, phone.rtpPortLow):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
    phone.close()
