"""[io] The editable days of calendars, and who changed them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "calendar_day",
        sa.Column("calendar", sa.String(64), primary_key=True),
        sa.Column("date", sa.Date, primary_key=True),
        sa.Column("spans", sa.String(500), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
    op.create_table(
        "calendar_change",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("calendar", sa.String(64), nullable=False),
        sa.Column("date", sa.Date, nullable=False),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("spans", sa.String(500), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.CheckConstraint("what IN ('set', 'unset')", name="ck_calendar_change_what"),
    )
    op.create_index("ix_calendar_change_calendar", "calendar_change", ["calendar"])
