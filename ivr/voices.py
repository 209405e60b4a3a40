"""[io] This installation's voice: the engine of [voice], and the folder where what it said is kept."""

from __future__ import annotations

from ivr.config import Settings
from prompts.engines import open_engine
from prompts.voicecache import VoiceCache


def voice_cache(settings: Settings) -> VoiceCache:
    """Speaks texts as the settings say; nothing is opened before the first text. `.voiced(text, language)` is a WAV."""
    voice = settings.voice
    return VoiceCache(settings.data_dir / "voice", open_engine(voice.engine, voice.models), voice.cache_mb << 20)
