"""A long log that is filled once and copied from then on: to deliver hundreds of events takes longer than most tests."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from uuid import uuid4

import asyncpg

from integrity.entries import FEWEST_BLIND_PER_BATCH
from kit.service import Service
from services.audit.log.publisher import CHECKPOINT, NOTE_TYPE, TILE_TYPE
from tests.conftest import COPIED
from tests.services.audit.source import Source, deliver, entries, publish

__all__ = ["SIZE", "History", "fill"]

STEPS = (5, 290, 199)
"""Events between its published checkpoints: once more than a tile, and in the end nearly two, so that a few more begin the next."""
SIZE = sum(STEPS) + FEWEST_BLIND_PER_BATCH * len(STEPS)


async def fill(service: Service, source: Source) -> None:
    for number in STEPS:
        await deliver(service, *(source.public() for _ in range(number)))
        await publish(service)
    assert len(await entries(service.database)) == SIZE


@dataclass(frozen=True, slots=True)
class History:
    """A service's database and what it published, and how far its source had come."""

    template: str
    files: Mapping[str, bytes]
    seq: int
    prev: str

    @classmethod
    async def of(cls, service: Service, source: Source) -> Self:
        template, store = f"template_{uuid4().hex[:12]}", service.store()
        await _administer(service, f'create database "{template}" template "{_name(service)}" {COPIED}')
        files = {stat.key: await store.read(stat.key) for stat in await store.versions()}
        return cls(template, files, source.seq, source.prev)

    async def give(self, service: Service, source: Source) -> None:
        """To one that has nothing yet."""
        name, store = _name(service), service.store()
        await _administer(
            service, f'drop database "{name}"', f'create database "{name}" template "{self.template}" {COPIED}'
        )
        await asyncio.gather(
            *(
                store.put(key, content, NOTE_TYPE if key == CHECKPOINT else TILE_TYPE)
                for key, content in self.files.items()
            )
        )
        source.seq, source.prev = self.seq, self.prev


def _name(service: Service) -> str:
    return service.database.dsn.rpartition("/")[2]


async def _administer(service: Service, *statements: str) -> None:
    """While nobody is connected to the service's database."""
    await service.database.close()
    connection = await asyncpg.connect(service.database.dsn.rpartition("/")[0] + "/postgres")
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
