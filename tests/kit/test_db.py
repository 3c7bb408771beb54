"""What the database says of a refusal stays without the values; its address may say how to connect."""

import traceback

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from kit import migrations
from kit.db import Database, is_unavailable, is_unstorable


async def test_a_refused_row_is_in_no_error(database: Database) -> None:
    """PostgreSQL names the whole row in the detail of its error, and we log errors with all they came from."""
    with pytest.raises(IntegrityError) as refused:
        async with database.transaction() as db:
            await db.execute(text("insert into note (id, sequence, text) values (gen_random_uuid(), 7, 'NPWP 01.234')"))
    told = "".join(traceback.format_exception(refused.value))
    assert "NotNullViolationError" in told
    assert "Failing row contains" not in told


async def test_a_value_that_cannot_be_sent_is_in_no_error(database: Database) -> None:
    """The driver repeats it; an identity number typed into a field for a year is such a value."""
    with pytest.raises(DBAPIError) as refused:
        async with database.transaction() as db:
            await db.execute(text("select cast(:year as integer)"), {"year": 3576010101801234})
    told = "".join(traceback.format_exception(refused.value)) + repr(refused.value)
    assert "invalid input for query argument $1" in told
    assert "3576010101801234 (" not in told
    assert is_unstorable(refused.value)


async def test_a_full_disk_is_an_absence(database: Database) -> None:
    """Else people read of a mistake of ours, and events whose every attempt fails become dead letters."""
    full = "do $$ begin raise exception 'could not extend file' using errcode = 'disk_full'; end $$"
    with pytest.raises(DBAPIError) as refused:
        async with database.reading() as db:
            await db.execute(text(full))
    assert is_unavailable(refused.value)


async def test_an_address_says_whether_the_connection_is_encrypted(dsn: str) -> None:
    plain = Database(f"{dsn}?sslmode=disable")
    async with plain.reading() as db:
        assert (await db.execute(text("select 1"))).scalar_one() == 1
    await plain.close()
    assert await migrations.upgrade(f"{dsn}?sslmode=disable", "probe") == "0001"
    encrypted = Database(f"{dsn}?sslmode=require")
    with pytest.raises(ConnectionError) as refused:
        async with encrypted.reading() as db:
            await db.execute(text("select 1"))
    assert is_unavailable(refused.value)
    await encrypted.close()
