"""[io] Messages that callers left, numbers that they gave to be called back, their ratings, and what is known of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the two tables. Of callers without a number each may be owed: there is no telling them apart."""
    op.add_column("call_log", sa.Column("promised_number", sa.String(64), nullable=False, server_default=""))
    op.add_column("call_log", sa.Column("promised_at", sa.Double))
    op.add_column("call_log", sa.Column("message_path", sa.String(512), nullable=False, server_default=""))
    op.add_column("call_log", sa.Column("message_s", sa.Double))
    op.create_index("ix_call_log_number", "call_log", ["caller"])
    op.create_table(
        "rating",
        sa.Column("call_id", sa.String(64), primary_key=True),
        sa.Column("seat", sa.String(64), nullable=False),
        sa.Column("queue", sa.String(64), nullable=False),
        sa.Column("key", sa.String(1), nullable=False),
        sa.Column("meaning", sa.String(64), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
    op.create_table(
        "customer",
        sa.Column("number", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("class", sa.String(64), nullable=False),
        sa.Column("tags", sa.String(500), nullable=False),
        sa.Column("changed_at", sa.Double, nullable=False),
    )
    pending = sa.text("state IN ('open', 'claimed') AND number <> ''")
    op.drop_index("uq_return_call_pending", "return_call")
    op.create_index(
        "uq_return_call_pending",
        "return_call",
        ["hotline", "number"],
        unique=True,
        sqlite_where=pending,
        postgresql_where=pending,
    )
