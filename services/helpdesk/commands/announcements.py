"""Maintenance is announced by somebody who has seen which tenders it hits (Pasal 12(3))."""

from kit.call import Call
from kit.clock import business_now
from kit.outbox import emit
from services.helpdesk import events, queries, rules
from services.helpdesk.models import Announcement
from services.helpdesk.schemas import AnnouncementOut, NewAnnouncement

__all__ = ["announce"]


async def announce(call: Call, body: NewAnnouncement) -> AnnouncementOut:
    async with call.transaction() as db:
        now = await business_now(db)
        rules.require_window(body.starts_at, body.ends_at, now)
        affected = await queries.due_between(db, body.starts_at, body.ends_at)
        rules.require_acknowledged(affected, body.acknowledged)
        announcement = Announcement(
            **body.model_dump(exclude={"acknowledged"}), tenders=affected, account=call.account, announced_at=now
        )
        db.add(announcement)
        await db.flush()
        await emit(db, events.maintenance_announced(announcement))
        return call.answer(AnnouncementOut.model_validate(announcement))
