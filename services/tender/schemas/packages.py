from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import Field

from contracts.values import Moment, Rupiah
from services.tender.schemas.values import Answer, Name, Quantity, Request

__all__ = ["HpsIn", "HpsOut", "HpsRowIn", "NewPackage", "PackageOut", "PackageTender", "ProposedStage"]


class HpsRowIn(Request):
    description: Name
    unit: Annotated[str, Field(min_length=1, max_length=40)]
    quantity: Annotated[Quantity, Field(gt=0)]
    unit_price: Rupiah


Ppn = Annotated[Decimal, Field(ge=0, le=100, max_digits=5, decimal_places=2)]


class HpsIn(Request):
    hps_rows: Annotated[list[HpsRowIn], Field(min_length=1, max_length=2_000)]
    ppn_percent: Ppn = Decimal(11)


class HpsOut(Answer):
    """An estimate added up: each line's amount in order, their sum, the VAT (PPN) on it, and both together."""

    amounts: list[Rupiah]
    net: Rupiah
    ppn: Rupiah
    total: Rupiah


class NewPackage(HpsIn):
    name: Name
    skpd: Annotated[str, Field(min_length=1, max_length=60)]
    category: str
    method: str = "pelelangan_umum"
    regime: str = "P70-2012"
    year: Annotated[int, Field(ge=2011, le=2100)]
    location: Name
    funding: Name
    pagu: Rupiah
    rup_code: Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]
    committee: UUID


class HpsRowOut(Answer):
    """A line of the list of quantities. The owner's price stays with PPK and Pokja."""

    no: int
    description: str
    unit: str
    quantity: Quantity
    unit_price: Rupiah | None = None
    amount: Rupiah | None = None


class PackageTender(Answer):
    """A tender of the package; a failed one may be followed by another."""

    id: UUID
    code: str
    status: str


class PackageOut(Answer):
    id: UUID
    code: str
    name: str
    skpd: str
    category: str
    method: str
    regime: str
    year: int
    location: str
    funding: str
    pagu: Rupiah
    hps: Rupiah
    ppn_percent: Decimal
    rup_code: str
    committee: UUID
    created_at: Moment
    hps_rows: list[HpsRowOut]
    tenders: list[PackageTender]


class ProposedStage(Answer):
    no: int
    code: str
    name: str
    name_en: str
    starts_at: Moment
    ends_at: Moment
