"""[io] The change log, for administrators: who changed what of other people's."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from console import changes
from console.ground import ground
from console.naming import login_of
from console.roles import Role, needs

blueprint = Blueprint("audit", __name__, url_prefix="/audit")

PAGE = 50
_DEEPEST_PAGE = 10_000


@blueprint.get("/")
@needs(Role.ADMINISTRATOR)
def index() -> str:
    """The latest first, filtered by ?who= (a name or a login) and ?subject= (a part of it)."""
    who, subject = request.args.get("who", "").strip()[:64], request.args.get("subject", "").strip()[:128]
    page = min(max(1, request.args.get("page", 1, type=int)), _DEEPEST_PAGE)
    lines, total = changes.latest(ground().engine, limit=PAGE, offset=(page - 1) * PAGE, who=login_of(who), subject=subject)
    pages = max(1, -(-total // PAGE))
    return render_template("audit/index.html", lines=lines, total=total, page=page, pages=pages, who=who, subject=subject)
