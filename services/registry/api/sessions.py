"""Logging in, and what the gateway asks."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from kit.auth import ActorDep, internal, logged_in, public
from kit.call import CallDep
from kit.paging import Cursor, Limit, Page
from kit.service import Service, service_of
from services.registry.commands import sessions as commands
from services.registry.origin import OriginDep
from services.registry.queries import sessions as queries
from services.registry.schemas.sessions import (
    AccountOut,
    Login,
    SessionOpened,
    SessionOut,
    TokenOut,
    TokenRequest,
)

router = APIRouter(tags=["sessions"])
ServiceDep = Annotated[Service, Depends(service_of)]


@router.post("/sessions", status_code=201, **public())
async def log_in(body: Login, service: ServiceDep, origin: OriginDep) -> SessionOpened:
    """Open a session. Officials add the code of their second factor (`totp`)."""
    return await commands.log_in(service, body, origin)


@router.get("/sessions", **logged_in())
async def own_sessions(actor: ActorDep, service: ServiceDep) -> Page[SessionOut]:
    """Your open sessions, newest first."""
    async with service.database.reading() as db:
        return await queries.sessions_of(db, actor.account, actor.session)


@router.get("/logins", **logged_in())
async def own_logins(
    actor: ActorDep, service: ServiceDep, cursor: Cursor = None, limit: Limit = 50
) -> Page[SessionOut]:
    """Your access log: every session that was opened with your account in the last 90 days, newest first."""
    async with service.database.reading() as db:
        return await queries.logins_of(db, actor.account, actor.session, cursor, limit)


@router.delete("/sessions/current", **logged_in())
async def log_out(call: CallDep, actor: ActorDep) -> SessionOut:
    return await commands.end_session(call, actor.session, actor.session)


@router.delete("/sessions/{id}", **logged_in())
async def end_session(id: UUID, call: CallDep, actor: ActorDep) -> SessionOut:
    """End one of your sessions; its last token runs out within ten minutes."""
    return await commands.end_session(call, id, actor.session)


@router.get("/me", **logged_in())
async def me(actor: ActorDep, service: ServiceDep) -> AccountOut:
    async with service.database.reading() as db:
        return await queries.account_out(db, actor.account)


@router.post("/internal/tokens", **internal())
async def issue_token(body: TokenRequest, service: ServiceDep) -> TokenOut:
    """Trade a session for an access token of ten minutes."""
    return await commands.issue_token(service, body.session)
