"""Who may do what: three roles, each with all rights of those below it, and what each page asks for. A page that asks for
nothing is refused to everybody (console/gate.py)."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar


class Role(StrEnum):
    """坐席, 主管, 管理员; the lowest first."""

    SEAT = "seat"
    SUPERVISOR = "supervisor"
    ADMINISTRATOR = "administrator"

    def covers(self, needed: Role) -> bool:
        """Whether who has this role may do what asks for `needed`."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


View = TypeVar("View", bound=Callable[..., Any])

_MARK = "hotline_needs"
_OPEN = "nobody"


class Undeclared(Exception):
    """A view says neither whom it is for nor that it is for everybody."""


def needs(role: Role) -> Callable[[View], View]:
    """Mark a view as being for this role and those above it; to stand below the route's decorator."""

    def mark(view: View) -> View:
        setattr(view, _MARK, role)
        return view

    return mark


def open_to_all(view: View) -> View:
    """Mark a view as one that needs no login."""
    setattr(view, _MARK, _OPEN)
    return view


def needed(view: Callable[..., Any]) -> Role | None:
    """What a view asks for; None: nothing. Raises Undeclared."""
    mark = getattr(view, _MARK, None)
    if mark is None:
        raise Undeclared(getattr(view, "__name__", "?"))
    return None if mark == _OPEN else Role(mark)
