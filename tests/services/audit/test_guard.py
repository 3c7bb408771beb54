"""A database that is restored to an older state signs no second history: it takes back what it lost, or stops."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from sqlalchemy import delete, select, text

from integrity.canonical import parse
from integrity.checkpoint import Checkpoint
from integrity.entries import Opening, verify_opening
from integrity.note import Note, sign
from integrity.policy import Witness
from kit.envelope import Envelope
from kit.service import Service
from services.audit.log import check
from services.audit.log.publisher import CHECKPOINT, NOTE_TYPE
from services.audit.log.tree import LogBroken
from services.audit.models import EntrySecret, Imported, LogEntry
from tests.services.audit.outside import SOMEBODY, serving
from tests.services.audit.source import (
    Source,
    assert_whole,
    checkpoints,
    deliver,
    emptied,
    entries,
    guard_of,
    publish,
    sequence,
    sequencer_of,
    signer_of,
)

TABLES = (
    "entry_secret",
    "log_checkpoint",
    "log_entry",
    "log_node",
    "log_pending",
    "log_published",
    "log_cosignature",
    "log_witnessed",
    "producer_cursor",
    "parked_event",
    "inbox",
)


@asynccontextmanager
async def an_hour_ago(service: Service) -> AsyncIterator[None]:
    """What happens inside is forgotten by the database at the end of the block, and by nobody else."""
    async with service.database.transaction() as db:
        for table in TABLES:
            await db.execute(text(f"create table kept_{table} as table {table}"))
    yield
    async with service.database.transaction() as db:
        await db.execute(text("set local session_replication_role = replica"))  # no trigger speaks
        for table in TABLES:
            await db.execute(text(f"truncate {table}"))
            await db.execute(text(f"insert into {table} table kept_{table}"))


async def some(service: Service, source: Source, number: int) -> list[Envelope]:
    made = [source.blind() if random.random() < 0.5 else source.public() for _ in range(number)]
    await deliver(service, *made)
    return made


async def test_what_was_published_is_taken_back_with_its_places(filled: Service, source: Source) -> None:
    """And the events, sent again, are recognised: none is logged twice, each opens as it did."""
    async with an_hour_ago(filled):
        lost = []
        for number in (3, 20, 8):
            lost += await some(filled, source, number)
            await publish(filled)
        before = {entry.event_id: entry.idx for entry in await entries(filled.database)}
        size, signed = len(before), (await checkpoints(filled.database))[-1]
    assert await guard_of(filled).check() == size - len(await kept(filled))
    await assert_same_head(filled, signed.size, signed.root, str(signed.note))
    await deliver(filled, *lost)
    again = await some(filled, source, 5)
    await publish(filled)
    after = {entry.event_id: entry.idx for entry in await entries(filled.database) if entry.event_id}
    assert {event.id: after[event.id] for event in lost} == {event.id: before[event.id] for event in lost}
    assert all(after[event.id] >= size for event in again)
    await assert_opens(filled, lost)
    async with filled.database.reading() as db:
        left = len((await db.execute(select(Imported))).all())
    assert left == sum(1 for id in before.keys() - after.keys()), "the dummies, whose events never come"
    assert await check.everything(filled.database) == len(await entries(filled.database))


async def kept(service: Service) -> list[object]:
    async with service.database.reading() as db:
        return list((await db.execute(text("select idx from kept_log_entry"))).scalars())


async def assert_same_head(service: Service, size: int, root: bytes, note: str) -> None:
    """Taken back with the note that was signed then: there are no two of one size."""
    head = (await checkpoints(service.database))[-1]
    assert (head.size, head.root, head.note) == (size, root, note)


async def assert_opens(service: Service, events: list[Envelope]) -> None:
    async with service.database.reading() as db:
        for event in events:
            row = (await db.execute(select(LogEntry).where(LogEntry.event_id == event.id))).scalar_one()
            secret = await db.get_one(EntrySecret, event.id)
            verify_opening(row.entry, Opening.from_json(parse(secret.opening)), secret.r)


async def test_a_sequencer_does_so_before_it_signs_anything(publishing: Service, source: Source) -> None:
    """The events come again while it begins; whichever comes first, no size is signed twice."""
    await some(publishing, source, 4)
    await publish(publishing)
    async with an_hour_ago(publishing):
        lost = await some(publishing, source, 9)
        await publish(publishing)
        signed = {head.size: head.note for head in await checkpoints(publishing.database)}
    running = asyncio.create_task(sequencer_of(publishing, sweep=0.02).run())
    await deliver(publishing, *lost, *[source.public() for _ in range(3)])
    async with asyncio.timeout(20):
        while len({entry.event_id for entry in await entries(publishing.database)} & {one.id for one in lost}) < 9:
            await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.wait([running])
    now = {head.size: head.note for head in await checkpoints(publishing.database)}
    assert all(note == signed.get(size, note) for size, note in now.items())
    assert now.get(max(signed)) == signed[max(signed)], "it went on as if nothing had been published"
    await assert_whole_but_for_dummies(publishing)


async def assert_whole_but_for_dummies(service: Service) -> None:
    log = await entries(service.database)
    assert [entry.idx for entry in log] == list(range(len(log)))
    known = [entry.event_id for entry in log if entry.event_id]
    assert len(set(known)) == len(known)
    assert await check.everything(service.database) == len(log)


async def test_nothing_lost_changes_nothing(publishing: Service, source: Source) -> None:
    assert await guard_of(publishing).check() == 0
    await some(publishing, source, 4)
    await sequence(publishing)
    assert await guard_of(publishing).check() == 0
    await publish(publishing)
    assert await guard_of(publishing).check() == 0
    await assert_whole(publishing.database)


async def test_a_second_history_is_not_signed(publishing: Service, source: Source) -> None:
    """Somebody went on signing on the restored database: it holds other entries where the published ones stand."""
    await some(publishing, source, 4)
    await publish(publishing)
    async with an_hour_ago(publishing):
        await some(publishing, source, 9)
        await publish(publishing)
    await deliver(publishing, Source("registry").public())
    await sequence(publishing)
    with pytest.raises(LogBroken, match="the public saw another log"):
        await guard_of(publishing).check()


CRIMES = {
    "no bundle": ("tile/entries/000.p/{}", b"x"),
    "an altered entry": ("tile/entries/000.p/{}", b'"at":"2026-'),
    "a checkpoint of somebody else's": (CHECKPOINT, None),
    "no checkpoint at all": (CHECKPOINT, b"nothing"),
}


@pytest.mark.parametrize("crime", CRIMES)
async def test_false_files_are_not_taken(publishing: Service, source: Source, crime: str) -> None:
    await some(publishing, source, 4)
    await publish(publishing)
    async with an_hour_ago(publishing):
        await some(publishing, source, 9)
        size = await publish(publishing)
    held = len(await entries(publishing.database))
    path, content = CRIMES[crime]
    if content == b'"at":"2026-':
        content = (await publishing.store().read(path.format(size))).replace(content, b'"at":"2025-')
    if content is None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        said = str(Checkpoint(signer_of(publishing).origin, 99, bytes(32)))
        content = str(Note(said, (sign(said, signer_of(publishing).origin, Ed25519PrivateKey.generate()),))).encode()
    await publishing.store().put(path.format(size), content, NOTE_TYPE)
    with pytest.raises(LogBroken):
        await guard_of(publishing).check()
    assert len(await entries(publishing.database)) == held


async def test_where_the_files_are_lost_too_nothing_is_signed(publishing: Service, source: Source) -> None:
    """A witness saw more than is left anywhere."""
    await some(publishing, source, 4)
    await publish(publishing)
    store = publishing.store()
    old = {stat.key: await store.read(stat.key) for stat in await store.versions()}
    async with an_hour_ago(publishing):
        await some(publishing, source, 9)
        await publish(publishing)
        newest = await store.read(CHECKPOINT)
    await emptied(store)
    for key, content in old.items():
        await store.put(key, content, NOTE_TYPE)
    async with telling(newest) as witnesses:
        with pytest.raises(LogBroken, match="the witness w saw"):
            await guard_of(publishing, witnesses).check()


async def test_a_witness_that_saw_another_log_stops_it(publishing: Service, source: Source) -> None:
    await some(publishing, source, 4)
    size = await publish(publishing)
    assert size is not None
    signer = signer_of(publishing)
    forked = signer.sign(Checkpoint(signer.origin, size, bytes(32)))
    async with telling(str(forked).encode()) as witnesses:
        with pytest.raises(LogBroken, match="the witness w saw another log"):
            await guard_of(publishing, witnesses).check()


LIES = {
    "that nobody signed": b"uji/log/1\n99\n" + b"A" * 43 + b"=\n\n\xe2\x80\x94 uji/log/1 AAAAAAAA\n",
    "that is none": b"nothing to see",
    "that does not end": b"x" * 100_000,
    "of another log": b"",
}


@pytest.mark.parametrize("lie", LIES)
async def test_nobody_outside_can_stop_the_log(publishing: Service, source: Source, lie: str) -> None:
    """A witness is believed as far as it shows what we signed ourselves."""
    await some(publishing, source, 4)
    await publish(publishing)
    content = LIES[lie]
    if not content:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        said = str(Checkpoint("other/log/1", 99, bytes(32)))
        content = str(Note(said, (sign(said, "other/log/1", Ed25519PrivateKey.generate()),))).encode()
    async with telling(content) as witnesses:
        assert await guard_of(publishing, witnesses).check() == 0
    assert await guard_of(publishing, witnesses).check() == 0, "nor by being away"


@asynccontextmanager
async def telling(content: bytes) -> AsyncIterator[Mapping[str, Witness]]:
    """A witness behind a real server, which tells this as the checkpoint it saw."""
    app = FastAPI()

    @app.get(f"/{hashlib.sha256(b'uji/log/1').hexdigest()}/checkpoint")
    async def told() -> PlainTextResponse:
        return PlainTextResponse(content)

    async with serving(app) as url:
        yield {"w": Witness(SOMEBODY, url)}


async def test_only_the_event_of_an_imported_entry_is_written_later(publishing: Service, source: Source) -> None:
    from sqlalchemy.exc import DBAPIError

    await some(publishing, source, 4)
    await publish(publishing)
    async with an_hour_ago(publishing):
        await some(publishing, source, 9)
        await publish(publishing)
    await guard_of(publishing).check()
    for statement in (
        "update log_entry set entry = 'x' where event_id is null",
        "update log_entry set event_id = null where event_id is not null",
        "update log_entry set event_id = gen_random_uuid(), leaf_hash = sha256('x') where event_id is null",
    ):
        with pytest.raises(DBAPIError, match="written once"):
            async with publishing.database.transaction() as db:
                await db.execute(text(statement))
    with pytest.raises(DBAPIError, match="written once"):
        async with publishing.database.transaction() as db:
            await db.execute(delete(LogEntry))
