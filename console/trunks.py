"""[io] The trunks (线路), for administrators: what the settings say, and how each is now. They are changed in hotline.toml."""

from __future__ import annotations

import structlog
from flask import Blueprint, render_template
from redis.exceptions import RedisError

from console.ground import ground
from console.lines import Line, lines
from console.roles import Role, needs
from followup.trunks import changes, latest
from routing.floor import snapshot
from storage.redis import StorageError, connect_sync

blueprint = Blueprint("trunks", __name__, url_prefix="/settings/trunks")

_LOOK_BACK = 500

log = structlog.get_logger()


@blueprint.get("/")
@needs(Role.ADMINISTRATOR)
def index() -> str:
    """All trunks."""
    found = seen()
    return render_template(
        "settings/trunks.html", lines=found, away=bool(found) and all(one.state == "unknown" for one in found)
    )


def seen() -> list[Line]:
    """All trunks as they are now; "unknown" while Redis is away."""
    here, floor = ground(), None
    try:
        with connect_sync(here.options.redis_url) as client:
            floor = snapshot(client)
    except (StorageError, RedisError, OSError) as error:
        log.warning("console.trunks_away", why=str(error))
    return lines(here.options.trunks, floor, latest(here.engine), changes(here.engine, _LOOK_BACK))
