"""Events know their places in the public log."""

from kit.migrations import kit_tables_2

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    kit_tables_2()
