"""A request's effect is stored before its answer leaves, and repeating the request repeats nothing."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx2
import pytest
from sqlalchemy import func, select

from kit.call import Call, forget_old, idempotency
from kit.db import Database
from kit.grants import Claims, RoleClaim
from kit.ids import new_id
from kit.keys import SigningKey
from kit.outbox import outbox
from kit.service import Service
from tests.kit.probe import Note

KEY = {"Idempotency-Key": "key-0001"}


def token(key_home: Path, *roles: str, account: UUID | None = None) -> dict[str, str]:
    now = datetime.now(UTC)
    claims = Claims(
        account=account or new_id(),
        session=new_id(),
        name="someone",
        provider=None,
        roles=tuple(RoleClaim(role, None, new_id(), datetime(2100, 1, 1, tzinfo=UTC)) for role in roles),
        issued_at=now,
    )
    return {"Authorization": f"Bearer {claims.issue(SigningKey.load(key_home / 'registry', 'registry', 'access'))}"}


async def count(database: Database, table: Any) -> int:
    async with database.reading() as db:
        return (await db.execute(select(func.count()).select_from(table))).scalar_one()


async def test_the_effect_is_committed_before_the_answer_leaves(service: Service) -> None:
    seen: list[int] = []
    connection = await asyncpg.connect(service.database.dsn)

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        async def look_first(message: Any) -> None:
            if message["type"] == "http.response.start":
                seen.append(await connection.fetchval("select count(*) from note join outbox on subject = note.id"))
            await send(message)

        await service.app(scope, receive, look_first)

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=watched), base_url="http://probe") as client:
        answer = await client.post("/notes", json={"text": "x"}, headers=KEY)
    await connection.close()
    assert answer.status_code == 201
    assert seen == [1]


async def test_the_same_request_again_gets_the_same_answer(service: Service, client: httpx2.AsyncClient) -> None:
    first = await client.post("/notes", json={"text": "x"}, headers=KEY)
    again = await client.post("/notes", json={"text": "x"}, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Content-Type"] == "application/json"
    assert await count(service.database, Note) == await count(service.database, outbox) == 1


async def test_the_same_key_with_another_body_is_refused(service: Service, client: httpx2.AsyncClient) -> None:
    await client.post("/notes", json={"text": "x"}, headers=KEY)
    other = await client.post("/notes", json={"text": "y"}, headers=KEY)
    assert other.status_code == 409
    assert other.json()["code"] == "idempotency_key_reused"
    assert await count(service.database, Note) == 1


async def test_many_at_once_have_one_effect(service: Service, client: httpx2.AsyncClient) -> None:
    answers = await asyncio.gather(*(client.post("/notes", json={"text": "x"}, headers=KEY) for _ in range(12)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert await count(service.database, Note) == await count(service.database, outbox) == 1


async def test_a_key_is_its_accounts_and_its_routes_alone(
    service: Service, client: httpx2.AsyncClient, key_home: Path
) -> None:
    someone, another = token(key_home, "ppk"), token(key_home, "ppk")

    async def post() -> list[str]:
        answers = [
            await client.post(path, json={"text": "x"}, headers=KEY | who)
            for path in ("/notes", "/other-notes")
            for who in (someone, another)
        ]
        assert [answer.status_code for answer in answers] == [201] * 4
        return [answer.json()["id"] for answer in answers]

    first = await post()
    assert len(set(first)) == 4
    assert await post() == first
    assert await count(service.database, Note) == 4


async def test_the_actor_stands_in_the_event(service: Service, client: httpx2.AsyncClient, key_home: Path) -> None:
    account = new_id()
    await client.post("/notes", json={"text": "x"}, headers=KEY | token(key_home, account=account))
    async with service.database.reading() as db:
        assert (await db.execute(select(outbox.c.actor))).scalar_one() == account


async def test_what_failed_may_be_tried_again(service: Service, client: httpx2.AsyncClient) -> None:
    for _ in range(2):
        answer = await client.post("/notes", json={"text": "conflict"}, headers=KEY)
        assert answer.status_code == 409
        assert answer.json()["code"] == "conflict"
        assert "Idempotent-Replayed" not in answer.headers
    assert await count(service.database, Note) == await count(service.database, idempotency) == 0


async def test_a_refusal_on_record_is_kept_and_repeated(service: Service, client: httpx2.AsyncClient) -> None:
    first = await client.post("/notes", json={"text": "refuse"}, headers=KEY)
    again = await client.post("/notes", json={"text": "refuse"}, headers=KEY)
    assert (first.status_code, again.status_code) == (422, 422)
    assert first.json() == again.json()
    assert first.json()["detail"] == "The text refuse is refused."
    assert again.headers["Content-Type"] == "application/problem+json"
    assert await count(service.database, Note) == 1


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "short"}, {"Idempotency-Key": "x" * 201}])
async def test_a_write_carries_a_key(service: Service, client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    answer = await client.post("/notes", json={"text": "x"}, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["code"].startswith("idempotency_key_")
    assert await count(service.database, Note) == 0


async def test_a_command_that_forgets_its_answer_has_no_effect(database: Database) -> None:
    call = Call(database, None, "POST /notes", "key-0001", b"{}", 201)
    with pytest.raises(RuntimeError, match=r"without call.answer"):
        async with call.transaction() as db:
            db.add(Note(text="x"))
    assert await count(database, Note) == 0


async def test_keys_are_forgotten_after_two_days(service: Service, client: httpx2.AsyncClient) -> None:
    await client.post("/notes", json={"text": "x"}, headers={"Idempotency-Key": "key-old1"})
    async with service.database.transaction() as db:
        (old,) = (await db.execute(select(idempotency.c.key))).scalars()
        await db.execute(idempotency.update().values(at=func.clock_timestamp() - func.make_interval(0, 0, 0, 2, 1)))
    await client.post("/notes", json={"text": "x"}, headers={"Idempotency-Key": "key-new1"})
    async with service.database.transaction() as db:
        await forget_old(db)
        (left,) = (await db.execute(select(idempotency.c.key))).scalars()
        assert left != old


async def test_the_database_gives_away_neither_key_nor_answer(service: Service, client: httpx2.AsyncClient) -> None:
    answer = await client.post("/notes", json={"text": "x"}, headers=KEY)
    async with service.database.reading() as db:
        row = (await db.execute(select(idempotency))).one()
    assert row.key != KEY["Idempotency-Key"]
    assert answer.json()["id"].encode() not in row.answer


async def test_who_may_and_who_may_not(client: httpx2.AsyncClient, key_home: Path) -> None:
    async def post(headers: dict[str, str]) -> tuple[int, str | None]:
        answer = await client.post("/other-notes", json={"text": "x"}, headers=KEY | headers)
        return answer.status_code, answer.json().get("code")

    assert await post({}) == (401, "login_required")
    assert (await post({"Authorization": "Bearer nonsense"}))[0] == 401
    assert await post(token(key_home, "pokja")) == (403, "role_required")
    assert await post(token(key_home, "pokja", "ppk")) == (201, None)
