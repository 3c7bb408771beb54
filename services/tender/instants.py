"""The instant a consent counts by: read first, before any lock, on connections kept for nothing else."""

from datetime import datetime
from typing import cast

from sqlalchemy import func, select

from kit.clock import utc
from kit.db import Database
from kit.service import Service

__all__ = ["POOL", "instant", "pool"]

POOL = 4


def pool(dsn: str) -> Database:
    return Database(dsn, pool=POOL, application="tender.instants")


async def instant(service: Service) -> datetime:
    """`business_now()` in milliseconds. One round trip: no transaction is begun around it."""
    engine = cast("Database", service.resources["instants"]).engine
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        return utc((await connection.execute(select(func.business_now()))).scalar_one())
