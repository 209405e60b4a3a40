"""[io] Whose return calls have changed since the last look: for live pages, which SQL can't wake."""

from __future__ import annotations

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from followup import returncalls

PERSON = "person:"
"""What the subjects of news about a person's return calls begin with."""


class Books:
    """To be asked again and again by one reader."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._last: int | None = None

    def news(self) -> list[str]:
        """Subjects "person:LOGIN"; [] the first time, and while SQL is away: nothing is missed meanwhile."""
        try:
            if self._last is None:
                self._last = returncalls.last_line(self._engine)
            self._last, people = returncalls.touched(self._engine, self._last)
        except DBAPIError:
            return []
        return [PERSON + login for login in sorted(people)]
