"""What a model's folder tells, with the built-in model and graphs as OpenFST's own tools wrote them."""

from __future__ import annotations

import base64
import contextlib
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.speech import tiny
from ivr.speech.folder import NotAModel, fingerprint, look, try_loading, words
from ivr.speech.symbols import BadSymbols, of_graph, of_text

GRAPH = base64.b64decode(
    "1v2yfgYAAAB2ZWN0b3IIAAAAc3RhbmRhcmQCAAAAAgAAAAMAgVqBAAAAAAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAdPuyfgUAAAB3LnR4dAUAAAAAAAAABQAA"
    "AAAAAAAFAAAAPGVwcz4AAAAAAAAAAAUAAABbdW5rXQEAAAAAAAAABgAAAOS9oOWlvQIAAAAAAAAABgAAAOS6uuW3pQMAAAAAAAAABQAAAGhlbGxvBAAAAAAA"
    "AAAAAAAAAwAAAAAAAAACAAAAAgAAAAAAgD8AAAAAAwAAAAMAAAAAAAAAAAAAAAQAAAAEAAAAAAAAAAAAAAA="
)
"""By `fstcompile --keep_osymbols` of OpenFST 1.7: small models of the vendor have their words only so."""


def test_words_inside_a_graph() -> None:
    assert of_graph(GRAPH) == ("你好", "人工", "hello")
    assert of_graph((tiny.MODEL / "graph" / "Gr.fst").read_bytes()) is None


@pytest.mark.parametrize("size", [0, 3, 20, 60, 90, 120])
def test_a_cut_graph_is_none(size: int) -> None:
    with pytest.raises(BadSymbols):
        of_graph(GRAPH[:size])


def test_words_of_a_list() -> None:
    assert of_text("<eps> 0\n[unk] 1\n你好 2\n#0 3\n</s> 4\n\n!SIL 5\n") == ("你好",)


def test_the_built_in_model() -> None:
    found = look(tiny.MODEL)
    assert (found.rate_hz, found.grammars) == (tiny.SAMPLE_RATE_HZ, True)
    assert found.size == sum(file.stat().st_size for file in tiny.MODEL.rglob("*") if file.is_file())
    assert set(words(tiny.MODEL)) == tiny.words()
    try_loading(tiny.MODEL)


def test_words_in_the_graph_win(tmp_path: Path) -> None:
    shutil.copytree(tiny.MODEL, tmp_path / "model")
    (tmp_path / "model" / "graph" / "Gr.fst").write_bytes(GRAPH)
    assert words(tmp_path / "model") == ("你好", "人工", "hello")
    (tmp_path / "model" / "graph" / "Gr.fst").write_bytes(b"")
    with pytest.raises(NotAModel, match="words can't be read"):
        words(tmp_path / "model")


def test_the_older_layout_and_kaldis_rate(tmp_path: Path) -> None:
    for name in ("final.mdl", "HCLr.fst", "Gr.fst"):
        (tmp_path / name).write_bytes(GRAPH)
    assert (look(tmp_path).rate_hz, look(tmp_path).grammars) == (16000, True)
    (tmp_path / "mfcc.conf").write_text("--use-energy=false\n--sample-frequency=8000\n")
    assert look(tmp_path).rate_hz == 8000
    (tmp_path / "HCLG.fst").write_bytes(GRAPH)
    assert not look(tmp_path).grammars


def test_at_which_speeds_an_unsure_word_is_heard_again(tmp_path: Path) -> None:
    assert look(tiny.MODEL).speeds == (0.88, 1.12)
    model = shutil.copytree(tiny.MODEL, tmp_path / "model")
    for text, speeds in (("--speeds=0.9\n", (0.9,)), ("--speeds=0.9:\n", ()), ("", ())):
        (model / "conf" / "again.conf").write_text(text)
        assert look(model).speeds == speeds
    (model / "conf" / "again.conf").unlink()
    assert look(model).speeds == ()


def test_a_changed_model_has_another_fingerprint(tmp_path: Path) -> None:
    model = shutil.copytree(tiny.MODEL, tmp_path / "model")
    assert fingerprint(model) == fingerprint(tiny.MODEL)
    seen = {fingerprint(model)}
    acoustic = model / "am" / "final.mdl"
    for place in (100, acoustic.stat().st_size - 100):
        data = bytearray(acoustic.read_bytes())
        data[place] ^= 1
        acoustic.write_bytes(data)
        seen.add(fingerprint(model))
    (model / "README").write_text("")
    seen.add(fingerprint(model))
    assert len(seen) == 4


def test_a_broken_model_ends_no_process_of_ours(tmp_path: Path) -> None:
    model = shutil.copytree(tiny.MODEL, tmp_path / "model")
    (model / "am" / "final.mdl").write_bytes(b"\0B" + bytes(1000))
    with pytest.raises(NotAModel, match="Vosk can't open it"):
        try_loading(model)
    with pytest.raises(NotAModel, match="no such folder"):
        look(tmp_path / "nothing")


@given(st.data())
def test_a_changed_graph_is_read_or_refused(data: st.DataObject) -> None:
    changed = bytearray(GRAPH)
    for _ in range(data.draw(st.integers(1, 8))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BadSymbols):
        of_graph(bytes(changed))
