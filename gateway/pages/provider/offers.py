"""The arithmetic of an offer as it is typed: the tender's quantities, the bidder's unit prices, amounts and their sum.

What is typed is taken as typed; the amounts are those the evaluation would compute (services/tender/rules/hps.py).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from contracts.values import rupiah as rounded
from gateway.pages import formats
from gateway.pages.forms import Form, WrongField

__all__ = ["Line", "Offer", "fields", "read", "shown"]

GROUP: Final = "offer.rows"
MOST: Final = Decimal("999999999999999999.99")
"""What a sum can be written with (services/tender/rules/hps.py)."""


@dataclass(frozen=True)
class Line:
    no: int
    quantity: Decimal
    unit_price: Decimal | None
    """None: left blank, included in other prices."""

    @property
    def amount(self) -> Decimal:
        return rounded(self.quantity * (self.unit_price or Decimal(0)))

    def fits(self, left: Decimal) -> bool:
        """Looked at before it is rounded: what is far too large cannot be."""
        return self.quantity * (self.unit_price or 0) <= MOST and self.amount <= left

    def body(self) -> dict[str, Any]:
        price = None if self.unit_price is None else f"{self.unit_price:.2f}"
        return {"no": self.no, "quantity": f"{self.quantity:f}", "unit_price": price, "amount": f"{self.amount:.2f}"}


@dataclass(frozen=True)
class Offer:
    lines: Sequence[Line]

    @property
    def total(self) -> Decimal:
        return sum((line.amount for line in self.lines), Decimal("0.00"))

    def body(self) -> dict[str, Any]:
        return {"rows": [line.body() for line in self.lines], "total": f"{self.total:.2f}"}


def read(form: Form) -> Offer:
    """What was typed. Each line of the form carries its number and quantity, so that sending needs no other question."""
    lines, left = [], MOST
    for at in range(form.count(GROUP)):
        line = _line(form, at)
        if not line.fits(left):
            raise WrongField(
                f"{GROUP}.{at}.unit_price",
                "amount_too_large",
                "With this price the offer is larger than any amount can be.",
                remedy="Look for digits too many in the unit price.",
            )
        left -= line.amount
        lines.append(line)
    return Offer(lines)


def _line(form: Form, at: int) -> Line:
    place = f"{GROUP}.{at}"
    number, quantity = form[f"{place}.no"], form[f"{place}.quantity"]
    if not (re.fullmatch("[0-9]{1,4}", number) and re.fullmatch(r"[0-9]{1,14}(\.[0-9]{1,4})?", quantity)):
        raise WrongField(
            f"{place}.unit_price", "offer_line", "This line is not as the page made it: open the page again."
        )
    price = form.money(f"{place}.unit_price")
    return Line(int(number), Decimal(quantity), Decimal(price) if price else None)


def shown(form: Form, quantities: Sequence[dict[str, Any]]) -> Offer:
    """For the page, of the tender's own quantities: what cannot be read yet, or is too large, counts nothing."""
    lines, left = [], MOST
    for at, row in enumerate(quantities):
        line = Line(row["no"], Decimal(row["quantity"]), _price(form, at))
        line = line if line.fits(left) else replace(line, unit_price=None)
        left -= line.amount
        lines.append(line)
    return Offer(lines)


def fields(record: Mapping[str, Any], quantities: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What a bid's record says, by the names of the form's fields, which has the tender's lines in their order."""
    prices = {row["no"]: formats.money(row["unit_price"]) for row in record["offer"]["rows"] if row["unit_price"]}
    said = {f"qualification.{name}": value for name, value in record["qualification"].items()}
    said["offer.validity_days"] = record["offer"]["validity_days"]
    said |= {f"{GROUP}.{at}.unit_price": prices.get(row["no"]) for at, row in enumerate(quantities)}
    return {name: str(value) for name, value in said.items() if value is not None}


def _price(form: Form, at: int) -> Decimal | None:
    try:
        price = form.money(f"{GROUP}.{at}.unit_price")
    except WrongField:
        return None
    return Decimal(price) if price else None
