"""Accounts by letter, work units and committees (Pasal 5, 7 and 9(1)b)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import pyotp
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from contracts.roles import Role
from kit.call import Call
from kit.clock import business_now
from kit.db import Db
from kit.ids import new_id
from kit.jobs import TimeEvent, plan
from kit.outbox import emit
from kit.problems import Conflict, NotFound
from services.registry import credentials, events
from services.registry.models import Account, Assignment, Committee, CommitteeMember, Credential, Provider, Skpd
from services.registry.queries.officials import assignment_out, committee_out, letters_of
from services.registry.rules.duties import Letter, require_committee, require_letter
from services.registry.rules.numbers import require_nip
from services.registry.schemas.officials import (
    AccountCreated,
    AssignmentOut,
    CommitteeOut,
    NewAccount,
    NewAssignment,
    NewCommittee,
    NewSkpd,
    SkpdOut,
)

EXPIRY = "letter_ends"
"""The job that tells when a letter ended."""


@dataclass(frozen=True, slots=True)
class Secrets:
    password_hash: str = field(repr=False)
    totp_secret: str | None = field(default=None, repr=False)


async def create_account(call: Call, new: NewAccount) -> AccountCreated:
    password, totp_secret = credentials.new_password(), pyotp.random_base32()
    secrets = Secrets(await credentials.hash_password(password), totp_secret)
    async with call.transaction() as db:
        id = await add_account(db, new, secrets)
        call.answer(AccountCreated(id=id, user_id=new.user_id, password=None, totp_secret=None))
    return AccountCreated(id=id, user_id=new.user_id, password=password, totp_secret=totp_secret)


async def add_account(db: Db, new: NewAccount, secrets: Secrets) -> UUID:
    nip = require_nip(new.nip) if new.nip else None
    row = insert(Account).values(id=new_id(), user_id=new.user_id, name=new.name, email=new.email, nip=nip)
    id = (await db.execute(row.on_conflict_do_nothing().returning(Account.id))).scalar_one_or_none()
    if id is None:
        raise await _taken(db, new.user_id)
    db.add(Credential(account=id, password_hash=secrets.password_hash, totp_secret=secrets.totp_secret))
    await db.flush()
    return id


async def _taken(db: Db, user_id: str) -> Conflict:
    if (await db.execute(select(Account.id).where(Account.user_id == user_id))).one_or_none():
        return Conflict(
            "user_id_taken",
            "The user ID {user_id} belongs to somebody.",
            article="Perwali Mojokerto 21/2011 Pasal 1(18)",
            remedy="Choose another.",
            user_id=user_id,
        )
    return Conflict(
        "person_has_account",
        "Somebody with this NIP has an account already, and one person has one.",
        article="Perwali Mojokerto 21/2011 Pasal 9(2)",
        remedy="Register the new letter for that account.",
    )


async def assign(call: Call, new: NewAssignment) -> AssignmentOut:
    async with call.transaction() as db:
        letter = await add_assignment(db, new, by=call.account)
        account = await db.get_one(Account, letter.account)
        return call.answer(assignment_out(letter, account))


async def add_assignment(db: Db, new: NewAssignment, by: UUID | None) -> Assignment:
    """`by` is None for the letters an installation begins with."""
    await _lock_accounts(db, [new.account])
    if new.skpd is not None:
        await _require_skpd(db, new.skpd)
    provider = (await db.execute(select(Provider.id).where(Provider.account == new.account))).one_or_none()
    require_letter(
        Letter(new.role, new.valid_from, new.valid_to),
        skpd=new.skpd,
        original_seen=new.original_seen,
        held=(await letters_of(db, [new.account]))[new.account],
        now=await business_now(db),
        to_self=new.account == by,
        to_provider=provider is not None,
    )
    letter = Assignment(**new.model_dump(exclude={"original_seen"}), id=new_id(), registered_by=by)
    db.add(letter)
    await emit(db, events.user_assigned(letter))
    await plan(db, TimeEvent(new.valid_to, EXPIRY), str(letter.id))
    return letter


async def _lock_accounts(db: Db, accounts: Sequence[UUID]) -> None:
    """Two letters for one person are judged one after the other."""
    locked = select(Account.id).where(Account.id.in_(accounts)).order_by(Account.id).with_for_update()
    found = set((await db.execute(locked)).scalars())
    for account in accounts:
        if account not in found:
            raise NotFound("account", account)


async def _require_skpd(db: Db, code: str) -> None:
    if (await db.execute(select(Skpd.id).where(Skpd.code == code))).one_or_none() is None:
        raise NotFound("SKPD", code)


async def register_skpd(call: Call, new: NewSkpd) -> SkpdOut:
    async with call.transaction() as db:
        return call.answer(SkpdOut.model_validate(await add_skpd(db, new)))


async def add_skpd(db: Db, new: NewSkpd) -> Skpd:
    if new.parent is not None:
        await _require_skpd(db, new.parent)
    row = insert(Skpd).values(id=new_id(), sequence=0, **new.model_dump())
    skpd = (await db.execute(row.on_conflict_do_nothing().returning(Skpd))).scalar_one_or_none()
    if skpd is None:
        raise Conflict(
            "skpd_code_taken",
            "There is an SKPD with the code {skpd}.",
            remedy="Each work unit has a code of its own; codes are not given twice.",
            skpd=new.code,
        )
    await emit(db, events.skpd_registered(skpd))
    return skpd


async def form_committee(call: Call, new: NewCommittee) -> CommitteeOut:
    async with call.transaction() as db:
        return call.answer(await committee_out(db, await add_committee(db, new)))


async def add_committee(db: Db, new: NewCommittee) -> Committee:
    await _lock_accounts(db, new.members)
    term = Letter(Role.POKJA, new.valid_from, new.valid_to)
    require_committee(new.members, await letters_of(db, new.members), term, await business_now(db))
    row = insert(Committee).values(id=new_id(), sequence=0, **new.model_dump(exclude={"members"}))
    committee = (await db.execute(row.on_conflict_do_nothing().returning(Committee))).scalar_one_or_none()
    if committee is None:
        raise Conflict(
            "decree_used",
            "The decree {decree} has formed a committee already.",
            remedy="Check the number of the decree.",
            decree=new.decree_number,
        )
    db.add_all(CommitteeMember(committee=committee.id, account=member) for member in new.members)
    await emit(db, events.committee_formed(committee, new.members))
    return committee
