"""When a model passes, and which model of which installation a verdict is of."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.speech import tiny, verdict
from ivr.speech.folder import NotAModel, fingerprint
from ivr.speech.installed import BadChoice, Models
from ivr.speech.verdict import BadVerdict, Measured, Terms, Verdict

GOOD = Measured(said=120, foreign=40, accuracy=0.95, misled=0.02, foreign_accepted=0.05, real_time=0.1)
AT = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def of(model: str = "tiny", language: str = "zh", changed: Mapping[str, float] | None = None) -> Verdict:
    measured = GOOD.model_copy(update=changed)
    return verdict.give(
        model=model, fingerprint=fingerprint(tiny.MODEL), language=language, at=AT, measured=measured, terms=Terms()
    )


def test_what_meets_the_terms_passes() -> None:
    assert of().passed
    assert str(of()) == "passed 2026-11-30"


@pytest.mark.parametrize(
    ("key", "worst", "too_bad", "why"),
    [
        ("said", 100, 99, "99 recordings of what may be said are too few: 100 are needed"),
        ("foreign", 30, 29, "29 recordings of other speech are too few: 30 are needed"),
        ("accuracy", 0.9, 0.899, "89.9% understood, 90.0% needed"),
        ("misled", 0.05, 0.051, "5.1% surely taken for something else, 5.0% allowed"),
        ("foreign_accepted", 0.05, 0.051, "5.1% of other speech accepted, 5.0% allowed"),
        ("real_time", 0.5, 0.51, "0.51 s of a core for a second of speech, 0.50 allowed"),
    ],
)
def test_each_term_is_a_term(key: str, worst: float, too_bad: float, why: str) -> None:
    assert of(changed={key: worst}).faults == ()
    assert of(changed={key: too_bad}).faults == (why,)
    assert str(of(changed={key: too_bad})) == "did not pass 2026-11-30"


def test_nothing_measured_never_passes() -> None:
    nothing = Measured(said=0, foreign=0, accuracy=0, misled=0, foreign_accepted=0, real_time=0)
    assert len(verdict.faults(nothing, Terms())) == 3


@given(
    st.builds(
        Measured,
        said=st.integers(0, 10**6),
        foreign=st.integers(0, 10**6),
        accuracy=st.floats(0, 1),
        misled=st.floats(0, 1),
        foreign_accepted=st.floats(0, 1),
        real_time=st.floats(0, 100),
    )
)
def test_a_verdict_is_read_as_it_was_written(measured: Measured) -> None:
    one = verdict.give(model="订单", fingerprint="f", language="en", at=AT, measured=measured, terms=Terms(accuracy=0.8))
    assert verdict.parse(verdict.write(one)) == one


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", '{"passed": true}', verdict.write(of()).replace("0.95", "9.5"), "\xff"]
)
def test_what_is_no_verdict(text: str) -> None:
    with pytest.raises(BadVerdict):
        verdict.parse(text)


def test_a_verdict_is_of_one_model_and_one_language(tmp_path: Path) -> None:
    models = Models(tmp_path)
    assert models.verdict("tiny", "zh") is None
    assert not models.passed("tiny", "zh")
    models.keep(of())
    assert models.verdict("tiny", "zh") == of()
    assert models.passed("tiny", "zh")
    assert not models.passed("tiny", "en")
    models.keep(of(language="en", changed={"accuracy": 0.5}))
    assert models.verdict("tiny", "en") is not None
    assert not models.passed("tiny", "en")


def test_a_model_that_was_changed_has_no_verdict(tmp_path: Path) -> None:
    models = Models(tmp_path)
    shutil.copytree(tiny.MODEL, models.folder / "ours")
    models.keep(of("ours"))
    assert models.passed("ours", "zh")
    (models.folder / "ours" / "conf" / "model.conf").write_text("--beam=1.0\n")
    assert models.verdict("ours", "zh") is None
    assert not models.passed("ours", "zh")


def test_a_verdict_of_another_place_or_name_is_none(tmp_path: Path) -> None:
    models = Models(tmp_path)
    file = models.keep(of())
    file.rename(file.with_name("tiny.en.verdict.json"))
    assert models.verdict("tiny", "en") is None
    file.write_text(json.dumps({"passed": True}))
    with pytest.raises(BadVerdict, match=r"tiny\.zh\.verdict\.json"):
        models.verdict("tiny", "zh")
    assert not models.passed("tiny", "zh")
    with pytest.raises(NotAModel):
        models.verdict("nothing", "zh")
    assert not models.passed("nothing", "zh")


def test_which_model_is_in_use(tmp_path: Path) -> None:
    models = Models(tmp_path)
    assert models.names() == ["tiny"]
    for name in ("vosk-model-small-cn-0.22", "vosk-model-small-en-us-0.15", "ours", ".fetching"):
        shutil.copytree(tiny.MODEL, models.folder / name)
    assert models.names() == ["tiny", "ours", "vosk-model-small-cn-0.22", "vosk-model-small-en-us-0.15"]
    assert [models.in_use(language, {}) for language in ("zh", "en")] == ["tiny", "tiny"]
    assert models.choose("vosk-model-small-cn-0.22") == ("zh",)
    assert [models.in_use(language, {}) for language in ("zh", "en")] == ["vosk-model-small-cn-0.22", "tiny"]
    assert models.choose("ours", "en") == ("en",)
    assert [models.in_use(language, {}) for language in ("zh", "en")] == ["vosk-model-small-cn-0.22", "ours"]
    assert models.in_use("en", {"zh": "a"}, "b") == "b"
    assert models.in_use("zh", {"zh": "a"}, "b") == "a"
    assert models.choose(str(models.folder / "ours"), "zh") == ("zh",)
    assert models.path(models.in_use("zh", {})) == models.folder / "ours"
    assert models.choose("tiny") == ("zh", "en")
    assert [models.path(models.in_use(language, {})) for language in ("zh", "en")] == [tiny.MODEL, tiny.MODEL]


def test_what_cannot_be_chosen(tmp_path: Path) -> None:
    models = Models(tmp_path)
    shutil.copytree(tiny.MODEL, models.folder / "ours")
    shutil.copytree(tiny.MODEL, models.folder / "vosk-model-small-cn-0.22")
    (models.folder / "empty").mkdir()
    for name, language, why in (
        ("theirs", "", "there is no model 'theirs'; there are: tiny, empty, ours"),
        ("ours", "", "add --language zh or en"),
        ("vosk-model-small-cn-0.22", "en", "hears zh, not en"),
    ):
        with pytest.raises(BadChoice, match=why):
            models.choose(name, language)
    with pytest.raises(NotAModel, match=r"final\.mdl, HCLr\.fst, Gr\.fst missing"):
        models.choose("empty", "zh")
    assert models.chosen() == {}
    for text in ("{", "[]", '{"zh": 1}'):
        (tmp_path / "speech" / "choice.json").write_text(text)
        with pytest.raises(BadChoice, match="choose again"):
            models.in_use("zh", {})
    models.choose("tiny")
    assert models.in_use("zh", {}) == "tiny"
