"""Checkpoints are signed, published and seen by witnesses; what a restore lost is taken back from what was published."""

import sqlalchemy as sa
from alembic import op

from kit.migrations import kit_tables_2

revision = "0002"
down_revision = "0001"

NOW = sa.text("clock_timestamp()")

_NAME_ONCE = """
create function refuse_all_but_a_name() returns trigger language plpgsql as $$
begin
    if old.event_id is null and to_jsonb(old) - 'event_id' = to_jsonb(new) - 'event_id' then
        return new;
    end if;
    raise exception '% is written once: the log only grows', tg_table_name using errcode = 'restrict_violation';
end $$
"""
"""An imported entry is told its event when that comes again."""


def upgrade() -> None:
    kit_tables_2()
    op.add_column("log_pending", sa.Column("source", sa.String(), nullable=True))
    op.add_column("log_checkpoint", sa.Column("note", sa.String(), nullable=True))
    op.add_column("log_checkpoint", sa.Column("blind", sa.Integer(), nullable=True))
    op.alter_column("log_entry", "event_id", nullable=True)
    op.execute(_NAME_ONCE)
    op.execute("drop trigger written_once on log_entry")
    op.execute(
        "create trigger written_once before delete or truncate on log_entry for each statement "
        "execute function refuse_change()"
    )
    op.execute(
        "create trigger named_once before update on log_entry for each row execute function refuse_all_but_a_name()"
    )
    op.create_table(
        "log_published",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("seen", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_log_published")),
    )
    op.create_index("ix_log_published_seen", "log_published", ["size"], postgresql_where=sa.text("seen"))
    op.create_table(
        "log_witnessed",
        sa.Column("witness", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("witness", name=op.f("pk_log_witnessed")),
    )
    op.create_table(
        "log_cosignature",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("witness", sa.String(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size", "witness", name=op.f("pk_log_cosignature")),
    )
    op.create_table(
        "log_imported",
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("idx", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("commitment", name=op.f("pk_log_imported")),
        sa.UniqueConstraint("idx", name=op.f("uq_log_imported_idx")),
    )
    op.create_table(
        "log_finding",
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("idx", "what", name=op.f("pk_log_finding")),
    )
