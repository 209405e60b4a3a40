"""The pure parts of the built-in model's recipe: lexicon, texts, graph, file formats, sound."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ivr.speech.gate import TAIL_MS
from ivr.speech.tiny import UNKNOWN, augment, drawn, fst, graph, lexicon, network, nnet3, scenes, texts, voices
from ivr.speech.tiny.export import Settings, export

LEXICON = lexicon.read()
PHONES = lexicon.phone_set(LEXICON)
SETTINGS = Settings(blank_bias=2.0, costs=graph.Costs(unknown_phone=1.0, unknown_start=0.5))


def some_weights(outputs: int, mean: network.Matrix, deviation: network.Matrix, seed: int) -> network.Weights:
    """A network that has learned nothing."""
    random = np.random.default_rng(seed)
    shapes = [(len(layer.offsets) * layer.inputs, layer.outputs) for layer in network.LAYERS]
    affine = [
        (random.standard_normal(shape).astype(np.float32) * 0.1, random.standard_normal(shape[1]).astype(np.float32))
        for shape in [*shapes, (network.LAYERS[-1].outputs, outputs)]
    ]
    return network.Weights(tuple(affine), mean, deviation)


@pytest.mark.parametrize(
    ("syllable", "phones"),
    [
        ("zhi1", ("zh", "ir")),
        ("si4", ("s", "iz")),
        ("ji1", ("j", "i")),
        ("xun2", ("x", "vn")),
        ("yuan2", ("van",)),
        ("yi1", ("i",)),
        ("wu3", ("u",)),
        ("liu4", ("l", "iou")),
        ("dui4", ("d", "uei")),
        ("nv3", ("n", "v")),
        ("er4", ("er",)),
    ],
)
def test_pinyin_becomes_initial_and_final(syllable: str, phones: tuple[str, ...]) -> None:
    assert lexicon.mandarin_phones(syllable) == phones


def test_a_syllable_without_a_vowel_is_an_error() -> None:
    with pytest.raises(lexicon.LexiconError, match="zh1"):
        lexicon.mandarin_phones("zh1")


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.tsv"
    path.write_text("# words\nzh\tmenu\t订单\tding4 dan1\nzh\tmenu\t地址\n", encoding="utf-8")
    with pytest.raises(lexicon.LexiconError, match=r"lexicon\.tsv, line 3"):
        lexicon.read(path)


def test_the_vocabulary_is_what_was_promised() -> None:
    words = lexicon.vocabulary(LEXICON)
    assert len({word.text for word in words}) == len(words)

    def count(language: str, kind: str) -> int:
        return sum(word.language == language and word.kind == kind for word in words)

    assert {word.text for word in words} >= set("零一二三四五六七八九十百幺两洞")
    assert count("zh", "menu") >= 60
    assert count("en", "menu") >= 30
    assert count("zh", "yesno") >= 6
    assert count("en", "yesno") >= 2


def test_only_ten_and_yes_sound_alike() -> None:
    """Words that no network could tell apart; these two are never in one grammar."""
    by_sound: dict[tuple[str, ...], list[str]] = {}
    for word in lexicon.vocabulary(LEXICON):
        by_sound.setdefault(word.phones, []).append(word.text)
    assert [alike for alike in by_sound.values() if len(alike) > 1] == [["十", "是"]]


def test_held_out_voices_speeds_and_pitches_are_nobody_elses() -> None:
    for table in (voices.VARIANTS, voices._SPEEDS, voices._PITCHES):
        training, development, test = (set(table[split]) for split in ("training", "development", "test"))
        assert not training & test
        assert not training & development
        assert not development & test
    assert voices._PICO["test"] != voices._PICO["training"]


def test_foreign_sentences_of_the_test_are_not_those_of_development() -> None:
    for language in ("zh", "en"):
        assert not set(texts.foreign("test", language)) & set(texts.foreign("development", language))


def test_utterances_are_drawn_the_same_from_the_same_seed() -> None:
    source = texts.Texts(LEXICON)
    one, two = ([source.for_training(np.random.default_rng(seed)) for seed in range(50)] for _ in range(2))
    assert one == two
    assert {utterance.language for utterance in one} == {"zh", "en"}


def test_a_speaker_is_drawn_the_same_from_the_same_seed_and_has_formants_of_its_own() -> None:
    one, two = ([drawn.variant(np.random.default_rng(seed)) for seed in range(50)] for _ in range(2))
    assert one == two
    assert len(set(one)) == 50
    found = [drawn.formants(described) for described in one]
    assert len(set(found)) == 50
    assert all(70 < percent < 140 for three in found for percent in three)


def test_who_sounds_like_a_held_out_voice_is_told() -> None:
    aunty = drawn.formants(
        "language variant\nformant 0 88 85 154\nformant 1 115 80 160 -20\nformant 2 130 75\nformant 3 123 75 150\n"
    )
    assert aunty == (115.0, 130.0, 123.0)
    assert drawn.formants("language variant\nklatt 4\n") == (100.0, 100.0, 100.0)
    assert drawn.alike((118.0, 127.0, 123.0), aunty)
    assert not drawn.alike((118.0, 127.0, 130.0), aunty)


def test_each_utterance_has_a_speaker_of_its_own() -> None:
    """In a process of its own: another's espeak-ng would be open with other data."""
    program = """
import numpy as np
from ivr.speech.tiny.voices import Voices
random, voices = np.random.default_rng(5), Voices()
said = [voices.read("en", "orders", "drawn", "training", random) for _ in range(5)]
print(len({spoken.samples.tobytes() for spoken in said}))
again = Voices().read("en", "orders", "drawn", "training", np.random.default_rng(5))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.stdout == "5\n", ran.stderr
    assert "espeak-ng is open with other data" in ran.stderr


FSTCOMPILE = bytes.fromhex(
    "d6fdb27e06000000766563746f72080000007374616e6461726402000000000000000300829681000000000000000000000003000000000000000000"
    "0000000000000000807f020000000000000001000000020000000000003f01000000020000000100000000000000000000000000403f010000000000"
    "000003000000000000000000a03f02000000000000000000000000000000"
)
"""What OpenFst's fstcompile makes of: 0 1 1 2 0.5; 0 0 2 1 0; 1 2 3 0 1.25; 1 0.75; 2."""


def test_an_fst_is_written_as_fstcompile_does() -> None:
    built = fst.Fst()
    start = built.add_state()
    middle, end = built.add_state(final=0.75), built.add_state(final=0.0)
    built.add_arc(start, middle, 1, 2, 0.5)
    built.add_arc(start, start, 2, 1)
    built.add_arc(middle, end, 3, weight=1.25)
    written = fst.to_bytes(built)
    properties = slice(34, 42)  # fstcompile looks for more of them than we tell
    assert written[: properties.start] == FSTCOMPILE[: properties.start]
    assert written[properties.stop :] == FSTCOMPILE[properties.stop :]
    told, found = (int.from_bytes(data[properties], "little") for data in (written, FSTCOMPILE))
    assert told & found == told
    assert told & 0x50000000 == 0x10000000  # sorted by input, not by output


def test_sorting_by_output_is_told() -> None:
    built = fst.Fst()
    start = built.add_state(final=0.0)
    built.add_arc(start, start, 1, 2)
    built.add_arc(start, start, 2, 1)
    turned = fst.sorted_by_output(built)
    assert [arc.output for arc in turned.arcs[0]] == [1, 2]
    assert int.from_bytes(fst.to_bytes(turned)[34:42], "little") & 0x50000000 == 0x40000000


def accepts(built: fst.Fst, labels: list[int]) -> set[tuple[int, ...]]:
    """What an FST writes for these inputs, by any path to a final state."""
    paths: set[tuple[int, int, tuple[int, ...]]] = {(0, 0, ())}
    seen = set(paths)
    while paths:
        state, read, written = paths.pop()
        for arc in built.arcs[state]:
            if arc.input and labels[read : read + 1] != [arc.input]:
                continue
            following = (arc.target, read + bool(arc.input), written + ((arc.output,) if arc.output else ()))
            if following not in seen and len(following[2]) < 6:
                seen.add(following)
                paths.add(following)
    return {written for state, read, written in seen if read == len(labels) and state in built.finals}


def test_the_graph_spells_words_as_ctc_does() -> None:
    words = (lexicon.Word("zh", "digit", "妈妈", ("ma1", "ma5")), lexicon.Word("zh", "digit", "阿", ("a1",)))
    phones = ("a", "m")
    built = graph.hclr(words, phones, SETTINGS.costs)
    a, m, blank = 1, 2, graph.BLANK
    mother, ah, unknown = (1,), (2,), 3
    enter, stay = graph.enter, graph.stay

    def spelt(*labels: int) -> set[tuple[int, ...]]:
        return {written for written in accepts(built, list(labels)) if unknown not in written}

    assert spelt(enter(m), stay(m), enter(a), enter(m), enter(a), stay(a)) == {mother}
    assert spelt(enter(blank), enter(m), enter(blank), enter(a), enter(blank), enter(m), enter(a), enter(blank)) == {mother}
    assert spelt(enter(a)) == {ah}
    assert spelt(enter(a), enter(a)) == set(), "the same phone again needs a blank between"
    assert spelt(enter(a), enter(blank), enter(a)) == {ah + ah}
    assert spelt(enter(m), enter(a), enter(m), enter(a), enter(blank), enter(a)) == {mother + ah}
    assert spelt(enter(blank)) == {()}
    assert (unknown,) in accepts(built, [enter(m)])


def test_an_export_is_the_same_each_time_and_fits(tmp_path: Path) -> None:
    ones = np.ones(40, np.float32)
    weights = some_weights(len(PHONES) + 1, ones * 5, ones * 2, seed=3)
    network.save(weights, tmp_path / "weights.npz")
    for name, kept in (("one", weights), ("two", network.load(tmp_path / "weights.npz"))):
        export(kept, LEXICON, SETTINGS, tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert [str(file) for file in files] == [
        "am/final.mdl",
        "conf/again.conf",
        "conf/fbank.conf",
        "conf/model.conf",
        "graph/Gr.fst",
        "graph/HCLr.fst",
        "graph/disambig_tid.int",
        "graph/words.txt",
    ]
    assert all((tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes() for file in files)
    assert sum((tmp_path / "one" / file).stat().st_size for file in files) <= 3_000_000


def test_weights_for_other_phones_are_refused(tmp_path: Path) -> None:
    ones = np.ones(40, np.float32)
    with pytest.raises(ValueError, match=r"7 outputs, the lexicon has \d+ phones"):
        export(some_weights(7, ones, ones, seed=0), LEXICON, SETTINGS, tmp_path)


def test_the_network_takes_raw_features() -> None:
    """The first layer of final.mdl on raw features gives what the trained layer gives on normalised ones."""
    random = np.random.default_rng(0)
    mean, deviation = random.normal(5, 2, 40).astype(np.float32), random.uniform(1, 3, 40).astype(np.float32)
    weights = some_weights(4, mean, deviation, seed=1)
    matrix, bias = (array.astype(np.float64) for array in weights.affine[0])
    raw = random.normal(5, 3, 200)
    normalised = (raw - np.tile(mean, 5)) / np.tile(deviation, 5)
    folded, moved = nnet3._taking_raw_features(matrix, bias, weights, 5)
    np.testing.assert_allclose(raw @ folded + moved, normalised @ matrix + bias, rtol=1e-6)


def test_a_layer_that_adds_hands_on_what_it_was_given_too() -> None:
    weights = some_weights(4, np.zeros(40, np.float32), np.ones(40, np.float32), seed=1)
    written = nnet3.to_bytes(weights, blank_bias=0.0).decode("latin-1")
    assert "component=affine6 input=Append(Offset(relu5, -3), relu5, Offset(relu5, 3))\n" in written
    added = ("Sum(Offset(relu6, -3), Offset(relu5, -3))", "Sum(relu6, relu5)", "Sum(Offset(relu6, 3), Offset(relu5, 3))")
    assert f"component=affine7 input=Append({', '.join(added)})\n" in written
    assert "component=last input=Sum(relu9, relu8, relu7, relu6, relu5)\n" in written


def test_the_network_looks_farther_back_than_ahead() -> None:
    """Kaldi gives it so many frames before its first and after its last: what is far back costs no caller a wait."""
    weights = some_weights(4, np.zeros(40, np.float32), np.ones(40, np.float32), seed=1)
    written = nnet3.to_bytes(weights, blank_bias=0.0)
    before, after = (struct.pack("<i", frames) for frames in (network.CONTEXT_BEFORE, network.CONTEXT_AFTER))
    assert b"<LeftContext> \x04" + before + b"<RightContext> \x04" + after in written
    assert network.CONTEXT_BEFORE > network.CONTEXT_AFTER
    assert 10 * network.CONTEXT_AFTER <= TAIL_MS + 10, "what is after a word is decoded for so long"


def test_a_matrix_is_written_in_16_bit() -> None:
    """As Kaldi's CompressedMatrix reads it: least value, range, rows, columns, then steps of range / 65535."""
    values = np.random.default_rng(2).normal(0, 0.1, (5, 7))
    writer = nnet3._Writer()
    writer.matrix(values)
    data = bytes(writer.bytes)
    assert data[:4] == b"CM2 "
    least, extent, rows, columns = struct.unpack("<ffii", data[4:20])
    steps = np.frombuffer(data[20:], "<u2").reshape(rows, columns)
    np.testing.assert_allclose(least + steps * (extent / 65535), values, atol=extent / 65535)
    assert steps.min() == 0
    assert steps.max() == 65535


def test_a_telephone_band_keeps_1_khz_and_drops_100_hz() -> None:
    seconds = np.arange(16000) / 16000
    kept, dropped = (np.round(8000 * np.sin(2 * np.pi * hertz * seconds)).astype(np.int16) for hertz in (1000, 100))
    loud, quiet = (np.std(scenes.in_band(samples, "telephone").astype(np.float64)) for samples in (kept, dropped))
    assert loud == pytest.approx(8000 / np.sqrt(2), rel=0.05)
    assert quiet < loud / 50
    assert len(scenes.in_band(kept, "8 k")) == 8000
    assert scenes.in_band(kept, "16 k") is kept


def test_a_room_sends_the_straight_sound_first() -> None:
    response = scenes.shoebox(4.2, 5.3, 2.7, 0.6, np.random.default_rng(1))
    assert response[0] > 0
    early, late = np.sum(response[: len(response) // 4] ** 2), np.sum(response[len(response) // 4 :] ** 2)
    assert early > late > 0


def test_augmented_speech_is_different_each_time_and_never_empty() -> None:
    speech = np.sin(np.arange(4000) / 5.0) * 0.5
    heard = [augment.augmented(speech, speech[::-1], np.random.default_rng(seed)) for seed in range(30)]
    assert all(
        len(samples) > len(speech) and samples.dtype == np.int16 and np.std(samples.astype(float)) > 10 for samples in heard
    )
    assert len({samples.tobytes() for samples in heard}) == 30
    assert len(augment.wordless(2000, speech, np.random.default_rng(1))) == 2000


def test_unknown_is_the_last_symbol() -> None:
    names = graph.symbols(lexicon.vocabulary(LEXICON))
    assert names[0] == "<eps>"
    assert names[-1] == UNKNOWN


def test_nothing_of_the_recipe_is_loaded_with_the_model() -> None:
    """A recogniser imports the package: neither training's libraries nor the recipe come along."""
    seen = "sorted(m for m in sys.modules if m.startswith('ivr.speech.') or m in {'torch', 'numpy', 'soxr', 'onnxruntime'})"
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys, ivr.speech.tiny; print({seen})"], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "['ivr.speech.tiny']"
