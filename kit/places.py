"""A producer's own look at the public log: it notes in its outbox which place each of its events got there.

A receipt names the place, and an event that got none in time is missed by who emitted it, not only by who should have logged it.
"""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import bindparam, select, update

from kit.db import Db
from kit.envelope import Incoming
from kit.inbox import Reaction
from kit.logged import EntriesIncluded
from kit.outbox import outbox

__all__ = ["LOGGED", "note_included"]

_NOTE = update(outbox).where(outbox.c.event_id == bindparam("event")).values(log_index=bindparam("index"))


async def note_included(db: Db, places: Mapping[UUID, int]) -> None:
    """Events of other services are not in this outbox."""
    if places:
        # in the order in which the relay marks them: two that wait for each other would both wait in vain
        mine = select(outbox.c.event_id).where(outbox.c.event_id.in_(places)).order_by(outbox.c.position)
        here = (await db.execute(mine.with_for_update())).scalars().all()
        if here:
            rows = [{"event": event, "index": places[event]} for event in here]
            await (await db.connection()).execute(_NOTE, rows)


async def _told(db: Db, event: Incoming[EntriesIncluded]) -> None:
    await note_included(db, {one.event: one.index for one in event.data.entries})


LOGGED = Reaction(EntriesIncluded, _told)
"""Among the reactions of every service but audit, which notes its own events as it logs them."""
