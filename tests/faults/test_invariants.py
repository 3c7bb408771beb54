"""What a bus may do to events changes nothing; and what does break a promise is told, each in a sentence of its own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from uuid import uuid4

import pytest

from cli import system as parts
from cli.check import check
from cli.demo.portal import Portal
from cli.installation import Installation
from cli.invariants import Told, Unsettled, breaches, settled
from cli.system import Options, installed
from cli.up import running
from kit.bus import Bus
from kit.bus.choice import open_bus
from tests.bus.chaos import ChaosBus
from tests.faults.conftest import options
from tests.faults.watch import ask
from tests.faults.work import Work


async def test_doubled_and_shuffled_events_break_nothing_and_what_does_is_told(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other in one installation, which takes longer to make than both."""
    chosen = options(home / "chaos")
    told = await shaken(chosen, home, monkeypatch)
    async with installed(chosen, print) as system:
        installation = system.installation
        await damage(installation, told)
        found = await breaches(installation, [*told, ("helpdesk.maintenance.announced.v1", uuid4())])
        with pytest.raises(Unsettled, match="outbox of registry"):
            await settled(installation, 1)
    untold = [words for words in TOLD if not any(words in sentence for sentence in found)]
    assert untold == []


async def shaken(chosen: Options, home: Path, monkeypatch: pytest.MonkeyPatch) -> list[Told]:
    """The whole system in this process, each of whose events comes twice and in any order; what was acknowledged."""
    made: list[ChaosBus] = []

    def disturbed(url: str, *, application: str) -> Bus:
        made.append(ChaosBus(open_bus(url, application=application), seed=11, chance=0.4, doubled=1))
        return made[-1]

    monkeypatch.setattr(parts, "open_bus", disturbed)
    async with running(chosen) as system, Portal(system.installation.gateway) as portal:
        work = Work(system, portal, home)
        await work.begin()
        several = [work.emits(name, 8) for name in ("registry", "tender", "helpdesk")]
        await asyncio.gather(*several, *(work.emits("documents") for _ in range(3)))
        await work.holds()
        assert await check(system.installation, deep=True) == []
    assert made
    return list(work.told)


TOLD = (
    "was acknowledged once and is stored 0 times",
    "registry has not published registry.skpd.registered.v1",
    "tender has not handled helpdesk.maintenance.announced.v1",
    "which nobody emitted",
    "tender: the chain breaks at its event",
    "helpdesk: the event",
    "registry: the events about",
    "the log does not have",
    "the log is not what was published",
    "the log has an entry of",
    "is not that event: the entry committed to something else",
    "rows of maintenance_view are not what the events say",
    "the store has lost the document",
    "bytes in the store, and 1 were stated",
    "are not those whose fingerprint was stated",
    "which belongs to no document and no attempt",
    "the remains of the attempt",
)


async def damage(installation: Installation, told: Sequence[Told]) -> None:
    lost = str(sorted(subject for type_, subject in told if type_.startswith("documents."))[1])
    orders = {
        "registry": [
            "update outbox set published_at = null where position = (select max(position) from outbox)",
            "update outbox set sequence = 7 where position = (select min(position) from outbox)",
        ],
        "tender": [
            "delete from inbox where type = 'helpdesk.maintenance.announced.v1'",
            "insert into inbox (event_id, type) values (gen_random_uuid(), 'tender.bid.submitted.v1')",
            "update maintenance_view set ends_at = ends_at + interval '1 hour'",
            "update outbox set seq = seq + 1000",
        ],
        "helpdesk": ["update outbox set subject = gen_random_uuid()"],
        "documents": [
            "update document set size = 1 where id = (select max(id::text)::uuid from document)",
            "update document set sha256 = repeat('0', 64) where id = (select min(id::text)::uuid from document)",
            "insert into attempt (id, \"grant\", began_at) values (gen_random_uuid(), gen_random_uuid(), '2020-01-01')",
        ],
        "audit": [
            "alter table log_entry disable trigger user",
            "delete from log_entry where idx = 0",
            "delete from inbox where type = 'registry.committee.formed.v1'",
            "update entry_secret set r = decode(repeat('00', 32), 'hex')",
        ],
    }
    for name, statements in orders.items():
        for statement in statements:
            await ask(installation.databases[name], statement)
    store = installation.documents()
    version = next(one.version_id for one in await store.versions() if one.key == lost)
    await store.remove(lost, str(version))
    await store.put_stream("stray", nothing(), size=0)
    await store.close()


async def nothing() -> AsyncIterator[bytes]:
    return
    yield b""
