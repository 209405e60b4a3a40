"""The shapes of what the API takes and gives about menus and prompts."""

from __future__ import annotations

from typing import Annotated, Literal

from flask_openapi3.models.file import FileStorage
from pydantic import BaseModel, Field

from console.api.shapes import Epoch, Given, Shown
from ivr.flow.drafts import MAX_NOTE
from ivr.flow.script import Case
from routing.menus import MAX_BYTES

Source = Annotated[str, Field(max_length=MAX_BYTES, description="YAML, as it was written (docs/menu-language.md)")]
Note = Annotated[str, Field(max_length=MAX_NOTE)]


class HotlineName(BaseModel):
    hotline: str = Field(max_length=64)


class VersionNumber(HotlineName):
    version: int


class Version(Shown):
    """A version that was published."""

    version: int
    author: str = Field(description='A login; "file": it came from the settings\' file')
    note: str
    at: Epoch
    based_on: int = Field(description="The version its author began with, 0 for none")


class Draft(Shown):
    """What somebody works on; callers don't hear it."""

    revision: int = Field(description="Rises with each saving")
    author: str
    saved_at: Epoch
    based_on: int


class Menu(Shown):
    """How a hotline's menu stands."""

    hotline: str
    title: str
    published: Version | None = Field(description="What new calls hear")
    draft: Draft | None
    outdated: bool = Field(description="Somebody has published since the draft was made")


class MenuList(BaseModel):
    menus: list[Menu]


class MenuDetails(BaseModel):
    menu: Menu
    source: str = Field(description="The draft's text; else what is published; else a sample to begin with")
    published_source: str


class Text(Given):
    source: Source


class Finding(BaseModel):
    """One fault. An error keeps a menu from being published, a warning doesn't."""

    line: int = Field(description="From 1; 0: the whole text")
    node: str
    severity: Literal["error", "warning"]
    rule: str
    message: str
    remedy: str


class Findings(BaseModel):
    findings: list[Finding]


class Saving(Given):
    """revision: the one that was read, 0: there was none. based_on: the version that the text was made from; null: as before,
    for a new draft the one that is published now."""

    source: Source
    revision: int = Field(0, ge=0)
    based_on: int | None = Field(None, ge=0)


class Saved(BaseModel):
    revision: int
    findings: list[Finding]


class Publishing(Given):
    revision: int = Field(ge=1, description="Of the draft: that one is published, or nothing")
    note: Note = ""


class PublishedVersion(BaseModel):
    version: int


class VersionList(BaseModel):
    versions: list[Version]


class VersionDetails(BaseModel):
    version: Version
    source: str


class Pair(BaseModel):
    """Which to compare."""

    old: int
    new: int | None = Field(None, description="Without it: the draft")


class Diff(BaseModel):
    diff: str = Field(description="Unified; empty where nothing changed")


class RollingBack(Given):
    version: int = Field(ge=1)
    note: Note = ""


class Walking(Given):
    """A case, as `hotline flow simulate --script` has them; what must come of it is not looked at."""

    source: Source
    case: Case


class Heard(BaseModel):
    text: str
    language: str
    items: list[str] = Field(description="What GET /sound takes")


class Step(BaseModel):
    """What came of one input."""

    nodes: list[str]
    titles: list[str] = Field(description="What people call the nodes")
    heard: list[Heard]
    end: str = Field(
        description='Where the call is: "queue NAME", "seat NUMBER", "number NUMBER", "message", "hangup"; "": the menu waits'
    )
    end_text: str


class Walk(BaseModel):
    steps: list[Step] = Field(description="First what came of calling, then one for each input")
    endless: bool = Field(description="The menu went on by itself for ever")


class Prompt(BaseModel):
    language: str
    name: str
    seconds: float | None
    origin: Literal["packaged", "synthesised", "own recording"]
    text: str


class PromptList(BaseModel):
    prompts: list[Prompt]


class PromptName(BaseModel):
    language: Literal["zh", "en"]
    name: str = Field(max_length=64)


class Recording(BaseModel):
    """multipart/form-data."""

    file: FileStorage = Field(description="WAV, MP3, M4A, AMR, Ogg, FLAC, WMA …; 64 MB and 120 s at most")


class Recorded(BaseModel):
    """What became of a recording."""

    seconds: float
    recorded_level_db: float
    format: str
    warnings: list[str]


class Sound(BaseModel):
    """What to say, one after the other: name:welcome, text:您好, read:phone:13912345678."""

    item: list[Annotated[str, Field(max_length=2100)]] = Field(min_length=1, max_length=50)
    language: Literal["zh", "en"] = "zh"
