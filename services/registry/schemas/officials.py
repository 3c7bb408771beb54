"""Accounts by letter, work units and committees."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from contracts.roles import Role
from contracts.values import Moment
from services.registry.schemas.words import Email, Line, Request, UserId


class NewAccount(Request):
    user_id: UserId
    name: Line
    email: Email
    nip: Line | None = None


class AccountCreated(BaseModel):
    """Shown once: a repeated request is answered without the two secrets."""

    id: UUID
    user_id: str
    password: str | None = Field(repr=False)
    totp_secret: str | None = Field(repr=False)


class HeldLetter(BaseModel):
    role: Role
    skpd: str | None
    until: Moment


class AccountOut(BaseModel):
    """An official, with the letters in force."""

    id: UUID
    user_id: str
    name: str
    letters: list[HeldLetter]


class NewAssignment(Request):
    account: UUID
    role: Role
    skpd: str | None = Field(default=None, max_length=60)
    letter_number: Line
    issuer: Line
    valid_from: Moment
    valid_to: Moment
    original_seen: bool


class AssignmentOut(BaseModel):
    id: UUID
    account: UUID
    user_id: str
    name: str
    role: Role
    skpd: str | None
    letter_number: str
    issuer: str
    valid_from: Moment
    valid_to: Moment


class NewSkpd(Request):
    code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z.\-]{0,59}$")]
    name: Line
    parent: str | None = Field(default=None, max_length=60)
    valid_from: date
    valid_to: date | None = None


class SkpdOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    code: str
    name: str
    parent: str | None
    valid_from: date
    valid_to: date | None


class NewCommittee(Request):
    name: Line
    decree_number: Line
    members: list[UUID] = Field(max_length=50)
    valid_from: Moment
    valid_to: Moment


class MemberOut(BaseModel):
    account: UUID
    name: str


class CommitteeOut(BaseModel):
    id: UUID
    name: str
    decree_number: str
    members: list[MemberOut]
    valid_from: Moment
    valid_to: Moment
