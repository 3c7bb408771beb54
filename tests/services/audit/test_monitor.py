"""Whoever changes the log in the database, or its files, is found within one cycle, with the place."""

import pytest
from sqlalchemy import select, text

from kit.outbox import outbox
from kit.service import Service
from services.audit.log.check import Finding
from services.audit.log.monitor import Monitor
from services.audit.log.publisher import TILE_TYPE
from tests.services.audit.history import SIZE
from tests.services.audit.source import Source, deliver, entries, signer_of


def monitor_of(service: Service) -> Monitor:
    return Monitor(service.database, service.store(), signer_of(service))


async def administer(service: Service, *statements: str) -> None:
    """As one who may do anything in the database."""
    async with service.database.transaction() as db:
        await db.execute(text("set local session_replication_role = replica"))
        for statement in statements:
            await db.execute(text(statement))


async def test_an_empty_log(publishing: Service) -> None:
    assert await monitor_of(publishing).cycle() == []


async def test_an_honest_log(filled: Service, source: Source) -> None:
    assert await monitor_of(filled).cycle() == []
    await deliver(filled, source.public())
    assert await monitor_of(filled).cycle() == [], "what is not published yet is nothing wrong"


HIDE = "update log_entry set leaf_hash = sha256('\\x00'::bytea || entry) where idx in ({})"
"""Consistent with itself: only what was published tells."""

CRIMES: dict[str, tuple[tuple[str, ...], set[Finding]]] = {
    "an entry's text": (("update log_entry set entry = 'x' where idx = 17",), {Finding(17, "entry")}),
    "a text with its hash": (
        ("update log_entry set entry = 'x' where idx = 17", HIDE.format(17)),
        {Finding(17, "leaf")},
    ),
    "an entry deleted": (("delete from log_entry where idx = 200",), {Finding(200, "gone")}),
    "the first deleted": (("delete from log_entry where idx = 0",), {Finding(0, "gone")}),
    "the last deleted": (("delete from log_entry where idx = 505",), {Finding(505, "gone")}),
    "two swapped": (
        (
            "update log_entry set idx = -1 where idx = 30",
            "update log_entry set idx = 30 where idx = 290",
            "update log_entry set idx = 290 where idx = -1",
        ),
        {Finding(30, "leaf"), Finding(290, "leaf")},
    ),
    "one inserted at the end": (
        ("insert into log_entry select 506, gen_random_uuid(), leaf_hash, entry, at from log_entry where idx = 3",),
        {Finding(506, "beyond")},
    ),
    "one inserted in between": (
        (
            "update log_entry set idx = -idx where idx >= 504",
            "update log_entry set idx = -idx + 1 where idx < 0",
            "insert into log_entry select 504, gen_random_uuid(), leaf_hash, entry, at from log_entry where idx = 3",
        ),
        {Finding(504, "leaf"), Finding(505, "leaf"), Finding(506, "beyond")},
    ),
    "a node": (("update log_node set hash = sha256('x') where level = 2 and idx = 5",), {Finding(23, "node")}),
    "a root": (("update log_checkpoint set root = sha256('x') where size = 9",), {Finding(8, "root")}),
    "a signed note": (
        ("update log_checkpoint set note = replace(note, 'uji/log/1', 'uji/log/2') where size = 9",),
        {Finding(8, "note")},
    ),
    "a signature": (
        ("update log_checkpoint set note = (select note from log_checkpoint where size = 9) where size = 303",),
        {Finding(302, "note")},
    ),
    "the newest checkpoint gone": (("delete from log_checkpoint where size = 506",), {Finding(303, "beyond")}),
}


@pytest.mark.parametrize("crime", CRIMES)
async def test_what_an_administrator_changes_is_found_with_its_place(filled: Service, crime: str) -> None:
    statements, wanted = CRIMES[crime]
    await administer(filled, *statements)
    assert set(await monitor_of(filled).cycle()) == wanted
    assert await told(filled) == {(finding.index, finding.what) for finding in wanted}


async def test_it_is_told_once_and_in_words(filled: Service) -> None:
    await administer(filled, "update log_entry set entry = 'x' where idx = 17")
    for _ in range(3):
        [found] = await monitor_of(filled).cycle()
        assert str(found) == "entry 17 is not the one its leaf was made of"
    assert await told(filled) == {(17, "entry")}


async def told(service: Service) -> set[tuple[int, str]]:
    """The events that say so; each place has one."""
    from integrity.canonical import parse

    async with service.database.reading() as db:
        rows = (await db.execute(select(outbox.c.data).where(outbox.c.type == "audit.log.altered.v1"))).scalars().all()
    said = [parse(row.encode()) for row in rows]
    places = {(one["index"], one["what"]) for one in said}
    assert len(places) == len(said)
    return places


@pytest.mark.parametrize("file", ["tile/0/000", "tile/entries/000", "tile/entries/001.p/250", "tile/0/001.p/250"])
@pytest.mark.parametrize("how", ["altered", "gone"])
async def test_files_that_are_altered_or_gone(filled: Service, file: str, how: str) -> None:
    store = filled.store()
    content = await store.read(file)
    if how == "altered":
        await store.put(file, content[:-1] + bytes([content[-1] ^ 1]), TILE_TYPE)
    else:
        for one in await store.versions(file):
            await store.remove(one.key, one.version_id or "")
    assert await monitor_of(filled).cycle() == [Finding(256 if "001" in file else 0, "file")]


async def test_a_database_and_its_files_that_were_altered_together(filled: Service) -> None:
    """Whoever may write to both is held to what was signed."""
    await administer(filled, "update log_entry set entry = 'x' where idx = 2", HIDE.format(2))
    from integrity.merkle import leaf_hash
    from integrity.tiles import bundle

    changed = [entry.entry for entry in (await entries(filled.database))[:256]]
    await filled.store().put("tile/entries/000", bundle(changed), TILE_TYPE)
    await filled.store().put("tile/0/000", b"".join(map(leaf_hash, changed)), TILE_TYPE)
    found = await monitor_of(filled).cycle()
    assert Finding(8, "root") in found
    assert min(finding.index for finding in found) <= 8


@pytest.mark.parametrize(
    "content", [None, b"nothing", b"uji/log/1\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n"]
)
async def test_a_published_checkpoint_that_is_gone_or_false(filled: Service, content: bytes | None) -> None:
    store = filled.store()
    if content is None:
        for one in await store.versions("checkpoint"):
            await store.remove(one.key, one.version_id or "")
    else:
        await store.put("checkpoint", content, TILE_TYPE)
    assert await monitor_of(filled).cycle() == [Finding(SIZE - 1, "file")]


async def test_a_part_that_became_whole_meanwhile_is_no_loss(filled: Service) -> None:
    """The log grows while it is read."""
    async with filled.database.transaction() as db:
        await db.execute(text("delete from log_published where size > 9"))
    assert await monitor_of(filled).cycle() == []
