"""A database's history: written from the models, applied once, also when two start at once."""

import asyncio
from contextlib import nullcontext
from pathlib import Path

import pytest
from sqlalchemy import text

from kit import migrations
from kit.db import Database
from tests.kit import probe


async def test_a_new_database_has_what_the_models_say(probe_package: Path, empty_database: str) -> None:
    assert await migrations.upgrade(empty_database, "probe") == "0001"
    assert await migrations.differences(empty_database, "probe", probe.Base.metadata) == []


async def test_the_second_time_changes_nothing(dsn: str, database: Database) -> None:
    async with database.transaction() as db:
        db.add(probe.Note(text="kept"))
    assert await migrations.upgrade(dsn, "probe") == "0001"
    async with database.reading() as db:
        assert (await db.execute(text("select text from note"))).scalar_one() == "kept"


async def test_several_at_once(probe_package: Path, empty_database: str) -> None:
    heads = await asyncio.gather(*(migrations.upgrade(empty_database, "probe") for _ in range(4)))
    assert heads == ["0001"] * 4


async def test_a_difference_is_seen(dsn: str, database: Database) -> None:
    async with database.transaction() as db:
        await db.execute(text("alter table note drop column text"))
        await db.execute(text("alter table outbox add column extra int"))
    found = str(await migrations.differences(dsn, "probe", probe.Base.metadata))
    for word in ("add_column", "'text'", "remove_column", "'extra'"):
        assert word in found


async def test_the_next_revision_holds_only_the_difference(probe_package: Path, dsn: str, database: Database) -> None:
    async with database.transaction() as db:
        await db.execute(text("alter table note drop column number"))
    path = await migrations.revision(dsn, "probe", probe.Base.metadata, "number")
    try:
        source = path.read_text()
        assert path.name == "0002_number.py"
        assert "'number'" in source
        assert "create_table" not in source
        assert "kit_tables_1()" not in source
        with pytest.raises(RuntimeError, match="lpse db upgrade probe"):
            async with database.reading() as db:
                await migrations.refuse_wrong_schema(db, "probe")
    finally:
        path.unlink()
        migrations._HEADS.clear()


async def test_a_service_does_not_run_on_another_schema(database: Database) -> None:
    async with database.transaction() as db:
        await migrations.refuse_wrong_schema(db, "probe")
        await db.execute(text("update alembic_version set version_num = '0000'"))
        with pytest.raises(RuntimeError, match="is at 0000, this code needs 0001"):
            await migrations.refuse_wrong_schema(db, "probe")


NEXT = """from alembic import op

revision, down_revision = "0002", "0001"
{oldest}

def upgrade() -> None:
    op.execute("alter table note add column mood text")
"""


@pytest.mark.parametrize(("oldest", "goes_on"), [("", True), ('OLDEST = "0001"', True), ('OLDEST = "0002"', False)])
async def test_older_code_goes_on_beside_a_newer_schema_that_suits_it(
    probe_package: Path, dsn: str, database: Database, oldest: str, goes_on: bool
) -> None:
    newer = probe_package / "migrations" / "0002_mood.py"
    newer.write_text(NEXT.format(oldest=oldest))
    migrations._HEADS.clear()
    try:
        assert await migrations.upgrade(dsn, "probe") == "0002"
    finally:
        newer.unlink()
        migrations._HEADS.clear()
    refused = nullcontext() if goes_on else pytest.raises(RuntimeError, match="start the newer version")
    async with database.reading() as db:
        with refused:
            await migrations.refuse_wrong_schema(db, "probe")
    with refused:
        assert await migrations.upgrade(dsn, "probe") == "0002"


def test_a_service_that_is_none() -> None:
    with pytest.raises(LookupError, match="nobody"):
        migrations._folder("nobody")
