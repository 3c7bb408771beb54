"""`lpse db`: the schema of the services' databases."""

import asyncio
import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from sqlalchemy import text

from cli.installation import Installation
from cli.mistakes import Mistake
from kit import migrations
from kit.db import open_engine
from services import SERVICES, build

__all__ = ["addresses", "revise", "show", "upgrade", "wait"]


def addresses(var: Path, name: str) -> Mapping[str, str]:
    """Where the databases are: one service's own in its environment, as on a cluster, or those of the installation."""
    own = os.environ.get("LPSE_DATABASE")
    return {name: own} if own and name in SERVICES else Installation.read(var).databases


def chosen(name: str) -> tuple[str, ...]:
    if name != "all" and name not in SERVICES:
        raise Mistake(f"There is no service {name}: one of all, {', '.join(SERVICES)}.")
    return SERVICES if name == "all" else (name,)


async def upgrade(databases: Mapping[str, str], name: str) -> None:
    for service in chosen(name):
        print(f"{service}: at {await migrations.upgrade(databases[service], service)}")


async def show(installation: Installation, name: str) -> bool:
    """Revision, and whether the models agree with it; False when one does not."""
    agree = True
    for service in chosen(name):
        metadata = build(service, installation.settings(service)).metadata
        found = await migrations.differences(installation.databases[service], service, metadata)
        agree &= not found
        print(f"{service}: {'as the models say' if not found else f'differs: {found}'}")
    return agree


async def wait(databases: Mapping[str, str], name: str) -> None:
    """Return when the schema is what this version needs: what a workload's init container runs."""
    engine = open_engine(databases[name])
    try:
        while (state := await _state(engine, name)) is not None:
            print(f"{name}: waiting, {state}", flush=True)
            await asyncio.sleep(1)
    finally:
        await engine.dispose()


async def _state(engine: object, name: str) -> str | None:
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

    assert isinstance(engine, AsyncEngine)  # noqa: S101
    try:
        async with AsyncSession(engine) as db:
            await db.execute(text("select 1"))
            await migrations.refuse_wrong_schema(db, name)
    except Exception as error:  # noqa: BLE001  whatever it is, it is what we wait for to pass
        return str(error).partition("\n")[0]
    return None


async def revise(admin: str, name: str, message: str) -> None:
    """Write the next migration from what the models have and the history has not (for developers)."""
    import asyncpg

    metadata = import_module(f"services.{name}.models").Base.metadata
    scratch = f"scratch_{name}"
    connection = await asyncpg.connect(admin)
    try:
        await connection.execute(f'drop database if exists "{scratch}" with (force)')
        await connection.execute(f'create database "{scratch}"')
        dsn = admin.rpartition("/")[0] + f"/{scratch}"
        if migrations.has_history(name):
            await migrations.upgrade(dsn, name)
        print(f"wrote {await migrations.revision(dsn, name, metadata, message)}")
    except ValueError as error:
        raise Mistake(f"No revision was written: {error}.") from error
    finally:
        await connection.execute(f'drop database if exists "{scratch}" with (force)')
        await connection.close()
