"""Sound as the network hears it: 40 logarithmic mel bands every 10 ms, just as Vosk's Kaldi makes them from fbank.conf."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Frames: TypeAlias = npt.NDArray[np.float32]
"""(frames, BANDS)."""

BANDS = 40
RATE_HZ = 8000
_LOW_HZ, _HIGH_HZ = 100, 3600
_ENERGY_FLOOR = 1.0

CONFIG = (
    f"--sample-frequency={RATE_HZ}\n--dither=0\n--num-mel-bins={BANDS}\n"
    f"--low-freq={_LOW_HZ}\n--high-freq={_HIGH_HZ}\n--energy-floor={_ENERGY_FLOOR}\n"
)
"""fbank.conf of the model."""


class FilterBank:
    """kaldi-native-fbank with the options of CONFIG."""

    def __init__(self) -> None:
        import kaldi_native_fbank

        self._options: Any = kaldi_native_fbank.FbankOptions()
        self._options.frame_opts.samp_freq = RATE_HZ
        self._options.frame_opts.dither = 0
        self._options.frame_opts.snip_edges = True
        self._options.mel_opts.num_bins = BANDS
        self._options.mel_opts.low_freq = _LOW_HZ
        self._options.mel_opts.high_freq = _HIGH_HZ
        self._options.energy_floor = _ENERGY_FLOOR
        self._open: Any = kaldi_native_fbank.OnlineFbank

    def __call__(self, samples: npt.NDArray[np.int16]) -> Frames:
        """Frames of 25 ms of sound at RATE_HZ."""
        computer = self._open(self._options)
        computer.accept_waveform(RATE_HZ, samples.astype(np.float32))
        computer.input_finished()
        count: int = computer.num_frames_ready
        return np.stack([computer.get_frame(index) for index in range(count)]) if count else np.zeros((0, BANDS), np.float32)
