"""What routes need besides the call: the service itself (keys, pools, reading)."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends

from kit.db import Db
from kit.service import Service, service_of

__all__ = ["ReadDep", "ServiceDep"]

ServiceDep = Annotated[Service, Depends(service_of)]


async def _reading(service: ServiceDep) -> AsyncIterator[Db]:
    async with service.database.reading() as db:
        yield db


ReadDep = Annotated[Db, Depends(_reading)]
