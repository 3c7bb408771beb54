"""What a bidder asks for what is bought, and the consent by which it becomes a bid."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from cli.demo.cast import HPS, Bidder
from cli.demo.portal import Uploaded, said
from contracts.values import rupiah

__all__ = ["consent", "offer"]

WITH_TAX = Decimal("1.11")


def offer(who: Bidder) -> dict[str, Any]:
    """Price rows at this bidder's factor; a slip writes one amount a hundred million too low."""
    rows: list[dict[str, Any]] = []
    total = Decimal(0)
    for number, row in enumerate(HPS, 1):
        unit_price = rupiah(row.unit_price * who.factor * WITH_TAX)
        amount = row.quantity * unit_price - (Decimal(100_000_000) if who.slip == number else 0)
        total += amount
        rows.append(
            {"no": number, "quantity": str(row.quantity), "unit_price": str(unit_price), "amount": f"{amount:.2f}"}
        )
    return {"validity_days": 60, "rows": rows, "total": f"{total:.2f}"}


def consent(
    uploads: Mapping[str, Uploaded], offered: Mapping[str, Any], licence_expires: date, version: str
) -> dict[str, Any]:
    """`uploads`: what was sent, by the row of the bid it is for."""
    return {
        "files": [{"file": file} | said(sent) for file, sent in uploads.items()],
        "offer": offered,
        "qualification": {
            "licence_number": "1/SIUP/2026",
            "licence_expires": licence_expires.isoformat(),
            "tax_year": 2025,
            "experience": "Pengadaan serupa tahun 2024",
        },
        "consent_version": version,
    }
