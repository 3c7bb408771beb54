"""Who is logged in and what the letters let them do now."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select

from contracts.roles import Role
from kit.clock import business_now, real_now, utc
from kit.db import Db
from kit.grants import NO_END, RoleClaim
from kit.paging import Page, page
from services.registry.models import (
    Account,
    Assignment,
    Provider,
    Session,
)
from services.registry.schemas.sessions import AccountOut, RoleOut, SessionOut

IDLE: Final = timedelta(hours=2)
"""How long a session may be left unused."""


async def roles_in_force(db: Db, account: UUID) -> tuple[UUID | None, list[RoleClaim]]:
    """The provider this account is, if it is one, and the roles it has by now of the business clock."""
    now = await business_now(db)
    provider = (await db.execute(select(Provider.id).where(Provider.account == account))).scalar_one_or_none()
    letters = select(Assignment).where(
        Assignment.account == account, Assignment.valid_from <= now, Assignment.valid_to > now
    )
    claims = [_claim(letter) for letter in (await db.execute(letters.order_by(Assignment.id))).scalars()]
    if provider is not None:
        claims.append(RoleClaim(role=Role.PENYEDIA, skpd=None, assignment=provider, until=NO_END))
    return provider, claims


def _claim(letter: Assignment) -> RoleClaim:
    return RoleClaim(role=letter.role, skpd=letter.skpd, assignment=letter.id, until=utc(letter.valid_to))


async def account_out(db: Db, id: UUID) -> AccountOut:
    account = (await db.execute(select(Account).where(Account.id == id))).scalar_one()
    provider, claims = await roles_in_force(db, id)
    letters = [RoleOut(role=Role(claim.role), skpd=claim.skpd, until=claim.until) for claim in claims]
    return AccountOut(
        id=account.id,
        user_id=account.user_id,
        name=account.name,
        roles=sorted({letter.role for letter in letters}),
        letters=letters,
        provider=provider,
    )


async def sessions_of(db: Db, account: UUID, current: UUID) -> Page[SessionOut]:
    """The open sessions of an account, newest first."""
    now = await real_now(db)
    open_ = select(Session).where(
        Session.account == account,
        Session.ended_at.is_(None),
        Session.expires_at > now,
        Session.last_used_at > now - IDLE,
    )
    rows = (await db.execute(open_.order_by(Session.id.desc()).limit(100))).scalars()
    return Page(items=[session_out(row, current, now) for row in rows])


async def logins_of(db: Db, account: UUID, current: UUID, cursor: str | None, limit: int) -> Page[SessionOut]:
    """Every session of an account that is kept, newest first."""
    now = await real_now(db)
    own = select(Session).where(Session.account == account)
    rows, after = await page(db, own, (Session.id,), cursor=cursor, limit=limit)
    return Page(items=[session_out(row, current, now) for row in rows], next=after)


def session_out(session: Session, current: UUID, now: datetime) -> SessionOut:
    over = session.expires_at <= now or session.last_used_at <= now - IDLE
    return SessionOut(
        id=session.id,
        created_at=session.created_at,
        last_used_at=session.last_used_at,
        expires_at=session.expires_at,
        ended_at=session.ended_at,
        state="ended" if session.ended_at else "expired" if over else "open",
        current=session.id == current,
    )
