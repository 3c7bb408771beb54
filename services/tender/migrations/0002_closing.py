"""closing"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_index(
        "ix_tender_closing",
        "tender",
        ["closes_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'running'"),
    )
