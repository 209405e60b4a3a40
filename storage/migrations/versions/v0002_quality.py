"""[io] How the sound of each leg of a call was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "call_quality",
        sa.Column("call_id", sa.String(64), primary_key=True),
        sa.Column("leg", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("sent", sa.BigInteger, nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.Column("lost", sa.BigInteger, nullable=False),
        sa.Column("duplicates", sa.BigInteger, nullable=False),
        sa.Column("reordered", sa.BigInteger, nullable=False),
        sa.Column("jitter_ms", sa.Double, nullable=False),
        sa.Column("rtt_ms", sa.Double),
        sa.Column("remote_lost", sa.BigInteger),
        sa.Column("remote_jitter_ms", sa.Double),
    )
