"""[io] The tables of this room, as storage/migrations makes them (a test compares the two). Times are epoch seconds (UTC)."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

_counter = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows in INTEGER columns only

call_log = Table(
    "call_log",
    metadata,
    Column("call_id", String(64), primary_key=True),
    Column("last_seq", BigInteger, nullable=False),
    Column("phase", String(16), nullable=False),
    Column("node", String(64), nullable=False),
    Column("trunk", String(64), nullable=False),
    Column("hotline", String(64), nullable=False),
    Column("called", String(64), nullable=False),
    Column("caller", String(64), nullable=False),
    Column("dialable", Boolean, nullable=False),
    Column("province", String(64), nullable=False),
    Column("city", String(64), nullable=False),
    Column("arrived_at", Double, nullable=False),
    Column("answered_at", Double),
    Column("menu_path", String(1000), nullable=False),
    Column("queue", String(64), nullable=False),
    Column("queued_at", Double),
    Column("offers", Integer, nullable=False),
    Column("seat", String(64), nullable=False),
    Column("talking_at", Double),
    Column("ended_at", Double),
    Column("ended_by", String(16), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("wait_s", Double),
    Column("talk_s", Double),
    Column("recording", String(512), nullable=False),
    Column("promised", String(64), nullable=False),
    Column("gave_up_after_s", Double),
    Column("kind", String(16), nullable=False, server_default="inbound"),
    Index("ix_call_log_arrived_at", "arrived_at"),
    Index("ix_call_log_caller", "hotline", "caller"),
)
"""One row a call: followup.calllog.CallRow."""

call_event = Table(
    "call_event",
    metadata,
    Column("id", _counter, primary_key=True, autoincrement=True),
    Column("subject", String(64), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("type", String(64), nullable=False),
    Column("at", Double, nullable=False),
    Column("data", Text, nullable=False),
    UniqueConstraint("subject", "seq", name="uq_call_event_subject_seq"),
)
"""Every event once, of calls and of seats; `data` is JSON text."""

call_quality = Table(
    "call_quality",
    metadata,
    Column("call_id", String(64), primary_key=True),
    Column("leg", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("sent", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("lost", BigInteger, nullable=False),
    Column("duplicates", BigInteger, nullable=False),
    Column("reordered", BigInteger, nullable=False),
    Column("jitter_ms", Double, nullable=False),
    Column("rtt_ms", Double),
    Column("remote_lost", BigInteger),
    Column("remote_jitter_ms", Double),
)
"""One row a leg: followup.quality.LegQuality."""

PENDING = "state IN ('open', 'claimed')"

return_call = Table(
    "return_call",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("hotline", String(64), nullable=False),
    Column("number", String(64), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("opened_at", Double, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("owner", String(64), nullable=False),
    Column("claimed_at", Double),
    Column("attempts", Integer, nullable=False),
    Column("result", String(500), nullable=False),
    Column("closed_at", Double),
    Column("closed_by", String(64), nullable=False),
    Column("waive_reason", String(500), nullable=False),
    CheckConstraint("state IN ('open', 'claimed', 'closed', 'waived')", name="ck_return_call_state"),
    CheckConstraint("state <> 'waived' OR waive_reason <> ''", name="ck_return_call_waive_reason"),
    Index(
        "uq_return_call_pending",
        "hotline",
        "number",
        unique=True,
        sqlite_where=text(PENDING),
        postgresql_where=text(PENDING),
    ),
    Index("ix_return_call_state", "state", "due_at"),
)
"""A return call owed (回电): open → claimed → closed, or waived with a reason. One pending row a number and hotline."""

return_call_call = Table(
    "return_call_call",
    metadata,
    Column("return_call_id", Integer, ForeignKey("return_call.id"), primary_key=True, autoincrement=False),
    Column("call_id", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    CheckConstraint("role IN ('owed', 'served')", name="ck_return_call_call_role"),
    Index(
        "uq_return_call_call_owed",
        "call_id",
        unique=True,
        sqlite_where=text("role = 'owed'"),
        postgresql_where=text("role = 'owed'"),
    ),
)
"""The calls behind a return call: those that made the debt (a call makes one), and the one by which it was served after all."""

ledger = Table(
    "ledger",
    metadata,
    Column("id", _counter, primary_key=True, autoincrement=True),
    Column("return_call_id", Integer, ForeignKey("return_call.id"), nullable=False),
    Column("what", String(16), nullable=False),
    Column("by", String(64), nullable=False),
    Column("at", Double, nullable=False),
    Column("note", String(500), nullable=False),
    CheckConstraint(
        "what IN ('opened', 'attached', 'claimed', 'released', 'result', 'closed', 'waived')", name="ck_ledger_what"
    ),
    Index("ix_ledger_return_call_id", "return_call_id"),
)
"""What was done to each return call, by whom. The database itself refuses to change or delete a line."""
