"""Opening hours as the engine asks for them."""

from __future__ import annotations

import json

import pytest

from ivr.flow.opening import Opening, OpeningError

VALUES = {
    "time_zone": "Asia/Shanghai",
    "from": 1000.0,
    "until": 9000.0,
    "open": [[2000.0, 3000.0], [4000.0, 5000.0], [8000.0, 9000.0]],
    "special": [[5500.0, 6500.0, "国庆节"], [7000.0, 7500.0, ""]],
}
OPENING = Opening.from_json(json.dumps(VALUES))


@pytest.mark.parametrize(
    ("at", "is_open", "special"),
    [
        (1000.0, False, None),
        (2000.0, True, None),
        (2999.0, True, None),
        (3000.0, False, None),
        (4500.0, True, None),
        (5499.0, False, None),
        (6000.0, False, "国庆节"),
        (6500.0, False, None),
        (7000.0, False, ""),
        (8500.0, True, None),
    ],
)
def test_moments(at: float, is_open: bool, special: str | None) -> None:
    assert OPENING.knows(at)
    assert (OPENING.is_open(at), OPENING.special(at)) == (is_open, special)


@pytest.mark.parametrize("at", [0.0, 999.0, 9000.0, 99999.0])
def test_what_is_not_known_counts_as_open(at: float) -> None:
    assert not OPENING.knows(at)
    assert OPENING.is_open(at)
    assert OPENING.special(at) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"from": 1}', json.dumps(VALUES | {"open": [[1]]})])
def test_what_is_no_opening_is_told(text: str) -> None:
    with pytest.raises(OpeningError, match="not opening hours"):
        Opening.from_json(text)
