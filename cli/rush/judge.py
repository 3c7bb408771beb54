"""What became of every bid, held against what its bidder was told.

acknowledged   consents answered 201, with a signed receipt.
lost           acknowledged, but not stored with the same receipt and fingerprints, not in the log, or, unless a later bid
               of the same bidder took its place, not among the opened ones with that record and those fingerprints.
doubled        bids that took effect twice: two events of submission, two open bids of one provider, or one key that was
               answered in two ways.
late_accepted  accepted though the instant in the receipt is after the deadline, or though the bidder, who watches the same
               clock, first sent it after the deadline.
refused_in_time  refused though in time: the instant in the refusal's receipt is not after the deadline, or the try that was
               refused was sent two seconds or more before the deadline and no part suffered from a fault until then.
overtaken      first sent in time, refused rightly all the same: faults kept every try from the tender service until the
               deadline had passed. Its instant is the server's, as the law has it, and its receipt proves it; such a bidder
               has a case for the helpdesk. It is told, and breaks no promise.

The promise is: what was acknowledged is kept, once; and an instant in time is never refused.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import quantiles
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select

from cli.installation import Installation
from cli.rush.bidders import Answered
from cli.rush.crowd import Crowd
from cli.rush.mayhem import Mayhem
from contracts.documents import DocumentStored
from contracts.tender import BidSubmitted
from kit.outbox import outbox
from services.audit.models import LogEntry

__all__ = ["Verdict", "judged", "logged", "told"]

SURELY: Final = 2.0
"""Seconds before the deadline at which a consent gets through where nothing is broken, also on a busy machine."""
EXPECTED: Final = frozenset({"bid_late", "bid_disturbed", "bid_decided"})


@dataclass(frozen=True)
class Verdict:
    acknowledged: int
    lost: int
    doubled: int
    late_accepted: int
    refused_in_time: int
    overtaken: int
    p95_ms: int
    refusals: Mapping[str, int]
    strange: tuple[str, ...]
    """Answers that no bidder should get."""

    @property
    def kept(self) -> bool:
        return not (self.lost or self.doubled or self.late_accepted or self.refused_in_time)


async def judged(crowd: Crowd, answered: Collection[Answered], mayhem: Mayhem, closes: float) -> Verdict:
    """`closes`: the deadline as `time.time()`. The tender is opened, and everything has settled."""
    yes = [one for one in answered if one.acknowledged]
    late = [one for one in answered if one.answer.get("code") == "bid_late"]
    wrongly = [one for one in answered if _was_in_time(one, mayhem, closes)]
    return Verdict(
        acknowledged=len(yes),
        lost=await _lost(crowd, yes),
        doubled=await _doubled(crowd, answered),
        late_accepted=sum(_is_late(one, closes) for one in yes),
        refused_in_time=len(wrongly),
        overtaken=sum(one.tries[0].sent < closes for one in late if one not in wrongly),
        p95_ms=round(1_000 * quantiles([one.seconds for one in answered], n=20)[-1]),
        refusals=dict(Counter(str(one.answer.get("code")) for one in answered if not one.acknowledged)),
        strange=tuple(_strange(answered)),
    )


def told(crowd: Crowd, answered: Iterable[Answered]) -> set[tuple[str, UUID]]:
    """What the system acknowledged, as cli/invariants takes it."""
    bids = {(BidSubmitted.TYPE, UUID(one.draft.id)) for one in answered if one.acknowledged}
    files = {
        (DocumentStored.TYPE, UUID(draft.sent.object)) for who in crowd.bidders for draft in who.drafts if draft.sent
    }
    return bids | files


async def logged(installation: Installation, events: Collection[UUID]) -> set[UUID]:
    """Those of the events that have their place in the log."""
    async with installation.reading("audit") as db:
        found = (await db.execute(select(LogEntry.event_id).where(LogEntry.event_id.in_(events)))).scalars()
        return {id for id in found if id is not None}


async def _lost(crowd: Crowd, yes: Collection[Answered]) -> int:
    opened = {bid["id"]: bid for bid in await _opened(crowd)}
    in_log = await logged(crowd.office.system.installation, [UUID(one.answer["event_id"]) for one in yes])
    kept = [
        UUID(one.answer["event_id"]) in in_log
        and _is_kept(one, await one.bidder.user.get(f"/api/tender/bids/{one.draft.id}"), opened)
        for one in yes
    ]
    return kept.count(False)


async def _opened(crowd: Crowd) -> list[dict[str, Any]]:
    return await crowd.office.listed(crowd.office.pokja()[0], f"/api/tender/tenders/{crowd.tender.id}/bids")


def _is_kept(one: Answered, stored: Mapping[str, Any], opened: Mapping[str, Mapping[str, Any]]) -> bool:
    """As its owner sees it, and as the committee does."""
    if stored["receipt"] != one.answer["receipt"] or _fingerprints(stored) != _sent(one):
        return False
    if stored["status"] == "replaced":
        return any(later.id in opened for later in one.bidder.drafts if later.id != one.draft.id)
    bid = opened.get(one.draft.id, {"files": [], "record_sha256": None})
    return (bid["record_sha256"], _fingerprints(bid)) == (one.answer["record_sha256"], _sent(one))


def _fingerprints(bid: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(file["md5"], file["sha256"]) for file in bid["files"]}


def _sent(one: Answered) -> set[tuple[str, str]]:
    sent = one.draft.sent
    return {(sent.mine.md5, sent.mine.sha256)} if sent else set()


async def _doubled(crowd: Crowd, answered: Iterable[Answered]) -> int:
    twice = select(outbox.c.subject).where(outbox.c.type == BidSubmitted.TYPE).group_by(outbox.c.subject)
    async with crowd.office.system.installation.reading("tender") as db:
        events = (await db.execute(twice.having(func.count() > 1))).scalars().all()
    providers = Counter(bid["provider"] for bid in await _opened(crowd))
    answers: dict[str, list[Mapping[str, Any]]] = {}
    for one in answered:
        answers.setdefault(one.key, []).append(one.answer)
    unlike = [key for key, given in answers.items() if any(answer != given[0] for answer in given)]
    return len(events) + sum(count > 1 for count in providers.values()) + len(unlike)


def _is_late(one: Answered, closes: float) -> bool:
    consented_at, closes_at = (datetime.fromisoformat(one.answer[name]) for name in ("consented_at", "closes_at"))
    return consented_at > closes_at or one.tries[0].sent > closes


def _was_in_time(one: Answered, mayhem: Mayhem, closes: float) -> bool:
    code = one.answer.get("code")
    if code == "bid_disturbed":
        return True
    if code != "bid_late":
        return False
    instant, closes_at = (datetime.fromisoformat(one.answer[name]) for name in ("instant", "closes_at"))
    sent = one.tries[-1].sent
    return instant <= closes_at or (sent < closes - SURELY and mayhem.was_calm(sent, closes))


def _strange(answered: Iterable[Answered]) -> Iterable[str]:
    for one in answered:
        if not one.acknowledged and one.answer.get("code") not in EXPECTED:
            yield f"the consent of bidder {one.bidder.number} was answered {one.status}: {one.answer.get('detail')}"
