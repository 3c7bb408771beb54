"""The rendered workloads at work: pods of the one image on PostgreSQL, RabbitMQ and an object store of this machine, with the rights and
addresses the manifests give them; a whole tender, scaling and a crash under load, and an update with a migration meanwhile."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from cli import invariants
from cli.installation import Installation
from cli.servers import RabbitMQ
from cli.system import PARTS, Options, installed, spare_port
from cli.wiring import topology
from kit.outbox import RELAY_LOCK
from services import SERVICES
from tests.conftest import reachable
from tests.deploy.cluster import Cluster, Pod
from tests.deploy.manifests import ROOT, Manifests
from tests.deploy.podman import IMAGE, Podman
from tests.deploy.policies import SERVING

pytestmark = pytest.mark.long
PREFIX = VHOST = "lpse"
BUS_PASSWORD = "only-for-this-run-0123"


@pytest.fixture(scope="module")
async def image(podman: Podman) -> str:
    began = time.monotonic()
    await podman.image()
    size = int(await podman("image", "inspect", "--format", "{{.Size}}", IMAGE)) / 1e6
    say(f"image: {size:.0f} MB, built in {time.monotonic() - began:.0f} s")
    return IMAGE


@pytest.fixture(scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reachable(tmp_path_factory.mktemp("cluster"))


@pytest.fixture(scope="module")
async def installation(home: Path, rabbitmq_installed: None) -> AsyncIterator[Installation]:
    """The servers, and in them what `deploy/k8s/platform` makes: a user at the broker for each service, with its rights alone."""
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(RabbitMQ(home / "rabbitmq"))
        await broker.control("add_vhost", VHOST)
        await broker.control("set_permissions", "-p", VHOST, str(urlsplit(broker.url).username), ".*", ".*", ".*")
        options = Options(
            var=home / "var",
            port=spare_port(),
            prefix=PREFIX,
            instance="latihan-kota-contoh",
            bus=f"{broker.url}/{VHOST}",
        )
        system = await stack.enter_async_context(installed(options, say))
        for service in SERVICES:
            rights, user = topology(PREFIX).rights(service), f"lpse-{service}"
            await broker.control("add_user", user, BUS_PASSWORD)
            await broker.control("set_permissions", "-p", VHOST, user, rights.configure, rights.write, rights.read)
            events = topology(PREFIX).events
            await broker.control("set_topic_permissions", "-p", VHOST, user, events, rights.topics, "^$")
        yield system.installation


@pytest.fixture(scope="module")
async def cluster(
    podman: Podman, image: str, installation: Installation, rendered: dict[str, Manifests]
) -> AsyncIterator[Cluster]:
    """As in `latihan`: every migration run, one pod of each workload, and an entrance where the installation says."""
    async with Cluster(podman, rendered["latihan"], installation, secrets_of(installation), image) as cluster:
        await asyncio.gather(*(cluster.run(f"{service}-migrate") for service in SERVICES))
        pods = await asyncio.gather(*(cluster.start(name) for name in sorted(SERVING)))
        await cluster.entrance(int(urlsplit(installation.gateway).port or 0))
        say("; ".join(f"{pod.workload} ready in {pod.seconds:.1f} s" for pod in pods) + " (all at once)")
        yield cluster


def secrets_of(installation: Installation) -> dict[str, dict[str, str]]:
    """As deploy/k8s/README.md lists them."""
    found = {"lpse-jwks": {"jwks.json": installation.jwks.read_text()}}
    for part in PARTS:
        if part.database:
            there = urlsplit(installation.databases[part.name])
            found[f"{part.name}-database"] = {"username": str(there.username), "password": str(there.password)}
            found[f"{part.name}-bus"] = {"username": f"lpse-{part.name}", "password": BUS_PASSWORD}
        if part.purposes:
            found[f"{part.name}-keys"] = {
                file.name: file.read_text() for file in installation.keys(part.name).iterdir()
            }
        if part.bucket:
            mine = installation.credentials[part.name]
            found[f"{part.name}-objects"] = {"key": mine.key, "secret": mine.secret}
    return found


async def test_a_whole_tender(cluster: Cluster, home: Path) -> None:
    report = await asyncio.to_thread(lpse, cluster, "demo", "--json", "--out", str(home / "evidence"))
    assert report["events"]["emitted"] == report["events"]["handled"]
    say(f"demo: {report['seconds']} s, {report['events']['emitted']} events, {report['backends']}")
    assert await invariants.breaches(cluster.installation) == []


async def test_more_of_tender_and_one_of_them_crashes_while_bidders_rush(cluster: Cluster) -> None:
    await cluster.scale("tender-worker", 3)
    await cluster.scale("tender-api", 2)
    say(f"a second API, alone: ready in {cluster.of('tender-api')[1].seconds:.1f} s, its database waited for first")
    victim = await leader(cluster)
    async with rush(cluster, 100) as rushing:
        await rushing.line("to the deadline")
        await asyncio.sleep(60)
        await cluster.kill(victim)
        report = await rushing.report()
    say(f"scaled, one worker killed: {told(report)}")
    kept(report)
    assert await cluster.restarts(victim) == 1
    assert {pod.ready for pod in cluster.pods} == {True}
    assert await invariants.breaches(cluster.installation) == []


async def test_an_update_with_a_migration_while_bidders_rush(cluster: Cluster, podman: Podman) -> None:
    """No request fails: not at the portal, which the bidders' lines would try again and count."""
    newer = await newer_tender(podman)
    old = {pod.name for pod in cluster.pods if pod.workload.startswith("tender")}
    async with rush(cluster, 100) as rushing:
        await rushing.line("to the deadline")
        began = time.monotonic()
        await cluster.update("tender", newer)
        seconds = time.monotonic() - began
        report = await rushing.report()
    say(f"updated in {seconds:.0f} s: {told(report)}")
    kept(report)
    assert report["retries"] == {}
    assert seconds < 100, "the update went on after the deadline"
    assert not old & {pod.name for pod in cluster.pods}
    async with cluster.database("tender") as tender:
        rows = await tender.fetch("select made_by, count(*) from bid where consented_at is not null group by 1")
    made_by = dict(tuple(row) for row in rows)
    assert set(made_by) == {None, "newer"}, "both versions took bids"
    say(f"bids by version: {made_by}")
    assert await invariants.breaches(cluster.installation) == []


async def newer_tender(podman: Podman) -> str:
    """The next release of tender: one more column, which the older code neither fills nor misses."""
    folder = podman.home / "newer"
    (folder / "migrations").mkdir(parents=True)
    models = (ROOT / "services" / "tender" / "models.py").read_text()
    place = "    corrected: Mapped[Decimal | None] = mapped_column(Money)\n\n    __table_args__ = ("
    assert models.count(place) == 1
    column = '    made_by: Mapped[str | None] = mapped_column(default="newer")\n'
    (folder / "models.py").write_text(models.replace(place, column + place))
    head = max(path.stem[:4] for path in (ROOT / "services" / "tender" / "migrations").glob("0*.py"))
    (folder / "migrations" / "9000_made_by.py").write_text(
        f'"""made_by"""\n\nimport sqlalchemy as sa\nfrom alembic import op\n\nrevision = "9000"\ndown_revision = "{head}"\n\n\n'
        'def upgrade() -> None:\n    op.add_column("bid", sa.Column("made_by", sa.String()))\n'
    )
    (folder / "Containerfile").write_text(
        f"FROM {IMAGE}\nUSER root\nCOPY models.py /lpse/services/tender/\nCOPY migrations /lpse/services/tender/migrations\n"
        "RUN /lpse/.venv/bin/python -m compileall -q -f --invalidation-mode unchecked-hash /lpse/services/tender\n"
        "USER 10001:10001\n"
    )
    await podman.build(f"{IMAGE}:newer", "--file", str(folder / "Containerfile"), str(folder))
    return f"{IMAGE}:newer"


async def leader(cluster: Cluster) -> Pod:
    """The worker of tender that publishes, whose end is felt most: the one whose connection holds the lock."""
    async with cluster.database("tender") as tender:
        port = await tender.fetchval(
            "select client_port from pg_locks join pg_stat_activity using (pid) where locktype = 'advisory' and objid = $1 "
            "and granted and datname = current_database()",
            RELAY_LOCK,
        )
    caller = cluster.doors["postgres-rw"].callers[port]
    (found,) = [pod for pod in cluster.of("tender-worker") if pod.address == caller]
    return found


class Rush:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._said: list[str] = []

    async def line(self, words: str) -> None:
        """Wait until it says so."""
        assert self._process.stderr
        async for line in self._process.stderr:
            self._said.append(line.decode())
            if words in self._said[-1]:
                return
        raise AssertionError("".join(self._said))

    async def report(self) -> dict[str, Any]:
        out, err = await self._process.communicate()
        assert out, "".join(self._said) + err.decode()
        found: dict[str, Any] = json.loads(out)
        return found


class rush:  # noqa: N801
    """`lpse rush --gateway`, beside which other things happen."""

    def __init__(self, cluster: Cluster, bidders: int) -> None:
        self._command = command(cluster, "rush", "--bidders", str(bidders), "--seed", str(bidders))

    async def __aenter__(self) -> Rush:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdout=pipe, stderr=pipe, env=environment(), cwd="/"
        )
        return Rush(self._process)

    async def __aexit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


def kept(report: dict[str, Any]) -> None:
    broken = {name: report[name] for name in ("lost", "doubled", "late_accepted", "refused_in_time")}
    assert broken == dict.fromkeys(broken, 0)
    assert report["breaches"] == []
    assert report["acknowledged"] > report["bidders"] / 2


def told(report: dict[str, Any]) -> str:
    names = (
        "bidders",
        "acknowledged",
        "lost",
        "doubled",
        "late_accepted",
        "refused_in_time",
        "p95_ms",
        "retries",
        "seconds",
    )
    return json.dumps({name: report[name] for name in names})


def lpse(cluster: Cluster, *words: str) -> dict[str, Any]:
    done = subprocess.run(
        command(cluster, *words), env=environment(), cwd="/", capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def command(cluster: Cluster, name: str, *words: str) -> list[str]:
    where = "--var", str(cluster.installation.var), "--gateway", cluster.installation.gateway
    return [sys.executable, "-P", "-m", "cli", name, *where, *words]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}


def say(sentence: str) -> None:
    print(sentence, file=sys.__stderr__, flush=True)
