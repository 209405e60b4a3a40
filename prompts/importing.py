"""Recordings of people's own, in any common format, made into prompts: 8 kHz mono, trimmed, evenly loud. Pure; own.py keeps
them. FFmpeg is C: a process that takes files from strangers should be one that may die.

FFmpeg's libraries decode (the `av` package): WAV of any kind, AIFF, MP3, Ogg (Vorbis, Opus), FLAC, M4A and other AAC, AMR, WMA,
WebM. Only these containers are opened, and decoding ends where a recording grows too long, however small its file is.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from prompts.sound import RATE, Sound, active_level_db, level_to, to_telephone, trim, wav_bytes
from prompts.synthesis import SPEECH_LEVEL_DB

MAX_BYTES = 64 << 20
MAX_S = 120.0
LONG_S = 30.0
"""Callers rarely listen so long: worth a warning."""
MIN_S = 0.1
FORMATS = "wav,w64,aiff,au,caf,mp3,ogg,flac,aac,mov,amr,asf,matroska"
"""FFmpeg's names of the containers that are opened."""
RATES = range(4000, 384_001)
MAX_RATE = 48_000
"""What is above is resampled while it is decoded, so that memory stays small."""
MAX_CHANNELS = 8
MAX_PACKETS_PER_S = 500
"""Opus has 400 at most. A file of single samples would be decoded for hours."""
SPARE_PACKETS = 1000
QUIET_DB = -60.0
"""Below this nothing is said."""
FULL_SCALE = 0.985
CLIPPED_RUN = 4
"""So many samples in a row at full scale were cut off by the recording."""
CLIPPED_SHARE = 5e-4
"""More than this can be heard."""
PAUSE_S = 0.08


WHY: Mapping[str, str] = {
    "size": "it is larger than {limit} MB",
    "empty": "there is no sound in it",
    "silent": "nothing can be heard in it (level {level} dB)",
    "coding": "it is coded in a way that can't be read",
    "rate": "{rate} samples a second are none that a recording has",
    "channels": "it has {channels} channels; at most {limit} are mixed",
    "pieces": "too little sound in too many pieces",
    "changes": "its rate or channels change on the way",
    "length": "it is longer than {limit} s",
    "kind": "it is no sound file that can be read ({said})",
}
"""Why a file can't become a prompt."""
FLAWS: Mapping[str, str] = {
    "long": "{seconds} s are long for a prompt; callers take in {limit} s at most",
    "overdriven": "the recording is overdriven ({share} of it clipped): record it again, softer",
    "soft": "the recording is very soft ({level} dB): noise was amplified with it",
    "damaged": "{parts} damaged parts were left out",
}
"""What is worth a warning."""


class ImportFailed(ValueError):
    """A file that can't become a prompt; the message names it and says why. code: of WHY, with its values, for other languages
    than the message's."""

    def __init__(self, filename: str, code: str, **values: str | int) -> None:
        self.code = code
        self.values = values
        super().__init__(f"{filename}: {WHY[code].format(**values)}")


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is worth a warning. code: of FLAWS, with its values; as a str what people read."""

    code: str
    values: Mapping[str, str | int]

    def __str__(self) -> str:
        return FLAWS[self.code].format(**self.values)


@dataclass(frozen=True, slots=True)
class Report:
    """What a recording was, and what became of it. format: FFmpeg's names of container and codec; level in dB of full scale."""

    filename: str
    format: str
    rate: int
    channels: int
    recorded_s: float
    seconds: float
    """Of the prompt, silence at both ends cut off."""
    recorded_level_db: float
    clipped: float
    """Share of the samples that the recording had cut off."""
    warnings: tuple[Flaw, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """A prompt made of a recording. wav: the file's bytes, 8 kHz mono 16 bit."""

    wav: bytes
    report: Report


@dataclass(frozen=True, slots=True)
class _Decoded:
    sound: Sound
    """All channels as one."""
    loudest: Sound
    """The loudest channel of each sample, never negative."""
    rate: int
    format: str
    original_rate: int
    channels: int
    damaged: int


def convert(data: bytes, filename: str, *, max_s: float = MAX_S) -> Imported:
    """Make a prompt of a recording. max_s: the longest that is taken. Raises ImportFailed."""
    if len(data) > MAX_BYTES:
        raise ImportFailed(filename, "size", limit=MAX_BYTES >> 20)
    decoded = _decode(data, filename, max_s)
    recorded_s = len(decoded.sound) / decoded.rate
    if recorded_s < MIN_S:
        raise ImportFailed(filename, "empty")
    clipped = _clipped(decoded.loudest)
    narrow = to_telephone(decoded.sound, decoded.rate)
    level = active_level_db(narrow)
    if level < QUIET_DB:
        raise ImportFailed(filename, "silent", level=round(level))
    cut = trim(narrow, before_s=PAUSE_S, after_s=PAUSE_S)
    seconds = len(cut) / RATE
    warnings = []
    if seconds > LONG_S:
        warnings.append(Flaw("long", {"seconds": round(seconds), "limit": round(LONG_S)}))
    if clipped > CLIPPED_SHARE:
        warnings.append(Flaw("overdriven", {"share": f"{clipped:.2%}"}))
    if level < -45:
        warnings.append(Flaw("soft", {"level": round(level)}))
    if decoded.damaged:
        warnings.append(Flaw("damaged", {"parts": decoded.damaged}))
    report = Report(
        filename,
        decoded.format,
        decoded.original_rate,
        decoded.channels,
        round(recorded_s, 2),
        round(seconds, 2),
        round(level, 1),
        clipped,
        tuple(warnings),
    )
    return Imported(wav_bytes(level_to(cut, SPEECH_LEVEL_DB)), report)


def _decode(data: bytes, filename: str, max_s: float) -> _Decoded:
    """The first sound track."""
    import av  # 100 MB of libraries: only who imports a recording loads them

    sounds: list[Sound] = []
    loudest: list[Sound] = []
    count = damaged = 0
    try:
        # Titles in old files may be in any encoding; nobody reads them here.
        with av.open(io.BytesIO(data), "r", options={"format_whitelist": FORMATS}, metadata_errors="replace") as container:
            if not container.streams.audio:
                raise ImportFailed(filename, "empty")
            stream = container.streams.audio[0]
            context = stream.codec_context
            if context is None:
                raise ImportFailed(filename, "coding")
            if context.sample_rate not in RATES:
                raise ImportFailed(filename, "rate", rate=context.sample_rate)
            channels, rate = context.channels, min(context.sample_rate, MAX_RATE)
            if not 1 <= channels <= MAX_CHANNELS:
                raise ImportFailed(filename, "channels", channels=channels, limit=MAX_CHANNELS)
            found = f"{container.format.name.split(',')[0]} {context.name}"
            original_rate = context.sample_rate
            resampler = av.AudioResampler("flt", context.layout, rate)
            for number, packet in enumerate(container.demux(stream)):
                if number > SPARE_PACKETS + MAX_PACKETS_PER_S * count / rate:
                    raise ImportFailed(filename, "pieces")
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:
                    damaged += 1
                    continue
                for frame in (*frames, *([] if packet.size else [None])):  # the last, empty packet flushes the resampler
                    try:
                        pieces = resampler.resample(frame)
                    except ValueError:
                        raise ImportFailed(filename, "changes") from None
                    for piece in pieces:
                        samples = piece.to_ndarray().reshape(-1, channels).astype(np.float64)
                        samples = np.nan_to_num(samples, posinf=1.0, neginf=-1.0)
                        sounds.append(samples.mean(axis=1))
                        loudest.append(np.abs(samples).max(axis=1))
                        count += len(samples)
                if count > max_s * rate:
                    raise ImportFailed(filename, "length", limit=f"{max_s:g}")
            return _Decoded(_joined(sounds), _joined(loudest), rate, found, original_rate, channels, damaged)
    except av.error.FFmpegError as error:
        raise ImportFailed(filename, "kind", said=error.strerror or str(error)) from error


def _joined(parts: list[Sound]) -> Sound:
    return np.concatenate([np.zeros(0), *parts])


def _clipped(loudest: Sound) -> float:
    """The share of samples in runs of CLIPPED_RUN and more at full scale."""
    full = np.concatenate([[0], (loudest >= FULL_SCALE).astype(np.int8), [0]])
    edges = np.diff(full)
    runs = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    return float(runs[runs >= CLIPPED_RUN].sum() / len(loudest))
