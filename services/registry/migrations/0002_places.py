"""Where logins come from, as hashes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

OLDEST = "0002"


def upgrade() -> None:
    op.execute("delete from login_attempt")  # they count a quarter of an hour; of these nobody knows the place
    op.add_column("login_attempt", sa.Column("place", sa.LargeBinary(), nullable=False))
    op.add_column("login_attempt", sa.Column("known", sa.Boolean(), nullable=False))
    op.create_index(op.f("ix_login_attempt_place"), "login_attempt", ["place"], unique=False)
    op.add_column("session", sa.Column("place", sa.LargeBinary(), nullable=True))
    op.create_index(op.f("ix_session_place"), "session", ["place"], unique=False)
