"""Logging in and out, and the gateway's tokens (Pasal 4(2)a, 9(2)).

Nothing here passes through the store of answers: it would keep the session's secret, and a fast hash of the password.
To log in twice makes two sessions and harms nobody.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, exists, func, select, update

from kit.call import Call
from kit.clock import real_now
from kit.db import Database, Db
from kit.grants import Claims
from kit.ids import new_id
from kit.keys import SigningKey
from kit.problems import NotFound, Problem, Unauthenticated
from kit.service import Service
from services.registry import credentials
from services.registry.models import Account, Credential, LoginAttempt, Session
from services.registry.origin import Origin
from services.registry.queries.sessions import IDLE, account_out, roles_in_force, session_out
from services.registry.rules import lockout
from services.registry.schemas.sessions import Login, SessionOpened, SessionOut, TokenOut

LIFETIME: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Known:
    account: UUID
    password_hash: str = field(repr=False)
    totp_secret: str | None = field(repr=False)


async def log_in(service: Service, login: Login, origin: Origin) -> SessionOpened:
    async with service.resources["turns"].of(origin.name):
        return await _log_in(service, login, origin)


async def _log_in(service: Service, login: Login, origin: Origin) -> SessionOpened:
    """Every failure looks the same from outside, and costs the same time."""
    database = service.database
    attempt = await _begin_attempt(service, login.user_id, origin)
    known = await _known(database, login.user_id)
    password_hash = known.password_hash if known else credentials.decoy()
    right = await credentials.verify(password_hash, login.password.get_secret_value())
    if known is None or not right:
        raise _refused()
    if known.totp_secret and login.totp is None:
        await _take_back(database, attempt.id)
        raise _second_factor_required()
    renewed = await _renewed(known.password_hash, login)
    async with database.transaction() as db:
        await _use_code(db, known, login.totp)
        await db.execute(delete(LoginAttempt).where(LoginAttempt.place == attempt.place))
        if renewed:
            changed = update(Credential).where(Credential.account == known.account)
            await db.execute(changed.values(password_hash=renewed))
        return await _open(db, known.account, attempt.place)


async def _begin_attempt(service: Service, user_id: str, origin: Origin) -> LoginAttempt:
    """Count the attempt before the password is looked at, so that guesses made at once are no way around the limit."""
    digest, place = credentials.digest(user_id), origin.place(user_id)
    async with service.database.transaction() as db:
        await db.execute(select(func.pg_advisory_xact_lock(int.from_bytes(digest[:8], signed=True))))
        now = await real_now(db)
        known = origin.device is not None or await _known_place(db, place)
        before = select(LoginAttempt.at, LoginAttempt.place, LoginAttempt.known).where(
            LoginAttempt.user_id_sha256 == digest,
            LoginAttempt.at > now - timedelta(seconds=service.settings.limits.guess_window),
        )
        failures = [lockout.Failure(*row) for row in await db.execute(before)]
        seconds = lockout.wait(failures, place, now, service.settings.limits, known=known)
        if seconds:
            raise _locked_out(seconds)
        attempt = LoginAttempt(id=new_id(), user_id_sha256=digest, place=place, known=known, at=now)
        db.add(attempt)
        return attempt


async def _known_place(db: Db, place: bytes) -> bool:
    return (await db.execute(select(exists().where(Session.place == place)))).scalar_one()


async def _take_back(database: Database, attempt: UUID) -> None:
    """The right password without a code is half a login, no guess. What failed before it still counts."""
    async with database.transaction() as db:
        await db.execute(delete(LoginAttempt).where(LoginAttempt.id == attempt))


async def _known(database: Database, user_id: str) -> Known | None:
    credential = select(Account.id, Credential.password_hash, Credential.totp_secret)
    query = credential.join(Credential, Credential.account == Account.id).where(Account.user_id == user_id)
    async with database.reading() as db:
        row = (await db.execute(query)).one_or_none()
    return Known(row.id, row.password_hash, row.totp_secret) if row else None


async def _renewed(password_hash: str, login: Login) -> str | None:
    if not credentials.is_outdated(password_hash):
        return None
    return await credentials.hash_password(login.password.get_secret_value())


async def _use_code(db: Db, known: Known, code: str | None) -> None:
    """A code opens one session: its step and all before it are used up in the same statement that checks them."""
    if known.totp_secret is None:
        return
    step = credentials.matching_step(known.totp_secret, code or "", await real_now(db))
    if step is None:
        raise _refused()
    used = update(Credential).where(Credential.account == known.account, Credential.totp_step < step)
    if (await db.execute(used.values(totp_step=step).returning(Credential.account))).one_or_none() is None:
        raise _refused()


async def _open(db: Db, account: UUID, place: bytes) -> SessionOpened:
    secret, now = credentials.new_secret(), await real_now(db)
    session = Session(
        account=account,
        secret_sha256=credentials.digest(secret),
        created_at=now,
        last_used_at=now,
        expires_at=now + LIFETIME,
        place=place,
    )
    db.add(session)
    return SessionOpened(session=secret, expires_at=session.expires_at, account=await account_out(db, account))


async def issue_token(service: Service, secret: str) -> TokenOut:
    """Trade an open session for ten minutes of its account's rights; this is what counts as using it."""
    async with service.database.transaction() as db:
        now = await real_now(db)
        session = await _use(db, secret, now)
        account = await account_out(db, session.account)
        provider, roles = await roles_in_force(db, session.account)
        claims = Claims(
            account=account.id,
            session=session.id,
            name=account.user_id,
            provider=provider,
            roles=tuple(roles),
            issued_at=now,
        )
        key = SigningKey.load(service.settings.keys, "registry", "access")
        return TokenOut(token=claims.issue(key), expires_at=claims.expires_at, account=account)


async def _use(db: Db, secret: str, now: datetime) -> Session:
    open_ = update(Session).where(
        Session.secret_sha256 == credentials.digest(secret),
        Session.ended_at.is_(None),
        Session.expires_at > now,
        Session.last_used_at > now - IDLE,
    )
    used = open_.values(last_used_at=now).returning(Session)
    session = (await db.execute(used)).scalar_one_or_none()
    if session is None:
        raise Unauthenticated(
            "session_ended",
            "This session is unknown, was ended, or was idle for more than two hours.",
            article="Perwali Mojokerto 21/2011 Pasal 4(2)a",
            remedy="Log in again.",
        )
    return session


async def end_session(call: Call, id: UUID, current: UUID) -> SessionOut:
    async with call.transaction() as db:
        own = select(Session).where(Session.id == id, Session.account == call.account)
        session = (await db.execute(own.with_for_update())).scalar_one_or_none()
        if session is None:
            raise NotFound("session", id)
        now = await real_now(db)
        session.ended_at = session.ended_at or now
        return call.answer(session_out(session, current, now))


def _refused() -> Problem:
    return Unauthenticated(
        "login_refused",
        "User ID, password or code is not right.",
        article="Perwali Mojokerto 21/2011 Pasal 4(2)a, 9(2)",
        remedy="Check all three; a code works once: wait for the next one, at most 30 seconds. After five failures your address or browser is shut out for a while.",
    )


def _second_factor_required() -> Problem:
    return Unauthenticated(
        "second_factor_required",
        "This account belongs to an official: the six digits of the second factor are needed too.",
        article="Perwali Mojokerto 21/2011 Pasal 4(2)a",
        remedy="Send the code that your authenticator shows now as `totp`.",
    )


def _locked_out(seconds: int) -> Problem:
    return Problem(
        "locked_out",
        "Too many attempts with this user ID have failed: it is closed here for a while.",
        article="Perwali Mojokerto 21/2011 Pasal 4(2)a",
        remedy="Use a browser, device or line from which you logged in before, or wait; the helpdesk can help.",
        status=429,
        extra={"retry_after": seconds},
    )
