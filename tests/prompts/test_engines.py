"""The speech engines. piper and sherpa-onnx run here only where they are installed, with models of a few nodes made by hand:
their voices are too large for a test."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prompts.engines import VOICES, EngineName, Espeak, Piper, Sherpa, open_engine
from prompts.sound import active_level_db
from prompts.synthesis import MAX_TEXT, SpeechError, Synthesiser, spoken_prompt


def test_espeak_speaks_each_of_its_languages() -> None:
    engine: Synthesiser = open_engine("espeak", {})
    assert engine.languages == {"zh", "en"} == set(VOICES)
    for text, language in (("您好。", "zh"), ("Hello.", "en")):
        sound = spoken_prompt(engine, text, language)
        assert 0.3 < len(sound) / 8000 < 2
        assert -20.5 < active_level_db(sound) < -19.5


def test_another_voice_is_another_recipe_and_sound() -> None:
    engine = Espeak()
    assert engine.recipe("zh") != engine.recipe("zh", "cmn+m3") != engine.recipe("en", "cmn+m3")
    usual, other = (engine.synthesise("您好", "zh", voice).samples for voice in ("", "cmn+m3"))
    assert len(usual) != len(other) or not np.allclose(usual, other)


def test_what_cannot_be_spoken_is_told() -> None:
    engine = Espeak()
    with pytest.raises(SpeechError, match="espeak has no voice for 'fr'; it has en, zh"):
        engine.synthesise("bonjour", "fr")
    with pytest.raises(SpeechError, match="no voice 'nobody'"):
        engine.synthesise("您好", "zh", "nobody")
    with pytest.raises(SpeechError, match=f"at most {MAX_TEXT}"):
        spoken_prompt(engine, "好" * (MAX_TEXT + 1), "zh")


@pytest.mark.parametrize(
    ("name", "module", "package"), [("piper", "piper", "piper-tts"), ("sherpa", "sherpa_onnx", "sherpa-onnx")]
)
def test_an_engine_that_is_not_installed_says_what_to_install(
    tmp_path: Path, name: EngineName, module: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    engine = open_engine(name, {"zh": tmp_path})
    with pytest.raises(SpeechError, match=f"{name} is not installed .*; run: pip install {package}"):
        engine.synthesise("您好", "zh")


@pytest.mark.parametrize("name", ["piper", "sherpa"])
def test_models_belong_to_languages(tmp_path: Path, name: EngineName) -> None:
    engine = open_engine(name, {"zh": tmp_path, "en": tmp_path / "gone"})
    assert engine.languages == {"zh", "en"}
    with pytest.raises(SpeechError, match=f"{name} has no voice for 'fr'; it has en, zh"):
        engine.synthesise("bonjour", "fr")
    with pytest.raises(SpeechError, match="number of a speaker"):
        engine.synthesise("您好", "zh", "xiaoyan")
    with pytest.raises(SpeechError, match="'en' can't be read"):
        engine.recipe("en")
    before = engine.recipe("zh")
    (tmp_path / "model.onnx").write_bytes(b"another model")
    assert engine.recipe("zh") != before


def onnx_model(path: Path, inputs: dict[str, int], metadata: dict[str, str]) -> None:
    """A network that answers 512 samples of a tone to each token. inputs: name and rank; the first are the tokens."""
    onnx: Any = pytest.importorskip("onnx")
    helper, tensor = onnx.helper, onnx.TensorProto
    tokens, *_ = inputs

    def constant(name: str, kind: int, value: list[float], shape: list[int]) -> Any:
        return helper.make_tensor(name, kind, shape, value)

    graph = helper.make_graph(
        [
            helper.make_node("Shape", [tokens], ["shape"]),
            helper.make_node("Gather", ["shape", "one"], ["count"]),
            helper.make_node("Mul", ["count", "samples"], ["length"]),
            helper.make_node("Cast", ["length"], ["end"], to=tensor.FLOAT),
            helper.make_node("Range", ["zero", "end", "step"], ["time"]),
            helper.make_node("Mul", ["time", "pitch"], ["phase"]),
            helper.make_node("Sin", ["phase"], ["tone"]),
            helper.make_node("Reshape", ["tone", "form"], ["output"]),
        ],
        "tone",
        [
            helper.make_tensor_value_info(
                name, tensor.INT64 if number < 2 else tensor.FLOAT, [f"{name}{axis}" for axis in range(rank)]
            )
            for number, (name, rank) in enumerate(inputs.items())
        ],
        [helper.make_tensor_value_info("output", tensor.FLOAT, [1, 1, "time"])],
        [
            constant("one", tensor.INT64, [1], []),
            constant("samples", tensor.INT64, [512], []),
            constant("zero", tensor.FLOAT, [0.0], []),
            constant("step", tensor.FLOAT, [1.0], []),
            constant("pitch", tensor.FLOAT, [0.2], []),
            constant("form", tensor.INT64, [1, 1, -1], [3]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, str(path))


@pytest.mark.skipif(not importlib.util.find_spec("piper"), reason="piper-tts is not installed")
def test_piper_speaks_with_its_model(tmp_path: Path) -> None:
    path = tmp_path / "zh.onnx"
    onnx_model(path, {"input": 2, "input_lengths": 1, "scales": 1}, {})
    symbols = {symbol: [number] for number, symbol in enumerate("_^$您好")}
    config = {
        "num_symbols": len(symbols),
        "num_speakers": 1,
        "audio": {"sample_rate": 22050},
        "espeak": {"voice": "cmn"},
        "phoneme_type": "text",
        "phoneme_id_map": symbols,
    }
    Path(f"{path}.json").write_text(json.dumps(config), encoding="utf-8")
    engine = Piper({"zh": path})
    spoken = engine.synthesise("您好", "zh")
    assert spoken.rate == 22050
    assert len(spoken.samples) % 512 == 0
    assert -21 < active_level_db(spoken_prompt(engine, "您好", "zh")) < -19
    Path(f"{path}.json").write_text("{}", encoding="utf-8")
    with pytest.raises(SpeechError, match="piper can't speak '您好' with"):
        Piper({"zh": path}).synthesise("您好", "zh")


@pytest.mark.skipif(not importlib.util.find_spec("sherpa_onnx"), reason="sherpa-onnx is not installed")
def test_sherpa_speaks_with_its_model(tmp_path: Path) -> None:
    inputs = {"x": 2, "x_length": 1, "noise_scale": 1, "length_scale": 1, "noise_scale_w": 1}
    facts = {
        "sample_rate": "16000",
        "n_speakers": "0",
        "add_blank": "0",
        "language": "Chinese",
        "comment": "a tone",
        "punctuation": "，",
    }
    onnx_model(tmp_path / "vits.onnx", inputs, facts)
    (tmp_path / "tokens.txt").write_text("sil 0\neos 1\nsp 2\n#0 3\nn 4\nh 5\nin2 6\nao3 7\n， 8\n", encoding="utf-8")
    (tmp_path / "lexicon.txt").write_text("您 n in2\n好 h ao3\n", encoding="utf-8")
    engine = Sherpa({"zh": tmp_path})
    spoken = engine.synthesise("您好", "zh", "0")
    assert spoken.rate == 16000
    assert len(spoken.samples) % 512 == 0
    assert -21 < active_level_db(spoken_prompt(engine, "您好", "zh")) < -19
    (tmp_path / "second.onnx").write_bytes(b"")
    with pytest.raises(SpeechError, match=r"one \.onnx file must be there, not 2"):
        Sherpa({"zh": tmp_path}).synthesise("您好", "zh")
