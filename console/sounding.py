"""[io] What callers would hear, as one WAV for a browser: prompts by name, texts, values read aloud, one after the other."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path

from ivr.flow.events import Item, Reading, Speech
from prompts import PATH
from prompts.catalogue import Catalogue, PromptMissing
from prompts.reading import KINDS, clips, read
from prompts.sound import RATE
from prompts.synthesis import MAX_TEXT, SpeechError
from prompts.voicecache import VoiceCache

MAX_ITEMS = 50


class NoSound(ValueError):
    """It can't be heard. code: "empty", "unknown" (what is asked for is nothing), "missing" (there is no such prompt), "voice"
    (the text can't be spoken), "value" (it can't be read so), "file" (the prompt's file can't be played)."""

    def __init__(self, code: str, what: str = "") -> None:
        self.code = code
        self.what = what
        super().__init__(f"{code}: {what}")


def written(item: Item) -> str:
    """An item as a program asks for it: name:welcome, text:您好, read:phone:13912345678."""
    match item:
        case Speech(text):
            return f"text:{text}"
        case Reading(kind, value):
            return f"read:{kind}:{value}"
        case name:
            return f"name:{name}"


def item_of(text: str) -> Item:
    """written() again. Raises NoSound."""
    what, _, rest = text.partition(":")
    match what:
        case "name":
            return rest
        case "text":
            return Speech(rest)
        case "read" if ":" in rest:
            kind, _, value = rest.partition(":")
            return Reading(kind, value)
        case _:
            raise NoSound("unknown", text[:60])


def sound(items: Sequence[Item], language: str, own: Path, voice: VoiceCache) -> bytes:
    """A WAV, 8 kHz mono 16 bit. own: the folder of the hotline's own prompts. May take a second for each new text. Raises
    NoSound."""
    catalogue = Catalogue(language, PATH, own)
    frames = b"".join(_frames(path) for item in items[:MAX_ITEMS] for path in _paths(item, language, catalogue, voice))
    if not frames:
        raise NoSound("empty")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(frames)
    return buffer.getvalue()


def _paths(item: Item, language: str, catalogue: Catalogue, voice: VoiceCache) -> Iterator[Path]:
    if isinstance(item, Speech):
        if item.text.strip():
            if len(item.text) > MAX_TEXT:
                raise NoSound("voice", item.text[:40])
            try:
                yield voice.voiced(item.text, language)
            except (SpeechError, OSError):
                raise NoSound("voice", item.text[:40]) from None
        return
    names: Sequence[str] = (item,) if isinstance(item, str) else _clips(item, language)
    try:
        yield from catalogue.paths(names)
    except PromptMissing:
        raise NoSound("missing", names[0]) from None


def _clips(item: Reading, language: str) -> Sequence[str]:
    kind = next((known for known in KINDS if known == item.kind), None)
    if kind is None:
        raise NoSound("value", item.kind)
    try:
        return clips(read(kind, item.value, language))
    except ValueError:
        raise NoSound("value", item.value) from None


def _frames(path: Path) -> bytes:
    try:
        with wave.open(str(path)) as file:
            if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE, 1, 2):
                raise NoSound("file", path.stem)
            frames: bytes = file.readframes(file.getnframes())
            return frames
    except (wave.Error, EOFError, OSError):
        raise NoSound("file", path.stem) from None
