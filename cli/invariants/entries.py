"""The log has every event once, says of each what the event said, holds nothing else, and is the tree it published."""

from typing import Any

from sqlalchemy import Row, select

from cli.installation import Installation
from cli.invariants.flow import Flow
from integrity.canonical import NotCanonical, parse
from integrity.entries import EntryError, Opening, Place, parse_entry, verify_opening, verify_place
from kit.db import Db
from kit.envelope import Envelope
from kit.inbox import inbox
from kit.outbox import outbox
from services import SERVICES
from services.audit.log import check
from services.audit.log.tree import LogBroken
from services.audit.models import EntrySecret, LogEntry, PendingEntry

__all__ = ["breaches"]


async def breaches(installation: Installation, flow: Flow) -> list[str]:
    found = await _tree(installation)
    async with installation.reading("audit") as log:
        logged = set((await log.execute(select(PendingEntry.event_id))).scalars())
        logged |= {id for id in (await log.execute(select(LogEntry.event_id))).scalars() if id}
        found += [
            f"the log does not have {event.type} {id} of {event.source}"
            for id, event in flow.emitted.items()
            if id not in logged and ("audit", str(id)) not in flow.dead
        ]
        found += await _padding(log)
        for name in SERVICES:
            async with installation.reading(name) as db:
                found += await _contents(db, log, name)
    return found


async def _tree(installation: Installation) -> list[str]:
    async with installation.database("audit") as database:
        try:
            await check.everything(database)
        except LogBroken as why:
            return [f"the log is not what was published: {why}"]
    return []


async def _padding(log: Db) -> list[str]:
    """What is logged and was never received is a dummy."""
    received = select(inbox.c.event_id).where(inbox.c.event_id == EntrySecret.event_id).exists()
    others = await log.execute(select(EntrySecret.event_id, EntrySecret.opening).where(~received))
    return [
        f"the log has an entry of {row.event_id}, which audit never received"
        for row in others
        if Opening.from_json(parse(row.opening)).kind != "padding"
    ]


async def _contents(db: Db, log: Db, source: str) -> list[str]:
    found = []
    last = 0
    while page := (await db.execute(_PAGE.where(outbox.c.seq > last))).all():
        last = page[-1].seq
        ids = [row.event_id for row in page]
        entries = {row.event_id: row for row in await log.execute(_ENTRY.where(LogEntry.event_id.in_(ids)))}
        found += [
            f"the log's entry of {row.type} {row.event_id} of {source} is not that event: {why}"
            for row in page
            if row.event_id in entries
            and (why := _wrong(entries[row.event_id], Envelope.decode(row.envelope))) is not None
        ]
        found += [
            f"{source} was told that {row.type} {row.event_id} stands at {row.log_index} of the log; it stands elsewhere"
            for row in page
            if row.event_id in entries and row.log_index not in {None, -1, entries[row.event_id].idx}
        ]
    return found


_PAGE = (
    select(outbox.c.event_id, outbox.c.type, outbox.c.seq, outbox.c.envelope, outbox.c.log_index)
    .order_by(outbox.c.seq)
    .limit(1000)
)
_ENTRY = select(
    LogEntry.event_id, LogEntry.idx, LogEntry.entry, EntrySecret.opening, EntrySecret.r, EntrySecret.place_r
).join(EntrySecret, EntrySecret.event_id == LogEntry.event_id)


def _wrong(row: Row[*tuple[Any, ...]], envelope: Envelope) -> str | None:
    """Why the entry, opened, does not say what the event says, or None."""
    try:
        opening = Opening.from_json(parse(row.opening))
        verify_opening(row.entry, opening, row.r)
        verify_place(opening, Place(envelope.source, envelope.seq), row.place_r)
        shown = parse_entry(row.entry).get("pub", {})
    except (EntryError, NotCanonical) as error:
        return str(error)
    hashes = {f"{name}_sha256" for name in envelope.data}
    said = {name: value for name, value in shown.items() if name not in hashes - envelope.data.keys()}
    if {**said, **opening.body} != envelope.data:
        return "it says something else"
    return None if opening.actor == (str(envelope.actor) if envelope.actor else None) else "somebody else did it"
