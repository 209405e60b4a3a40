"""[io] What the list of calls is searched by: how a call came out, whether it was recorded, its number's last digits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_OUTCOME = """CASE WHEN ended_at IS NULL THEN 'live' WHEN talking_at IS NOT NULL THEN 'talked'
WHEN queued_at IS NOT NULL THEN 'missed' WHEN kind = 'inbound' THEN 'menu' ELSE 'unreached' END"""


def upgrade() -> None:
    """Add the columns, fill them for the calls that are there, and make the indexes of the list."""
    bytewise = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
    op.add_column("call_log", sa.Column("outcome", sa.String(16), nullable=False, server_default=""))
    op.add_column("call_log", sa.Column("recorded", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("call_log", sa.Column("caller_back", bytewise, nullable=False, server_default=""))
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.create_function("reverse", 1, lambda number: number[::-1])
    op.execute(f"UPDATE call_log SET outcome = {_OUTCOME}, recorded = (recording <> ''), caller_back = reverse(caller)")
    op.drop_index("ix_call_log_arrived_at", "call_log")
    op.create_index(
        "ix_call_log_list",
        "call_log",
        ["arrived_at", "call_id", "outcome", "kind", "hotline", "queue", "seat", "talk_s", "recorded"],
    )
    op.create_index("ix_call_log_talk", "call_log", ["talk_s", "call_id"])
    op.create_index("ix_call_log_wait", "call_log", ["wait_s", "call_id"])
    op.create_index("ix_call_log_caller_back", "call_log", ["caller_back"])
    left = sa.text("message_path <> ''")
    op.create_index("ix_call_log_message", "call_log", ["arrived_at", "call_id"], sqlite_where=left, postgresql_where=left)
