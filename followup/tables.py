"""[io] The tables of this room, as storage/migrations makes them (a test compares the two). Times are epoch seconds (UTC)."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

metadata = MetaData()

_counter = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows in INTEGER columns only
_bytewise = String(64).with_variant(String(64, collation="C"), "postgresql")
"""Sorted by its characters' codes in both databases."""

LEFT_A_MESSAGE = "message_path <> ''"

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
    Column("promised_number", String(64), nullable=False, server_default=""),
    Column("promised_at", Double),
    Column("message_path", String(512), nullable=False, server_default=""),
    Column("message_s", Double),
    Column("result", String(16), nullable=False, server_default=""),
    Index("ix_call_log_seat", "seat", "arrived_at"),
    Column("outcome", String(16), nullable=False, server_default=""),
    Column("recorded", Boolean, nullable=False, server_default=false()),
    Column("caller_back", _bytewise, nullable=False, server_default=""),
    Index("ix_call_log_list", "arrived_at", "call_id", "outcome", "kind", "hotline", "queue", "seat", "talk_s", "recorded"),
    Index("ix_call_log_talk", "talk_s", "call_id"),
    Index("ix_call_log_wait", "wait_s", "call_id"),
    Index("ix_call_log_caller_back", "caller_back"),
    Index(
        "ix_call_log_message", "arrived_at", "call_id", sqlite_where=text(LEFT_A_MESSAGE), postgresql_where=text(LEFT_A_MESSAGE)
    ),
    Index("ix_call_log_caller", "hotline", "caller"),
    Index("ix_call_log_number", "caller"),
)
"""One row a call: followup.calllog.CallRow; what lists ask for is kept beside it (followup.book): how it came out, whether
there is a recording, and the caller's number from its last digit to its first, so that last digits are found by an index.
The list's index has all that lists are filtered by: a filter that few calls pass reads the index alone."""

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

rating = Table(
    "rating",
    metadata,
    Column("call_id", String(64), primary_key=True),
    Column("seat", String(64), nullable=False),
    Column("queue", String(64), nullable=False),
    Column("key", String(1), nullable=False),
    Column("meaning", String(64), nullable=False),
    Column("at", Double, nullable=False),
)
"""How a caller rated a talk (满意度评价); the last of several ratings in a call."""

customer = Table(
    "customer",
    metadata,
    Column("number", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("class", String(64), nullable=False),
    Column("tags", String(500), nullable=False),
    Column("changed_at", Double, nullable=False),
)
"""What is known of a caller: followup.customers.Customer. `tags` are joined by commas."""

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

trunk_change = Table(
    "trunk_change",
    metadata,
    Column("id", _counter, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("node", String(64), nullable=False),
    Column("trunk", String(64), nullable=False),
    Column("up", Boolean, nullable=False),
    Column("reason", String(64), nullable=False),
    Index("ix_trunk_change_at", "at"),
)
"""One row each time a trunk came or went, as a node saw it: followup.trunks.TrunkChange."""

PENDING = "state IN ('open', 'claimed') AND number <> ''"

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
    Column("outcome", String(16), nullable=False, server_default=""),
    Column("next_at", Double),
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
"""A return call owed (回电): open → claimed → closed, or waived with a reason. One pending row a number and hotline;
those with no number are owed for a message each. `outcome`: how the last try went (followup.callbacks.OUTCOMES), "" before
one; `next_at`: when to try again, after one that reached nobody."""

OWES = "role = 'owed'"

return_call_call = Table(
    "return_call_call",
    metadata,
    Column("return_call_id", Integer, ForeignKey("return_call.id"), primary_key=True, autoincrement=False),
    Column("call_id", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    CheckConstraint("role IN ('owed', 'served', 'dialled', 'agreed')", name="ck_return_call_call_role"),
    Index("ix_return_call_call_call_id", "call_id"),
    Index(
        "uq_return_call_call_owed",
        "call_id",
        unique=True,
        sqlite_where=text(OWES),
        postgresql_where=text(OWES),
    ),
)
"""The calls behind a return call: those that made the debt (a call makes one), the one by which it was served after all, those
that a seat had dialled to pay it, and those in whose talk a time was agreed."""

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
        "what IN ('opened', 'attached', 'claimed', 'handed_over', 'released', 'result', 'closed', 'waived', 'agreed')",
        name="ck_ledger_what",
    ),
    Index("ix_ledger_return_call_id", "return_call_id"),
)
"""What was done to each return call, by whom. The database itself refuses to change or delete a line."""

wrap_up = Table(
    "wrap_up",
    metadata,
    Column("call_id", String(64), primary_key=True),
    Column("seat", String(64), nullable=False),
    Column("by", String(64), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("resolved", Boolean),
    Column("notes", Text, nullable=False),
    Column("wanted_at", Double),
    Column("wanted_number", String(64), nullable=False),
    Column("return_call_id", Integer, ForeignKey("return_call.id")),
    Column("revision", Integer, nullable=False),
    Column("saved_at", Double, nullable=False),
    Column("done_at", Double),
    Index("ix_wrap_up_seat", "seat", "done_at"),
)
"""What a seat wrote of a talk (小结), one row a call: followup.wrapups.WrapUp. Without done_at it is a draft."""

calendar_day = Table(
    "calendar_day",
    metadata,
    Column("calendar", String(64), primary_key=True),
    Column("date", Date, primary_key=True),
    Column("spans", String(500), nullable=False),
    Column("name", String(64), nullable=False),
    Column("author", String(64), nullable=False),
    Column("at", Double, nullable=False),
)
"""Days that people have set: "09:00-12:00,13:30-18:00", or "" for closed."""

calendar_week = Table(
    "calendar_week",
    metadata,
    Column("calendar", String(64), primary_key=True),
    Column("week", Text, nullable=False),
    Column("makeup", String(500), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("author", String(64), nullable=False),
    Column("at", Double, nullable=False),
)
"""Weeks that people have changed: JSON {"mon": ["09:00-12:00", …], …}, "" for one that was given back to the settings; hours of
make-up workdays as in calendar_day. `revision` rises with each change: who changes it names the one that was read."""

edited_setting = Table(
    "edited_setting",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("text", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("author", String(64), nullable=False),
    Column("at", Double, nullable=False),
)
"""What people have changed of a queue ("queue:service") or a seat ("seat:1026"): JSON, "{}" for one that was given back to the
settings. `revision` rises with each change: who changes it names the one that was read."""

calendar_change = Table(
    "calendar_change",
    metadata,
    Column("id", _counter, primary_key=True, autoincrement=True),
    Column("calendar", String(64), nullable=False),
    Column("date", Date, nullable=False),
    Column("what", String(16), nullable=False),
    Column("spans", String(500), nullable=False),
    Column("name", String(64), nullable=False),
    Column("author", String(64), nullable=False),
    Column("at", Double, nullable=False),
    CheckConstraint("what IN ('set', 'unset')", name="ck_calendar_change_what"),
    Index("ix_calendar_change_calendar", "calendar"),
)
"""Every change of a calendar's days; of one that was unset, what it was."""
