"""One PostgreSQL database per service: sessions, the transaction every effect happens in, and who hears of its end."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import asyncpg.exceptions
from sqlalchemy import DateTime, Executable, MetaData, Numeric, Row, Uuid, event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Engine, ExceptionContext, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import Pool

from kit.ids import new_id

__all__ = [
    "Base",
    "Database",
    "Db",
    "Instant",
    "Money",
    "Sequenced",
    "core",
    "is_contended",
    "is_unavailable",
    "is_unstorable",
    "kit_metadata",
    "open_engine",
    "service_metadata",
    "woken",
]

Db = AsyncSession

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

kit_metadata = MetaData(naming_convention=NAMING)
"""The tables that every service database has: outbox, inbox, jobs, idempotency, clock (kit/migrations.py makes them)."""


class Base(DeclarativeBase):
    """What a service derives its own base from, each with its own `metadata = service_metadata()`."""

    __abstract__ = True
    type_annotation_map = {  # noqa: RUF012  SQLAlchemy's own protocol
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        list[dict[str, Any]]: JSONB,
        list[str]: JSONB,
    }


def service_metadata() -> MetaData:
    return MetaData(naming_convention=NAMING)


Instant = DateTime(timezone=True)
Money = Numeric(20, 2)


class Sequenced:
    """A row that events are about: it counts them itself, so that no other row is contended for.

    A new one has its id from the first moment. An old one is loaded FOR UPDATE before an event about it is emitted.
    """

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    sequence: Mapped[int] = mapped_column(default=0)


@event.listens_for(Sequenced, "init", propagate=True)
def _identify(_row: Sequenced, _args: Any, values: dict[str, Any]) -> None:
    values.setdefault("id", new_id())
    values.setdefault("sequence", 0)


def open_engine(dsn: str, *, connect_args: Mapping[str, Any] | None = None, **options: Any) -> AsyncEngine:
    """The driver reads the address itself: SQLAlchemy does not know what `?sslmode=require` means."""
    url = make_url(dsn).set(drivername="postgresql+asyncpg", query={})
    return create_async_engine(url, connect_args={"dsn": dsn, **(connect_args or {})}, **options)


class Database:
    """`transaction()` for effects, `reading()` for questions. `wake` events are set after each commit that emitted."""

    def __init__(self, dsn: str, *, pool: int = 8, application: str = "lpse") -> None:
        self.dsn = dsn
        self.engine = _pooled(dsn, pool, application)
        self._apart = _pooled(dsn, 1, application)
        self._wakers: set[asyncio.Event] = set()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Db]:
        """Everything inside is stored together when the block ends, or not at all."""
        db = AsyncSession(self.engine, expire_on_commit=False)
        db.info["writing"] = True
        try:
            yield db
            await db.commit()
        except BaseException:
            async with db:
                raise
        db.expunge_all()  # after a commit the session holds no connection: this is all that closing it would do
        if db.info.get("wakes"):
            self.wake()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Db]:
        async with AsyncSession(self.engine, expire_on_commit=False) as db:
            yield db

    @asynccontextmanager
    async def reading_apart(self) -> AsyncIterator[Db]:
        """On a connection kept for it: who asks whether the database answers does not queue with the requests.

        Many of them make a service slow; were it called absent for that, all its replicas would be at once.
        """
        async with AsyncSession(self._apart, expire_on_commit=False) as db:
            yield db

    def wake(self) -> None:
        for waker in self._wakers:
            waker.set()

    @asynccontextmanager
    async def waker(self) -> AsyncIterator[asyncio.Event]:
        """An event that is set after each commit that left work behind (outbox rows, jobs)."""
        waker = asyncio.Event()
        self._wakers.add(waker)
        try:
            yield waker
        finally:
            self._wakers.discard(waker)

    async def close(self) -> None:
        await self.engine.dispose()
        await self._apart.dispose()


async def woken(waker: asyncio.Event, within: float, gather: float = 0.0) -> None:
    """Until somebody wakes us, or so many seconds. `gather`: that much later, since who wakes is seldom alone."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            await waker.wait()
            await asyncio.sleep(gather)


def _pooled(dsn: str, pool: int, application: str) -> AsyncEngine:
    engine = open_engine(
        dsn,
        pool_size=pool,
        max_overflow=0,
        pool_timeout=10,
        hide_parameters=True,  # what people told us belongs in no log
        connect_args={
            "timeout": 5,
            "command_timeout": 60,
            "server_settings": {"application_name": application, "timezone": "UTC"},
        },
    )
    _drop_dead_connections(engine.sync_engine.pool)
    _say_no_values(engine.sync_engine)
    return engine


async def core(db: Db, statement: Executable, values: Mapping[str, Any]) -> Row[Any] | None:
    """Run a statement that was built once, in the session's transaction; returns its first row if it returns any.

    Over the session's connection: the session itself looks anew, each time, for what of it concerns the ORM, and that
    costs more than the statement. So nothing that waits in the session is written first.
    """
    return await db.run_sync(_core, statement, values)


def _core(session: Session, statement: Executable, values: Mapping[str, Any]) -> Row[Any] | None:
    result = session.connection().execute(statement, values)
    return result.first() if result.returns_rows else None


def _drop_dead_connections(pool: Pool) -> None:
    """A connection whose server went away is not handed out again.

    Cheaper than `pool_pre_ping` (a round trip per checkout): asyncpg knows at once when its socket is closed.
    """

    @event.listens_for(pool, "checkout")
    def check(dbapi_connection: Any, _record: Any, _proxy: Any) -> None:
        if dbapi_connection.driver_connection.is_closed():
            from sqlalchemy.exc import DisconnectionError

            raise DisconnectionError("the server closed this connection")


def _say_no_values(engine: Engine) -> None:
    """PostgreSQL repeats the refused row in the detail of its error, the driver the value it cannot encode."""

    @event.listens_for(engine, "handle_error")
    def forget(context: ExceptionContext) -> None:
        refused = context.original_exception.__cause__
        if isinstance(refused, asyncpg.exceptions.PostgresError):
            refused.detail = None
        if isinstance(refused, asyncpg.exceptions.DataError):
            told = str(refused).partition(":")[0]  # invalid input for query argument $3
            for error in (refused, context.original_exception, context.sqlalchemy_exception):
                if error is not None:
                    error.args = (told, *error.args[1:])


def is_unavailable(error: BaseException) -> bool:
    """Whether the database is away or can take nothing at all, rather than refusing what was asked of it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, DBAPIError) and seen.connection_invalidated:
            return True
        if isinstance(seen, _OF_FILES):
            return False
        if isinstance(seen, (*_AWAY, PoolTimeout)) or _lost(seen):
            return True
        seen = seen.__cause__ or getattr(seen, "orig", None)
    return False


def _lost(error: BaseException) -> bool:
    """What the driver says when the server goes in the middle of its work, in words it also has for other things."""
    words = "closed" if isinstance(error, _INTERFACE) else "cannot switch to state"
    return isinstance(error, (_INTERFACE, asyncpg.exceptions.InternalClientError)) and words in str(error)


def is_contended(error: BaseException) -> bool:
    """Whether two transactions got in each other's way: nothing was stored, and the same again will do."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _CONTENDED


def is_unstorable(error: BaseException) -> bool:
    """Whether a value is one the database cannot hold (a NUL character, a number or date out of range)."""
    state = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    return (state or "").startswith("22") or isinstance(error, OverflowError)


_CONTENDED = {"40001", "40P01", "55P03"}  # serialization_failure, deadlock_detected, lock_not_available
_AWAY = (
    OSError,  # what connecting raises: refused, timed out, no route, several of these at once
    asyncpg.exceptions.PostgresConnectionError,
    asyncpg.exceptions.AdminShutdownError,
    asyncpg.exceptions.CrashShutdownError,
    asyncpg.exceptions.CannotConnectNowError,
    asyncpg.exceptions.TooManyConnectionsError,
    asyncpg.exceptions.DiskFullError,
)
_OF_FILES = (FileNotFoundError, PermissionError, FileExistsError, IsADirectoryError, NotADirectoryError)
_INTERFACE = asyncpg.exceptions.InterfaceError  # also a wrong use of the driver: that is ours and no absence
