"""[[calendars]] of hotline.toml: when departments work, as it stands there before people change it."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, model_validator

from ivr.sections import Name, Section
from storage.hours import parse_spans, parse_week


class CalendarDay(Section):
    """A day that goes otherwise than its weekday."""

    date: date
    open: tuple[str, ...] = ()
    """Hours as "09:00-12:00"; none: closed."""
    name: str = Field(default="", max_length=64)

    @model_validator(mode="after")
    def _hours(self) -> CalendarDay:
        parse_spans(self.open)
        return self


class Calendar(Section):
    """When a department works: a plain week, statutory holidays with their make-up workdays (调休), and single days. The one
    named "default" is that of return calls; without it that is Monday to Friday, 9 to 18, in China."""

    name: Name = "default"
    time_zone: str = "Asia/Shanghai"
    week: dict[str, tuple[str, ...]] = Field(default={"mon-fri": ("09:00-18:00",)})
    """Hours by day: "mon" to "sun", or "mon-fri"; several a day ("09:00-12:00", "13:30-18:00"), over midnight ("22:00-02:00"),
    the whole day ("00:00-24:00")."""
    makeup: tuple[str, ...] | None = None
    """The hours of a make-up workday; else those of the first day of the week that has any."""
    country: str = "CN"
    """ISO 3166 code whose holidays and make-up workdays count; empty for none."""
    days: tuple[CalendarDay, ...] = ()
    """Single days, which win over week and holidays; those that people set (`hotline calendar`) win over these."""

    @model_validator(mode="after")
    def _right(self) -> Calendar:
        try:
            ZoneInfo(self.time_zone)
            parse_week(self.week)
            parse_spans(self.makeup or ())
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"calendars.{self.name}: {error}") from error
        dates = [day.date for day in self.days]
        for one in dates:
            if dates.count(one) > 1:
                raise ValueError(f"calendars.{self.name}.days: {one} stands there twice")
        return self
