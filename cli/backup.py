"""`lpse backup DIR`: all that an installation cannot make anew, as it was at one instant.

The services' databases tell each other what happened, so copies taken one after the other would contradict each other.
Here nobody stores an event or handles one while the five snapshots are taken, which takes some milliseconds; what the
dumps then hold fits together. Documents are never changed, and are copied after the databases that name them.

What a queue held is not copied: `lpse restore` sends again whatever somebody has not handled.
"""

import asyncio
import hashlib
import json
import os
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

from cli.installation import Installation
from cli.mistakes import Mistake
from cli.servers import ServerError
from cli.servers.postgres import binaries
from cli.servers.process import for_owner, run
from kit.storage import ObjectMissing, ObjectStore
from services import SERVICES

__all__ = ["FILE", "FORMAT", "Contents", "backup", "postgres_tool", "sha256", "without_password"]

FILE: Final = "backup.json"
FORMAT: Final = 1
TRIES: Final = 20
WAIT_MILLISECONDS: Final = 500
"""For one lock; shorter than the second after which PostgreSQL ends somebody who is in a deadlock."""
_STOP = "lock table inbox, outbox in share mode"
_DOCUMENTS = "select id, store_key, store_version, size, sha256, media_type from document order by id"


@dataclass(frozen=True)
class Contents:
    """What stands in `backup.json`. `files`: the SHA-256 of everything but the documents, which know their own."""

    at: str
    instance: str
    profile: str
    documents: int
    bytes: int
    files: dict[str, str]
    format: int = FORMAT

    def __str__(self) -> str:
        size = f"{self.bytes / 1e6:.1f} MB"
        return f"the state of {self.at}: {len(SERVICES)} databases, {self.documents} documents ({size}), the keys"


async def backup(installation: Installation, target: Path) -> Contents:
    """The directory appears under its name when it is whole and on the disk, and not before."""
    draft = target.with_name(f"{target.name}.unfinished")
    if target.exists():
        raise Mistake(f"{target} is there already. Name a new directory: a backup replaces none.")
    if draft.exists():
        raise Mistake(f"{draft} is left of a backup that did not end, or one is under way. Delete it when none is.")
    try:
        draft.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise Mistake(f"{draft} cannot be made: {error.strerror}. Name another directory.") from error
    try:
        contents = await _copied(installation, draft)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        if error.filename is None:  # of a server, not of this disk
            raise
        raise Mistake(f"{error.filename} cannot be written or read: {error.strerror}. No backup was made.") from error
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    await asyncio.to_thread(os.sync)
    draft.rename(target)
    return contents


async def _copied(installation: Installation, draft: Path) -> Contents:
    (draft / "databases").mkdir(mode=0o700)
    (draft / "documents").mkdir(mode=0o700)
    async with _one_instant(installation) as (at, snapshots, documents):
        for name in SERVICES:
            await _dump(installation.databases[name], snapshots[name], draft / "databases" / f"{name}.dump")
    store = installation.documents()
    try:
        for document in documents:
            await _copy(store, document, draft / "documents" / str(document["id"]))
    finally:
        await store.close()
    _copy_keys(installation, draft)
    files = {str(path.relative_to(draft)): await asyncio.to_thread(sha256, path) for path in _beside_documents(draft)}
    size = sum(document["size"] for document in documents)
    contents = Contents(
        at.isoformat(timespec="milliseconds"), installation.instance, installation.profile, len(documents), size, files
    )
    _write(draft / FILE, json.dumps(asdict(contents), indent=1).encode())
    return contents


@asynccontextmanager
async def _one_instant(
    installation: Installation,
) -> AsyncIterator[tuple[datetime, Mapping[str, str], list[asyncpg.Record]]]:
    """When it was, each service's snapshot, and the documents there were; the snapshots live until the end of the block."""
    async with AsyncExitStack() as stack:
        stopping = {name: await _connected(stack, installation.databases[name]) for name in SERVICES}
        looking = {name: await _connected(stack, installation.databases[name]) for name in SERVICES}
        for _ in range(TRIES):
            try:
                at, snapshots = await _snapshots(stopping, looking)
                break
            except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
                await asyncio.sleep(0.5)
        else:
            raise Mistake(
                f"For {TRIES} times some transaction went on for longer than half a second, and no instant was found at "
                "which all databases agree. Look at pg_stat_activity for what runs so long, or come again later."
            )
        yield at, snapshots, await looking["documents"].fetch(_DOCUMENTS)


async def _snapshots(
    stopping: Mapping[str, asyncpg.Connection], looking: Mapping[str, asyncpg.Connection]
) -> tuple[datetime, dict[str, str]]:
    """While `stopping` holds all of them, no event is stored or handled in any."""
    snapshots = {}
    async with AsyncExitStack() as held:
        for connection in stopping.values():
            await held.enter_async_context(connection.transaction())
            await connection.execute(f"set local lock_timeout = {WAIT_MILLISECONDS}")
            await connection.execute(_STOP)
        at = datetime.now(UTC)
        for name, connection in looking.items():
            await connection.execute("begin isolation level repeatable read read only")
            snapshots[name] = str(await connection.fetchval("select pg_export_snapshot()"))
    return at, snapshots


async def _connected(stack: AsyncExitStack, address: str) -> asyncpg.Connection:
    connection = await asyncpg.connect(address, timeout=10)
    stack.push_async_callback(connection.close)
    return connection


async def _dump(address: str, snapshot: str, file: Path) -> None:
    plain, password = without_password(address)
    _write(file, b"")  # for its owner alone before anything is in it
    words = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", f"--file={file}"]
    await run([postgres_tool("pg_dump"), *words, f"--dbname={plain}"], env={"PGPASSWORD": password})


async def _copy(store: ObjectStore, document: asyncpg.Record, file: Path) -> None:
    digest = hashlib.sha256()
    try:
        with open(file, "xb", opener=for_owner) as out:
            async for chunk in await store.open(document["store_key"], document["store_version"]):
                digest.update(chunk)
                out.write(chunk)
    except ObjectMissing as missing:
        raise Mistake(f"The store has lost the document {document['id']}. Run `lpse check --deep`.") from missing
    if digest.hexdigest() != document["sha256"]:
        raise Mistake(f"The bytes of the document {document['id']} were altered in the store. Run `lpse check --deep`.")


def _copy_keys(installation: Installation, draft: Path) -> None:
    """Those in this installation's directory; on a cluster they are Secrets."""
    home = installation.var / "keys"
    places = {file: draft / "keys" / file.relative_to(home) for file in home.rglob("*")}
    for source, place in (places | {installation.trainees: draft / "training.json"}).items():
        if source.is_file():
            for folder in (place.parent.parent, place.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
            _write(place, source.read_bytes())


def _beside_documents(draft: Path) -> Iterator[Path]:
    for path in sorted(draft.rglob("*")):
        if path.is_file() and path.parent != draft / "documents":
            yield path


def sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _write(file: Path, content: bytes) -> None:
    with open(file, "xb", opener=for_owner) as out:
        out.write(content)


def without_password(address: str) -> tuple[str, str]:
    """What may stand in a command line, where everybody on the machine reads it, and what may not."""
    parts = urlsplit(address)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}@{place}")), unquote(parts.password or "")


def postgres_tool(name: str) -> Path:
    """The wheel's own, else the distribution's, which must not be older than the server."""
    try:
        return binaries() / name
    except ServerError:
        if found := shutil.which(name):
            return Path(found)
        raise Mistake(f"{name} is not installed here. On Debian: apt-get install postgresql-client.") from None
