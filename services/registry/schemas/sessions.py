"""Sessions, tokens, and who is behind them."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, SecretStr, StringConstraints

from contracts.roles import Role
from contracts.values import Moment
from services.registry.schemas.words import Request


class Login(Request):
    user_id: Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=200)]
    password: SecretStr = Field(max_length=200)
    totp: str | None = Field(default=None, max_length=10, repr=False)


class RoleOut(BaseModel):
    """A role in force: for one SKPD or (null) everywhere, until its letter ends."""

    role: Role
    skpd: str | None
    until: Moment


class AccountOut(BaseModel):
    id: UUID
    user_id: str
    name: str
    roles: list[Role]
    letters: list[RoleOut]
    provider: UUID | None


class SessionOpened(BaseModel):
    """`session` is the secret that stands for the session; it is told once."""

    session: str = Field(repr=False)
    expires_at: Moment
    account: AccountOut


class SessionOut(BaseModel):
    """`expired`: its twelve hours are over, or it was left unused for two."""

    id: UUID
    created_at: Moment
    last_used_at: Moment
    expires_at: Moment
    ended_at: Moment | None
    state: Literal["open", "ended", "expired"]
    current: bool


class TokenRequest(Request):
    session: str = Field(max_length=200, repr=False)


class TokenOut(BaseModel):
    token: str = Field(repr=False)
    expires_at: Moment
    account: AccountOut
