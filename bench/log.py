"""The public log: from an accepted event to the checkpoint that everybody can read, and what a batch costs as the log grows."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select

from bench.report import Report, say
from cli.system import Options, installed, spare_port
from contracts.tender import BidSubmitted, QuestionAnswered
from integrity.checkpoint import Checkpoint as Statement
from integrity.entries import blind_entry
from integrity.merkle import CompactRange, leaf_hash
from integrity.note import COSIGNATURE, Key, Note, cosign
from integrity.policy import Policy
from integrity.proof import Proof
from kit.bus import Delivery, Message
from kit.envelope import FIRST, Envelope, Event
from kit.ids import new_id
from kit.service import Service
from services.audit.app import build
from services.audit.log.guard import Guard
from services.audit.log.publisher import Publisher
from services.audit.log.sequencer import Sequencer
from services.audit.log.signing import Signer
from services.audit.log.tree import inclusion
from services.audit.models import Checkpoint, LogEntry, PendingEntry, Published
from services.audit.rules import RUSH

__all__ = ["run"]

P95_MS, GROWTH, VERIFY_MS = 2000, 1.2, 1.0
BATCH = 1_000
WITNESSES = 3
TARGET = {
    "published_p95_ms": f"<= {P95_MS}",
    "large_to_small": f"<= {GROWTH}",
    "verify_ms": f"<= {VERIFY_MS}",
}


async def run(
    rate: int = 100,
    seconds: float = 20,
    small: int = 10_000,
    large: int = 1_000_000,
    rounds: int = 21,
    period: float = 60,
    **lent: str,
) -> Report:
    """`rate` events a second, in even steps (of production's `period`) and at once; then batches of a thousand at two sizes, in
    turn. Each log has servers of its own, or all have the `lent` ones, by the names of `lpse up`.
    """
    with TemporaryDirectory(prefix="lpse-bench-") as directory:
        home = Path(directory)
        home.chmod(0o711)  # noqa: ASYNC240  the database server runs as somebody else, who only passes through
        at_once = await _published(home / "at-once", 0, rate, seconds, lent)
        stepped = await _published(home / "steps", period, rate, seconds, lent)
        async with _log(home / "small", 0, lent) as few, _log(home / "large", 0, lent) as many:
            await _fill(few, small)
            await _fill(many, large)
            took: dict[int, list[float]] = {small: [], large: []}
            for number in range(rounds):
                for service, size in ((few, small), (many, large))[:: 1 if number % 2 else -1]:
                    took[size].append(await _batch(service))
                say(f"round {number + 1} of {rounds}: {took[small][-1]:.3f} s and {took[large][-1]:.3f} s")
            proven = await _proven(many)
    verify = _verified(*proven)  # by somebody else, who runs no database beside it
    ratio = median(took[large]) / median(took[small])
    p95 = max(_p95(at_once), _p95(stepped))
    figures = {
        "published_p95_ms": round(p95),
        "at_once_p50_ms": round(1000 * median(at_once)),
        "at_once_p95_ms": round(_p95(at_once)),
        "steps_p50_ms": round(1000 * median(stepped)),
        "steps_p95_ms": round(_p95(stepped)),
        "events": len(at_once) + len(stepped),
        "small_batch_ms": round(1000 * median(took[small]), 1),
        "large_batch_ms": round(1000 * median(took[large]), 1),
        "large_to_small": round(ratio, 2),
        "small": small,
        "large": large,
        "verify_ms": round(verify, 3),
    }
    return Report("log", figures, TARGET, reached=p95 <= P95_MS and ratio <= GROWTH and verify <= VERIFY_MS)


def _p95(seconds: Sequence[float]) -> float:
    return 1000 * quantiles(seconds, n=20)[-1]


@asynccontextmanager
async def _log(home: Path, period: float, lent: Mapping[str, Any]) -> AsyncIterator[Service]:
    """audit on a database and a store of its own."""
    own = Options(var=home, port=spare_port(), prefix=f"bench-{home.name}", log_period=period, lent=True, **lent)
    async with installed(own, say) as system:
        service = build(system.installation.settings("audit"))
        try:
            yield service
        finally:
            await service.store().close()
            await service.database.close()


async def _published(home: Path, period: float, rate: int, seconds: float, lent: Mapping[str, Any]) -> list[float]:
    """Seconds from each accepted event to the first published checkpoint with it, by the database's clock."""
    async with _log(home, period, lent) as service:
        working = [asyncio.create_task(run) for run in (_sequencer(service).run(), _publisher(service).run())]
        accepted = await _accept(service, rate, seconds)
        await _all_published(service, accepted)
        for task in working:
            task.cancel()
        await asyncio.wait(working)
        async with service.database.reading() as db:
            places = {row.event_id: row.idx for row in await db.execute(select(LogEntry.event_id, LogEntry.idx))}
            sizes = (await db.execute(select(Published.size, Published.at).order_by(Published.size))).all()
    delays = []
    for event, at in accepted.items():
        seen = next(row.at for row in sizes if row.size > places[event])
        delays.append(max(0.0, (seen - at).total_seconds()))
    say(f"{len(delays)} events, period {period:g} s: p50 {1000 * median(delays):.0f} ms, p95 {_p95(delays):.0f} ms")
    return delays


def _sequencer(service: Service) -> Sequencer:
    signer: Signer = service.resources["signer"]
    guard = Guard(service.database, service.store(), signer, {})
    settings = service.settings
    return Sequencer(service.database, signer, guard, asyncio.Event(), settings.log_steps, settings.sweep)


def _publisher(service: Service) -> Publisher:
    signer: Signer = service.resources["signer"]
    return Publisher(service.database, service.store(), signer, asyncio.Event(), service.settings.sweep)


async def _accept(service: Service, rate: int, seconds: float) -> dict[UUID, datetime]:
    """Events of four producers, in their order, each when its time has come; and when each was stored. What comes after the
    end is not counted: it is there so that the last that count are not alone, whom even steps would hold back."""
    accepted: dict[UUID, datetime] = {}
    chains = dict.fromkeys(("registry", "tender", "documents", "helpdesk"), (0, FIRST))
    began = time.monotonic()

    async def one(number: int) -> None:
        name = list(chains)[number % 4]
        seq, prev = chains[name]
        envelope = _envelope(name, seq + 1, prev, public=number % 5 == 0)
        body = envelope.encode()
        chains[name] = (seq + 1, Envelope.digest(body))
        await service.inbox(Delivery(Message(str(envelope.id), envelope.type, body, {}), "audit", 0))
        accepted[envelope.id] = datetime.now(UTC)

    counted = int(rate * seconds)
    for number in range(counted + 2 * RUSH):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        await one(number)
    return dict(list(accepted.items())[:counted])


def _envelope(source: str, seq: int, prev: str, *, public: bool) -> Envelope:
    now = datetime.now(UTC)
    said: Event
    if public:
        said = QuestionAnswered(question=new_id(), tender=new_id())
    else:
        said = BidSubmitted(
            bid=new_id(), code="1" * 11, tender=new_id(), provider=new_id(), version=1, record_sha256="ab" * 32,
            consented_at=now, closes_at=now,
        )  # fmt: skip
    return Envelope(
        id=new_id(), source=source, type=said.TYPE, subject=new_id(), time=now, data=said.model_dump(mode="json"), sequence=1,
        actor=None, instance="bench", seq=seq, prev=prev,
    )  # fmt: skip


async def _all_published(service: Service, events: Iterable[UUID]) -> None:
    newest = select(func.coalesce(func.max(Published.size), 0)).scalar_subquery()
    query = select(func.count()).where(LogEntry.event_id.in_(ids := list(events)), LogEntry.idx < newest)
    async with asyncio.timeout(120):
        while True:
            async with service.database.reading() as db:
                if (await db.execute(query)).scalar_one() == len(ids):
                    return
            await asyncio.sleep(0.1)


async def _fill(service: Service, size: int) -> None:
    """A log as it would have grown: entries, leaf hashes, subtrees, and the last checkpoint."""
    say(f"a log of {size} entries")
    tree, at = CompactRange(), datetime.now(UTC)
    connection = await asyncpg.connect(service.settings.database.get_secret_value())
    try:
        for first in range(0, size, 50_000):
            leaves, nodes = [], []
            for index in range(first, min(first + 50_000, size)):
                entry = blind_entry(at, secrets.token_bytes(32))
                hash_ = leaf_hash(entry)
                leaves.append((index, new_id(), hash_, entry))
                nodes += [(level, place, node) for level, place, node in tree.append(hash_) if level]
            await connection.copy_records_to_table(
                "log_entry", records=leaves, columns=["idx", "event_id", "leaf_hash", "entry"]
            )
            await connection.copy_records_to_table("log_node", records=nodes, columns=["level", "idx", "hash"])
        await connection.execute("analyze log_entry; analyze log_node")
    finally:
        await connection.close()
    signer: Signer = service.resources["signer"]
    async with service.database.transaction() as db:
        note = signer.sign(Statement(signer.origin, size, tree.root()))
        db.add(Checkpoint(size=size, root=tree.root(), note=str(note), blind=1))


async def _batch(service: Service) -> float:
    """Seconds that the sequencer takes for a thousand entries that wait."""
    at = datetime.now(UTC)
    async with service.database.transaction() as db:
        for _ in range(BATCH):
            entry = blind_entry(at, secrets.token_bytes(32))
            db.add(PendingEntry(event_id=new_id(), entry=entry, blind=True, at=at - timedelta(minutes=1)))
    sequencer = _sequencer(service)
    began = time.perf_counter()
    grown = await sequencer.append()
    took = time.perf_counter() - began
    if grown < BATCH:
        raise RuntimeError(f"{grown} of {BATCH} entries were appended")
    return took


async def _proven(service: Service) -> tuple[bytes, bytes, Policy]:
    """A proof that stands alone, the leaf that it is about, and whom to believe: our signature and those of the witnesses."""
    signer: Signer = service.resources["signer"]
    async with service.database.reading() as db:
        head = (await db.execute(select(Checkpoint).order_by(Checkpoint.size.desc()).limit(1))).scalar_one()
        index = head.size // 3
        leaf = (await db.execute(select(LogEntry.leaf_hash).where(LogEntry.idx == index))).scalar_one()
        path = await inclusion(db, index, head.size)
    note, lines, names = Note.parse(str(head.note).encode()), [], []
    for number in range(WITNESSES):
        private, name = Ed25519PrivateKey.generate(), f"w{number}.example/witness"
        note = note.with_signatures([cosign(note.text, name, private, int(time.time()))])
        lines.append(f"witness w{number} {Key(name, private.public_key().public_bytes_raw(), COSIGNATURE)}\n")
        names.append(f"w{number}")
    logs = "".join(f"log {key}\n" for key in signer.known())
    policy = Policy.parse(f"{logs}{''.join(lines)}group all all {' '.join(names)}\nquorum all\n".encode())
    return str(Proof(index, tuple(path), note)).encode(), leaf, policy


def _verified(data: bytes, leaf: bytes, policy: Policy, times: int = 200) -> float:
    """Milliseconds from the file to its place in the log and all its signatures."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        Proof.parse(data).verify(leaf, policy)
        took.append(time.perf_counter() - began)
    return 1000 * median(took)
