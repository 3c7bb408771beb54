"""Events know their places in the public log."""

from kit.migrations import kit_tables_2

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    kit_tables_2()
