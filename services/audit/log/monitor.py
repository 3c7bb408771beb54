"""Who doubts all the time: reads the whole log again and again, and tells of the first time each place is found altered."""

import asyncio
from dataclasses import dataclass

import structlog
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from integrity.note import NoteError
from kit.db import Database
from kit.outbox import emit
from kit.problems import Problem
from kit.storage import ObjectStore
from services.audit.events import log_altered
from services.audit.log import check
from services.audit.log.check import Files, Finding
from services.audit.log.publisher import published
from services.audit.log.signing import Signer
from services.audit.models import Finding as Row
from services.audit.models import Published

__all__ = ["Monitor"]

log = structlog.get_logger()

PAUSE = 0.2
"""Seconds between pages of 2048 entries: a million take two minutes and a small part of one processor."""
REST = 60.0


@dataclass(frozen=True, slots=True)
class Monitor:
    """`run()` is supervised by the service and never ends by itself."""

    database: Database
    store: ObjectStore
    signer: Signer

    async def run(self) -> None:
        while True:
            try:
                await self.cycle(PAUSE)
            except Problem as away:
                log.warning("the log could not be held to its published files", why=str(away))
            await asyncio.sleep(REST)

    async def cycle(self, pause: float = 0) -> list[Finding]:
        """Everything once; returns what is wrong, also what was told before."""
        async with self.database.reading() as db:
            size = (await db.execute(select(func.max(Published.size)))).scalar_one()
        files = Files(self.store, size) if size else None
        found = []
        if files and not await self._is_published(files.size):
            found.append(Finding(files.size - 1, "file"))
            await self._tell(found[0])
        async for finding in check.look(self.database, signer=self.signer, files=files, pause=pause):
            found.append(finding)
            await self._tell(finding)
        return found

    async def _is_published(self, size: int) -> bool:
        """Whether a checkpoint of ours with so much is there for everybody."""
        try:
            found = await published(self.store)
            return found is not None and found[0].size >= size and self.signer.signed(found[1])
        except NoteError:
            return False

    async def _tell(self, finding: Finding) -> None:
        async with self.database.transaction() as db:
            row = insert(Row).values(idx=finding.index, what=finding.what).on_conflict_do_nothing().returning(Row.idx)
            if (await db.execute(row)).first() is None:
                return
            log.critical("the log was altered", index=finding.index, what=str(finding))
            await emit(db, log_altered(finding.index, finding.what))
