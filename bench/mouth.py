"""[io] espeak-ng as it speaks when it has said nothing before. What it says depends a little on all that it has said in its
process: a caller would sound otherwise, and might be understood otherwise, by which tests and measurements went before.

python bench/mouth.py: for each line of JSON (a text and its voice) the count of samples and their rate, 32 bits each, and the
samples, float64.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import struct
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from prompts.speech import Speaker, Voice
from prompts.synthesis import SpeechError

_HEAD = struct.Struct("=II")


def speak(text: str, voice: Voice) -> tuple[npt.NDArray[np.float64], int]:
    """The text as samples from -1 to 1, and how many of them a second has. Raises SpeechError."""
    mouth = _mouth()
    assert mouth.stdin is not None
    assert mouth.stdout is not None
    mouth.stdin.write(json.dumps({"text": text, "voice": asdict(voice)}).encode() + b"\n")
    mouth.stdin.flush()
    count, rate = _HEAD.unpack(mouth.stdout.read(_HEAD.size))
    if not count:
        raise SpeechError(f"espeak-ng does not speak {text!r}")
    return np.frombuffer(mouth.stdout.read(8 * count)), rate


@functools.cache
def _mouth() -> subprocess.Popen[bytes]:
    """Its process, until this one ends."""
    environ = os.environ | {"OPENBLAS_NUM_THREADS": "1"}  # one thread: it forks
    command = [sys.executable, "-P", str(Path(__file__))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ)
    atexit.register(process.__exit__, None, None, None)  # closes its pipes, and waits for it
    return process


def _main() -> None:
    speaker = Speaker()
    for line in sys.stdin.buffer:
        child = os.fork()
        if child == 0:
            asked = json.loads(line)
            samples = speaker.speak(asked["text"], Voice(**asked["voice"]))
            sys.stdout.buffer.write(_HEAD.pack(len(samples), speaker.rate) + samples.tobytes())
            sys.stdout.buffer.flush()
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            sys.stdout.buffer.write(_HEAD.pack(0, 0))
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    _main()
