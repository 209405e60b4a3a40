"""[io] A seat's page in regions. Each is drawn from values of its own and sees nothing else: while these are the same, so is
what is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flask import current_app
from markupsafe import Markup

from console.seatdraw import Work, dialled, fingerprint, lines, may_dial, unsettled
from followup.windows import Rest, Window, rest

if TYPE_CHECKING:
    from console.accounts import Person
    from console.seatview import SeatPage

_UNKNOWN = "?"
"""Key of what can't be told now: it stays as it was (static/seat.js)."""


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the page as HTML. key: another one where it shows something else."""

    name: str
    class_: str
    key: str
    html: Markup


class Regions:
    """Those of one page that is open, for one person and in one language; within that page's request."""

    def __init__(self, me: Person, lang: str) -> None:
        self._reader = {"me": me, "lang": lang}
        self._drawn: dict[str, tuple[Mapping[str, object], Region]] = {}
        self._rest: tuple[float, Rest | None] = (0.0, None)
        """Customers' rest, and the minute of which that is true: it begins and ends at whole minutes."""

    def draw(self, page: SeatPage, work: Work | None, window: Window, now: float) -> dict[str, Region]:
        """What the page shows at `now`, epoch seconds, by name: templates/seat/NAME.html."""
        live, facts = page.live, page.facts
        call, dialling = (live.call, live.dialling) if live is not None else (None, None)
        seat = replace(page, at=0.0, live=None, facts=None)  # what changes by itself is left out
        minute, dials = now // 60 * 60, may_dial(page)
        if minute != self._rest[0]:
            self._rest = minute, rest(window, minute)
        resting = self._rest[1] if live is not None else None  # of who can dial
        regions = (
            self._region(
                "now",
                f"card desk-bar {page.show}",
                page=seat,
                seat=live.seat if live is not None else None,
                call=call,
                dialling=dialling,
                today=facts.today if facts is not None else None,
                work=work is not None,
            ),
            self._region(
                "notices",
                "desk-notices",
                live=live is not None,
                facts=facts is not None,
                rest=resting,
                minute=minute if resting is not None else None,  # so many are left
            ),
            self._region(
                "call",
                f"card desk-call {page.show}",
                page=seat,
                live=live is not None,
                call=call,
                dialling=dialling,
                unsettled=unsettled(page, now),
                dialled=dialled(page),
                pending=facts.owed if facts is not None else (),
                earlier=facts.earlier if facts is not None else (),
                lines=lines(page),
                work=work is not None,
                may_dial=dials,
                rest=resting,
            ),
            self._region("work", "card", _key(work), work=work, minute=minute)
            if work is not None
            else Region("work", "", "-" if live is not None and facts is not None else _UNKNOWN, Markup()),
            self._region(
                "due",
                "card",
                due=facts.due if facts is not None else None,
                free=facts.free if facts is not None else 0,
                may_dial=dials,
                rest=resting,
            ),
            self._region("latest", "card", latest=facts.latest if facts is not None else None, call_id=page.call_id),
        )
        return {region.name: region for region in regions}

    def _region(self, name: str, class_: str, key: str = "", **shown: object) -> Region:
        """key: "" takes what is drawn for it."""
        known = self._drawn.get(name)
        if known is not None and known[0] == shown and known[1].class_ == class_ and key in ("", known[1].key):
            return known[1]
        # Not render_template(): that looks up anew for each region who reads.
        html = current_app.jinja_env.get_template(f"seat/{name}.html").render(self._reader, **shown)
        region = Region(name, class_, key or fingerprint(class_ + html), Markup(html))
        self._drawn[name] = shown, region
        return region


def _key(work: Work) -> str:
    return f"{work.call_id}@{work.revision}@{work.in_hand}{work.talks}"
