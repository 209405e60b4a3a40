"""[io] Texts spoken once and kept: <folder>/<hash>.wav by text, language, voice, engine and model.

Several processes may share a folder: files appear whole, by renaming, and whoever kept a text first is heard by all, since an
engine may say the same text otherwise the next time. What was not used for longest is deleted when the folder grows too large;
a file that was handed out within GRACE_S stays, since somebody may be about to play it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from prompts.files import PARTIAL, write_whole
from prompts.sound import wav_bytes
from prompts.synthesis import RECIPE, Synthesiser, spoken_prompt

GRACE_S = 60.0
LOCK = "lock"
ABANDONED_S = 3600.0
"""A half-written file so old is of a process that died."""


class VoiceCache:
    """A folder of spoken texts. max_bytes: how large it may get."""

    def __init__(self, folder: Path, engine: Synthesiser, max_bytes: int) -> None:
        self.folder = folder
        self.engine = engine
        self.max_bytes = max_bytes

    def path(self, text: str, language: str, voice: str = "") -> Path:
        """Where the text lies once it was spoken. Raises SpeechError."""
        recipe = f"{RECIPE}\n{language}\n{self.engine.recipe(language, voice)}\n{text}"
        return self.folder / f"{hashlib.sha256(recipe.encode()).hexdigest()[:32]}.wav"

    def voiced(self, text: str, language: str, voice: str = "") -> Path:
        """A WAV of the text, 8 kHz mono 16 bit; spoken now unless it is there. May take seconds: not for an event loop.

        Raises SpeechError, and OSError where the folder can't be written to.
        """
        path = self.path(text, language, voice)
        if not self._used(path):
            self._keep(path, wav_bytes(spoken_prompt(self.engine, text, language, voice)))
        return path

    def _used(self, path: Path) -> bool:
        """Whether the text is there; then it was used now, and is not deleted within GRACE_S."""
        try:
            with self._locked(fcntl.LOCK_SH):
                os.utime(path)
        except FileNotFoundError:
            return False
        return True

    @contextlib.contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        """Nothing is deleted between somebody's looking and using. how: LOCK_SH to use, LOCK_EX to delete."""
        with (self.folder / LOCK).open("a") as file:
            fcntl.flock(file, how)
            yield

    def _keep(self, path: Path, wav: bytes) -> None:
        """Keep what was spoken, unless another process kept it meanwhile: that stays."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._locked(fcntl.LOCK_EX):
            if path.exists():
                os.utime(path)
            else:
                write_whole(path, wav)
            self._delete()

    def _delete(self) -> None:
        now = time.time()
        kept: list[tuple[float, int, Path]] = []
        for path in self.folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another process is at it too
                status = path.stat()
                if path.suffix == PARTIAL and now - status.st_mtime > ABANDONED_S:
                    path.unlink()
                elif path.suffix == ".wav":
                    kept.append((status.st_mtime, status.st_size, path))
        size = sum(bytes_ for _, bytes_, _ in kept)
        for used, bytes_, path in sorted(kept):
            if size <= self.max_bytes or now - used < GRACE_S:
                break
            path.unlink(missing_ok=True)
            size -= bytes_
