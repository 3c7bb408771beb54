"""Receipts of registrations and of what a verifier refused."""

from kit.receipts import create_table

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    create_table()
