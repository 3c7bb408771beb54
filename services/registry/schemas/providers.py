"""Registration, papers and verification of providers."""

from datetime import date
from typing import Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from contracts.registry import ProviderKind
from contracts.values import Md5, Moment, Sha256
from services.registry.rules.numbers import npwp, npwp_fault
from services.registry.schemas.words import Email, Line, Outcome, PaperKind, Password, Request, Status, Text, UserId

NPWP_FAULTS: Final = {
    "npwp_length": "An NPWP has 15 or 16 digits and nothing else but dots, hyphens and spaces; this has not "
    "(Perwali Mojokerto 21/2011 Pasal 9(1)a.2.c; PMK 112/2022)",
    "npwp_check_digit": "The ninth of the 15 digits is computed from the eight before it, and here it is another: copy the "
    "number from the card (Perwali Mojokerto 21/2011 Pasal 9(1)a.2.c)",
    "npwp_nik": "16 digits that do not begin with 0 are a NIK, with the date of birth in the seventh to twelfth and a serial "
    "of at least 0001 at the end; this is none (Perwali Mojokerto 21/2011 Pasal 9(1)a.2.c; PMK 112/2022)",
    "npwp_of_a_person": "This is the NPWP of a person; a business entity registers with its own "
    "(Perwali Mojokerto 21/2011 Pasal 9(1)a.2.c)",
}


class Registration(Request):
    user_id: UserId
    password: Password
    email: Email
    kind: ProviderKind
    name: Line
    npwp: Line
    address: Line
    phone: Line
    responsible_name: Line
    amended_deed: bool = False
    branch: bool = False

    @field_validator("npwp")
    @classmethod
    def _is_an_npwp(cls, raw: str, info: ValidationInfo) -> str:
        """A mistake of the form like any other, so that it is told together with them."""
        fault = npwp_fault(info.data.get("kind"), npwp(raw))
        if fault is not None:
            raise PydanticCustomError(fault, NPWP_FAULTS[fault])
        return raw


class Registered(BaseModel):
    provider: UUID
    account: UUID
    user_id: str
    required_papers: list[PaperKind]


class NewPaper(Request):
    kind: PaperKind
    number: Line
    holder: Line
    issued_on: date
    expires_on: date | None = None


class NewCopy(Request):
    """A file of a paper as it will be sent."""

    name: Line
    media_type: Literal["application/pdf", "image/jpeg", "image/png"]


class PaperBegun(BaseModel):
    """Where to send the bytes, and the grant that lets you."""

    id: UUID
    grant: str
    upload: str = "/api/documents/uploads"


class Fingerprints(Request):
    """What documents stated, and what the client itself computed over the bytes it sent (Pasal 14(4)-(5))."""

    statement: str = Field(max_length=8192)
    md5: Md5
    sha256: Sha256


class PaperOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: PaperKind
    number: str
    holder: str
    issued_on: date
    expires_on: date | None
    size: int | None
    md5: Md5 | None
    sha256: Sha256 | None
    uploaded_at: Moment | None


class Download(BaseModel):
    grant: str
    object: UUID


class VerificationOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    outcome: Outcome
    verifier: UUID
    decided_at: Moment
    place: str
    notes: str
    deficiencies: list[str]


class ProviderSummary(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: ProviderKind
    name: str
    status: Status
    submitted_at: Moment | None


class ProviderOut(ProviderSummary):
    npwp: str
    email: str
    address: str
    phone: str
    responsible_name: str
    amended_deed: bool
    branch: bool
    required_papers: list[PaperKind]
    missing_papers: list[PaperKind]
    papers: list[PaperOut]
    decisions: list[VerificationOut]
    duplicates: list[UUID] | None = None
    """Shown to verifiers alone: who else has this NPWP or e-mail address."""
    deficiencies: list[str] | None = None
    """Shown to verifiers alone: what stands against admission even if all originals are shown, as `item: what is wrong`."""


class ReceiptRow(BaseModel):
    event_id: UUID
    of: Literal["registration", "rejection"]
    at: Moment


class Decision(Request):
    outcome: Outcome
    originals: list[UUID] = Field(default=[], max_length=100)
    place: Line
    notes: Text = ""
    deficiencies: list[Line] = Field(default=[], max_length=100)
    resolved_duplicates: list[UUID] = Field(default=[], max_length=100)
