"""[io] What people wrote about calls: looked for in the words of those who worked on what was owed for them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CompoundSelect, select

from followup.book import SYSTEM
from followup.tables import ledger, return_call_call, wrap_up

MAX_TEXT = 100
"""Characters that are looked for."""


def noted(text: str) -> CompoundSelect[Any]:
    """The ids of the calls about which somebody wrote `text` (a part of it, whatever its case): in the ledger of the return
    call that they made owed, or by which they were served; or the seat that talked, in its wrap-up."""
    wanted = text[:MAX_TEXT]
    owed = (
        select(return_call_call.c.call_id)
        .join(ledger, ledger.c.return_call_id == return_call_call.c.return_call_id)
        .where(ledger.c.by != SYSTEM, ledger.c.note.icontains(wanted, autoescape=True))
    )
    return owed.union(select(wrap_up.c.call_id).where(wrap_up.c.notes.icontains(wanted, autoescape=True)))
