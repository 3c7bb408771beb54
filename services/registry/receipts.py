"""Receipts of what a provider handed in, and of what a verifier refused (INTEGRITY 2.3), each with its record."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from contracts.values import rfc3339
from kit.db import Db
from kit.envelope import Emission
from kit.outbox import emit
from kit.receipts import Record, record, sign
from kit.service import Service
from services.registry import events
from services.registry.models import Paper, Provider, Receipt, Verification

__all__ = ["registered", "rejected"]

ARTICLE = "Perwali Mojokerto 21/2011 Pasal 9"


async def registered(db: Db, service: Service, provider: Provider, papers: Iterable[Paper], at: datetime) -> None:
    """The papers came, complete as far as rules can tell; that is no admission yet (Pasal 9(1)a)."""
    files = [_file(paper) for paper in papers if paper.object is not None]
    said = record(
        "registration-record/v1",
        provider=str(provider.id),
        kind=provider.kind,
        name=provider.name,
        npwp=provider.npwp,
        papers=files,
        submitted_at=rfc3339(at),
    )
    await _keep(
        db, service, provider, "registration", events.provider_registered(provider, said.sha256), said, at, files
    )


async def rejected(db: Db, service: Service, provider: Provider, decision: Verification, at: datetime) -> None:
    """A verifier refused, for reasons that are listed (Pasal 9(2))."""
    said = record(
        "verification-record/v1",
        provider=str(provider.id),
        outcome=decision.outcome,
        deficiencies=decision.deficiencies,
        notes=decision.notes,
        place=decision.place,
        decided_at=rfc3339(at),
    )
    decided = {"reason": "deficiencies", "deficiencies": decision.deficiencies}
    emission = events.provider_rejected(provider, said.sha256)
    await _keep(db, service, provider, "rejection", emission, said, at, [], **decided)


async def _keep(
    db: Db,
    service: Service,
    provider: Provider,
    of: str,
    emission: Emission,
    said: Record,
    at: datetime,
    files: list[dict[str, Any]],
    **decision: Any,
) -> None:
    event = await emit(db, emission)
    signed = sign(
        service.settings,
        "registry",
        of,
        event=event,
        subject=provider.id,
        code=str(provider.id),
        at=at,
        record_sha256=said.sha256,
        files=files,
        decision={"article": ARTICLE, **decision},
    )
    db.add(Receipt(event=event, subject=provider.id, record=said.text, receipt=signed, at=at))


def _file(paper: Paper) -> dict[str, Any]:
    return {
        "name": f"{paper.kind} {paper.number}",
        "object": str(paper.object),
        "size": paper.size,
        "md5": paper.md5,
        "sha256": paper.sha256,
    }
