"""`hotline speech …` as people type it: a real server to fetch from, real Vosk with the built-in model, spoken recordings."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bench.callers import VOICES, line, word
from ivr.cli import app
from ivr.speech import tiny
from ivr.speech.installed import Models
from prompts import PATH
from prompts.sound import wav_bytes
from tests.ivr.speech.models import NAME, Vendor, entry, installed, model_zip, serving

VOICE = VOICES[2]
"""Training never heard it."""
FOREIGN = "今天天气很好我们去公园吧"


@pytest.fixture(autouse=True)
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data directory of an installation with nothing else."""
    monkeypatch.setenv("HOTLINE_CONFIG", str(tmp_path / "hotline.toml"))
    settings(tmp_path)
    return tmp_path / "var"


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with serving(Vendor(files={f"{NAME}.zip": model_zip()})) as running:
        running.offers(
            entry(NAME, model_zip()),
            entry("vosk-model-small-en-us-0.15", b"1", lang="en-us", lang_text="US English"),
            entry("vosk-model-small-ru-0.22", b"1", lang="ru"),
        )
        yield running


def settings(tmp_path: Path, more: str = "") -> None:
    (tmp_path / "hotline.toml").write_text(f'data_dir = "{tmp_path / "var"}"\n[speech]\n{more}\n', encoding="utf-8")


def hotline(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["speech", *arguments])


def recordings(folder: Path, *said: str) -> Path:
    """Each text in a WAV of its own; one in brackets is of what no menu waits for."""
    folder.mkdir(exist_ok=True)
    for number, text in enumerate(said):
        spoken = text.strip("()")
        (folder / f"{number:03}.wav").write_bytes(wav_bytes(line(0.3, word(spoken, VOICE), 0.5) / 32768))
        (folder / f"{number:03}.txt").write_text("" if text != spoken else text, encoding="utf-8")
    return folder


def test_fetch_list_use(vendor: Vendor, var: Path) -> None:
    result = hotline("fetch", "zh", "--url", vendor.list_url)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0] == str(var / "speech" / "models" / NAME)
    assert f"{NAME}: " not in result.stdout
    assert "zh: 100 %" in result.stderr
    built_in, fetched = hotline("list").stdout.splitlines()
    assert built_in.startswith("* tiny ")
    assert "in use for zh and en; zh not evaluated, en not evaluated" in built_in
    assert fetched.startswith(f"  {NAME} ")
    assert fetched.split()[1:] == ["zh", "8000", "Hz", *built_in.split()[6:10], "not", "in", "use;", "zh", "not", "evaluated"]
    result = hotline("use", NAME)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0] == f"zh: {NAME}"
    assert "stays off until this model passes" in result.stdout
    assert "restart `hotline serve`, or the units of speech and engine" in result.stdout
    built_in, fetched = hotline("list").stdout.splitlines()
    assert "in use for en;" in built_in
    assert "in use for zh;" in fetched


def test_a_mirror_of_the_settings(vendor: Vendor, tmp_path: Path, var: Path) -> None:
    settings(tmp_path, f'list_url = "{vendor.list_url}"')
    assert [line.split()[:3] for line in hotline("list", "--available").stdout.splitlines()] == [
        [NAME, "zh", "small"],
        ["vosk-model-small-en-us-0.15", "en", "small"],
    ]
    assert hotline("fetch", NAME).exit_code == 0
    assert installed(var / "speech" / "models") == [NAME]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["fetch", "fr"], "the list has no model 'fr'; for Chinese and English it has: vosk-model-small-cn-9.9, "),
        (["fetch", "en"], "vosk-model-small-en-us-0.15.zip: the server says 404 Not Found"),
        (["fetch", "no.zip"], "no.zip: No such file or directory"),
        (["use", "theirs"], "there is no model 'theirs'; there are: tiny"),
        (["eval", "nothing"], "nothing: there is no such folder or table"),
    ],
)
def test_what_goes_wrong_is_told_in_a_line(vendor: Vendor, tmp_path: Path, arguments: list[str], why: str) -> None:
    settings(tmp_path, f'list_url = "{vendor.list_url}"')
    result = hotline(*arguments)
    assert result.exit_code in {1, 2}
    assert why in result.stderr
    assert isinstance(result.exception, SystemExit)


def test_a_named_model_wins_over_a_chosen_one(tmp_path: Path, var: Path) -> None:
    shutil.copytree(tiny.MODEL, Models(var).folder / NAME)
    settings(tmp_path, 'model = "tiny"')
    result = hotline("use", NAME)
    assert result.exit_code == 0
    assert "warning: hotline.toml names tiny for zh, and wins" in result.stderr
    assert "in use for zh and en" in hotline("list").stdout.splitlines()[0]
    settings(tmp_path, 'models = {fr = "tiny"}')
    assert "speech.models.fr" in hotline("list").stderr


def test_an_evaluation_by_kinds(tmp_path: Path, var: Path) -> None:
    folder = recordings(tmp_path / "set", "订单", "退货", "售后", "是", "五", f"({FOREIGN})")
    few = ("--min-said", "5", "--min-foreign", "1", "--min-accuracy", "0.2", "--max-misled", "0.9")
    result = hotline("eval", str(folder), *few, "--json", "--max-real-time", "50")
    told = json.loads(result.stdout)
    assert result.exit_code == 0, told
    assert told["passed"] is True
    assert {row["name"]: row["trials"] for row in told["kinds"]} == {"words": 3, "yes/no": 1, "digits": 1, "foreign": 1}
    heard = {trial["said"]: trial for trial in told["trials"]}
    assert heard["订单"]["heard"] == "订单"
    assert heard[""]["outcome"] == "refused"
    assert told["verdict"]["measured"]["real_time"] > 0
    assert Models(var).passed("tiny", "zh")
    assert "zh passed " in hotline("list").stdout
    assert hotline("list").stderr == 'callers are heard in zh ([speech] enabled = "auto")\n'
    result = hotline("eval", str(folder))
    assert result.exit_code == 1
    assert "5 recordings of what may be said are too few: 100 are needed" in result.stdout
    assert f"kept in {var / 'speech' / 'models' / 'tiny.zh.verdict.json'}" in result.stdout
    assert not Models(var).passed("tiny", "zh")
    assert hotline("list").stderr == 'callers are not heard ([speech] enabled = "auto")\n'
    settings(tmp_path, 'enabled = "on"')
    assert hotline("list").stderr == 'callers are heard in zh and en ([speech] enabled = "on")\n'


def test_an_evaluation_under_a_grammar(tmp_path: Path) -> None:
    folder = recordings(tmp_path / "set", "订单", "退货")
    (tmp_path / "grammar.txt").write_text("订单 | 退货  # one choice\n售后\n特朗普\n", encoding="utf-8")
    told = json.loads(hotline("eval", str(folder), "--grammar", str(tmp_path / "grammar.txt"), "--json").stdout)
    assert [(trial["said"], trial["meaning"]) for trial in told["trials"]] == [("订单", "订单"), ("退货", "订单")]
    assert told["unsayable"] == ["特朗普"]
    (tmp_path / "grammar.txt").write_text("售后\n", encoding="utf-8")
    told = json.loads(hotline("eval", str(folder), "--grammar", str(tmp_path / "grammar.txt"), "--json").stdout)
    assert {trial["kind"] for trial in told["trials"]} == {"foreign"}


def test_bad_recordings_are_named_and_left_out(tmp_path: Path) -> None:
    folder = recordings(tmp_path / "set", "订单", "退货")
    (folder / "001.wav").write_bytes((folder / "001.wav").read_bytes()[:1000])
    result = hotline("eval", str(folder))
    assert f"left out: {folder / '001.wav'}: it is cut off" in result.stdout
    assert "1 recordings of what may be said" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--min-accuracy", "2"], "accuracy: Input should be less than or equal to 1"),
        (["--model", "theirs"], "theirs: there is no such folder"),
        (["--node", "main"], "--node is a node of --menu"),
        (["--grammar", "missing.txt"], "missing.txt"),
    ],
)
def test_an_evaluation_that_cannot_be(tmp_path: Path, arguments: list[str], why: str) -> None:
    result = hotline("eval", str(recordings(tmp_path / "set", "订单")), *arguments)
    assert result.exit_code == 2
    assert why in result.stderr


def test_an_evaluation_at_a_menus_nodes(tmp_path: Path) -> None:
    menu = str(PATH / "menus" / "aftersales.yaml")
    folder = recordings(tmp_path / "set", "报修", "家用产品", "五", "满意", "人工", f"({FOREIGN})")
    told = json.loads(hotline("eval", str(folder), "--menu", menu, "--json").stdout)
    places: dict[str, set[str]] = {}
    for trial in told["trials"]:
        places.setdefault(trial["said"], set()).add(trial["ground"])
    everywhere = places.pop("")
    assert places == {
        "报修": {"main"},
        "家用产品": {"repair_menu"},
        "五": {"order", "extension"},
        "满意": {"rating"},
        "人工": everywhere - {"rating"},
    }
    assert told["measured"] == {**told["measured"], "said": 5, "foreign": 1} == told["verdict"]["measured"]
    told = json.loads(hotline("eval", str(folder), "--menu", menu, "--node", "main", "--json").stdout)
    assert {trial["ground"] for trial in told["trials"]} == {"main"}
    assert {trial["said"]: trial["meaning"] for trial in told["trials"]}["报修"] == "1"
    assert {trial["said"]: trial["kind"] for trial in told["trials"]}["满意"] == "foreign"


def test_a_menu_that_hears_nothing_there(tmp_path: Path) -> None:
    folder = recordings(tmp_path / "set", "报修")
    menu = str(PATH / "menus" / "sample.yaml")
    for arguments, why in (
        (["--menu", menu, "--node", "welcome"], "nothing is heard in zh at a node 'welcome'; nodes are: main"),
        (["--menu", menu, "--grammar", menu], "exclude each other"),
        (["--menu", str(folder / "000.txt")], "is no menu: see hotline flow check"),
        (["--menu", str(folder / "001.txt")], "001.txt"),
    ):
        result = hotline("eval", str(folder), *arguments)
        assert result.exit_code == 2
        assert why in result.stderr
