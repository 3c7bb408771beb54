"""`lpse db`: the schema of the services' databases."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from cli import accounts
from cli.installation import Installation
from cli.mistakes import Mistake, worded
from kit import migrations
from kit.db import is_unavailable, open_engine
from services import SERVICES, build

__all__ = ["addresses", "revise", "seed", "show", "upgrade", "wait"]

WITNESS: Final = "witness"


def chosen(name: str) -> tuple[str, ...]:
    if name != "all" and name not in {*SERVICES, WITNESS}:
        raise Mistake(f"There is no service {name}: one of all, {', '.join(SERVICES)}.")
    return SERVICES if name == "all" else (name,)


def addresses(name: str, var: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Of one service from its environment, as `serve` has it on a cluster; else those of the installation in `var`."""
    services = chosen(name)
    if len(services) == 1 and (own := environment.get("LPSE_DATABASE")):
        return {name: own}
    if name == WITNESS:
        raise Mistake("A witness is no part of an installation: its database stands in LPSE_DATABASE alone.")
    installation = Installation.read(var)
    return {service: installation.databases[service] for service in services}


async def upgrade(addresses: Mapping[str, str], *, patient: bool) -> None:
    """`patient`: where nobody sits in front of it, as in a cluster's Job, a database that is not there yet is waited for."""
    for service, address in addresses.items():
        attempt = partial(migrations.upgrade, address, service)
        print(f"{service}: at {await (_when_there(service, attempt) if patient else attempt())}")


async def show(installation: Installation, name: str) -> bool:
    """Revision, and whether the models agree with it; False when one does not."""
    agree = True
    for service in chosen(name):
        metadata = build(service, installation.settings(service)).metadata
        found = await migrations.differences(installation.databases[service], service, metadata)
        agree &= not found
        print(f"{service}: {'as the models say' if not found else f'differs: {found}'}")
    return agree


async def seed(name: str, environment: Mapping[str, str]) -> None:
    """The training tenant, where no `lpse up` brings it, and in production the first official: by the environment alone."""
    if name not in {"all", "registry"}:
        raise Mistake(f"{name} has nothing to be seeded with: the training tenant is registry's.")
    if environment.get("LPSE_PROFILE") != "latihan":
        await _begin(environment)
        return
    missing = [variable for variable in ("LPSE_DATABASE", "LPSE_TRAINING") if not environment.get(variable)]
    if missing:
        raise Mistake(f"`db seed` needs {' and '.join(missing)}: registry's database, and the file of the accounts.")
    database, known = environment["LPSE_DATABASE"], accounts.read(Path(environment["LPSE_TRAINING"]))
    await _when_there("registry", partial(accounts.seed, database, known))
    print("registry: the training tenant is there")


async def _begin(environment: Mapping[str, str]) -> None:
    missing = [variable for variable in ("LPSE_DATABASE", "LPSE_FIRST_OFFICIAL") if not environment.get(variable)]
    if missing:
        raise Mistake(
            f"`db seed` needs {' and '.join(missing)} in production: registry's database, and the file of the first official. "
            "The training tenant is for LPSE_PROFILE=latihan alone."
        )
    user = await accounts.begin(environment["LPSE_DATABASE"], Path(environment["LPSE_FIRST_OFFICIAL"]))
    print(f"registry: {user} is there and registers all others")


T = TypeVar("T")
NOT_YET = {"28000", "28P01", "3D000"}  # invalid_authorization_specification, invalid_password, invalid_catalog_name
"""On a cluster the server comes first, then the role with its password, then the database; the Job is there before all three."""


async def _when_there(name: str, attempt: Callable[[], Awaitable[T]]) -> T:
    """Its result, as soon as there is a database to do it in; how long that may take is the caller's to say."""
    while True:
        try:
            return await attempt()
        except Exception as error:
            state = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
            if state not in NOT_YET and not is_unavailable(error):
                raise
            print(f"{name}: waiting for its database, {worded(error).partition(chr(10))[0]}", flush=True)
        await asyncio.sleep(1)


async def wait(name: str, address: str) -> None:
    """Return when the schema is what this version needs: what a workload's init container runs."""
    engine = open_engine(address)
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
