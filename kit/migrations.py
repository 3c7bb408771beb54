"""Each service's database history: plain Alembic revisions in `services/<name>/migrations`, one harness for all, and for the
witness's beside them.

A migration runs before the old version stops, so it must suit both (expand, migrate, contract over releases). One that
takes away what older code needs says so: `OLDEST = "0004"` in its file names the oldest revision whose code still works
on the result. The database keeps the latest of these, so that code which does not know a newer revision knows whether
it may go on. A migration waits a few seconds for locks at most and tries again, and two at once are kept apart by an
advisory lock.
"""

import asyncio
import importlib.util
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from alembic import op
from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.exc import DBAPIError

from kit.db import Db, kit_metadata, open_engine
from kit.settings import CannotStart

__all__ = [
    "DAY",
    "differences",
    "has_history",
    "kit_tables_1",
    "kit_tables_2",
    "refuse_wrong_schema",
    "revision",
    "schema",
    "upgrade",
]

DAY = timedelta(days=1)
MIGRATION_LOCK = 0x6C707366
LOCKED = {"55P03", "40P01"}  # lock_not_available, deadlock_detected
OPTIONS: dict[str, Any] = {"compare_type": True, "compare_server_default": False, "transaction_per_migration": False}


def _script(service: str) -> ScriptDirectory:
    config = Config()
    folder = _folder(service)
    config.set_main_option("script_location", str(folder))
    config.set_main_option("version_locations", str(folder))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def _folder(service: str) -> Path:
    spec = importlib.util.find_spec(f"services.{service}") or importlib.util.find_spec(service)
    if spec is None or spec.origin is None:
        raise LookupError(f"there is no service {service}")
    return Path(spec.origin).parent / "migrations"


async def upgrade(dsn: str, service: str) -> str | None:
    """Bring the database to this code's schema; returns its revision. Safe to run twice, and by two processes at once.

    Within one process one after the other: Alembic's `op` is one for the whole process.
    """
    engine = open_engine(dsn)
    try:
        for attempt in range(10):
            try:
                async with engine.begin() as connection:
                    return await connection.run_sync(_upgrade, service)
            except DBAPIError as error:
                if attempt == 9 or getattr(error.orig, "sqlstate", None) not in LOCKED:
                    raise
                await asyncio.sleep(1 + attempt)
    finally:
        await engine.dispose()
    return None


def _upgrade(connection: Connection, service: str) -> str | None:
    connection.execute(text("set local lock_timeout = '4s'"))
    connection.execute(text("set local statement_timeout = '60s'"))
    connection.execute(text(f"select pg_advisory_xact_lock({MIGRATION_LOCK})"))
    script = _script(service)

    def steps(revision: Any, _context: Any) -> Any:
        return script._upgrade_revs("head", revision)  # noqa: SLF001  the step list is what alembic.command uses too

    context = MigrationContext.configure(connection, opts={"fn": steps, **OPTIONS})
    known = {step.revision: getattr(step.module, "OLDEST", "0000") for step in script.walk_revisions()}
    have = context.get_current_revision()
    if have and have not in known:
        _refuse_unless_suitable(service, have, _head(service), connection.execute(_SUITS).scalar_one())
        return have
    with Operations.context(context):
        context.run_migrations()
    if known:
        connection.execute(text(f"comment on table alembic_version is '{max(known.values())}'"))
    return context.get_current_revision()


async def refuse_wrong_schema(db: Db, service: str) -> None:
    """A service does not run on a database whose schema its code does not know, unless that is newer and suits it."""
    have, want = await schema(db, service)
    _refuse_unless_suitable(service, have, want, (await db.execute(_SUITS)).scalar_one())


def _refuse_unless_suitable(service: str, have: str | None, want: str | None, oldest: str | None) -> None:
    """`oldest` as a newer version left it; None where no version with this rule was there."""
    if have == want:
        return
    if have is None or want is None or have < want:
        raise CannotStart(
            f"the database of {service} is at {have}, this code needs {want}: run `lpse db upgrade {service}`"
        )
    if oldest is None or oldest > want:
        raise CannotStart(
            f"the database of {service} is at {have} already and no longer suits this code, which is of {want}: "
            "start the newer version"
        )


_SUITS = text("select obj_description('alembic_version'::regclass)")


async def schema(db: Db, service: str) -> tuple[str | None, str | None]:
    """The database's revision, and the one this code was written for."""
    have = (await db.execute(text("select version_num from alembic_version"))).scalar_one_or_none()
    return have, _head(service)


_HEADS: dict[str, str | None] = {}


def _head(service: str) -> str | None:
    if service not in _HEADS:
        _HEADS[service] = _script(service).get_current_head()
    return _HEADS[service]


async def differences(dsn: str, _service: str, metadata: MetaData) -> list[Any]:
    """What the models say and the migrated database does not have, or the other way round; [] = they agree."""
    found: list[Any] = await _compare(dsn, lambda context: list(compare_metadata(context, _both(metadata))))
    return found


async def revision(dsn: str, service: str, metadata: MetaData, message: str) -> Path:
    """Write the next migration from the difference between the models and a database that is at head (developers)."""
    _folder(service).mkdir(exist_ok=True)
    head = _script(service).get_current_head()
    number = 1 + (int(head) if head else 0)

    def render(context: MigrationContext) -> str:
        # the kit's own functions make its tables in the first one
        script = produce_migrations(context, metadata if head is None else _both(metadata))
        assert script.upgrade_ops is not None  # noqa: S101
        return render_python_code(script.upgrade_ops, render_as_batch=False, migration_context=context)

    body = await _compare(dsn, render)
    if head is not None and body.strip() == "pass":
        raise ValueError(f"the models of {service} have nothing that its history has not")
    path = _folder(service) / f"{number:04d}_{message}.py"
    first = "    kit_tables_1()\n    kit_tables_2()\n" if head is None else ""
    path.write_text(
        _TEMPLATE.format(message=message, number=f"{number:04d}", before=repr(head), first=first, body=body)
    )
    _HEADS.pop(service, None)
    return path


def has_history(service: str) -> bool:
    return _script(service).get_current_head() is not None


def _both(metadata: MetaData) -> Any:
    return [metadata, kit_metadata]


async def _compare(dsn: str, ask: Callable[[MigrationContext], Any]) -> Any:
    engine = open_engine(dsn)

    def run(connection: Connection) -> Any:
        return ask(MigrationContext.configure(connection, opts=OPTIONS | {"include_object": _ours}))

    try:
        async with engine.connect() as connection:
            return await connection.run_sync(run)
    finally:
        await engine.dispose()


def _ours(_object: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
    return not (kind == "table" and name == "alembic_version")


_TEMPLATE = '''"""{message}"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kit.migrations import kit_tables_1, kit_tables_2

revision = "{number}"
down_revision = {before}


def upgrade() -> None:
{first}    {body}
'''


def kit_tables_1() -> None:
    """The kit's tables as they were in its first version; later versions add functions, never change this one."""
    for statement in _KIT_1.split(";\n"):
        if statement.strip():
            op.execute(statement)


def kit_tables_2() -> None:
    """An event knows its place in the public log; of those published before nobody was told, which -1 says."""
    op.execute("alter table outbox add column log_index bigint default -1")
    op.execute("alter table outbox alter column log_index drop default")
    op.execute(
        "create index ix_outbox_unlogged on outbox (position) where log_index is null and published_at is not null"
    )


_KIT_1 = """
create table clock (
    one boolean default true not null,
    "offset" interval default interval '0' not null,
    stopped_at timestamptz,
    constraint pk_clock primary key (one),
    constraint ck_clock_one_row check (one)
);
insert into clock default values;
create function business_now() returns timestamptz language sql volatile as
$$ select date_trunc('milliseconds', coalesce(stopped_at, clock_timestamp() + "offset")) from clock $$;
create table outbox (
    position bigint generated always as identity,
    event_id uuid not null,
    type text not null,
    subject uuid not null,
    sequence integer not null,
    actor uuid,
    traceparent text,
    time timestamptz default business_now() not null,
    data text not null,
    created_at timestamptz default clock_timestamp() not null,
    seq bigint,
    envelope bytea,
    published_at timestamptz,
    attempts integer default 0 not null,
    next_attempt_at timestamptz default clock_timestamp() not null,
    constraint pk_outbox primary key (position),
    constraint uq_outbox_event_id unique (event_id),
    constraint uq_outbox_seq unique (seq)
);
create index ix_outbox_unpublished on outbox (position) where published_at is null;
create index ix_outbox_unnumbered on outbox (position) where seq is null;
create table inbox (
    event_id uuid not null,
    type text not null,
    handled_at timestamptz default clock_timestamp() not null,
    constraint pk_inbox primary key (event_id)
);
create index ix_inbox_type on inbox (type);
create table delivery_failure (
    event_id uuid not null,
    attempts integer default 1 not null,
    error text not null,
    first_at timestamptz default clock_timestamp() not null,
    last_at timestamptz default clock_timestamp() not null,
    constraint pk_delivery_failure primary key (event_id)
);
create table job (
    id uuid not null,
    kind text not null,
    key text not null,
    due_at timestamptz not null,
    clock text not null,
    attempts integer default 0 not null,
    not_before timestamptz default clock_timestamp() not null,
    last_error text,
    traceparent text,
    constraint pk_job primary key (id)
);
create unique index uq_job_kind_key_due_at on job (kind, key, due_at);
create index ix_job_due_at on job (due_at);
create table idempotency (
    account uuid not null,
    route text not null,
    key text not null,
    body_sha256 bytea not null,
    status integer,
    answer bytea,
    at timestamptz default clock_timestamp() not null,
    constraint pk_idempotency primary key (account, route, key)
);
create index ix_idempotency_at on idempotency (at)
"""
