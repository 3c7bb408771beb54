"""Auditors read by mandates, and the log knows which entries belong to which tender."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

_UUID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_SAID = """
select event_id, convert_from(entry, 'UTF8')::json as said from log_entry where event_id is not null
union all select event_id, convert_from(entry, 'UTF8')::json from log_pending
"""
_HIDDEN = f"""
update entry_secret set tender = (convert_from(opening, 'UTF8')::json -> 'body' ->> 'tender')::uuid
where convert_from(opening, 'UTF8')::json -> 'body' ->> 'tender' ~ '{_UUID}'
"""  # noqa: S608
_SHOWN = f"""
with entry as ({_SAID})
update entry_secret set tender = (entry.said -> 'pub' ->> 'tender')::uuid from entry
where entry.event_id = entry_secret.event_id and entry.said -> 'pub' ->> 'tender' ~ '{_UUID}'
"""  # noqa: S608
_KNOWN = f"""
with entry as ({_SAID})
insert into tender_view (id, code, sealed)
select (one.said -> 'pub' ->> 'tender')::uuid, one.said -> 'pub' ->> 'code', not exists (
    select from entry other where other.said ->> 'kind' in ('tender.opened', 'tender.failed')
    and other.said -> 'pub' ->> 'tender' = one.said -> 'pub' ->> 'tender'
)
from entry one where one.said ->> 'kind' = 'tender.announced'
on conflict do nothing
"""  # noqa: S608


def upgrade() -> None:
    op.create_table(
        "mandate",
        sa.Column("account", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("tenders", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=False),
        sa.Column("granted_by", sa.Uuid(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mandate")),
    )
    op.create_index(op.f("ix_mandate_account"), "mandate", ["account"], unique=False)
    op.create_table(
        "tender_view",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("sealed", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tender_view")),
        sa.UniqueConstraint("code", name=op.f("uq_tender_view_code")),
    )
    op.add_column("entry_secret", sa.Column("tender", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_entry_secret_tender", "entry_secret", ["tender"], postgresql_where=sa.text("tender is not null")
    )
    for statement in (_HIDDEN, _SHOWN, _KNOWN):
        op.execute(statement)
