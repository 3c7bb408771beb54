"""Who plays: five providers that do not exist, what is bought, and what each of them asks for it."""

from dataclasses import dataclass, replace
from decimal import Decimal

__all__ = ["HPS", "PACKAGE", "Bidder", "Row", "bidders", "npwp"]


@dataclass(frozen=True)
class Row:
    description: str
    unit: str
    quantity: int
    unit_price: Decimal

    @property
    def amount(self) -> Decimal:
        return self.quantity * self.unit_price


HPS = (
    Row("Komputer meja laboratorium, 16 GB, layar 22 inci", "unit", 80, Decimal("12500000.00")),
    Row("Peladen kelas dengan UPS", "unit", 4, Decimal("45000000.00")),
    Row("Jaringan lokal: sakelar, kabel, pemasangan", "titik", 84, Decimal("950000.00")),
    Row("Pelatihan guru", "orang hari", 40, Decimal("750000.00")),
)
PACKAGE = {
    "name": "Pengadaan Laboratorium Komputer SMP Negeri",
    "category": "barang",
    "method": "pelelangan_umum",
    "regime": "P70-2012",
    "year": 2026,
    "location": "Kota Mojokerto",
    "funding": "APBD",
    "pagu": "1500000000.00",
    "rup_code": "26111801",
    "ppn_percent": 11,
}


@dataclass(frozen=True)
class Bidder:
    """`factor` scales the estimate's unit prices; `slip` is a row number whose amount is added up wrongly."""

    user_id: str
    name: str
    responsible: str
    factor: Decimal
    megabytes: float
    slip: int | None = None
    late: bool = False


BIDDERS = (
    Bidder("majujaya", "CV Contoh Maju Jaya", "Penanggung Jawab Satu", Decimal("0.97"), 50),
    Bidder("surabayakom", "PT Contoh Surabaya Komputindo", "Penanggung Jawab Dua", Decimal("0.94"), 12, slip=1),
    Bidder("brantas", "CV Contoh Brantas Teknologi", "Penanggung Jawab Tiga", Decimal("0.93"), 3),
    Bidder("majapahit", "PT Contoh Majapahit Data", "Penanggung Jawab Empat", Decimal("0.96"), 0.2),
    Bidder("terlambat", "CV Contoh Datang Terlambat", "Penanggung Jawab Lima", Decimal("0.90"), 1, late=True),
)
"""The second one's first row is added up too low: as typed it would be the cheapest, corrected it is not."""


def bidders(cast: int) -> list[Bidder]:
    """Those of one play; another number brings others by the same names, since a user id is given once."""
    return [replace(who, user_id=f"{who.user_id}{cast or ''}") for who in BIDDERS]


def npwp(number: int) -> str:
    """A taxpayer number of the right form that no office gave out: tax office 000."""
    body = f"{90_000_000 + number:08d}"
    digits = [int(digit) for digit in body]
    doubled = [sum(divmod(digit * 2, 10)) if place % 2 else digit for place, digit in enumerate(digits)]
    check = -sum(doubled) % 10
    return f"{body}{check}000000"
