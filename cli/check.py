"""`lpse check`: is everything there and as this version needs it? One sentence for each thing that is not."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256

import asyncpg
import httpx2

from cli import seals
from cli.events import backlog
from cli.installation import Installation
from cli.mistakes import worded
from cli.system import PARTS
from cli.wiring import topology
from kit import keys, migrations
from kit.bus import BusUnavailable
from kit.bus.choice import open_bus
from kit.db import is_unavailable
from kit.storage import ObjectStore
from services import SERVICES

__all__ = ["altered_files", "check"]

STALE_SECONDS = 60
ROOM = 512 << 20
"""Bytes. PostgreSQL's log of changes alone may take so many before it is cleared (cli/servers/postgres.py)."""
PATIENCE = 10.0
"""Seconds within which a service that is well has answered whatever else it has in hand."""


async def check(installation: Installation, *, deep: bool = False, serving: bool = False) -> list[str]:
    """What is wrong, in words; [] when nothing is.

    `deep` reads everything that is stored, which takes its time. `serving`: the services and the gateway have to answer.
    """
    looks: Mapping[str, Callable[[Installation], Awaitable[list[str]]]] = {
        "databases": _databases,
        "object store": _objects,
        "bus": _bus,
        "keys": _keys,
        "disk": _disk,
    } | ({"what is stored": _stored} if deep else {})
    found = await _services(installation) if serving else []
    for what, look in looks.items():
        try:
            found += await look(installation)
        except Exception as error:  # noqa: BLE001  a check reports whatever it meets
            found.append(f"{what}: could not be looked at: {error!r}")
    return found


async def _services(installation: Installation) -> list[str]:
    """Each is asked through the gateway: a process that hangs holds its connections, and nothing else tells of it."""
    # without making ready for TLS, which takes 30 ms of processor
    named = {"host": installation.host} if installation.host else {}
    async with httpx2.AsyncClient(
        base_url=installation.gateway, headers=named, timeout=PATIENCE, trust_env=False, verify=False
    ) as http:
        try:
            await http.get("/health/live")
        except httpx2.HTTPError as error:
            return [f"gateway: does not answer at {installation.gateway} ({worded(error)}). Look at its log, start it."]
        silent = await asyncio.gather(*(_silence(http, name) for name in SERVICES))
        altered = [] if any(silent) else await altered_files(http)
    return [*(sentence for sentence in dict.fromkeys(silent) if sentence), *altered]


async def altered_files(http: httpx2.AsyncClient) -> list[str]:
    """Whether browsers are sent what the log says they are."""
    releases = (await http.get("/log/1/releases")).json()
    if not releases:
        return []  # of a system that began a moment ago
    newest = releases[0]
    found = []
    for path, digest in newest["files"].items():
        answer = await http.get(f"/static/{path}")
        if answer.status_code != httpx2.codes.OK or sha256(answer.content).hexdigest() != digest:
            found.append(
                f"gateway: /static/{path} is not the file that entry {newest['index']} of the log names. Somebody changed it, "
                "or another release answers: start the gateway from the image that all parts run from."
            )
    return found


async def _silence(http: httpx2.AsyncClient, name: str) -> str | None:
    """Any answer of its own is a good one, and it has none but "not found" at this address."""
    try:
        answer = await http.get(f"/api/{name}/")
    except httpx2.HTTPError as error:
        return f"{name}: gives no answer ({worded(error)}). If its process runs and hangs, end it: it is started again."
    if answer.status_code == httpx2.codes.BAD_REQUEST and answer.json().get("code") == "host_unknown":
        host = answer.request.headers["host"]
        return f"gateway: does not answer to the name {host}, so no service was asked. LPSE_PUBLIC_URL must be its own."
    if answer.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR:
        return f"{name}: gives no answer ({answer.status_code} at the gateway). Look at its log, start it."
    return None


async def _databases(installation: Installation) -> list[str]:
    found = []
    for name in SERVICES:
        try:
            async with installation.reading(name) as db:
                await migrations.refuse_wrong_schema(db, name)
        except Exception as error:
            if not (is_unavailable(error) or isinstance(error, (asyncpg.PostgresError, RuntimeError))):
                raise
            found.append(f"database of {name}: {_away(error)}")
    return found or [
        f"outbox of {name}: {depth} events wait, the oldest for {age:.0f} s: is its relay running, is the bus there?"
        for name, (depth, age) in (await backlog(installation)).items()
        if age > STALE_SECONDS
    ]


def _away(error: Exception) -> str:
    if is_unavailable(error):
        return f"PostgreSQL does not answer ({worded(error)}). Start it, or correct the address."
    return str(error)


async def _objects(installation: Installation) -> list[str]:
    found = []
    for part in PARTS:
        mine = installation.credentials.get(part.name)
        if part.bucket and mine:  # on a cluster only documents' is an operator's
            bucket = f"{installation.prefix}-{part.bucket}"
            store = ObjectStore(installation.objects, mine.key, mine.secret, bucket)
            health = await store.alive()
            await store.close()
            if not health:
                found.append(f"object store, bucket {bucket} of {part.name}: {health.reason}")
    return found


async def _bus(installation: Installation) -> list[str]:
    wanted = topology(installation.prefix)
    bus = open_bus(installation.bus, application="lpse check")
    try:
        await bus.start()
        differences = await bus.differences(wanted)
        depth = await bus.depth(wanted)
    except (BusUnavailable, OSError) as error:
        return [
            f"bus: does not answer ({worded(error)}). Start it, or correct the address; events wait in the outboxes."
        ]
    finally:
        await bus.close()
    dead = [f"dead letters: {depth[name].dead} of {name}; see `lpse dead list`" for name in depth if depth[name].dead]
    return [f"bus: {difference}" for difference in differences] + dead


async def _keys(installation: Installation) -> list[str]:
    if not installation.here:
        return _public_keys(installation)
    found = []
    for part in PARTS:
        for purpose in part.purposes:
            try:
                keys.SigningKey.load(installation.keys(part.name), part.name, purpose)
            except keys.UntrustedKey as error:
                found.append(f"key: {error}")
    now = datetime.now(UTC)
    if not any(
        one.purpose == seals.PURPOSE and one.since <= now < one.until for one in seals.held(installation.jwks.parent)
    ):
        found.append(f"key: {seals.OWNER} has no valid certificate to seal with: `lpse keys renew {seals.OWNER}`")
    return found


def _public_keys(installation: Installation) -> list[str]:
    """On a cluster each part alone sees its private keys, and does not start without: others need the public ones."""
    now, listed = datetime.now(UTC), keys.KeyRing(installation.jwks).public()
    valid = {(key.owner, key.purpose) for key in listed if key.not_before <= now < key.not_after}
    wanted = [(part.name, purpose) for part in PARTS for purpose in part.purposes]
    return [
        f"key: {installation.jwks} has no valid key of {owner} for {purpose}: renew it with `lpse keys`"
        for owner, purpose in wanted
        if (owner, purpose) not in valid
    ]


async def _disk(installation: Installation) -> list[str]:
    """Where the servers of `lpse up` keep everything: readers notice nothing of a full disk."""
    if not (installation.var / "postgresql").is_dir():
        return []
    free = shutil.disk_usage(installation.var).free
    return (
        [f"disk: {free >> 20} MiB are free for {installation.var}; with none nothing is stored."] if free < ROOM else []
    )


async def _stored(installation: Installation) -> list[str]:
    from cli import invariants

    try:
        await invariants.settled(installation)
    except invariants.Unsettled as still:
        return [str(still)]
    return await invariants.breaches(installation)
