"""The first official of an installation in production: an Admin PPE, who registers all others (Pasal 7 and 9(1)b).

Nobody is there yet to register the letter, so it is done once, with the decree in hand, while there is no official at all.
"""

from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from contracts.roles import Role
from kit.db import Database
from kit.problems import Conflict
from services.registry import credentials
from services.registry.commands.officials import Secrets, add_account, add_assignment
from services.registry.models import Assignment
from services.registry.schemas.officials import NewAccount, NewAssignment
from services.registry.schemas.words import Email, Line, UserId

__all__ = ["FirstOfficial", "begin"]

LOCK: Final = 0xF125


class FirstOfficial(BaseModel):
    """As `lpse keys ceremony --official` writes it: who, by which letter, and with which secrets."""

    model_config = ConfigDict(extra="forbid")

    user_id: UserId
    name: Line
    email: Email
    letter_number: Line
    issuer: Line
    valid_from: datetime
    valid_to: datetime
    password: str = Field(repr=False)
    totp_secret: str = Field(repr=False)


async def begin(database: Database, first: FirstOfficial) -> None:
    """Raises Conflict where somebody holds a role already, and whatever the rules of letters refuse."""
    secrets = Secrets(await credentials.hash_password(first.password), first.totp_secret)
    async with database.transaction() as db:
        await db.execute(select(func.pg_advisory_xact_lock(LOCK)))
        if (await db.execute(select(Assignment.id).limit(1))).first() is not None:
            raise Conflict(
                "officials_there",
                "This installation has officials already.",
                article="Perwali Mojokerto 21/2011 Pasal 9(1)b",
                remedy="Its Admin PPE registers further ones.",
            )
        account = await add_account(db, NewAccount(user_id=first.user_id, name=first.name, email=first.email), secrets)
        letter = NewAssignment(
            account=account,
            role=Role.ADMIN_PPE,
            letter_number=first.letter_number,
            issuer=first.issuer,
            valid_from=first.valid_from,
            valid_to=first.valid_to,
            original_seen=True,
        )
        await add_assignment(db, letter, by=None)
