"""A backup taken while people work and one service is away holds all that was acknowledged before it, and comes back."""

import asyncio
import shutil
import stat
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from cli import backup as copying
from cli.backup import backup
from cli.check import check
from cli.demo.portal import Portal
from cli.installation import Installation
from cli.invariants import breaches, settled
from cli.mistakes import Mistake
from cli.restore import restore
from cli.rig import Rig
from cli.servers import Postgres, SeaweedFS
from cli.system import Options, spare_port
from cli.up import running
from cli.wiring import topology
from kit.bus import Message
from kit.bus.choice import open_bus
from tests.conftest import reachable
from tests.containers import Broker
from tests.faults.work import WHO, Work


def place(home: Path, name: str) -> Options:
    return Options(var=home / name, port=spare_port(), prefix="uji", sweep=0.5)


@pytest.fixture(scope="module")
async def copied(rig: Rig, work: Work, home: Path) -> Path:
    """Registry tells things to tender, which does not run, and goes on telling while the copy is made."""
    for name in ("tender", "helpdesk", "documents"):
        await work.emits(name, 2)
    await settled(rig.installation)
    await rig.stop("tender")
    await work.emits("registry", 3)
    told = list(work.told)
    busy = asyncio.create_task(keep_busy(work))
    await backup(rig.installation, home / "backup")
    busy.cancel()
    with suppress(asyncio.CancelledError):
        await busy
    await rig.start("tender")
    work.told = told
    return home / "backup"


async def keep_busy(work: Work) -> None:
    while True:
        await asyncio.gather(work.emits("registry", 4), work.emits("helpdesk", 4), work.emits("documents"))


async def test_what_was_acknowledged_before_comes_back(copied: Path, work: Work, home: Path) -> None:
    said: list[str] = []
    options = place(home, "again")
    made = await restore(copied, options, said.append)
    assert made.documents >= 2
    [again] = [int(line.split()[0]) for line in said if "handed on again" in line]
    assert again >= 3, "what tender had not handled"
    async with running(options) as system, Portal(system.installation.gateway) as portal:
        await settled(system.installation)
        assert await breaches(system.installation, work.told) == []
        assert await check(system.installation, deep=True) == []
        provider = await portal.login(WHO.user_id, f"Contoh-{WHO.user_id}-2026")
        assert await provider.get("/api/registry/providers/mine")


@pytest.mark.long
async def test_servers_elsewhere_are_filled_too(
    copied: Path, home: Path, postgres: Postgres, seaweedfs: SeaweedFS
) -> None:
    admin = seaweedfs.admin
    objects = f"http://{admin.access_key}:{admin.secret_key}@{seaweedfs.endpoint.removeprefix('http://')}"
    options = replace(place(home, "elsewhere"), database=postgres.dsn, objects=objects)
    await restore(copied, options, print)
    async with running(replace(options, lent=True)) as system:
        assert await check(system.installation, deep=True) == []
        # and the copy of a copy is as good
        await backup(system.installation, home / "second")
    await restore(home / "second", place(home, "third"), print)


async def test_a_broker_that_holds_later_events_is_refused(copied: Path, home: Path, rabbitmq: Broker) -> None:
    bus = open_bus(rabbitmq.url, application="test")
    await bus.start()
    await bus.declare(topology("uji"))
    assert await bus.publish([Message("later", "helpdesk.maintenance.announced.v1", b"later", {})]) == [None]
    with pytest.raises(Mistake, match=r"The queues of .*tender.* hold events of after the backup"):
        await restore(copied, replace(place(home, "late"), bus=rabbitmq.url), print)
    await bus.remove(topology("uji"))
    await bus.close()
    assert not list(home.glob("late*"))


async def test_only_its_owner_reads_it(copied: Path) -> None:
    for path in (copied, *copied.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert not copied.with_name("backup.unfinished").exists()


async def test_no_copy_is_made_without_one_instant_of_all_databases(
    rig: Rig, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody is storing an event in helpdesk all the time."""
    monkeypatch.setattr(copying, "TRIES", 2)
    connection = await asyncpg.connect(rig.installation.databases["helpdesk"])
    try:
        async with connection.transaction():
            await connection.execute("lock table outbox in row exclusive mode")
            with pytest.raises(Mistake, match="no instant was found"):
                await backup(rig.installation, home / "never")
    finally:
        await connection.close()
    assert not list(home.glob("never*"))


async def test_a_copy_replaces_nothing(rig: Rig, copied: Path, home: Path) -> None:
    with pytest.raises(Mistake, match="is there already"):
        await backup(rig.installation, copied)
    with pytest.raises(Mistake, match="is not empty"):
        await restore(copied, replace(place(home, "var"), var=rig.installation.var), print)
    (home / "half.unfinished").mkdir()
    with pytest.raises(Mistake, match="left of a backup that did not end"):
        await backup(rig.installation, home / "half")
    (home / "rest.restoring").mkdir()
    with pytest.raises(Mistake, match="left of a restore that did not end"):
        await restore(copied, place(home, "rest"), print)


@pytest.fixture
async def spoilt(copied: Path, tmp_path: Path) -> Path:
    shutil.copytree(copied, tmp_path / "spoilt")
    return tmp_path / "spoilt"


async def test_an_altered_copy_is_refused(spoilt: Path, tmp_path: Path) -> None:
    reachable(tmp_path)
    dump = spoilt / "databases" / "tender.dump"
    good = dump.read_bytes()
    dump.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(Mistake, match=r"tender\.dump is missing or was altered"):
        await restore(spoilt, place(tmp_path, "new"), print)
    assert not list(tmp_path.glob("new*")), "found before anything is made"
    dump.write_bytes(good)
    document = next((spoilt / "documents").iterdir())
    content = document.read_bytes()
    for wrong in (content[:-1] + b"x", content[:-1], content + b"x"):
        document.write_bytes(wrong)
        with pytest.raises(Mistake, match=f"{document.name} is missing or was altered"):
            await restore(spoilt, place(tmp_path, "new"), print)
        shutil.rmtree(tmp_path / "new.restoring")
    (spoilt / "backup.json").unlink()
    with pytest.raises(Mistake, match="is no backup"):
        await restore(spoilt, place(tmp_path, "new"), print)


async def test_a_copy_of_production_is_not_made_a_training_instance(spoilt: Path, tmp_path: Path) -> None:
    manifest = spoilt / "backup.json"
    manifest.write_text(manifest.read_text().replace('"latihan"', '"production"'))
    with pytest.raises(Mistake, match="instance in production"):
        await restore(spoilt, place(tmp_path, "new"), print)


async def test_a_lost_document_is_said_and_no_copy_is_made(home: Path) -> None:
    options = place(home, "lossy")
    reachable(home)
    async with running(options) as system, Portal(system.installation.gateway) as portal:
        work = Work(system, portal, home)
        await work.begin()
        await work.emits("documents")
        await lose(system.installation)
        with pytest.raises(Mistake, match="The store has lost the document"):
            await backup(system.installation, home / "lost")
    assert not list(home.glob("lost*"))


async def lose(installation: Installation) -> None:
    store = installation.documents()
    try:
        for one in await store.versions():
            await store.remove(one.key, one.version_id or "null")
    finally:
        await store.close()
