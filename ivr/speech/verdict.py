"""Whether a model may hear a company's callers: what was measured on their own recordings, held against the terms it must meet.

A verdict is of one model, told by its fingerprint, and one language. verdicts.py keeps them.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError


class BadVerdict(ValueError):
    """A verdict that can't be read."""


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Terms(_Kept):
    """What a model must reach. Shares are 0 to 1."""

    min_said: int = Field(default=100, ge=1)
    """Recordings of callers who say what may be said."""
    min_foreign: int = Field(default=30, ge=1)
    """Recordings of callers who say something else; with fewer, one accepted by chance decides."""
    accuracy: float = Field(default=0.90, gt=0, le=1)
    """Of what may be said, so much must be understood as what it was, or better."""
    misled: float = Field(default=0.05, ge=0, lt=1)
    """At most so much of it may surely be taken for something else: no question stands between that and the wrong place."""
    foreign: float = Field(default=0.05, ge=0, lt=1)
    """At most so much of the other speech may be taken for something that may be said."""
    real_time: float = Field(default=0.5, gt=0)
    """Seconds of one core for a second of speech, at most."""


class Measured(_Kept):
    """What `hotline speech eval` found. Shares are 0 to 1."""

    said: int = Field(ge=0)
    """Recordings of callers who said what may be said,"""
    foreign: int = Field(ge=0)
    """and of those who said something else."""
    accuracy: float = Field(ge=0, le=1)
    misled: float = Field(ge=0, le=1)
    foreign_accepted: float = Field(ge=0, le=1)
    real_time: float = Field(ge=0)


class Verdict(_Kept):
    """What one model is worth to one installation's callers, in one language."""

    model: str
    """As it was named."""
    fingerprint: str
    language: str
    at: AwareDatetime
    measured: Measured
    terms: Terms

    @property
    def faults(self) -> tuple[str, ...]:
        """Why the model does not pass; () for one that does."""
        return faults(self.measured, self.terms)

    @property
    def passed(self) -> bool:
        return not self.faults

    def __str__(self) -> str:
        day = f"{self.at:%Y-%m-%d}"
        return f"passed {day}" if self.passed else f"did not pass {day}"


def faults(measured: Measured, terms: Terms) -> tuple[str, ...]:
    """What keeps the measured from meeting the terms, a line each."""
    found = []
    if measured.said < terms.min_said:
        found.append(f"{measured.said} recordings of what may be said are too few: {terms.min_said} are needed")
    if measured.foreign < terms.min_foreign:
        found.append(f"{measured.foreign} recordings of other speech are too few: {terms.min_foreign} are needed")
    if measured.accuracy < terms.accuracy:
        found.append(f"{measured.accuracy:.1%} understood, {terms.accuracy:.1%} needed")
    if measured.misled > terms.misled:
        found.append(f"{measured.misled:.1%} surely taken for something else, {terms.misled:.1%} allowed")
    if measured.foreign_accepted > terms.foreign:
        found.append(f"{measured.foreign_accepted:.1%} of other speech accepted, {terms.foreign:.1%} allowed")
    if measured.real_time > terms.real_time:
        found.append(f"{measured.real_time:.2f} s of a core for a second of speech, {terms.real_time:.2f} allowed")
    return tuple(found)


def give(*, model: str, fingerprint: str, language: str, at: datetime, measured: Measured, terms: Terms) -> Verdict:
    """The verdict on what was measured."""
    return Verdict(model=model, fingerprint=fingerprint, language=language, at=at, measured=measured, terms=terms)


def parse(text: str | bytes) -> Verdict:
    """A verdict as write() wrote it. Raises BadVerdict."""
    try:
        return Verdict.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadVerdict(f"{'.'.join(str(part) for part in first['loc']) or 'file'}: {first['msg']}") from error


def write(verdict: Verdict) -> str:
    """JSON."""
    return verdict.model_dump_json(indent=1) + "\n"
