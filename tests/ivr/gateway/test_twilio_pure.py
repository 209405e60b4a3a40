"""Twilio's messages, forms, tokens and statuses, without Twilio."""

from __future__ import annotations

import base64
import json
from itertools import count, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.gateway.twilio import forms, messages
from ivr.gateway.twilio.messages import BadMessage, Connected, Key, Mark, Media, Start, Stop, Unknown, parse
from ivr.gateway.twilio.progress import Progress
from ivr.gateway.twilio.signatures import Signatures
from ivr.gateway.twilio.tokens import LASTS_S, MAX_OPEN, Tokens
from ivr.phones.twilio import signature

CALL = "CA" + "1" * 32


def text(event: str, **fields: Any) -> str:
    return json.dumps({"event": event, "sequenceNumber": "4", "streamSid": "MZ1", **fields})


def test_the_messages_of_the_documentation() -> None:
    start = {
        "streamSid": "MZ1", "accountSid": "AC1", "callSid": CALL, "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": "t"},
    }  # fmt: skip
    payload = base64.b64encode(b"\xff" * 160).decode()
    media = {"track": "inbound", "chunk": "2", "timestamp": "20", "payload": payload}
    assert parse(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})) == Connected()
    assert parse(text("start", start=start)) == Start("MZ1", CALL, "AC1", {"token": "t"})
    assert parse(text("media", media=media)) == Media(b"\xff" * 160, 2, 20)
    assert parse(text("dtmf", dtmf={"track": "inbound_track", "digit": "1"})) == Key("1")
    assert parse(text("mark", mark={"name": "m1"})) == Mark("m1")
    assert parse(text("stop", stop={"accountSid": "AC1", "callSid": CALL})) == Stop()
    assert parse(text("something new")) == Unknown()
    assert parse(text("media", media={**media, "track": "outbound"})) == Unknown(), "our own voice"
    assert parse(text("media", media={"payload": payload})) == Media(b"\xff" * 160), "without numbers"


@pytest.mark.parametrize(
    "bad",
    [
        "", "{", "[]", "{}", '{"event": 5}', text("media"), text("media", media={}), text("media", media={"payload": "%%"}),
        text("media", media={"payload": ""}), text("dtmf", dtmf={"digit": "12"}), text("dtmf", dtmf={"digit": "x"}),
        text("start", start={}), text("mark", mark={}),
        text("start", start={"streamSid": 'a"', "callSid": CALL, "accountSid": "AC"}),
        text("start", start={"streamSid": "MZ1", "callSid": CALL, "accountSid": "A", "mediaFormat": {"encoding": "opus"}}),
        "[" * 60000, "x" * 70000, text("media", media={"payload": base64.b64encode(bytes(9000)).decode()}),
    ],
)  # fmt: skip
def test_what_is_no_message_is_told_without_its_words(bad: str) -> None:
    with pytest.raises(BadMessage):
        parse(bad)


@given(st.one_of(st.text(), st.binary(), st.recursive(st.none() | st.booleans() | st.text(), st.lists).map(json.dumps)))
def test_rubbish_never_raises_anything_else(rubbish: str | bytes) -> None:
    try:
        parse(rubbish)
    except BadMessage as error:
        assert str(error) in {"too long", "not JSON", "not an object", "no event"}  # noqa: PT017


def test_what_is_sent_is_what_the_documentation_says() -> None:
    assert json.loads(messages.media("MZ1", b"\x00\xff")) == {
        "event": "media",
        "streamSid": "MZ1",
        "media": {"payload": "AP8="},
    }
    assert json.loads(messages.mark("MZ1", "m")) == {"event": "mark", "streamSid": "MZ1", "mark": {"name": "m"}}
    assert json.loads(messages.clear("MZ1")) == {"event": "clear", "streamSid": "MZ1"}


def make_tokens() -> Tokens:
    numbers = count()
    return Tokens(lambda: f"token{next(numbers)}")


def test_a_token_is_good_once_for_its_call_for_ten_seconds() -> None:
    tokens = make_tokens()
    assert tokens.take(tokens.give(CALL, 0.0), CALL, LASTS_S - 0.1)
    used = tokens.give(CALL, 0.0)
    assert tokens.take(used, CALL, 1.0)
    assert not tokens.take(used, CALL, 1.0), "once"
    assert not tokens.take(tokens.give(CALL, 0.0), CALL, LASTS_S), "too late"
    stolen = tokens.give(CALL, 0.0)
    assert not tokens.take(stolen, "CA2", 1.0), "another call's"
    assert not tokens.take(stolen, CALL, 1.0), "and shown, so it is used"
    assert not tokens.take("", "", 1.0)


def test_tokens_that_nobody_uses_are_forgotten() -> None:
    tokens = make_tokens()
    given_first = tokens.give(CALL, 0.0)
    for _ in range(MAX_OPEN):
        tokens.give("CA2", 0.0)
    assert not tokens.take(given_first, CALL, 0.0)


def test_status_callbacks_in_any_order_come_to_the_same() -> None:
    """Whatever overtakes what, and however often: it rings at most once, before the end, and ends once."""
    told = ("initiated", "ringing", "in-progress", "completed")
    for order in permutations((*told, "ringing", "completed"), 6):
        progress = Progress()
        news = [one for status in order if (one := progress.told(status))]
        assert news.count("ended") == 1
        assert news in (["ended"], ["rings", "ended"])
        assert progress.status == "completed"


def test_the_last_word_stays() -> None:
    progress = Progress()
    assert progress.told("busy") == "ended"
    assert progress.told("completed") == ""
    assert progress.sip_status == 486
    assert progress.told("nonsense") == ""


def test_forms() -> None:
    form = {"CallSid": CALL, "From": "+8613912345678", "To": "+14155550100", "CallStatus": "ringing", "Direction": "inbound"}
    asked = forms.voice(form)
    assert (asked.caller, asked.called, asked.outbound) == ("+8613912345678", "+14155550100", False)
    assert asked.known_caller.number == "13912345678"
    for withheld in ("+266696687", "anonymous", "client:alice", ""):
        assert forms.voice({**form, "From": withheld}).caller == ""
        assert not forms.voice({**form, "From": withheld}).known_caller.dialable
    with pytest.raises(forms.BadForm):
        forms.voice({**form, "CallSid": "../../etc"})
    recording = {"CallSid": CALL, "RecordingSid": "RE" + "2" * 32, "RecordingDuration": "7", "RecordingStatus": "completed"}
    assert forms.recording(recording).seconds == 7.0
    assert forms.recording({**recording, "RecordingStatus": "absent"}).seconds == 0.0
    with pytest.raises(forms.BadForm):
        forms.recording({**recording, "RecordingSid": "RE/../x"})


def test_the_vector_of_twilios_documentation() -> None:
    form = {
        "CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234", "From": "+14158675309",
        "To": "+18005551212",
    }  # fmt: skip
    said = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    signatures = Signatures("https://mycompany.com", "12345")
    assert signatures.webhook("/myapp.php?foo=1&bar=2", form, said)
    assert not signatures.webhook("/myapp.php?foo=1", form, said)
    assert not signatures.webhook("/myapp.php?foo=1&bar=2", {**form, "Digits": "1235"}, said)
    port = signature("12345", "https://mycompany.com:8443/myapp.php?foo=1&bar=2", form)
    assert not signatures.webhook("/myapp.php?foo=1&bar=2", form, port)
    assert not signatures.webhook("/myapp.php?foo=1&bar=2", form, "")
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signature("12345", url, form) == said, "the Twilio of one's own signs as the real one"


HOST = "wss://hotline.example.com"


def test_the_signature_of_a_streams_handshake() -> None:
    """By hand, as the documentation has it: HMAC-SHA1 over the stream's URL, of no form."""
    signatures = Signatures("https://hotline.example.com", "12345")
    for url in ("/twilio/stream", "/twilio/stream/", ":443/twilio/stream", ":443/twilio/stream/"):
        assert signatures.stream(signature("12345", HOST + url, {})), url
    for url in ("/twilio/voice", "/twilio/stream?x=1", ":8443/twilio/stream", "/twilio/stream//"):
        assert not signatures.stream(signature("12345", HOST + url, {})), url
    assert not signatures.stream(signature("another", HOST + "/twilio/stream", {}))
    assert not signatures.stream(signature("12345", "https://hotline.example.com/twilio/stream", {}))
    assert not signatures.stream("")
    below = Signatures("https://hotline.example.com:8443/calls", "12345")
    for url in (":8443/calls/twilio/stream", "/calls/twilio/stream"):  # Twilio has left ports out, its library says
        assert below.stream(signature("12345", HOST + url, {})), url
    assert not below.stream(signature("12345", HOST + "/twilio/stream", {}))
