"""Work units, letters and committees."""

from collections import defaultdict
from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select

from contracts.roles import Role
from kit.db import Db
from kit.paging import Page, page
from services.registry.models import (
    Account,
    Assignment,
    Committee,
    CommitteeMember,
    Skpd,
)
from services.registry.rules.duties import Letter
from services.registry.schemas.officials import AssignmentOut, CommitteeOut, MemberOut, SkpdOut


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


async def committees(db: Db, cursor: str | None, limit: int) -> Page[CommitteeOut]:
    rows, after = await page(db, select(Committee), (Committee.id,), cursor=cursor, limit=limit)
    return Page(items=[await committee_out(db, row) for row in rows], next=after)


async def committee_out(db: Db, committee: Committee) -> CommitteeOut:
    of = select(CommitteeMember.account).where(CommitteeMember.committee == committee.id)
    people = await _people(db, set((await db.execute(of)).scalars()))
    return CommitteeOut(
        id=committee.id,
        name=committee.name,
        decree_number=committee.decree_number,
        members=[MemberOut(account=person.id, name=person.name) for person in people.values()],
        valid_from=committee.valid_from,
        valid_to=committee.valid_to,
    )


async def _people(db: Db, ids: Collection[UUID]) -> dict[UUID, Account]:
    people = select(Account).where(Account.id.in_(ids)).order_by(Account.name, Account.id)
    return {person.id: person for person in (await db.execute(people)).scalars()}


async def letters_of(db: Db, accounts: Collection[UUID]) -> dict[UUID, list[Letter]]:
    """Every letter these accounts hold or held."""
    found: dict[UUID, list[Letter]] = defaultdict(list)
    for row in (await db.execute(select(Assignment).where(Assignment.account.in_(accounts)))).scalars():
        found[row.account].append(Letter(Role(row.role), row.valid_from, row.valid_to))
    return found
