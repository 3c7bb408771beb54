"""The owner's estimate (Harga Perkiraan Sendiri, Perpres 54/2010 Pasal 66): its sum, its ceiling, its age."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from contracts.calendar import WIB
from contracts.values import rupiah
from kit.problems import RuleViolation
from services.tender.rules.regime import HpsRule

__all__ = ["Item", "Sums", "amount", "check_age", "check_ceiling", "most", "sums"]

ARTICLE = "Perpres 54/2010 Pasal 66"
MOST = Decimal("999999999999999999.99")


def most(sum_: Decimal) -> Decimal:
    """What is beyond all money counts as the largest sum that can be written: above every pagu and HPS."""
    return min(sum_, MOST)


def amount(quantity: Decimal, unit_price: Decimal) -> Decimal:
    return rupiah(most(quantity * unit_price))


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the list of quantities."""

    no: int
    description: str
    unit: str
    quantity: Decimal
    unit_price: Decimal

    @property
    def amount(self) -> Decimal:
        return amount(self.quantity, self.unit_price)


@dataclass(frozen=True, slots=True)
class Sums:
    net: Decimal
    ppn: Decimal

    @property
    def total(self) -> Decimal:
        return self.net + self.ppn


def sums(items: Iterable[Item], ppn_percent: Decimal) -> Sums:
    """The sum of the lines and the VAT (PPN) on it, rounded half up once per line and once for the VAT."""
    net = sum((item.amount for item in items), Decimal(0))
    return Sums(rupiah(net), rupiah(net * ppn_percent / 100))


def check_ceiling(hps: Decimal, pagu: Decimal) -> None:
    if hps <= 0:
        raise RuleViolation("hps_empty", "The HPS is zero.", article=ARTICLE, remedy="Give quantities and prices.")
    if hps > pagu:
        raise RuleViolation(
            "hps_above_pagu",
            "The HPS of Rp {hps} is above the budget ceiling (pagu) of Rp {pagu}.",
            article=ARTICLE,
            remedy="Correct the HPS or have the budget raised first.",
            hps=hps,
            pagu=pagu,
        )


def check_age(fixed_at: datetime, closes_at: datetime, rule: HpsRule) -> None:
    """The HPS is fixed no more than so many days before the deadline for bids."""
    age = (closes_at.astimezone(WIB).date() - fixed_at.astimezone(WIB).date()).days
    if age > rule.window_days:
        raise RuleViolation(
            "hps_too_old",
            "The HPS was fixed {age} days before the deadline for bids; at most {most} are allowed.",
            article=rule.source,
            remedy="Let the PPK fix the HPS anew or set an earlier deadline.",
            age=age,
            most=rule.window_days,
        )
