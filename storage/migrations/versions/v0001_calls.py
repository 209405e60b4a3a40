"""[io] The call log, its events, return calls owed and their ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the four tables and the return calls' attachments; the ledger refuses UPDATE and DELETE."""
    op.create_table(
        "call_log",
        sa.Column("call_id", sa.String(64), primary_key=True),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("node", sa.String(64), nullable=False),
        sa.Column("trunk", sa.String(64), nullable=False),
        sa.Column("hotline", sa.String(64), nullable=False),
        sa.Column("called", sa.String(64), nullable=False),
        sa.Column("caller", sa.String(64), nullable=False),
        sa.Column("dialable", sa.Boolean, nullable=False),
        sa.Column("province", sa.String(64), nullable=False),
        sa.Column("city", sa.String(64), nullable=False),
        sa.Column("arrived_at", sa.Double, nullable=False),
        sa.Column("answered_at", sa.Double),
        sa.Column("menu_path", sa.String(1000), nullable=False),
        sa.Column("queue", sa.String(64), nullable=False),
        sa.Column("queued_at", sa.Double),
        sa.Column("offers", sa.Integer, nullable=False),
        sa.Column("seat", sa.String(64), nullable=False),
        sa.Column("talking_at", sa.Double),
        sa.Column("ended_at", sa.Double),
        sa.Column("ended_by", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("wait_s", sa.Double),
        sa.Column("talk_s", sa.Double),
        sa.Column("recording", sa.String(512), nullable=False),
        sa.Column("promised", sa.String(64), nullable=False),
        sa.Column("gave_up_after_s", sa.Double),
    )
    op.create_index("ix_call_log_arrived_at", "call_log", ["arrived_at"])
    op.create_index("ix_call_log_caller", "call_log", ["hotline", "caller"])

    op.create_table(
        "call_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.UniqueConstraint("subject", "seq", name="uq_call_event_subject_seq"),
    )

    op.create_table(
        "return_call",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("hotline", sa.String(64), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("opened_at", sa.Double, nullable=False),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("claimed_at", sa.Double),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("result", sa.String(500), nullable=False),
        sa.Column("closed_at", sa.Double),
        sa.Column("closed_by", sa.String(64), nullable=False),
        sa.Column("waive_reason", sa.String(500), nullable=False),
        sa.CheckConstraint("state IN ('open', 'claimed', 'closed', 'waived')", name="ck_return_call_state"),
        sa.CheckConstraint("state <> 'waived' OR waive_reason <> ''", name="ck_return_call_waive_reason"),
    )
    op.create_index(
        "uq_return_call_pending",
        "return_call",
        ["hotline", "number"],
        unique=True,
        sqlite_where=sa.text("state IN ('open', 'claimed')"),
        postgresql_where=sa.text("state IN ('open', 'claimed')"),
    )
    op.create_index("ix_return_call_state", "return_call", ["state", "due_at"])

    op.create_table(
        "return_call_call",
        sa.Column("return_call_id", sa.Integer, sa.ForeignKey("return_call.id"), primary_key=True, autoincrement=False),
        sa.Column("call_id", sa.String(64), primary_key=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.CheckConstraint("role IN ('owed', 'served')", name="ck_return_call_call_role"),
    )
    op.create_index(
        "uq_return_call_call_owed",
        "return_call_call",
        ["call_id"],
        unique=True,
        sqlite_where=sa.text("role = 'owed'"),
        postgresql_where=sa.text("role = 'owed'"),
    )

    op.create_table(
        "ledger",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("return_call_id", sa.Integer, sa.ForeignKey("return_call.id"), nullable=False),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.CheckConstraint(
            "what IN ('opened', 'attached', 'claimed', 'released', 'result', 'closed', 'waived')", name="ck_ledger_what"
        ),
    )
    op.create_index("ix_ledger_return_call_id", "ledger", ["return_call_id"])
    _append_only()


def _append_only() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE ON ledger "
            "FOR EACH ROW EXECUTE FUNCTION ledger_append_only()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER ledger_no_{verb.lower()} BEFORE {verb} ON ledger "
            "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        )
