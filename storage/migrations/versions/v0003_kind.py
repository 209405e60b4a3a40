"""[io] Which way a call went: calls that seats make are in the log too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; all calls so far came in."""
    op.add_column("call_log", sa.Column("kind", sa.String(16), nullable=False, server_default="inbound"))
