"""What helpdesk does when tender tells something."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from contracts.tender import DisturbanceSuspected, StageChanged, TenderAnnounced, TenderFailed
from contracts.values import rfc3339
from kit.clock import business_now
from kit.db import Db
from kit.envelope import Incoming
from kit.inbox import Reaction
from kit.places import LOGGED
from services.helpdesk.commands import tickets
from services.helpdesk.models import TenderView, Ticket

__all__ = ["REACTIONS"]


async def tender_announced(db: Db, event: Incoming[TenderAnnounced]) -> None:
    await _see(db, event, event.data.code, event.data.closes_at)


async def stage_changed(db: Db, event: Incoming[StageChanged]) -> None:
    await _see(db, event, event.data.code, event.data.closes_at)


async def tender_failed(db: Db, event: Incoming[TenderFailed]) -> None:
    await _see(db, event, event.data.code, None)


async def _see(
    db: Db,
    event: Incoming[TenderAnnounced] | Incoming[StageChanged] | Incoming[TenderFailed],
    code: str,
    closes_at: datetime | None,
) -> None:
    """Keep the newest state of a tender, in whatever order its events come."""
    row = insert(TenderView).values(tender=event.subject, sequence=event.sequence, code=code, closes_at=closes_at)
    newest = {name: row.excluded[name] for name in ("sequence", "code", "closes_at")}
    await db.execute(
        row.on_conflict_do_update(
            index_elements=[TenderView.tender], set_=newest, where=TenderView.sequence < row.excluded.sequence
        )
    )


async def disturbance_suspected(db: Db, event: Incoming[DisturbanceSuspected]) -> None:
    """A bid in time met a closed tender: the desk hears of it at once, with one request per tender (Pasal 15(4))."""
    told = event.data
    text = (
        f"Persetujuan pada {rfc3339(told.instant)} tiba sebelum batas {rfc3339(told.closes_at)}, "
        f"tetapi tender {told.code} sudah ditutup. Periksa gangguan sistem dan beri tahu Pokja."
    )
    now = await business_now(db)
    open_one = select(Ticket).where(
        Ticket.channel == "sistem", Ticket.category == "gangguan", Ticket.tender == told.code, Ticket.status != "closed"
    )
    ticket = (await db.execute(open_one.order_by(Ticket.number).limit(1).with_for_update())).scalar_one_or_none()
    if ticket is None:
        await tickets.open_by_system(
            db, tender=told.code, subject=f"Gangguan pada tender {told.code}", text=text, at=now
        )
    else:
        db.add(tickets.message(ticket, text=text, at=now))


REACTIONS = (
    LOGGED,
    Reaction(TenderAnnounced, tender_announced, rebuilds=(TenderView,)),
    Reaction(StageChanged, stage_changed, rebuilds=(TenderView,)),
    Reaction(TenderFailed, tender_failed, rebuilds=(TenderView,)),
    Reaction(DisturbanceSuspected, disturbance_suspected),
)
