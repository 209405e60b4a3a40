"""[io] The published menus as the engine runs them: from Redis, with the last good ones on disk."""

from __future__ import annotations

from pathlib import Path

import structlog

from ivr.config import ConfigError, Settings
from ivr.flow.check import check_file
from ivr.flow.finding import Finding
from ivr.flow.load import load
from ivr.flow.model import Document
from ivr.flow.versions import DocumentError, dumps, loads, read_last_good, write_last_good
from prompts import PATH
from prompts.catalogue import available
from routing.store import Store

log = structlog.get_logger(__name__)


class Menus:
    """Documents by hotline."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._file: Path = settings.data_dir / "last-good-menus.json"
        self._documents: dict[str, Document] = {}

    async def publish(self) -> None:
        """Put the menus that the settings name into Redis. Raises ConfigError for one that callers must not meet."""
        for queue in self._settings.queues:
            for language, names in available(PATH, self._settings.prompts).items():
                if queue.music not in names:
                    raise ConfigError(f"queues.{queue.name}.music: there is no prompt {queue.music!r} in {language}")
        for hotline in self._settings.hotlines:
            await self._store.publish_document("menu", hotline.name, dumps(self._checked(hotline.menu)))

    async def load(self) -> None:
        """Take what is published; a menu that can't be read leaves the last good one in place."""
        documents = read_last_good(self._file)
        for hotline, text in (await self._store.documents("menu")).items():
            try:
                documents[hotline] = loads(text)
            except DocumentError as error:
                log.error("published menu can't be read; the last good one stays", hotline=hotline, why=str(error))
        write_last_good(self._file, documents)
        self._documents = documents

    def get(self, hotline: str) -> Document | None:
        """The hotline's menu, or None."""
        return self._documents.get(hotline)

    def _checked(self, path: Path) -> Document:
        findings = findings_of(path, self._settings)
        for finding in findings:
            log.warning("menu", finding=str(finding))
        if any(finding.severity == "error" for finding in findings):
            raise ConfigError("\n".join(str(finding) for finding in findings if finding.severity == "error"))
        document = load(path.read_text(encoding="utf-8"), str(path)).document
        assert document is not None, "a menu without errors is a document"
        return document


def findings_of(path: Path, settings: Settings) -> list[Finding]:
    """What is wrong with a menu, held against this installation's prompts and queues."""
    queues = [queue.name for queue in settings.queues]
    recorded = [queue.name for queue in settings.queues if queue.record]
    return check_file(path, available(PATH, settings.prompts), queues, recorded)
