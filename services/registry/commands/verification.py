"""A verifier decides (Pasal 9(2)): the signature behind every later act of the provider rests on this."""

from uuid import UUID

from sqlalchemy import select

from kit.call import Call
from kit.clock import business_now, business_today
from kit.db import Db
from kit.outbox import emit
from kit.problems import Conflict, NotFound
from kit.service import Service
from services.registry import events, receipts
from services.registry.models import Provider, Verification
from services.registry.queries.providers import case_of, provider_out
from services.registry.rules.papers import current, decide
from services.registry.schemas.providers import Decision, ProviderOut


async def decide_provider(call: Call, service: Service, id: UUID, decision: Decision) -> ProviderOut:
    async with call.transaction() as db:
        provider = await _submitted(db, id)
        case = await case_of(db, provider)
        decide(
            case,
            outcome=decision.outcome,
            originals=decision.originals,
            listed=decision.deficiencies,
            resolved=decision.resolved_duplicates,
            notes=decision.notes,
            today=await business_today(db),
        )
        provider.status = decision.outcome
        decided = _record(call.account, provider, decision)
        db.add(decided)
        if decision.outcome == "verified":
            await emit(db, events.provider_verified(provider, current(case.papers)["surat_izin_usaha"].expires_on))
        else:
            await receipts.rejected(db, service, provider, decided, await business_now(db))
        return call.answer(await provider_out(db, provider))


async def _submitted(db: Db, id: UUID) -> Provider:
    row = await db.execute(select(Provider).where(Provider.id == id).with_for_update())
    provider = row.scalar_one_or_none()
    if provider is None:
        raise NotFound("provider", id)
    if provider.status != "submitted":
        raise Conflict(
            "not_submitted",
            "This registration is {state}; a verifier decides about submitted ones.",
            article="Perwali Mojokerto 21/2011 Pasal 9(1)a, 9(2)",
            remedy="The list of verifications shows who waits.",
            state=provider.status,
        )
    return provider


def _record(verifier: UUID, provider: Provider, decision: Decision) -> Verification:
    return Verification(
        provider=provider.id,
        outcome=decision.outcome,
        verifier=verifier,
        place=decision.place,
        notes=decision.notes,
        originals=[str(paper) for paper in decision.originals],
        deficiencies=list(decision.deficiencies),
        resolved_duplicates=[str(other) for other in decision.resolved_duplicates],
    )
