"""The log, what waits for it, and what its commitments hide."""

import sqlalchemy as sa
from alembic import op

from kit.migrations import kit_tables_1

revision = "0001"
down_revision = None

_REFUSE = """
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is written once: the log only grows', tg_table_name using errcode = 'restrict_violation';
end $$
"""
_WRITTEN_ONCE = """
create trigger written_once before update or delete or truncate on {table}
for each statement execute function refuse_change()
"""
"""Against our own mistakes; who administers the database is held to it by those who keep the checkpoints."""


def upgrade() -> None:
    kit_tables_1()
    op.create_table(
        "entry_secret",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("r", sa.LargeBinary(), nullable=False),
        sa.Column("opening", sa.LargeBinary(), nullable=False),
        sa.Column("place_r", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Uuid(), nullable=True),
        sa.CheckConstraint("octet_length(place_r) = 32", name=op.f("ck_entry_secret_place_r")),
        sa.CheckConstraint("octet_length(r) = 32", name=op.f("ck_entry_secret_r")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_entry_secret")),
    )
    op.create_table(
        "log_checkpoint",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint("octet_length(root) = 32", name=op.f("ck_log_checkpoint_root")),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_log_checkpoint")),
    )
    op.create_table(
        "log_entry",
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint("octet_length(leaf_hash) = 32", name=op.f("ck_log_entry_leaf_hash")),
        sa.PrimaryKeyConstraint("idx", name=op.f("pk_log_entry")),
        sa.UniqueConstraint("event_id", name=op.f("uq_log_entry_event_id")),
    )
    op.create_table(
        "log_node",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "idx", name=op.f("pk_log_node")),
    )
    op.create_table(
        "log_pending",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "enqueued_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_log_pending")),
    )
    op.create_index("ix_log_pending_enqueued_at_event_id", "log_pending", ["enqueued_at", "event_id"], unique=False)
    op.create_table(
        "parked_event",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("parked_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("alarmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_parked_event")),
    )
    op.create_index("ix_parked_event_source_seq", "parked_event", ["source", "seq"], unique=False)
    op.create_table(
        "producer_cursor",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_digest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_producer_cursor")),
    )
    op.execute(_REFUSE)
    for table in ("log_entry", "log_checkpoint"):
        op.execute(_WRITTEN_ONCE.format(table=table))
