"""Receipts of complaints."""

from kit.receipts import create_table

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    create_table()
