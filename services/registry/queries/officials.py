"""Work units, letters and committees."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select

from contracts.roles import Role
from kit.clock import business_now
from kit.db import Db
from kit.paging import Page, page
from kit.problems import NotFound
from services.registry.models import (
    Account,
    Assignment,
    Committee,
    CommitteeMember,
    Provider,
    Skpd,
)
from services.registry.rules.duties import Letter
from services.registry.schemas.officials import AccountOut, AssignmentOut, CommitteeOut, HeldLetter, MemberOut, SkpdOut


async def accounts(db: Db, q: str | None, role: Role | None, cursor: str | None, limit: int) -> Page[AccountOut]:
    """Who is no provider. `role`: only those who hold a letter in force that gives it."""
    now = await business_now(db)
    query = select(Account).where(~select(Provider.id).where(Provider.account == Account.id).exists())
    for word in (q or "").split():
        query = query.where(
            or_(*(column.icontains(word, autoescape=True) for column in (Account.user_id, Account.name)))
        )
    if role is not None:
        query = query.where(
            select(Assignment.id)
            .where(Assignment.account == Account.id, _in_force(now), Assignment.role == role)
            .exists()
        )
    rows, after = await page(db, query, (Account.user_id,), cursor=cursor, limit=limit, descending=False)
    held = select(Assignment).where(Assignment.account.in_([row.id for row in rows]), _in_force(now))
    letters: dict[UUID, list[HeldLetter]] = defaultdict(list)
    for letter in (await db.execute(held.order_by(Assignment.role, Assignment.id))).scalars():
        letters[letter.account].append(HeldLetter(role=Role(letter.role), skpd=letter.skpd, until=letter.valid_to))
    items = [AccountOut(id=row.id, user_id=row.user_id, name=row.name, letters=letters[row.id]) for row in rows]
    return Page(items=items, next=after)


def _in_force(now: datetime) -> ColumnElement[bool]:
    """As `Letter.in_force` reckons."""
    return and_(Assignment.valid_from <= now, now < Assignment.valid_to)


async def skpd_list(db: Db, cursor: str | None, limit: int) -> Page[SkpdOut]:
    rows, after = await page(db, select(Skpd), (Skpd.code,), cursor=cursor, limit=limit, descending=False)
    return Page(items=[SkpdOut.model_validate(row) for row in rows], next=after)


async def assignments(db: Db, cursor: str | None, limit: int) -> Page[AssignmentOut]:
    rows, after = await page(db, select(Assignment), (Assignment.id,), cursor=cursor, limit=limit)
    people = await _people(db, {row.account for row in rows})
    return Page(items=[assignment_out(row, people[row.account]) for row in rows], next=after)


def assignment_out(letter: Assignment, account: Account) -> AssignmentOut:
    return AssignmentOut(
        id=letter.id,
        account=account.id,
        user_id=account.user_id,
        name=account.name,
        role=Role(letter.role),
        skpd=letter.skpd,
        letter_number=letter.letter_number,
        issuer=letter.issuer,
        valid_from=letter.valid_from,
        valid_to=letter.valid_to,
    )


async def committees(db: Db, cursor: str | None, limit: int, *, in_force: bool) -> Page[CommitteeOut]:
    query = select(Committee)
    if in_force:
        now = await business_now(db)
        query = query.where(Committee.valid_from <= now, now < Committee.valid_to)
    rows, after = await page(db, query, (Committee.id,), cursor=cursor, limit=limit)
    return Page(items=await _committees_out(db, rows), next=after)


async def committee(db: Db, id: UUID) -> CommitteeOut:
    row = (await db.execute(select(Committee).where(Committee.id == id))).scalar_one_or_none()
    if row is None:
        raise NotFound("committee", id)
    return await committee_out(db, row)


async def committee_out(db: Db, row: Committee) -> CommitteeOut:
    return (await _committees_out(db, [row]))[0]


async def _committees_out(db: Db, rows: Sequence[Committee]) -> list[CommitteeOut]:
    query = (
        select(CommitteeMember.committee, Account.id, Account.name)
        .join(Account, Account.id == CommitteeMember.account)
        .where(CommitteeMember.committee.in_([row.id for row in rows]))
        .order_by(Account.name, Account.id)
    )
    members: dict[UUID, list[MemberOut]] = defaultdict(list)
    for of, account, name in await db.execute(query):
        members[of].append(MemberOut(account=account, name=name))
    return [
        CommitteeOut(
            id=row.id,
            name=row.name,
            decree_number=row.decree_number,
            members=members[row.id],
            valid_from=row.valid_from,
            valid_to=row.valid_to,
        )
        for row in rows
    ]


async def _people(db: Db, ids: Collection[UUID]) -> dict[UUID, Account]:
    people = select(Account).where(Account.id.in_(ids)).order_by(Account.name, Account.id)
    return {person.id: person for person in (await db.execute(people)).scalars()}


async def letters_of(db: Db, accounts: Collection[UUID]) -> dict[UUID, list[Letter]]:
    """Every letter these accounts hold or held."""
    found: dict[UUID, list[Letter]] = defaultdict(list)
    for row in (await db.execute(select(Assignment).where(Assignment.account.in_(accounts)))).scalars():
        found[row.account].append(Letter(Role(row.role), row.valid_from, row.valid_to))
    return found
