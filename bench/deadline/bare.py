"""The other side: a consent as a bare route, the same SQL on the same tables, in one uvicorn process.

No gateway, session, telemetry, signature or check of anything: what FastAPI, SQLAlchemy and PostgreSQL take by themselves.
`python -m bench.deadline.bare PORT`, with the address of its database in the environment.
"""

import asyncio
import json
import os
import sys
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import FastAPI, Header
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from cli.serving import listening, until_stopped
from kit.db import open_engine

DATABASE = "LPSE_BENCH_DATABASE"

NOW = text("select business_now()")
CLAIM = text(
    "insert into idempotency (account, route, key, body_sha256) values (:account, :route, :key, :body) "
    "on conflict do nothing returning key"
)
LOAD = text(
    "select bid.id, bid.code, bid.tender_id, bid.provider, bid.account, bid.version, bid.status, bid.sequence, "
    "tender.code as tender_code, tender.status as tender_status, stage.starts_at, stage.ends_at, stage.closed_at "
    "from bid join tender on tender.id = bid.tender_id "
    "join stage on stage.tender_id = bid.tender_id and stage.code = 'upload_penawaran' "
    "where bid.id = :bid for share of stage"
)
PROVIDER = text("select at from participation where tender_id = :tender and provider = :provider for update")
STATUS = text("select status from bid where id = :bid")
FILES = text("select * from bid_file where bid_id = :bid for update")
REPLACE = text(
    "update bid set status = 'replaced', sequence = sequence + 1 "
    "where tender_id = :tender and provider = :provider and status = 'submitted' returning id, sequence"
)
EMIT = text(
    "insert into outbox (event_id, type, subject, sequence, actor, data) "
    "values (:event, 'tender.bid.submitted.v1', :bid, 1, :account, :data)"
)
STORE = text(
    "update bid set status = 'submitted', sequence = 1, consented_at = :at, closes_at = :closes_at, record = :record, "
    "record_sha256 = :sha256, offered = :offered, receipt = cast(:receipt as jsonb), event = :event where id = :bid"
)
FILE = text(
    "update bid_file set object = :object, size = 1, md5 = :md5, sha256 = :sha256, stored_at = :at where id = :file"
)
REMEMBER = text(
    "update idempotency set status = 201, answer = :answer where account = :account and route = :route and key = :key"
)


KeyHeader = Annotated[str, Header()]


def build(dsn: str) -> FastAPI:
    instants, engine = open_engine(dsn, pool_size=4, max_overflow=0), open_engine(dsn, pool_size=8, max_overflow=0)
    app = FastAPI()

    @app.post("/bids/{bid}/consent", status_code=201)
    async def consent(bid: UUID, body: dict[str, Any], idempotency_key: KeyHeader) -> dict[str, Any]:
        async with instants.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            at = (await connection.execute(NOW)).scalar_one()
        return await _consent(engine, bid, body, idempotency_key, at)

    return app


async def _consent(engine: AsyncEngine, bid: UUID, body: dict[str, Any], key: str, at: Any) -> dict[str, Any]:
    record, event = json.dumps(body), uuid4()
    async with AsyncSession(engine) as db, db.begin():
        call = {"account": UUID(int=0), "route": f"POST /bids/{bid}/consent", "key": key}
        await db.execute(CLAIM, call | {"body": b"\0" * 32})
        row = (await db.execute(LOAD, {"bid": bid})).one()
        mine = {"tender": row.tender_id, "provider": row.provider}
        await db.execute(PROVIDER, mine)
        await db.execute(STATUS, {"bid": bid})
        (await db.execute(FILES, {"bid": bid})).all()
        (await db.execute(REPLACE, mine)).all()
        await db.execute(EMIT, {"event": event, "bid": bid, "account": row.account, "data": record[:800]})
        out = {"id": str(bid), "code": row.code, "consented_at": str(at), "event_id": str(event), "record": record}
        await db.execute(STORE, _stored(row, body, out, at, event))
        for file in body["files"]:
            said = {"md5": file["md5"], "sha256": file["sha256"], "object": uuid4(), "file": UUID(file["file"])}
            await db.execute(FILE, said | {"at": at})
        await db.execute(REMEMBER, call | {"answer": json.dumps(out).encode()})
    return out


def _stored(row: Any, body: dict[str, Any], out: dict[str, Any], at: Any, event: UUID) -> dict[str, Any]:
    return {
        "bid": row.id,
        "at": at,
        "closes_at": row.ends_at,
        "record": out["record"],
        "sha256": "0" * 64,
        "offered": body["offer"]["total"],
        "receipt": json.dumps(body["files"]),
        "event": event,
    }


async def main() -> None:
    async with listening(build(os.environ[DATABASE]), host="127.0.0.1", port=int(sys.argv[1])):
        await until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
