"""Where the evaluation of a tender stands: its bids, what was recorded, and the ranking that follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, cast
from uuid import UUID

from sqlalchemy import select

from kit.db import Db
from services.tender import records
from services.tender.models import Bid, Evaluation, Participation, Tender
from services.tender.queries.packages import hps_rows
from services.tender.regime_copies import template_of
from services.tender.rules.evaluation import ContractType, Correction, Ranked, correct, rank
from services.tender.rules.failure import Evaluated
from services.tender.rules.hps import Item
from services.tender.rules.regime import Template

__all__ = ["Entry", "Standing", "corrected_offer", "items_of", "least_bidders", "standing", "submitted"]

PROOF: Final = "pembuktian"


@dataclass(frozen=True, slots=True)
class Entry:
    """One submitted bid with its bidder's name, its correction and what was recorded about it."""

    bid: Bid
    name: str
    correction: Correction
    steps: Mapping[str, Evaluation]

    def done(self, template: Template) -> dict[str, bool]:
        """The steps of the regime that are recorded, in their order."""
        return {step: self.steps[step].passed for step in template.evaluation if step in self.steps}

    def failed_at(self, template: Template) -> str | None:
        return next((step for step, passed in self.done(template).items() if not passed), None)

    def complete(self, template: Template) -> bool:
        return len(self.done(template)) == len(template.evaluation)


@dataclass(frozen=True, slots=True)
class Standing:
    template: Template
    entries: Sequence[Entry]

    @property
    def finished(self) -> bool:
        """Every bid either failed or passed every step."""
        return all(entry.complete(self.template) or entry.failed_at(self.template) for entry in self.entries)

    @property
    def ranked(self) -> list[Ranked]:
        passed = [e for e in self.entries if e.complete(self.template) and not e.failed_at(self.template)]
        return rank(Ranked(e.bid.id, e.correction.total, e.bid.consented_at) for e in passed if e.bid.consented_at)

    @property
    def proven(self) -> dict[UUID, bool]:
        return {entry.bid.id: entry.steps[PROOF].passed for entry in self.entries if PROOF in entry.steps}

    @property
    def facts(self) -> tuple[Evaluated, ...]:
        return tuple(
            Evaluated(
                failed_at=entry.failed_at(self.template),
                complete=entry.complete(self.template),
                corrected=entry.correction.total,
                proven=self.proven.get(entry.bid.id),
            )
            for entry in self.entries
        )

    def entry(self, bid: UUID) -> Entry:
        return next(entry for entry in self.entries if entry.bid.id == bid)


async def submitted(db: Db, tender: UUID) -> Sequence[Bid]:
    query = select(Bid).where(Bid.tender_id == tender, Bid.status == "submitted").order_by(Bid.id)
    return (await db.execute(query)).scalars().all()


async def least_bidders(db: Db, tender: Tender, template: Template) -> int:
    """How many bids there must be: fewer in a tender that repeats a failed one (Perpres 70/2012 Pasal 84)."""
    failed = select(Tender.id).where(Tender.package_id == tender.package_id, Tender.status == "failed")
    repeats = (await db.execute(failed.where(Tender.id != tender.id).limit(1))).first() is not None
    return template.bidders.repeat if repeats else template.bidders.first


async def items_of(db: Db, tender: Tender) -> list[Item]:
    rows = await hps_rows(db, tender.package_id)
    return [Item(row.no, row.description, row.unit, row.quantity, row.unit_price) for row in rows]


async def standing(db: Db, tender: Tender) -> Standing:
    """Only for a tender whose bids were opened: it reads every offer."""
    bids = await submitted(db, tender.id)
    names, items = await names_of(db, tender.id), await items_of(db, tender)
    steps = await _steps(db, [bid.id for bid in bids])
    entries = [
        Entry(bid, names[bid.provider], corrected_offer(tender, items, bid), steps.get(bid.id, {})) for bid in bids
    ]
    return Standing(await template_of(db, tender), entries)


async def names_of(db: Db, tender: UUID) -> dict[UUID, str]:
    found = await db.execute(
        select(Participation.provider, Participation.name).where(Participation.tender_id == tender)
    )
    return {row.provider: row.name for row in found}


def corrected_offer(tender: Tender, items: Sequence[Item], bid: Bid) -> Correction:
    offer = records.offer_of(str(bid.record))
    contract = cast("ContractType", tender.contract_type)
    return correct(contract, items, records.offer_rows(offer), Decimal(offer.total))


async def _steps(db: Db, bids: Sequence[UUID]) -> dict[UUID, dict[str, Evaluation]]:
    found: dict[UUID, dict[str, Evaluation]] = {}
    for row in (await db.execute(select(Evaluation).where(Evaluation.bid_id.in_(bids)))).scalars():
        found.setdefault(row.bid_id, {})[row.step] = row
    return found
