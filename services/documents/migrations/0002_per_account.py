"""What an account stored lately is summed up before each of its uploads."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_index("ix_document_account_stored_at", "document", ["account", "stored_at"], unique=False)
