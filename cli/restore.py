"""`lpse restore DIR`: a new installation from a backup, with everything that was in it.

It is made beside its place and moved there when it is whole. Passwords and addresses are new; keys are those of the
backup. An object gets a new version in a new store, so the documents' rows are told theirs. Queues are new and empty:
what somebody had not handled at the instant of the backup is sent again by the relays.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import asyncpg

from cli import events
from cli.backup import FILE, FORMAT, Contents, postgres_tool, sha256, without_password
from cli.installation import FILE as INSTALLATION
from cli.installation import Installation
from cli.mistakes import Mistake
from cli.servers.process import run
from cli.system import Options, installed
from cli.wiring import topology
from kit import migrations
from kit.bus import BusUnavailable
from kit.bus.choice import open_bus
from kit.storage import SizeMismatch
from services import SERVICES

__all__ = ["restore"]

READ = 1 << 20


async def restore(source: Path, options: Options, say: Callable[[str], None]) -> Contents:
    contents = await asyncio.to_thread(_whole, source)
    var = options.var
    if var.exists() and any(var.iterdir()):
        raise Mistake(f"{var} is not empty. Name a new directory with --var: a backup is not mixed with anything.")
    draft = var.with_name(f"{var.name}.restoring")
    if draft.exists():
        raise Mistake(f"{draft} is left of a restore that did not end. Delete it, then start again.")
    if options.bus:
        await _refuse_full_queues(options.bus, options.prefix)
    draft.mkdir(parents=True)
    _lay_keys(source, draft)
    async with installed(replace(options, var=draft, instance=contents.instance), say) as system:
        installation = system.installation
        say("filling the databases")
        for name in SERVICES:
            await _fill(installation.databases[name], name, source / "databases" / f"{name}.dump")
        say(f"storing {contents.documents} documents")
        await _store(installation, source)
        again = 0
        for name in SERVICES:
            again += await events.resent(installation, name)
        say(f"{again} events will be handed on again to services that had not handled them")
    (draft / INSTALLATION).unlink()  # it names the draft; the next `up` writes it anew
    if var.exists():
        var.rmdir()
    draft.rename(var)
    return contents


def _whole(source: Path) -> Contents:
    file = source / FILE
    if not file.exists():
        raise Mistake(f"{source} is no backup: it has no {FILE}. An unfinished one cannot be restored.")
    told = json.loads(file.read_text())
    if told.get("format") != FORMAT:
        raise Mistake(
            f"{source} has the format {told.get('format')}; this version reads {FORMAT}. Use the one that made it."
        )
    contents = Contents(**told)
    if contents.profile != "latihan":
        raise Mistake(f"{source} is of an instance in production, and this makes installations for training.")
    for name, digest in contents.files.items():
        if not (source / name).is_file() or sha256(source / name) != digest:
            raise Mistake(f"{source / name} is missing or was altered. Use another copy of this backup.")
    return contents


async def _refuse_full_queues(address: str, prefix: str) -> None:
    """What lies in them was told after the backup: its effects would come of what never was."""
    bus = open_bus(address, application="lpse restore")
    try:
        await bus.start()
        full = [name for name, depth in (await bus.depth(topology(prefix))).items() if depth.ready or depth.dead]
    except BusUnavailable as error:
        raise Mistake(f"The broker at the address of --bus cannot be used: {error}") from error
    finally:
        await bus.close()
    if full:
        raise Mistake(
            f"The queues of {', '.join(full)} at that broker hold events of after the backup. Delete the queues, or use "
            "another virtual host."
        )


def _lay_keys(source: Path, draft: Path) -> None:
    if (source / "keys").is_dir():
        shutil.copytree(source / "keys", draft / "keys")
    if (source / "training.json").exists():
        shutil.copy(source / "training.json", draft / "training.json")


async def _fill(address: str, name: str, dump: Path) -> None:
    """In the place of what `installed` made; an older backup is brought to this version's schema."""
    connection = await asyncpg.connect(address, timeout=10)
    try:
        await connection.execute("drop owned by current_user cascade")
    finally:
        await connection.close()
    plain, password = without_password(address)
    words = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
    await run([postgres_tool("pg_restore"), *words, f"--dbname={plain}", dump], env={"PGPASSWORD": password})
    await migrations.upgrade(address, name)


async def _store(installation: Installation, source: Path) -> None:
    store = installation.documents()
    connection = await asyncpg.connect(installation.databases["documents"], timeout=10)
    try:
        rows = await connection.fetch("select id, store_key, media_type, size, sha256 from document order by id")
        for row in rows:
            file = source / "documents" / str(row["id"])
            try:
                async with aclosing(_chunks(file)) as chunks:
                    stored = await store.put_stream(
                        row["store_key"], chunks, size=row["size"], content_type=row["media_type"]
                    )
            except (OSError, SizeMismatch) as error:
                raise _altered(file) from error
            if stored.sha256 != row["sha256"]:
                raise _altered(file)
            await connection.execute(
                "update document set store_version = $2 where id = $1", row["id"], stored.version_id
            )
    finally:
        await connection.close()
        await store.close()


def _altered(file: Path) -> Mistake:
    return Mistake(f"{file} is missing or was altered. Use another copy of this backup.")


async def _chunks(file: Path) -> AsyncGenerator[bytes]:
    with file.open("rb") as handle:
        while chunk := await asyncio.to_thread(handle.read, READ):
            yield chunk
