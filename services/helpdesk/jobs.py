"""What helpdesk does when time passes."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from kit.clock import business_now
from kit.db import Db
from kit.jobs import Handler, Job, TimeEvent
from kit.outbox import emit
from services.helpdesk import events
from services.helpdesk.models import Complaint

__all__ = ["JOBS", "forwarding_ends", "overdue"]

OVERDUE: Final = "complaint_overdue"


def forwarding_ends(complaint: Complaint) -> TimeEvent:
    return TimeEvent(complaint.due_forward_at, OVERDUE)


async def overdue(db: Db, job: Job) -> None:
    """The time for forwarding passed: unless it was done, an alarm that stays with the complaint (Pasal 18(2))."""
    complaint = await db.get_one(Complaint, UUID(job.key), with_for_update=True)
    if complaint.forwarded_at is None and complaint.overdue_at is None:
        complaint.overdue_at = await business_now(db)
        await emit(db, events.complaint_overdue(complaint))


JOBS: Mapping[str, Handler] = {OVERDUE: overdue}
