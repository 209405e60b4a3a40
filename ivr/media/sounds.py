"""[io] Prompt and music files, read once, kept as 20 ms frames of G.711 ready to be sent."""

from __future__ import annotations

import os
import wave
from collections import OrderedDict

import numpy as np

from ivr.media.g711 import SILENCE, Law, encode
from ivr.media.rtp import SAMPLE_RATE, TICK_SAMPLES

MAX_FRAMES = 200_000
"""Frames kept in all, about an hour (40 MB); the files not used for longest go first."""

MAX_FILE_S = 900
"""A longer file is refused: reading it would hold up the others' packets."""


class SoundError(ValueError):
    """A file can't be played; the text names it and says why."""


class Sounds:
    """Frames by path and codec. A file that has changed on disk is read anew."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, Law, int, int], list[bytes]] = OrderedDict()
        self._frames = 0

    def frames(self, path: str, law: Law) -> list[bytes]:
        """The file's frames; the caller must not change the list. Raises SoundError."""
        try:
            status = os.stat(path)
            key = (path, law, status.st_mtime_ns, status.st_size)
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            frames = self._read(path, law)
        except (OSError, EOFError, wave.Error) as error:
            raise SoundError(f"{path}: {error}") from error
        self._kept[key] = frames
        self._frames += len(frames)
        while self._frames > MAX_FRAMES and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._frames -= len(dropped)
        return frames

    def _read(self, path: str, law: Law) -> list[bytes]:
        with wave.open(path, "rb") as file:
            if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, SAMPLE_RATE):
                raise SoundError(f"{path}: not 8 kHz mono 16 bit")
            if file.getnframes() > MAX_FILE_S * SAMPLE_RATE:
                raise SoundError(f"{path}: longer than {MAX_FILE_S} s")
            samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.int16)
        data = encode(law, samples)
        data += SILENCE[law] * (-len(data) % TICK_SAMPLES)
        return [data[at : at + TICK_SAMPLES] for at in range(0, len(data), TICK_SAMPLES)]
