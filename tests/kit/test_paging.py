"""Pages by cursor: every row once, whatever is added meanwhile."""

import base64
import json
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import func, insert, select

from kit.db import Database
from kit.ids import new_id
from kit.paging import page
from kit.service import Service
from tests.kit.probe import Note


async def fill(database: Database, numbers: range) -> None:
    """Two notes of each number: the first column alone does not order them."""
    rows = [{"id": new_id(), "text": str(number), "number": number} for number in numbers for _ in range(2)]
    if rows:
        async with database.transaction() as db:
            await db.execute(insert(Note), rows)


async def walk(database: Database, *, descending: bool, meanwhile: range = range(0)) -> list[str]:
    seen: list[str] = []
    cursor: str | None = None
    while True:
        async with database.reading() as db:
            rows, cursor = await page(
                db, select(Note), (Note.number, Note.id), cursor=cursor, limit=3, descending=descending
            )
        seen += [str(row.id) for row in rows]
        if cursor is None:
            return seen
        assert len(rows) == 3
        await fill(database, meanwhile)
        meanwhile = range(0)


@pytest.mark.parametrize("descending", [True, False])
async def test_every_row_once_and_in_order(database: Database, descending: bool) -> None:
    await fill(database, range(5))
    seen = await walk(database, descending=descending)
    async with database.reading() as db:
        query = select(Note.id).order_by(Note.number, Note.id)
        ordered = [str(id) for id in (await db.execute(query)).scalars()]
    assert seen == (ordered[::-1] if descending else ordered)


async def test_rows_that_come_meanwhile_move_no_other(database: Database) -> None:
    await fill(database, range(5))
    async with database.reading() as db:
        before = {str(id) for id in (await db.execute(select(Note.id))).scalars()}
    seen = await walk(database, descending=True, meanwhile=range(3, 9))
    assert len(seen) == len(set(seen))
    assert before <= set(seen)


async def test_the_last_full_page_names_no_next(database: Database) -> None:
    await fill(database, range(3))
    assert len(await walk(database, descending=True)) == 6
    async with database.reading() as db:
        assert (await db.execute(select(func.count()).select_from(Note))).scalar_one() == 6


async def test_over_http(service: Service, client: httpx2.AsyncClient) -> None:
    await fill(service.database, range(3))
    first = (await client.get("/notes", params={"limit": 4})).json()
    second = (await client.get("/notes", params={"limit": 4, "cursor": first["next"]})).json()
    assert [len(first["items"]), len(second["items"]), second["next"]] == [4, 2, None]


def forged(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


FORGED = [
    "nonsense",
    "é",
    forged(),
    forged("1"),
    forged("x", "y"),
    forged("1", "not-a-uuid"),
    forged(str(2**80), str(UUID(int=1))),
    forged(["1"], str(UUID(int=1))),
    base64.urlsafe_b64encode(b"7").decode(),
]


async def test_a_cursor_that_is_none_of_ours(client: httpx2.AsyncClient) -> None:
    for cursor in FORGED:
        answer = await client.get("/notes", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid"), cursor
