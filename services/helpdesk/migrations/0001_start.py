"""start"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kit.migrations import kit_tables_1

revision = "0001"
down_revision = None


def upgrade() -> None:
    kit_tables_1()
    op.create_table(
        "announcement",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenders", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("account", sa.Uuid(), nullable=False),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_announcement_window")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcement")),
    )
    op.create_index("ix_announcement_starts_at_id", "announcement", ["starts_at", "id"], unique=False)
    op.create_table(
        "complaint",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("tender", sa.String(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reporter_name", sa.String(), nullable=True),
        sa.Column("contact", sa.String(), nullable=True),
        sa.Column("hide_reporter", sa.Boolean(), nullable=False),
        sa.Column("tracking_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_forward_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("forwarded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "answered_at is null or forwarded_at is not null", name=op.f("ck_complaint_forwarded_first")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint")),
        sa.UniqueConstraint("tracking_sha256", name=op.f("uq_complaint_tracking_sha256")),
    )
    op.create_index("ix_complaint_submitted_at_id", "complaint", ["submitted_at", "id"], unique=False)
    op.create_index("uq_complaint_number", "complaint", ["number"], unique=True)
    op.create_table(
        "tender_view",
        sa.Column("tender", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tender", name=op.f("pk_tender_view")),
    )
    op.create_index("ix_tender_view_closes_at", "tender_view", ["closes_at"], unique=False)
    op.create_table(
        "ticket",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("tender", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("contact", sa.String(), nullable=True),
        sa.Column("account", sa.Uuid(), nullable=True),
        sa.Column("tracking_sha256", sa.LargeBinary(), nullable=True),
        sa.Column("handler", sa.Uuid(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.CheckConstraint("status in ('open', 'answered', 'closed')", name=op.f("ck_ticket_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket")),
        sa.UniqueConstraint("tracking_sha256", name=op.f("uq_ticket_tracking_sha256")),
    )
    op.create_index("ix_ticket_account_opened_at", "ticket", ["account", "opened_at"], unique=False)
    op.create_index("ix_ticket_opened_at_id", "ticket", ["opened_at", "id"], unique=False)
    op.create_index("uq_ticket_number", "ticket", ["number"], unique=True)
    op.create_table(
        "forwarding",
        sa.Column("complaint", sa.Uuid(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("letter_number", sa.String(), nullable=False),
        sa.Column("account", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["complaint"], ["complaint.id"], name=op.f("fk_forwarding_complaint")),
        sa.PrimaryKeyConstraint("complaint", "recipient", name=op.f("pk_forwarding")),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Uuid(), nullable=True),
        sa.Column("by_helpdesk", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["ticket"], ["ticket.id"], name=op.f("fk_message_ticket")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
    )
    op.create_index("ix_message_ticket_at", "message", ["ticket", "at"], unique=False)
    for statement in COMPLAINTS_STAY:
        op.execute(statement)


# Pasal 18(2): the LPSE cannot make a complaint disappear, nor change what was complained of, nor whom it reached.
COMPLAINTS_STAY = (
    """
    create function complaint_stays() returns trigger language plpgsql as $$
    begin
        raise exception 'a complaint is neither deleted nor rewritten (Pasal 18)' using errcode = 'restrict_violation';
    end $$
    """,
    """
    create trigger complaint_stays
    before delete or update of number, category, tender, text, submitted_at, due_forward_at, tracking_sha256
    on complaint for each row execute function complaint_stays()
    """,
    "create trigger forwarding_stays before delete or update on forwarding execute function complaint_stays()",
    "create trigger complaint_not_emptied before truncate on complaint execute function complaint_stays()",
    "create trigger forwarding_not_emptied before truncate on forwarding execute function complaint_stays()",
)
