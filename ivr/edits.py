"""[io] The queues and seats as people have changed them in the console, laid over the settings; the last good changes stand on
disk. What is changed counts for what calls do from then on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, TypeVar

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ivr.config import Settings
from ivr.sections import Queue, Seat
from routing.limits import MAX_NAME, QUEUE_S, WORST_LEVEL
from routing.seats import SeatProfile
from routing.store import RedisAway, Store
from storage.whole import read_texts, write_texts

KIND = "setting"
"""Of the documents: "queue:service" and "seat:1026" to what is changed of them, JSON."""

log = structlog.get_logger(__name__)


Model = TypeVar("Model", bound=BaseModel)


class _Edit(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class QueueEdit(_Edit):
    """What people may change of a queue; None: as the settings say."""

    ring_timeout_s: float | None = None
    time_limit_s: float | None = None
    wrap_up_s: float | None = None
    set_aside_s: float | None = None
    in_time_s: float | None = None
    music: str | None = Field(None, max_length=64)

    @model_validator(mode="after")
    def _within(self) -> QueueEdit:
        for key, (least, most) in QUEUE_S.items():
            value = getattr(self, key)
            if value is not None and not least <= value <= most:
                raise ValueError(f"{key}: {value} is not from {least} to {most}")
        return self


class SeatEdit(_Edit):
    """What people may change of a seat; None: as the settings say. queues: to the level of its skill, the best is 1."""

    name: str | None = Field(None, max_length=MAX_NAME)
    queues: dict[str, Annotated[int, Field(ge=1, le=WORST_LEVEL)]] | None = None
    enabled: bool = True


class Edits:
    """`start()`, then `follow()` as a task. `queues`, `seats` and `first_queues` are the same objects for ever: whoever holds
    them sees what is new."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._file: Path = settings.data_dir / "last-good-edits.json"
        self._texts: dict[str, str] = {}
        self._profiles: list[SeatProfile] = []
        self.queues: dict[str, Queue] = {}
        self.seats: dict[str, Seat] = {}
        self.first_queues: dict[str, str] = {}
        """By seat, the queue whose terms its talks follow."""
        self._apply()

    async def start(self) -> None:
        """The last good changes, then what is published. Raises RedisAway where seats can't be told to Redis."""
        self._texts = self._kept()
        self._apply()
        await self._look()
        await self._store.set_seats(self._profiles)

    async def follow(self) -> None:
        """For ever: take what is published."""
        async for _ in self._store.publications(KIND):
            before = self._profiles
            await self._look()
            if self._profiles != before:
                try:
                    await self._store.set_seats(self._profiles)
                except RedisAway:
                    self._profiles = before  # it is looked at again when Redis is back
                    self._texts = {}

    async def _look(self) -> None:
        try:
            texts = await self._store.documents(KIND)
        except RedisAway:
            return
        if texts == self._texts:
            return
        self._texts = texts
        self._apply()
        log.info("queues and seats are changed", of=sorted(texts))
        try:
            await asyncio.to_thread(write_texts, self._file, self._texts)
        except OSError as error:
            log.error("the last good changes of queues and seats can't be kept", file=str(self._file), why=str(error))

    def _apply(self) -> None:
        for queue in self._settings.queues:
            edit = self._edit(f"queue:{queue.name}", QueueEdit)
            self.queues[queue.name] = queue.model_copy(update=edit.model_dump(exclude_none=True))
        profiles = []
        for seat in self._settings.seats:
            edited = self._edit(f"seat:{seat.number}", SeatEdit)
            levels = dict.fromkeys(seat.queues, 1) if edited.queues is None else edited.queues
            levels = {name: level for name, level in sorted(levels.items(), key=lambda item: item[1]) if name in self.queues}
            name = seat.name if edited.name is None else edited.name
            self.seats[seat.number] = seat.model_copy(update={"name": name, "queues": tuple(levels)})
            self.first_queues[seat.number] = next(iter(levels), "")
            serves = levels if edited.enabled else {}
            profiles.append(SeatProfile(seat.number, name, tuple(serves), fixed=seat.fixed, levels=tuple(serves.values())))
        self._profiles = profiles

    def _edit(self, name: str, model: type[Model]) -> Model:
        text = self._texts.get(name)
        if text is not None:
            try:
                return model.model_validate_json(text)
            except ValidationError as error:
                log.error("a change can't be read; the settings hold", of=name, why=str(error))
        return model()

    def _kept(self) -> dict[str, str]:
        try:
            return read_texts(self._file)
        except (OSError, ValueError) as error:
            log.error("the last good changes of queues and seats can't be read", file=str(self._file), why=str(error))
            return {}
