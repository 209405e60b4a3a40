"""[io] Run by Alembic: the connection, already in its transaction, comes from storage.sql.migrate."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=None,
    transactional_ddl=True,  # SQLite's too: our BEGIN is real, so a failed migration leaves nothing behind
)
with context.begin_transaction():
    context.run_migrations()
