"""[gateway] and [twilio]: the trunk they make, and what is wrong with them by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.config import ConfigError, load
from ivr.dialplan import Callee, Refused
from tests.ivr.test_config import BASE, write

SID = "AC0123456789abcdef0123456789abcdef"
TWILIO = f"""
[gateway]
engine_port = 6001
sip_port = 6002
[twilio]
account_sid = "{SID}"
public_url = "https://hotline.example.com/"
numbers = {{ "+14155550100" = "h" }}
"""


def test_the_trunk_and_its_listener_need_not_be_written(tmp_path: Path) -> None:
    settings = load(write(tmp_path, BASE + TWILIO), {})
    trunk = settings.trunks[-1]
    assert (trunk.name, trunk.listener, trunk.own_listener, trunk.proxy) == ("twilio", "gateway", True, "127.0.0.1:6002")
    assert trunk.numbers == {"+14155550100": "h"}
    assert (trunk.in_band_dtmf, trunk.number_format) == ("never", "e164")
    listener = settings.all_listeners[-1]
    assert (listener.name, listener.host, listener.port, listener.media_bind) == ("gateway", "127.0.0.1", 6001, "127.0.0.1")
    assert settings.twilio is not None
    assert settings.twilio.public_url == "https://hotline.example.com"


def test_it_may_stand_beside_a_trunk_on_loopback(tmp_path: Path) -> None:
    local = BASE.replace("10.0.0.0/24", "127.0.0.0/8")
    assert len(load(write(tmp_path, local + TWILIO), {}).trunks) == 2


def test_nothing_goes_out_by_itself_and_what_may_goes_as_twilio_wants_it(tmp_path: Path) -> None:
    closed = load(write(tmp_path, BASE + TWILIO), {}).dial_plan
    assert isinstance(closed.outgoing("+14155550123", trunk="twilio"), Refused)
    more = TWILIO + 'caller_ids = ["+14155550100"]\nallow_prefixes = ["+1", "1"]\n'
    way = load(write(tmp_path, BASE + more), {}).dial_plan
    assert way.outgoing("+1 415 555 0123", trunk="twilio") == Callee(
        number="+14155550123", trunk="twilio", caller_id="+14155550100"
    )
    assert way.outgoing("13912345678", trunk="twilio") == Callee(
        number="+8613912345678", trunk="twilio", caller_id="+14155550100"
    )
    assert isinstance(way.outgoing("+19005550123", trunk="other"), Refused)


def test_languages(tmp_path: Path) -> None:
    twilio = load(write(tmp_path, BASE + TWILIO + 'languages = { "+1" = "en", "+1604" = "zh" }\nlanguage = "zh"\n'), {}).twilio
    assert twilio is not None
    assert [twilio.language_of(number) for number in ("+14155550123", "+16045550123", "+33155", "")] == ["en", "zh", "zh", "zh"]


def test_the_token_comes_from_environment_or_file_only(tmp_path: Path) -> None:
    twilio = load(write(tmp_path, BASE + TWILIO), {"HOTLINE_TWILIO_AUTH_TOKEN": "secret"}).twilio
    assert twilio is not None
    assert twilio.token({}) == "secret"
    assert "secret" not in repr(twilio)
    with pytest.raises(ConfigError, match="auth_token: it stands in no settings file"):
        load(write(tmp_path, BASE + TWILIO + 'auth_token = "secret"\n'), {})
    (tmp_path / "token").write_text("from-file\n")
    twilio = load(write(tmp_path, BASE + TWILIO + 'auth_token_file = "token"\n'), {}).twilio
    assert twilio is not None
    assert twilio.token({}) == "from-file"
    bare = load(write(tmp_path, BASE + TWILIO), {}).twilio
    assert bare is not None
    with pytest.raises(ValueError, match="HOTLINE_TWILIO_AUTH_TOKEN"):
        bare.token({})
    assert load(write(tmp_path, BASE), {"HOTLINE_TWILIO_AUTH_TOKEN": "secret"}).twilio is None, "a token makes no account"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (('"https://hotline.example.com/"', '"http://hotline.example.com"'), "twilio.public_url: .*https"),
        (('"https://hotline.example.com/"', '"https://u:p@hotline.example.com"'), "twilio.public_url"),
        ((SID, "AC12"), "twilio.account_sid"),
        (('"+14155550100"', '"4155550100"'), "twilio.numbers"),
        (('= "h" }\n', '= "nobody" }\n'), "trunks.twilio.numbers.*nobody"),
        (("engine_port = 6001", "engine_port = 0"), "gateway.engine_port"),
        (("engine_port = 6001", "engine_prt = 1"), "gateway.engine_prt"),
        (("engine_port = 6001", "engine_port = 5060"), "listeners.gateway.port.*taken by sip"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: tuple[str, str], named: str) -> None:
    text = BASE + TWILIO
    assert change[0] in text
    head, _, tail = text.rpartition(change[0])
    with pytest.raises(ConfigError, match=named):
        load(write(tmp_path, head + change[1] + tail), {})


def test_a_trunk_with_a_listener_of_its_own_needs_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="own_listener"):
        load(write(tmp_path, BASE.replace('name = "t"\n', 'name = "t"\nown_listener = true\n')), {})
