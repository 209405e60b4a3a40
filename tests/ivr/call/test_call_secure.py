"""Calls whose voice is encrypted (RFC 4568), and calls whose keys are tones: what is agreed, and what media is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.dialplan import Callee
from ivr.media import control as media
from ivr.media.control import Srtp
from ivr.sip import events as sip
from ivr.sip import sdes, sdp
from ivr.steps import (
    AnswerCaller,
    AnswerReinvite,
    Dial,
    Emit,
    HangUpLeg,
    LegOpened,
    MediaBack,
    MediaLost,
    Reinvite,
    RejectCaller,
    SeatClaimed,
)
from routing.commit import Requeue
from tests.ivr.call.test_call import CALLER, PEER, SEAT, Line, of, ops, told

OURS, SEATS, LATER, THEIRS, RENEWED = (sdes.key(bytes([number] * 30)) for number in range(5))
SUITE = sdes.SUITES[0]


def described(key: str, port: int = 4000) -> bytes:
    """What a telephone offers or answers that speaks only SRTP."""
    return sdp.offer(host="10.0.0.9", port=port, session_id=1, version=1, srtp_key=key, srtp_required=True)


def crypto(text: bytes) -> list[str]:
    """The lines that say how packets are protected, and by whose key."""
    lines = [line.split() for line in text.decode().split("\r\n") if line.startswith(("m=", "a=crypto"))]
    return [line[2] if line[0] == "m=audio" else line[-1].removeprefix("inline:") for line in lines]


def talk(frozen: bool) -> Line:
    line = Line(described(THEIRS), frozen=frozen)
    line.tell(LegOpened(CALLER, 20000, srtp_key=OURS, srtp_required=True))
    assert crypto(of(AnswerCaller, line.last)[0].sdp) == ["RTP/SAVP", OURS]
    assert [remote.srtp for remote in told(media.Remote, line.last)] == [Srtp(SUITE, OURS, THEIRS)]
    line.tell(sip.Acknowledged(CALLER))
    line.tell(media.Digit(CALLER, "1", 100))
    line.tell(SeatClaimed(Callee("1026"), ()))
    line.tell(LegOpened(SEAT, 20002, srtp_key=SEATS, srtp_required=True))
    assert crypto(of(Dial, line.last)[0].sdp) == ["RTP/SAVP", SEATS]
    line.tell(sip.Answered(SEAT, described(THEIRS)))
    assert [remote.srtp for remote in told(media.Remote, line.last)] == [Srtp(SUITE, SEATS, THEIRS)]
    return line


@pytest.mark.parametrize("frozen", [False, True], ids=["running", "put down before each event"])
def test_each_leg_has_a_key_of_its_own_that_lasts(frozen: bool) -> None:
    line = talk(frozen)
    line.tell(sip.Reinvited(CALLER, described(THEIRS, port=4002)))
    assert crypto(of(AnswerReinvite, line.last)[0].sdp) == ["RTP/SAVP", OURS]
    assert [remote.srtp for remote in told(media.Remote, line.last)] == [Srtp(SUITE, OURS, THEIRS)]
    line.tell(sip.Reinvited(CALLER, described(RENEWED)))
    assert [remote.srtp for remote in told(media.Remote, line.last)] == [Srtp(SUITE, OURS, RENEWED)]
    shown = repr(of(Emit, line.all))
    assert not [key for key in (OURS, SEATS, THEIRS, RENEWED) if key in shown or key in repr(line.call.legs)]


def test_a_new_media_process_sends_with_a_new_key() -> None:
    """Its numbers begin anew, and no key may protect two packets of one number."""
    line = talk(frozen=True)
    line.tell(MediaLost())
    line.tell(MediaBack())
    line.tell(LegOpened(CALLER, 21000, srtp_key=LATER, srtp_required=True))
    assert crypto(of(Reinvite, line.last)[0].sdp) == ["RTP/SAVP", LATER]
    line.tell(sip.ReinviteAnswered(CALLER, described(THEIRS)))
    assert [remote.srtp for remote in told(media.Remote, line.last)] == [Srtp(SUITE, LATER, THEIRS)]


def test_a_plain_call_where_none_may_be_is_refused() -> None:
    line = Line()
    line.tell(LegOpened(CALLER, 20000, srtp_key=OURS, srtp_required=True))
    assert of(RejectCaller, line.last) == [RejectCaller(CALLER, 488, "Not Acceptable Here")]
    assert not told(media.Remote, line.all)


def test_where_it_may_be_a_plain_call_is_plain() -> None:
    line = Line()
    line.tell(LegOpened(CALLER, 20000, srtp_key=OURS))
    assert crypto(of(AnswerCaller, line.last)[0].sdp) == ["RTP/AVP"]
    assert [remote.srtp for remote in told(media.Remote, line.last)] == [None]


def test_a_seat_that_answers_without_protection_is_hung_up() -> None:
    line = Line().to_queue()
    line.tell(SeatClaimed(Callee("1026"), ()))
    line.tell(LegOpened(SEAT, 20002, srtp_key=SEATS, srtp_required=True))
    line.tell(sip.Answered(SEAT, PEER))
    assert of(HangUpLeg, line.last) == [HangUpLeg(SEAT)]
    assert Requeue("service") in ops(line.last)


@pytest.mark.parametrize(
    ("setting", "events", "wanted"),
    [
        ("auto", True, False),
        ("auto", False, True),
        ("always", True, True),
        ("always", False, True),
        ("never", True, False),
        ("never", False, False),
    ],
)
def test_whether_keys_are_looked_for_in_the_callers_sound(setting: str, events: bool, wanted: bool) -> None:
    line = Line(PEER if events else PEER.replace(b"telephone-event", b"unheard-of"))
    line.call.arrival = replace(line.call.arrival, in_band_dtmf=setting)
    line.to_talk()
    assert {remote.leg: remote.tones for remote in told(media.Remote, line.all)} == {CALLER: wanted, SEAT: False}
