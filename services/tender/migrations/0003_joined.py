"""joined"""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # What a provider joined is asked at every visit of its inbox and of the lists.
    op.create_index("ix_participation_provider", "participation", ["provider"], unique=False)
