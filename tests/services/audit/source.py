"""A source of events as the log sees it: one chain, numbered and linked as a relay does it."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from contracts.registry import ProviderRegistered
from contracts.tender import BidSubmitted, QuestionAnswered
from integrity.merkle import root
from integrity.policy import Witness
from kit.bus import Delivery, Message
from kit.db import Database
from kit.envelope import FIRST, Envelope, Event
from kit.ids import new_id
from kit.service import Service
from kit.storage import ObjectStore
from services.audit.log.guard import Guard
from services.audit.log.publisher import Publisher
from services.audit.log.sequencer import Sequencer
from services.audit.log.signing import Signer
from services.audit.models import Checkpoint, LogEntry, ParkedEvent, PendingEntry

AT = datetime(2026, 11, 23, 2, 59, 58, 123000, tzinfo=UTC)


class Source:
    def __init__(self, name: str = "tender") -> None:
        self.name = name
        self.seq = 0
        self.prev = FIRST

    def envelope(self, event: Event, *, actor: UUID | None = None, at: datetime = AT) -> Envelope:
        self.seq += 1
        made = Envelope(
            id=new_id(),
            source=self.name,
            type=event.TYPE,
            subject=new_id(),
            time=at,
            data=event.model_dump(mode="json"),
            sequence=1,
            actor=actor,
            instance="uji",
            seq=self.seq,
            prev=self.prev,
        )
        self.prev = Envelope.digest(made.encode())
        return made

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What is made inside belongs to another history: the chain goes on from here as if it had not been."""
        kept = self.seq, self.prev
        yield
        self.seq, self.prev = kept

    def public(self, actor: UUID | None = None, tender: UUID | None = None) -> Envelope:
        return self.envelope(QuestionAnswered(question=new_id(), tender=tender or new_id()), actor=actor)

    def blind(self, actor: UUID | None = None, at: datetime = AT, tender: UUID | None = None) -> Envelope:
        bid = BidSubmitted(
            bid=new_id(),
            code="11" * 5,
            tender=tender or new_id(),
            provider=new_id(),
            version=1,
            record_sha256="ab" * 32,
            consented_at=at,
            closes_at=at,
        )
        return self.envelope(bid, actor=actor, at=at)

    def short_blind(self) -> Envelope:
        return self.envelope(ProviderRegistered(provider=new_id(), kind="perorangan"))


async def deliver(service: Service, *envelopes: Envelope) -> None:
    for envelope in envelopes:
        message = Message(str(envelope.id), envelope.type, envelope.encode(), {})
        await service.inbox(Delivery(message, "audit", 0))


def signer_of(service: Service) -> Signer:
    signer: Signer = service.resources["signer"]
    return signer


def guard_of(service: Service, witnesses: Mapping[str, Witness] | None = None) -> Guard:
    return Guard(service.database, service.store(), signer_of(service), witnesses or {})


def sequencer_of(service: Service, **others: Any) -> Sequencer:
    return Sequencer(service.database, signer_of(service), guard_of(service), asyncio.Event(), **others)


async def sequence(service: Service) -> int:
    """Append all that is pending; how many leaves that made."""
    grown, sequencer = 0, sequencer_of(service)
    while added := await sequencer.append():
        grown += added
    return grown


def publisher_of(service: Service) -> Publisher:
    return Publisher(service.database, service.store(), signer_of(service), asyncio.Event(), sweep=0.01)


async def publish(service: Service) -> int | None:
    """The files of all that is pending, and of what was appended before; the size that is then published."""
    await sequence(service)
    return await publisher_of(service).publish()


async def emptied(store: ObjectStore) -> None:
    """As if it were a new one."""
    await asyncio.gather(*(store.remove(one.key, one.version_id or "") for one in await store.versions()))


async def entries(database: Database) -> list[LogEntry]:
    async with database.reading() as db:
        return list((await db.execute(select(LogEntry).order_by(LogEntry.idx))).scalars())


async def checkpoints(database: Database) -> list[Checkpoint]:
    async with database.reading() as db:
        return list((await db.execute(select(Checkpoint).order_by(Checkpoint.size))).scalars())


async def pending(database: Database) -> list[UUID]:
    async with database.reading() as db:
        query = select(PendingEntry.event_id).order_by(PendingEntry.enqueued_at, PendingEntry.event_id)
        return list((await db.execute(query)).scalars())


async def parked(database: Database) -> int:
    async with database.reading() as db:
        return (await db.execute(select(func.count()).select_from(ParkedEvent))).scalar_one()


async def assert_whole(database: Database) -> None:
    """Indexes without gap or double, no event twice, and each published root that of its leaves."""
    log = await entries(database)
    assert [entry.idx for entry in log] == list(range(len(log)))
    assert len({entry.event_id for entry in log}) == len(log)
    published = await checkpoints(database)
    assert [head.root for head in published] == [root(e.leaf_hash for e in log[: head.size]) for head in published]
    assert (published[-1].size if published else 0) == len(log)
