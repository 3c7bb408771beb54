"""Accounts by letter, work units and committees."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from contracts.roles import Role
from kit.auth import allow, logged_in, public
from kit.call import CallDep
from kit.paging import Cursor, Limit, Page
from kit.service import Service, service_of
from services.registry.commands import officials as commands
from services.registry.queries import officials as queries
from services.registry.schemas.officials import (
    AccountCreated,
    AccountOut,
    AssignmentOut,
    CommitteeOut,
    NewAccount,
    NewAssignment,
    NewCommittee,
    NewSkpd,
    SkpdOut,
)

router = APIRouter(tags=["officials"])
ServiceDep = Annotated[Service, Depends(service_of)]


@router.post("/accounts", status_code=201, **allow(Role.ADMIN_AGENCY, Role.ADMIN_PPE))
async def create_account(body: NewAccount, call: CallDep) -> AccountCreated:
    """Create an official's account. It may do nothing until a letter is registered for it."""
    return await commands.create_account(call, body)


@router.get("/accounts", **allow(Role.ADMIN_AGENCY, Role.ADMIN_PPE, Role.INSPEKTUR, Role.KETUA_LPSE))
async def accounts(
    service: ServiceDep,
    q: Annotated[str | None, Query(max_length=200, description="A part of the user ID or the name")] = None,
    role: Annotated[Role | None, Query(description="Only who holds such a letter in force")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[AccountOut]:
    """The officials' accounts by user ID; those of providers are their own. Inspektur and Ketua LPSE find auditors here."""
    async with service.database.reading() as db:
        return await queries.accounts(db, q, role, cursor, limit)


@router.post("/assignments", status_code=201, **allow(Role.ADMIN_AGENCY))
async def assign(body: NewAssignment, call: CallDep) -> AssignmentOut:
    """Register a letter of assignment or decree, the original of which you saw."""
    return await commands.assign(call, body)


@router.get("/assignments", **allow(Role.ADMIN_AGENCY, Role.AUDITOR))
async def assignments(service: ServiceDep, cursor: Cursor = None, limit: Limit = 50) -> Page[AssignmentOut]:
    async with service.database.reading() as db:
        return await queries.assignments(db, cursor, limit)


@router.post("/skpd", status_code=201, **allow(Role.ADMIN_AGENCY))
async def register_skpd(body: NewSkpd, call: CallDep) -> SkpdOut:
    return await commands.register_skpd(call, body)


@router.get("/skpd", **public())
async def skpd(service: ServiceDep, cursor: Cursor = None, limit: Limit = 100) -> Page[SkpdOut]:
    """The city's work units by code."""
    async with service.database.reading() as db:
        return await queries.skpd_list(db, cursor, limit)


@router.post("/committees", status_code=201, **allow(Role.ADMIN_AGENCY))
async def form_committee(body: NewCommittee, call: CallDep) -> CommitteeOut:
    """Register a Pokja by its decree."""
    return await commands.form_committee(call, body)


@router.get("/committees", **logged_in())
async def committees(
    service: ServiceDep,
    in_force: Annotated[bool, Query(description="Only those in force now")] = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[CommitteeOut]:
    async with service.database.reading() as db:
        return await queries.committees(db, cursor, limit, in_force=in_force)


@router.get("/committees/{id}", **logged_in())
async def committee(id: UUID, service: ServiceDep) -> CommitteeOut:
    async with service.database.reading() as db:
        return await queries.committee(db, id)
