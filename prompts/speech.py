"""[io] Text to speech by espeak-ng's library, which comes with the espeakng-loader package; called through ctypes."""

from __future__ import annotations

import ctypes
import threading
from dataclasses import dataclass
from pathlib import Path

import espeakng_loader
import numpy as np
from numpy.typing import NDArray

from prompts.synthesis import SpeechError

# espeak-ng's speak_lib.h
_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_RATE, _PITCH, _RANGE, _WORD_GAP = 1, 3, 4, 7
_POSITION_CHARACTER = 1
_CHARS_UTF8 = 1

DATA = Path(espeakng_loader.get_data_path())
"""espeak-ng's own voices and dictionaries."""

AUDIBLE = 0.001
"""What never gets as loud as this is silence, such as what is spoken for mere punctuation."""

_SEED = 1
"""Of breath and other noises: by itself espeak-ng draws them by the time of day."""
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


@dataclass(frozen=True, slots=True)
class Voice:
    """How to speak. name: an espeak-ng voice with its variant."""

    name: str
    words_per_minute: int
    pitch: int
    """0 to 99."""
    range: int
    """How lively, 0 to 99."""
    word_gap: int = 0
    """Pause between words, in 10 ms."""


class Speaker:
    """espeak-ng, opened. The library has one state for the whole process: it is opened once, and calls take turns.

    data: its voices and dictionaries, where they are not the package's; told by the first of a process, for all of them.
    """

    def __init__(self, data: Path = DATA) -> None:
        self._library = _opened(data)
        self.rate = self._library.rate
        """Samples a second of what speak() returns."""

    def speak(self, text: str, voice: Voice) -> NDArray[np.float64]:
        """The text as samples from -1 to 1, at self.rate. Raises SpeechError."""
        samples = self._library.speak(text, voice).astype(np.float64) / 32768.0
        if np.abs(samples).max(initial=0.0) < AUDIBLE:
            raise SpeechError(f"espeak-ng says nothing to {text!r}")
        return samples


class _Library:
    """The library itself, never closed: it keeps calling the callback that it was given first."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._lock = threading.Lock()
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self._library.espeak_Synth.argtypes = [
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.c_void_p,
            ctypes.c_void_p,
        ]
        self.rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, str(data).encode(), _DONT_EXIT)
        if self.rate <= 0:
            raise SpeechError("espeak-ng does not start")
        self._parts: list[NDArray[np.int16]] = []
        self._callback = _CALLBACK(self._take)  # must live as long as the library may call it
        self._library.espeak_SetSynthCallback(self._callback)

    def _take(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int | None) -> int:
        if samples and count > 0:
            self._parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def speak(self, text: str, voice: Voice) -> NDArray[np.int16]:
        """The text as samples. Raises SpeechError."""
        with self._lock:
            self._parts = []
            if self._library.espeak_SetVoiceByName(voice.name.encode()) != 0:
                raise SpeechError(f"espeak-ng has no voice {voice.name!r}")
            for parameter, value in (
                (_RATE, voice.words_per_minute),
                (_PITCH, voice.pitch),
                (_RANGE, voice.range),
                (_WORD_GAP, voice.word_gap),
            ):
                self._library.espeak_SetParameter(parameter, value, 0)
            self._library.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))
            encoded = text.encode() + b"\0"
            if self._library.espeak_Synth(encoded, len(encoded), 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None) != 0:
                raise SpeechError(f"espeak-ng does not speak {text!r}")
            parts, self._parts = self._parts, []
        return np.concatenate([np.zeros(0, np.int16), *parts])


_OPENING = threading.Lock()
_open: list[_Library] = []


def _opened(data: Path) -> _Library:
    """The process's one library; opening it while it speaks, or twice, would crash the process. Raises SpeechError."""
    with _OPENING:
        if not _open:
            _open.append(_Library(data))
        if _open[0].data != data:
            raise SpeechError(f"espeak-ng is open with other data, {_open[0].data}")
        return _open[0]
