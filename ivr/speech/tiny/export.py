"""[io] The model's folder as vosk.Model opens it. Same weights and settings, same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ivr.speech.tiny import fst, graph, nnet3
from ivr.speech.tiny.features import CONFIG
from ivr.speech.tiny.lexicon import Word, phone_set, vocabulary
from ivr.speech.tiny.network import SUBSAMPLING, Weights

_DECODING = (
    "--min-active=200\n--max-active=3000\n--beam=14.0\n--lattice-beam=4.0\n--acoustic-scale=1.0\n"
    f"--frame-subsampling-factor={SUBSAMPLING}\n--endpoint.silence-phones=1\n"
    "--endpoint.rule2.min-trailing-silence=0.5\n--endpoint.rule3.min-trailing-silence=1.0\n--endpoint.rule4.min-trailing-silence=2.0\n"
)
"""model.conf. The only silence is phone 1, the blank."""


_AGAIN = "--speeds=0.88:1.12\n"
"""again.conf (ivr/speech/folder.py): deeper and higher voices than the caller's, one of which training may have heard."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is picked after training, on the development set. blank_bias: nnet3.to_bytes. costs: graph.Costs."""

    blank_bias: float
    costs: graph.Costs


def export(weights: Weights, lexicon: Sequence[Word], settings: Settings, folder: Path) -> None:
    """Writes the model. Raises ValueError where the weights were trained for other phones than the lexicon has."""
    words, phones = vocabulary(lexicon), phone_set(lexicon)
    if weights.outputs != len(phones) + 1:
        raise ValueError(f"the weights give {weights.outputs} outputs, the lexicon has {len(phones)} phones and a blank")
    hclr = graph.hclr(words, phones, settings.costs)
    files = {
        "am/final.mdl": nnet3.to_bytes(weights, settings.blank_bias),
        "conf/fbank.conf": CONFIG.encode(),
        "conf/model.conf": _DECODING.encode(),
        "conf/again.conf": _AGAIN.encode(),
        "graph/HCLr.fst": fst.to_bytes(hclr),
        "graph/Gr.fst": fst.to_bytes(graph.gr(words)),
        "graph/disambig_tid.int": f"{graph.unused_transition(weights.outputs)}\n".encode(),
        "graph/words.txt": "".join(f"{name} {number}\n" for number, name in enumerate(graph.symbols(words))).encode(),
    }
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
