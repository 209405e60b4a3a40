"""[io] Seats at work: what they write of a talk, calls they made to pay a return call, agreed times, results of calls out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_WHAT = "what IN ('opened', 'attached', 'claimed', 'handed_over', 'released', 'result', 'closed', 'waived', 'agreed')"
_ROLE = "role IN ('owed', 'served', 'dialled', 'agreed')"


def upgrade() -> None:
    """Create the table of wrap-ups; let ledger and return_call_call say more."""
    op.add_column("call_log", sa.Column("result", sa.String(16), nullable=False, server_default=""))
    op.create_index("ix_call_log_seat", "call_log", ["seat", "arrived_at"])
    op.create_table(
        "wrap_up",
        sa.Column("call_id", sa.String(64), primary_key=True),
        sa.Column("seat", sa.String(64), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("resolved", sa.Boolean),
        sa.Column("notes", sa.Text, nullable=False),
        sa.Column("wanted_at", sa.Double),
        sa.Column("wanted_number", sa.String(64), nullable=False),
        sa.Column("return_call_id", sa.Integer, sa.ForeignKey("return_call.id")),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("saved_at", sa.Double, nullable=False),
        sa.Column("done_at", sa.Double),
    )
    op.create_index("ix_wrap_up_seat", "wrap_up", ["seat", "done_at"])
    if op.get_context().dialect.name == "postgresql":
        for table, name, check in (
            ("ledger", "ck_ledger_what", _WHAT),
            ("return_call_call", "ck_return_call_call_role", _ROLE),
        ):
            op.drop_constraint(name, table)
            op.create_check_constraint(name, table, check)
    else:  # SQLite changes no CHECK: the tables are made anew, with what is in them
        _make_ledger_anew()
        _make_calls_anew()
    op.create_index("ix_return_call_call_call_id", "return_call_call", ["call_id"])


def _make_ledger_anew() -> None:
    op.drop_index("ix_ledger_return_call_id", "ledger")
    op.rename_table("ledger", "ledger_before")
    op.create_table(
        "ledger",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("return_call_id", sa.Integer, sa.ForeignKey("return_call.id"), nullable=False),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.CheckConstraint(_WHAT, name="ck_ledger_what"),
    )
    columns = '"id", "return_call_id", "what", "by", "at", "note"'
    op.execute(f"INSERT INTO ledger ({columns}) SELECT {columns} FROM ledger_before")
    op.drop_table("ledger_before")  # with its triggers
    op.create_index("ix_ledger_return_call_id", "ledger", ["return_call_id"])
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER ledger_no_{verb.lower()} BEFORE {verb} ON ledger "
            "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        )


def _make_calls_anew() -> None:
    op.drop_index("uq_return_call_call_owed", "return_call_call")
    op.rename_table("return_call_call", "return_call_call_before")
    op.create_table(
        "return_call_call",
        sa.Column("return_call_id", sa.Integer, sa.ForeignKey("return_call.id"), primary_key=True, autoincrement=False),
        sa.Column("call_id", sa.String(64), primary_key=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.CheckConstraint(_ROLE, name="ck_return_call_call_role"),
    )
    columns = '"return_call_id", "call_id", "role"'
    op.execute(f"INSERT INTO return_call_call ({columns}) SELECT {columns} FROM return_call_call_before")
    op.drop_table("return_call_call_before")
    op.create_index(
        "uq_return_call_call_owed", "return_call_call", ["call_id"], unique=True, sqlite_where=sa.text("role = 'owed'")
    )
