"""With a tender open, whatever everybody can read looks the same whether nobody bids, one does or seven do."""

import asyncio
import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from cli.demo.office import Office
from cli.demo.portal import Portal
from cli.rush.crowd import Bidder, Crowd, gathered
from cli.system import Options, System, spare_port
from cli.up import running
from integrity.canonical import canonical, parse
from services.audit.models import Checkpoint, LogEntry
from services.audit.rules import QUIET
from tests.conftest import reachable

PERIOD = 2
STEPS = 6
"""As many as seven bids take, and some. A period is longer than a busy machine keeps anybody waiting."""


async def test_the_public_sees_the_same(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    options = Options(var=reachable(tmp_path / "var"), port=spare_port(), sweep=0.1, log_period=PERIOD)
    async with running(options) as system, Portal(system.installation.gateway) as portal:
        crowd = await gathered(Office(system, portal), 8, tmp_path, seed=1, kilobytes=20)
        try:
            await quiet(system)
            seen = [
                await window(system, portal, crowd, bidders) for bidders in ([], crowd.bidders[:1], crowd.bidders[1:])
            ]
        finally:
            await crowd.aclose()
        sent = await submitted(system)
        told = await everything_public(system, portal, crowd)
    assert len(sent) == 8, "else there was nothing to hide"
    for bid in sent:
        assert [guess for guess in guesses(bid) if guess in told] == [], "whoever guesses right would know it"
    assert seen[0]["steps"] == [(step, QUIET) for step in range(STEPS)]
    assert seen[0] == seen[1]
    assert seen[1] == seen[2]


async def submitted(system: System) -> Sequence[dict[str, Any]]:
    """The records of all bids."""
    from services.tender.models import Bid

    async with system.installation.reading("tender") as db:
        rows = await db.execute(select(Bid.record).where(Bid.status == "submitted"))
        return [parse(str(record).encode()) for record in rows.scalars()]


async def everything_public(system: System, portal: Portal, crowd: Crowd) -> str:
    async with system.installation.reading("audit") as db:
        entries = (await db.execute(select(LogEntry.entry))).scalars().all()
    return "\n".join([*(entry.decode() for entry in entries), *(await pages(portal, crowd)).values()])


def guesses(record: dict[str, Any]) -> set[str]:
    """What somebody can compute who guesses all of a bid, its files too, but not what is random."""
    known = {name: value for name, value in record.items() if name != "nonce"}
    parts = [known, record["offer"], record["offer"]["rows"], record["offer"]["total"], record["files"], record["bid"]]
    hashes = {kind(canonical(part)).hexdigest() for part in parts for kind in (hashlib.sha256, _md5)}
    return hashes | {file[name] for file in record["files"] for name in ("md5", "sha256", "object")} | {record["code"]}


def _md5(data: bytes) -> Any:
    return hashlib.md5(data, usedforsecurity=False)


async def quiet(system: System) -> None:
    """What came before has its places."""
    from services.audit.models import PendingEntry

    async with asyncio.timeout(60):
        while True:
            async with system.installation.reading("audit") as db:
                if (await db.execute(select(PendingEntry.event_id).limit(1))).first() is None:
                    return
            await asyncio.sleep(0.2)


async def window(system: System, portal: Portal, crowd: Crowd, bidders: Sequence[Bidder]) -> dict[str, Any]:
    """Everything public of the next steps of the log, in which these bidders hand in and consent."""
    begins = int(datetime.now(UTC).timestamp() / PERIOD) + 1
    await asyncio.sleep(begins * PERIOD - datetime.now(UTC).timestamp())
    for bidder in bidders:
        [draft] = bidder.drafts
        await bidder.upload(draft)
        await bidder.user.post(f"/api/tender/bids/{draft.id}/consent", crowd.consent(draft, bidder), key=str(uuid4()))
    ends = begins + STEPS
    await asyncio.sleep((ends + 1) * PERIOD - datetime.now(UTC).timestamp())
    return {**await log_between(system, begins, ends), **await pages(portal, crowd)}


async def log_between(system: System, begins: int, ends: int) -> dict[str, Any]:
    """Of each period how much the log grew, and what its entries look like, of which its files are made."""
    async with system.installation.reading("audit") as db:
        query = select(Checkpoint.size, Checkpoint.at)
        heads = (await db.execute(query.order_by(Checkpoint.size))).all()
        steps, shown = [], []
        for before, head in pairwise(heads):
            step = int(head.at.timestamp() / PERIOD)
            if begins <= step < ends:
                steps.append((step - begins, head.size - before.size))
                shown += list(range(before.size, head.size))
        entries = (await db.execute(select(LogEntry.entry).where(LogEntry.idx.in_(shown)))).scalars().all()
    return {
        "steps": steps,
        "entries": {(parse(entry)["kind"], len(entry), parse(entry)["at"]) for entry in entries},
    }


async def pages(portal: Portal, crowd: Crowd) -> dict[str, str]:
    """But for how long the log is, which grows by itself."""
    found = {}
    for path in (
        "/",
        "/tender",
        f"/tender/{crowd.tender.code}",
        f"/tender/{crowd.tender.code}?bagian=peserta",
        f"/api/tender/public/tenders/{crowd.tender.code}",
        "/api/tender/public/tenders",
        "/api/tender/public/figures",
        "/api/helpdesk/announcements",
        "/health/ready",
        "/metrics",
    ):
        answer = await portal.http.get(path)
        found[path] = f"{answer.status_code} {re.sub(r'nonce=.[^ >]+', '', answer.text)}"
    return found
