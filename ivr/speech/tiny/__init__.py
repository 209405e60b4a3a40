"""The built-in model of Vosk: for demo and tests (docs/speech.md); small, trained from synthesised speech only.

MODEL is what vosk.Model opens; words() are what a grammar may name. Everything else here is the recipe, which nothing loads at
run time and which needs the packages of the extra `speech-model` (`make speech-model`):

    lexicon.py    words, how they are spoken, phones      features.py   sound → filter bank frames
    texts.py      what is said for training               network.py    the network's form, weights as a file
    voices.py     [io] who says it: trained, held out     disturb.py    examples, otherwise each time
    drawn.py      [io] speakers drawn at random           batches.py    examples as tensors
    kokoro.py     [io] a synthesiser to measure           training.py   [io] CTC
    augment.py    rooms, noise, telephone lines           nnet3.py      weights → Kaldi's final.mdl
    scenes.py     the same, held out for measuring        graph.py      words → HCLr, Gr
    corpus.py     [io] features by the shard              fst.py        OpenFst's file format
    trials.py     [io] what is measured with              export.py     [io] all of the model's folder
    tuning.py     [io] settings picked                    measure.py    [io] scores, by vosk
    caller.py     a voice for demonstrations              __main__.py   [io] the steps of it all
"""

from __future__ import annotations

from pathlib import Path

MODEL = Path(__file__).parent / "model"
"""The folder for vosk.Model."""

SAMPLE_RATE_HZ = 8000
"""What a recogniser is to be fed with: linear 16 bit. vosk brings 16 kHz down to it; telephone sound goes in as it comes."""

UNKNOWN = "[unk]"
"""The word for all that is none of a grammar's others. Every grammar should have it, or foreign speech becomes a word."""

_SYMBOLS = frozenset({"<eps>", UNKNOWN})


def words() -> frozenset[str]:
    """All that a grammar may name, as written there: `订单`, `orders`. English words are in small letters."""
    lines = (MODEL / "graph" / "words.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line.split()[0] for line in lines) - _SYMBOLS
