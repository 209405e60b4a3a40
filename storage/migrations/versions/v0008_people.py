"""[io] People who log in, what they changed; results, next tries and handing over of return calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_WHAT = "what IN ('opened', 'attached', 'claimed', 'handed_over', 'released', 'result', 'closed', 'waived')"


def upgrade() -> None:
    """Create the tables of the console; return calls know their last outcome and when to try again."""
    op.create_table(
        "person",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("login", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("seat", sa.String(64), nullable=False),
        sa.Column("password", sa.String(200), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("password_at", sa.Double),
        sa.Column("disabled_at", sa.Double),
        sa.CheckConstraint("role IN ('seat', 'supervisor', 'administrator')", name="ck_person_role"),
        sa.CheckConstraint("role <> 'seat' OR seat <> ''", name="ck_person_seat"),
    )
    in_use = sa.text("seat <> '' AND disabled_at IS NULL")
    op.create_index("uq_person_login", "person", ["login"], unique=True)
    op.create_index("uq_person_seat", "person", ["seat"], unique=True, sqlite_where=in_use, postgresql_where=in_use)
    op.create_table(
        "login_session",
        sa.Column("key_hash", sa.String(64), primary_key=True),
        sa.Column("person_id", sa.Integer, sa.ForeignKey("person.id"), nullable=False),
        sa.Column("began_at", sa.Double, nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("agent", sa.String(200), nullable=False),
    )
    op.create_index("ix_login_session_person_id", "login_session", ["person_id"])
    op.create_table(
        "api_token",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("person_id", sa.Integer, sa.ForeignKey("person.id"), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("used_at", sa.Double),
        sa.Column("revoked_at", sa.Double),
    )
    op.create_index("uq_api_token_key_hash", "api_token", ["key_hash"], unique=True)
    op.create_index("ix_api_token_person_id", "api_token", ["person_id"])
    op.create_table(
        "one_time_link",
        sa.Column("key_hash", sa.String(64), primary_key=True),
        sa.Column("person_id", sa.Integer, sa.ForeignKey("person.id")),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("used_at", sa.Double),
    )
    op.create_table(
        "login_tally",
        sa.Column("subject", sa.String(100), primary_key=True),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("locked_until", sa.Double, nullable=False),
        sa.Column("locks", sa.Integer, nullable=False),
    )
    op.create_table(
        "change_log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
    )
    op.create_index("ix_change_log_subject", "change_log", ["subject"])
    op.create_table(
        "console_secret",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("value", sa.String(64), nullable=False),
    )
    op.add_column("return_call", sa.Column("outcome", sa.String(16), nullable=False, server_default=""))
    op.add_column("return_call", sa.Column("next_at", sa.Double))
    _let_the_ledger_tell_of_handing_over()
    _append_only("change_log", "the change log is append-only")


def _let_the_ledger_tell_of_handing_over() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.drop_constraint("ck_ledger_what", "ledger")
        op.create_check_constraint("ck_ledger_what", "ledger", _WHAT)
        return
    # SQLite changes no CHECK: the table is made anew, with the numbers of its lines.
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
    _append_only("ledger", "the ledger is append-only")


def _append_only(table: str, words: str) -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute(
            f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{words}'; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {table}_append_only()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{words}'); END"
        )
