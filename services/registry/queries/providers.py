"""Providers, their papers, and who waits for a verifier."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import or_, select

from integrity.receipts import payload_of
from kit.clock import business_today, real_now
from kit.db import Db
from kit.paging import Page, page
from kit.problems import NotFound
from kit.receipts import ReceiptOut, given
from kit.settings import Settings
from services.registry.models import (
    Paper,
    Provider,
    Receipt,
    Verification,
)
from services.registry.rules.numbers import npwp
from services.registry.rules.papers import (
    Case,
    Identity,
    PaperFacts,
    current,
    deficiencies,
    is_duplicate,
    missing,
    required_papers,
)
from services.registry.schemas.providers import PaperOut, ProviderOut, ProviderSummary, ReceiptRow, VerificationOut


async def own_provider(db: Db, account: UUID) -> Provider:
    found = (await db.execute(select(Provider).where(Provider.account == account))).scalar_one_or_none()
    if found is None:
        raise NotFound("provider", "of this account")
    return found


async def receipts(db: Db, account: UUID) -> list[ReceiptRow]:
    provider = await own_provider(db, account)
    query = select(Receipt).where(Receipt.subject == provider.id).order_by(Receipt.event.desc())
    found = (await db.execute(query)).scalars()
    return [
        ReceiptRow.model_validate({"event_id": row.event, "of": payload_of(row.receipt)["of"], "at": row.at})
        for row in found
    ]


async def receipt(db: Db, settings: Settings, event: UUID, account: UUID) -> ReceiptOut:
    found = await db.get(Receipt, event)
    if found is None or found.subject != (await own_provider(db, account)).id:
        raise NotFound("receipt", event)
    return given(settings, "registry", event, found.receipt, found.record, await real_now(db))


async def provider_for(db: Db, id: UUID, reader: UUID, *, verifier: bool) -> ProviderOut:
    found = await db.get(Provider, id)
    if found is None or not (verifier or found.account == reader):
        raise NotFound("provider", id)
    out = await provider_out(db, found)
    return out.model_copy(update=await _for_verifiers(db, found)) if verifier else out


async def _for_verifiers(db: Db, provider: Provider) -> dict[str, object]:
    case = await case_of(db, provider)
    originals = [paper.id for paper in current(case.papers).values()]
    today = await business_today(db)
    return {"duplicates": list(case.duplicates), "deficiencies": deficiencies(case, originals, (), today)}


async def case_of(db: Db, provider: Provider) -> Case:
    """What stands before the verifier."""
    uploaded = [paper for paper in await papers_of(db, provider.id) if paper.object is not None]
    return Case(
        kind=provider.kind,
        amended_deed=provider.amended_deed,
        npwp=npwp(provider.npwp),
        papers=[PaperFacts(paper.id, paper.kind, paper.expires_on) for paper in uploaded],
        duplicates=await duplicates_of(db, provider),
    )


async def provider_out(db: Db, provider: Provider) -> ProviderOut:
    papers = await papers_of(db, provider.id)
    decisions = select(Verification).where(Verification.provider == provider.id).order_by(Verification.id)
    uploaded = {paper.kind for paper in papers if paper.object is not None}
    needed = required_papers(provider.kind, amended_deed=provider.amended_deed)
    lacking = missing(provider.kind, amended_deed=provider.amended_deed, uploaded=uploaded)
    return ProviderOut.model_validate(
        {
            **{name: getattr(provider, name) for name in _OF_PROVIDER},
            "required_papers": needed,
            "missing_papers": lacking,
            "papers": [PaperOut.model_validate(paper) for paper in papers],
            "decisions": [VerificationOut.model_validate(row) for row in (await db.execute(decisions)).scalars()],
        }
    )


_OF_PROVIDER = (
    *ProviderSummary.model_fields,
    *("npwp", "email", "address", "phone", "responsible_name", "amended_deed", "branch"),
)


async def papers_of(db: Db, provider: UUID) -> Sequence[Paper]:
    """Oldest first, in the order they were uploaded; those without a copy at the end."""
    papers = select(Paper).where(Paper.provider == provider)
    return (await db.execute(papers.order_by(Paper.uploaded_at.asc().nulls_last(), Paper.id))).scalars().all()


async def duplicates_of(db: Db, provider: Provider) -> list[UUID]:
    """Other providers that asked for admission or have it, and may be this one registered twice."""
    others = select(Provider).where(
        Provider.id != provider.id,
        Provider.status.in_(("submitted", "verified")),
        or_(Provider.npwp16 == provider.npwp16, Provider.email == provider.email),
    )
    mine = _identity(provider)
    rows = (await db.execute(others.order_by(Provider.id))).scalars()
    return [other.id for other in rows if is_duplicate(mine, _identity(other))]


def _identity(provider: Provider) -> Identity:
    return Identity(npwp16=provider.npwp16, email=provider.email, address=provider.address, branch=provider.branch)


async def verification_queue(db: Db, cursor: str | None, limit: int) -> Page[ProviderSummary]:
    """Who waits, the longest first."""
    waiting = select(Provider).where(Provider.status == "submitted")
    by = (Provider.submitted_at, Provider.id)
    rows, after = await page(db, waiting, by, cursor=cursor, limit=limit, descending=False)
    return Page(items=[ProviderSummary.model_validate(row) for row in rows], next=after)
