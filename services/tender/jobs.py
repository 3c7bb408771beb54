"""What time does: stages change, and bids are closed soon after the deadline."""

from collections.abc import Mapping
from uuid import UUID

from kit.clock import business_now
from kit.db import Db
from kit.jobs import Handler, Job
from kit.outbox import emit
from services.tender import events
from services.tender.access import locked
from services.tender.commands.opening import close
from services.tender.models import Tender
from services.tender.rules import schedule
from services.tender.stages import spans_of, stages_of

__all__ = ["JOBS"]


async def stage_boundary(db: Db, job: Job) -> None:
    """Tell which stages are active, if that changed. A jump of the clock over several borders tells the last state."""
    tender = await _tender(db, job)
    if tender.status not in {"running", "finished"}:
        return
    active = schedule.active(spans_of(await stages_of(db, tender.id)), await business_now(db))
    if active != tender.active:
        tender.active = active
        await emit(db, events.stage_changed(tender))


async def close_bidding(db: Db, job: Job) -> None:
    tender = await _tender(db, job)
    if tender.status == "running":
        await close(db, tender, await business_now(db))


async def _tender(db: Db, job: Job) -> Tender:
    return await locked(db, Tender, UUID(job.key.partition(":")[2]))


JOBS: Mapping[str, Handler] = {"stage_boundary": stage_boundary, "close_bidding": close_bidding}
