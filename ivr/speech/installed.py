"""[io] The models of this installation, <data_dir>/speech/models/NAME and the built-in one: which there are, which is in use,
and what each was found to be worth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ivr.speech import tiny, verdict
from ivr.speech.folder import NotAModel, fingerprint, look
from ivr.speech.modellist import LANGUAGES, languages_of
from ivr.speech.verdict import BadVerdict, Verdict
from prompts.files import write_whole

BUILT_IN = "tiny"
"""The name of the built-in model."""


class BadChoice(ValueError):
    """There is no such model, or it doesn't serve that language; the text says what there is."""


class Models:
    """A view of <data_dir>/speech; nothing is kept in memory."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "speech" / "models"
        self._choice = data_dir / "speech" / "choice.json"

    def names(self) -> list[str]:
        """All models, the built-in one first. What is being fetched is not among them."""
        if not self.folder.is_dir():
            return [BUILT_IN]
        folders = (path for path in self.folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        return [BUILT_IN, *sorted(path.name for path in folders if path.name != BUILT_IN)]

    def path(self, model: str) -> Path:
        """The folder of a model named as in hotline.toml: "tiny", a name of names(), or a path."""
        if model == BUILT_IN:
            return tiny.MODEL
        return Path(model) if "/" in model else self.folder / model

    def languages(self, model: str) -> tuple[str, ...]:
        """What a model can hear, as its name tells; () where it doesn't."""
        return tuple(LANGUAGES) if model == BUILT_IN else languages_of(Path(model).name)

    def in_use(self, language: str, models: Mapping[str, str], model: str = "") -> str:
        """The model for a language: hotline.toml's (`models`, then `model`), else the one chosen by choose(), else the
        built-in one."""
        return models.get(language) or model or self.chosen().get(language, BUILT_IN)

    def chosen(self) -> dict[str, str]:
        """What `hotline speech use` chose, by language. Raises BadChoice for a file that isn't its."""
        try:
            found = json.loads(self._choice.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise BadChoice(f"{self._choice}: {error}: choose again, or remove it") from error
        if not isinstance(found, dict) or not all(isinstance(name, str) for name in found.values()):
            raise BadChoice(f"{self._choice}: it names no models: choose again, or remove it")
        return found

    def choose(self, model: str, language: str = "") -> tuple[str, ...]:
        """Have speech processes that start from now on use a model, for one language or for all that its name tells. Returns
        these. Raises BadChoice, NotAModel."""
        if model not in self.names() and "/" not in model:
            raise BadChoice(f"there is no model {model!r}; there are: {', '.join(self.names())}")
        if not look(self.path(model)).grammars:
            raise NotAModel(f"{self.path(model)}: its graph is fixed: it can't be told a menu's words")
        languages = (language,) if language else self.languages(model)
        if not languages:
            raise BadChoice(f"{model}: its name doesn't tell its language: add --language {' or '.join(LANGUAGES)}")
        told = self.languages(model)
        if language and told and language not in told:
            raise BadChoice(f"{model} hears {' and '.join(told)}, not {language}")
        try:
            before = self.chosen()
        except BadChoice:
            before = {}
        name = str(self.path(model).absolute()) if "/" in model else model
        text = json.dumps(before | dict.fromkeys(languages, name), ensure_ascii=False, indent=1)
        write_whole(self._choice, text.encode() + b"\n")
        return languages

    def verdict(self, model: str, language: str) -> Verdict | None:
        """What the model was found to be worth in this language; None when it was not evaluated, or is another one since.
        Raises BadVerdict, and NotAModel where there is no such folder."""
        path = self.path(model)
        look(path)
        try:
            found = verdict.parse(self._verdict_file(path, language).read_bytes())
        except FileNotFoundError:
            return None
        except BadVerdict as error:
            raise BadVerdict(f"{self._verdict_file(path, language)}: {error}") from error
        return found if found.language == language and found.fingerprint == fingerprint(path) else None

    def passed(self, model: str, language: str) -> bool:
        """Whether production speech may be on with this model: it passed, and is still the same. What can't be read is no
        pass."""
        try:
            found = self.verdict(model, language)
        except (BadVerdict, NotAModel, OSError):
            return False
        return found is not None and found.passed

    def keep(self, given: Verdict) -> Path:
        """Write a verdict beside the models. Returns its file."""
        file = self._verdict_file(self.path(given.model), given.language)
        write_whole(file, verdict.write(given).encode())
        return file

    def _verdict_file(self, path: Path, language: str) -> Path:
        """Verdicts belong to this installation's callers, so those of the built-in model and of models elsewhere lie here too;
        the fingerprint tells models of one name apart."""
        name = BUILT_IN if path == tiny.MODEL else path.name
        return self.folder / f"{name}.{language}.verdict.json"
