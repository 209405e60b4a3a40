"""[io] Whether callers are heard on this node, in which languages, and by which models."""

from __future__ import annotations

from pathlib import Path

from ivr.speech.installed import Models
from ivr.speech.modellist import LANGUAGES
from ivr.speechsettings import Speech


def models_in_use(speech: Speech, data_dir: Path) -> dict[str, Path]:
    """The model's folder of each language in which callers are heard, as [speech] says; none where keys alone work. Raises
    installed.BadChoice."""
    if speech.enabled == "off":
        return {}
    models = Models(data_dir)
    names = {language: models.in_use(language, speech.models, speech.model) for language in LANGUAGES}
    heard = {language: name for language, name in names.items() if speech.enabled == "on" or models.passed(name, language)}
    return {language: models.path(name) for language, name in heard.items()}
