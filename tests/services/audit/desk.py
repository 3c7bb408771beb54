"""The log with two tenders, and people who ask it."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
from sqlalchemy import text

from contracts.tender import TenderAnnounced, TenderOpened
from kit import clock
from kit.envelope import Envelope
from kit.grants import Claims, RoleClaim
from kit.ids import new_id
from kit.jobs import Worker
from kit.keys import SigningKey
from kit.service import Service
from tests.services.audit.source import AT, Source, deliver, sequence

NOW = datetime(2026, 12, 1, 2, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
CODE, OTHER_CODE = "10080001001", "10080002001"


def token(key_home: Path, account: UUID, *roles: str) -> dict[str, str]:
    now = datetime.now(UTC)
    claims = Claims(
        account=account,
        session=new_id(),
        name="someone",
        provider=None,
        roles=tuple(RoleClaim(role, None, new_id(), datetime(2100, 1, 1, tzinfo=UTC)) for role in roles),
        issued_at=now,
    )
    return {"Authorization": f"Bearer {claims.issue(SigningKey.load(key_home / 'registry', 'registry', 'access'))}"}


@dataclass
class Desk:
    service: Service
    client: httpx2.AsyncClient
    source: Source
    keys: Path
    auditor: UUID = field(default_factory=uuid4)
    inspektur: UUID = field(default_factory=uuid4)
    tender: UUID = field(default_factory=uuid4)
    other: UUID = field(default_factory=uuid4)

    async def begin(self) -> None:
        async with self.service.database.transaction() as db:
            await clock.stop(db, NOW)
        for tender, code in ((self.tender, CODE), (self.other, OTHER_CODE)):
            await deliver(self.service, self.source.envelope(announced(tender, code)))

    async def bid(self, tender: UUID) -> Envelope:
        made = self.source.blind(uuid4(), tender=tender)
        await deliver(self.service, made)
        return made

    async def open(self, tender: UUID, code: str) -> None:
        opened = TenderOpened(tender=tender, code=code, manifest_sha256="ab" * 32, nonce="cd" * 32, bids=[])
        await deliver(self.service, self.source.envelope(opened))
        await sequence(self.service)

    async def ask(self, who: UUID, role: str, path: str, **params: Any) -> httpx2.Response:
        return await self.client.get(path, headers=token(self.keys, who, role), params=params or None)

    async def post(self, who: UUID, role: str, path: str, body: Any = None) -> httpx2.Response:
        headers = token(self.keys, who, role) | {"Idempotency-Key": str(uuid4())}
        return await self.client.post(path, json=body or {}, headers=headers)

    async def grant(self, *codes: str, **changes: Any) -> httpx2.Response:
        given = {"account": str(self.auditor), "number": "700/12/2026", "tenders": list(codes)}
        term = {"valid_from": NOW.isoformat(), "valid_to": LATER.isoformat()}
        return await self.post(self.inspektur, "inspektur", "/mandates", given | term | changes)

    async def stop(self, at: datetime) -> None:
        async with self.service.database.transaction() as db:
            await clock.stop(db, at)

    async def pass_to(self, at: datetime) -> None:
        """And do what is due by then."""
        await self.stop(at)
        worker = Worker("audit", self.service.database, dict(self.service.jobs), self.service.signals)
        while await worker.run_one():
            pass

    async def told(self, kind: str) -> list[dict[str, Any]]:
        query = text("select data, actor from outbox where type = :type order by position")
        async with self.service.database.reading() as db:
            rows = (await db.execute(query, {"type": f"audit.{kind}.v1"})).all()
        return [json.loads(row.data) | {"actor": row.actor} for row in rows]


def announced(tender: UUID, code: str) -> TenderAnnounced:
    return TenderAnnounced(
        tender=tender, code=code, package=uuid4(), name="Meja", skpd="1.01", category="barang", regime="P70-2012",
        pagu="2.00", hps="1.00", committee=uuid4(), stages=[], closes_at=AT,
    )  # type: ignore[arg-type]  # fmt: skip
