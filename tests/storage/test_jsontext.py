from __future__ import annotations

import json
import math

import pytest

from storage import jsontext


@pytest.mark.parametrize(
    "value",
    [
        {"caller": "中", "at": 1.5, "none": None, "is": True},
        ["a\x00b", "\r\n", "\u2028", 2**63, -1, {}, []],
        {"half": "1\ud800", "\udfff": ["x"]},
        {7: "a key that is no text"},
    ],
)
def test_what_is_written_is_read_as_json_would_write_it(value: object) -> None:
    wanted = json.loads(json.dumps(value))
    assert jsontext.read(jsontext.write(value)) == jsontext.read(jsontext.write_bytes(value)) == wanted
    assert json.loads(jsontext.write(value)) == wanted
    assert jsontext.write_bytes(value).count(b"\n") == 0


def test_texts_are_utf_8_and_only_half_characters_are_escapes() -> None:
    assert jsontext.write_bytes({"a": "中"}) == '{"a":"中"}'.encode()
    assert jsontext.write({"a": "中\ud800"}) == '{"a":"\\u4e2d\\ud800"}'


def test_what_json_can_t_say() -> None:
    assert jsontext.write([math.nan, math.inf]) == "[null,null]"
    with pytest.raises(TypeError):
        jsontext.write({"legs": {1, 2}})
    with pytest.raises(ValueError, match="Out of range"):
        jsontext.write({"half": "\ud800", "wait_s": math.inf})


@pytest.mark.parametrize("text", ["", "{", "nul", b"\xff", "[" * 100000])
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        jsontext.read(text)
