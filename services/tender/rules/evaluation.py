"""Sistem gugur with arithmetic correction (koreksi aritmatik; Perka LKPP 14/2012, Perpres 54/2010 Pasal 79).

In a unit price contract the quantities of the tender are put back, products and sums are computed again and the unit
price is never altered. A line without a price counts as included in others (0); a missing line is 0; a line that the
tender does not have counts nothing. A lump sum is not corrected. The ranking after correction counts.

Prices of an offer include every tax: its total is compared with the HPS, which includes PPN.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from kit.problems import Conflict, RuleViolation
from services.tender.rules.hps import Item, amount, most
from services.tender.rules.regime import Step

__all__ = [
    "ContractType",
    "CorrectedRow",
    "Correction",
    "OfferRow",
    "Ranked",
    "check_step",
    "correct",
    "price_passes",
    "rank",
]

ContractType = Literal["harga_satuan", "lumsum"]
Change = Literal["quantity", "amount", "no_price", "missing", "not_in_tender"]


@dataclass(frozen=True, slots=True)
class OfferRow:
    """A line as the bidder typed it; `unit_price` None: left empty."""

    no: int
    quantity: Decimal
    unit_price: Decimal | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class CorrectedRow:
    no: int
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Correction:
    rows: tuple[CorrectedRow, ...]
    offered: Decimal
    total: Decimal

    @property
    def changed(self) -> bool:
        return self.total != self.offered or any(row.changes for row in self.rows)


def correct(contract: ContractType, items: Sequence[Item], rows: Iterable[OfferRow], offered: Decimal) -> Correction:
    """The offer as it counts."""
    typed = {row.no: row for row in rows}
    if contract == "lumsum":
        return Correction(tuple(_as_typed(row) for row in typed.values()), offered, offered)
    lines = [_line(item, typed.get(item.no)) for item in items]
    strangers = [_stranger(row) for no, row in typed.items() if no not in {item.no for item in items}]
    return Correction((*lines, *strangers), offered, most(sum((line.amount for line in lines), Decimal("0.00"))))


def _line(item: Item, row: OfferRow | None) -> CorrectedRow:
    if row is None:
        return CorrectedRow(item.no, item.quantity, Decimal("0.00"), Decimal("0.00"), ("missing",))
    price = row.unit_price or Decimal("0.00")
    product = amount(item.quantity, price)
    found: dict[Change, bool] = {
        "quantity": row.quantity != item.quantity,
        "no_price": price == 0,
        "amount": row.amount != product,
    }
    return CorrectedRow(
        item.no, item.quantity, price, product, tuple(change for change, is_so in found.items() if is_so)
    )


def _stranger(row: OfferRow) -> CorrectedRow:
    return CorrectedRow(row.no, Decimal(0), row.unit_price or Decimal("0.00"), Decimal("0.00"), ("not_in_tender",))


def _as_typed(row: OfferRow) -> CorrectedRow:
    return CorrectedRow(row.no, row.quantity, row.unit_price or Decimal("0.00"), row.amount, ())


def price_passes(corrected: Decimal, hps: Decimal) -> bool:
    """Perpres 54/2010 Pasal 66(5): the HPS is the upper limit of a valid price."""
    return Decimal(0) < corrected <= hps


def check_step(order: Sequence[Step], done: Mapping[str, bool], step: Step) -> None:
    """The steps come in the order of the regime, each once, and a bid that failed goes no further."""
    failed = next((name for name, passed in done.items() if not passed), None)
    if failed is not None:
        raise _out_of_order("bid_failed_before", "This bid failed at {before} and is not evaluated further.", failed)
    if step in done:
        raise _out_of_order("step_recorded", "The step {before} of this bid is recorded and is not rewritten.", step)
    missing = next(name for name in order if name not in done)
    if missing != step:
        raise _out_of_order("step_too_early", "The step {before} comes first.", missing)


def _out_of_order(code: str, sentence: str, before: str) -> Conflict:
    return Conflict(
        code,
        sentence,
        article="Perpres 54/2010 Pasal 79; sistem gugur",
        remedy="Evaluate each bid step by step, in the order of the tender document.",
        before=before,
    )


def check_result(*, passed: bool, reason: str) -> None:
    if not passed and not reason.strip():
        raise RuleViolation(
            "reason_missing",
            "A bid that fails is told why.",
            article="Perpres 54/2010 Pasal 79",
            remedy="Write the reason; it is published with the result.",
        )


def check_price(*, passed: bool, corrected: Decimal, hps: Decimal) -> None:
    """The price step is arithmetic, not opinion: it cannot pass above the HPS."""
    if passed and not price_passes(corrected, hps):
        raise RuleViolation(
            "price_above_hps",
            "The corrected price of Rp {corrected} is not within the HPS of Rp {hps}.",
            article="Perpres 54/2010 Pasal 66(5)",
            remedy="Record the step as failed with this reason.",
            corrected=corrected,
            hps=hps,
        )


@dataclass(frozen=True, slots=True)
class Ranked:
    """A bid that passed every step, with what it is ranked by: the corrected total, then who consented first."""

    bid: UUID
    total: Decimal
    consented_at: datetime


def rank(bids: Iterable[Ranked]) -> list[Ranked]:
    return sorted(bids, key=lambda bid: (bid.total, bid.consented_at, bid.bid))
